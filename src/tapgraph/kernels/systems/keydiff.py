"""KeyDiff: keep the keys that are least like the others."""

from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from tapgraph.kernels.attention_system import About
from tapgraph.kernels.systems.scored_cache import Held, ScoredCache

__all__ = ["KeyDiff"]


class KeyDiff(ScoredCache):
    """A token is worth the more, the less its key points to where the keys' directions point.

    Park et al., "KeyDiff: Key Similarity-Based KV Cache Eviction", 2504.15364, section 3: minus the
    cosine between a key, after RoPE, and the mean of all normalised keys. It needs no query, so it
    suits a prompt that is read in chunks (`prompt=chunks`, as in the paper).
    """

    name: ClassVar[str] = "keydiff"
    about: ClassVar[About] = About(
        paper="KeyDiff: Key Similarity-Based KV Cache Eviction for Long-Context LLM Inference in "
        "Resource-Constrained Environments, arXiv 2504.15364, 2025",
        saves="Memory, and time of a step: a fixed number of tokens stays for each KV head.",
        needs="Nothing; choosing reads keys alone.",
        fails_when="An answer stands in tokens whose keys are like most others: they are gone.",
    )

    def score(self, held: Held) -> Tensor:
        """Minus the cosine with the mean direction, `[kv_heads, tokens]`."""
        keys = held.keys.to(torch.promote_types(held.keys.dtype, torch.float32))
        anchor = functional.normalize(keys, dim=-1).mean(dim=1, keepdim=True)
        return -functional.cosine_similarity(keys, anchor, dim=-1)
