"""Queries, keys and values for `kernels_cpu.py`, at random and like those of a text."""

import torch
from torch import Tensor

__all__ = ["HEAD_DIM", "PASSAGE", "SCALE", "draw", "draw_text"]

HEAD_DIM = 128
SCALE = HEAD_DIM**-0.5
PASSAGE = 64
"""Tokens about one subject."""
SUBJECTS = 16


def draw(heads: int, tokens: int, generator: torch.Generator) -> Tensor:
    """Random numbers, bfloat16 `[1, heads, tokens, HEAD_DIM]`."""
    drawn = torch.empty((1, heads, tokens, HEAD_DIM), dtype=torch.bfloat16)
    return drawn.normal_(generator=generator)


def draw_text(
    tokens: int, heads: int, kv_heads: int, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Queries, keys and values of passages of `PASSAGE` tokens, each about one of `SUBJECTS`.

    A key is its subject and noise, a query its subject and little noise: neighbouring queries have
    a cosine of 0.92, and a logit is about 9 higher for a key of the same subject than for another.
    So a query attends to its own passage and to the few others about the same.
    """
    subjects = torch.randn((kv_heads, SUBJECTS, HEAD_DIM), generator=generator)
    subjects *= 3 * SCALE**-0.5 / subjects.norm(dim=-1, keepdim=True)
    order = torch.randint(SUBJECTS, (-(-tokens // PASSAGE),), generator=generator)
    about = subjects[:, order].repeat_interleave(PASSAGE, dim=1)[None, :, :tokens].bfloat16()
    queries = about.repeat_interleave(heads // kv_heads, dim=1)
    queries += 0.25 * draw(heads, tokens, generator)
    return queries, about + draw(kv_heads, tokens, generator), draw(kv_heads, tokens, generator)
