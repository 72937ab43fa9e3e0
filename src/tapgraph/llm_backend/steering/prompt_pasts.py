"""Keys and values of many short prompts, so that passes begin at their last tokens."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from transformers import DynamicCache, PreTrainedModel

from tapgraph.kernels.in_models.text_decoder import windowed_layers
from tapgraph.llm_backend.local.prefix_store import common_length
from tapgraph.llm_backend.steering.head_outputs import HeadMixing, HeadOutputs, HeadReading
from tapgraph.llm_backend.steering.task_prompts import Example

__all__ = ["AnswerPass", "PromptPasts"]

_TOKENS = 4096
"""What prompts of one pass may have together, padding included; one prompt may be longer."""


@dataclass(frozen=True, slots=True)
class AnswerPass:
    """What a pass over last prompt tokens, and answers behind them, gave.

    Attributes:
        logits: `[rows, 1 + tokens of the answers read, vocabulary]`.
        cache: keys and values, these tokens included.
        mask: which slots are tokens, int64 `[rows, slots]`.
    """

    logits: Tensor
    cache: DynamicCache
    mask: Tensor


class PromptPasts:
    """Reads prompts up to their last token, which is where task embeddings go in.

    What comes before does not depend on an embedding. So it is read once, without gradients, and
    remembered while there is room; passes with embeddings, and with gradients, begin there. Rows
    are padded at their left, and none depends on another.

    The model must attend by itself, not under an attention system.
    """

    def __init__(
        self, model: PreTrainedModel, heads: HeadOutputs, *, remembered_bytes: int = 2**31
    ) -> None:
        self._model: Any = model
        self._heads = heads
        self._has_windows = bool(windowed_layers(model).any())
        self._left_bytes = remembered_bytes
        self._pasts: dict[tuple[int, ...], Tensor] = {}

    def read(
        self,
        examples: Sequence[Example],
        *,
        answer_tokens: int = 1,
        vectors: Tensor | None = None,
        weights: Tensor | None = None,
    ) -> AnswerPass:
        """Logits for the first tokens of the answers, as far as the longest has so many.

        Args:
            examples: one for each row.
            answer_tokens: how many tokens of the answers are to be predicted; all but the last of
                them are read.
            vectors: mixed in at the last prompt token, `[rows, layers, heads, head_dim]`; None for
                no injection.
            weights: `[rows, layers, heads]`; needed with `vectors`.
        """
        if vectors is None or weights is None:
            return self._read_last(examples, answer_tokens, nullcontext())
        rows = torch.arange(len(examples))
        mixing = HeadMixing(rows, torch.zeros_like(rows), vectors, weights)
        return self._read_last(examples, answer_tokens, self._heads.mixed(mixing))

    def last_outputs(self, example: Example) -> Tensor:
        """What the heads put out at the last prompt token, `[layers, heads, head_dim]`."""
        reading = HeadReading()
        with torch.no_grad():
            self._read_last([example], 1, self._heads.read(reading))
        return reading.vectors[0]

    def losses(self, examples: Sequence[Example], answer_tokens: int, **injected: Tensor) -> Tensor:
        """Mean cross-entropy over the first tokens of each answer, in nats: `[rows]`.

        Args:
            examples: one for each row.
            answer_tokens: how many tokens of each answer count; fewer where it is shorter.
            injected: see `read`.
        """
        logits = self.read(examples, answer_tokens=answer_tokens, **injected).logits.float()
        losses = []
        for row, one in zip(logits, examples, strict=True):
            wanted = torch.tensor(one.answer[:answer_tokens], device=row.device)
            losses.append(functional.cross_entropy(row[: len(wanted)], wanted))
        return torch.stack(losses)

    def _read_last(
        self, examples: Sequence[Example], answer_tokens: int, context: AbstractContextManager[None]
    ) -> AnswerPass:
        device = self._model.device
        pasts = self._pasts_of([one.prompt[:-1] for one in examples])
        longest = max(past.shape[-2] for past in pasts)
        fed = [(one.prompt[-1], *one.answer[: answer_tokens - 1]) for one in examples]
        width = max(map(len, fed))
        tokens = torch.tensor([[*row, *[row[-1]] * (width - len(row))] for row in fed])
        lengths = torch.tensor([past.shape[-2] for past in pasts])
        slots = torch.arange(longest + width)
        mask = (slots >= longest - lengths[:, None]).long().to(device)
        positions = lengths[:, None] + torch.arange(width)
        cache = _cache_of([_padded(past, longest) for past in pasts])
        with context:
            output = self._model(
                input_ids=tokens.to(device),
                attention_mask=mask,
                position_ids=positions.to(device),
                past_key_values=cache,
                use_cache=True,
            )
        return AnswerPass(output.logits, cache, mask)

    def _pasts_of(self, prompts: Sequence[tuple[int, ...]]) -> list[Tensor]:
        found = {one: self._pasts[one] for one in prompts if one in self._pasts}
        missing = sorted({one for one in prompts if one not in found}, key=len)
        for rows in _batches(missing):
            for prompt, past in zip(rows, self._read_pasts(rows), strict=True):
                found[prompt] = past
                if past.nbytes <= self._left_bytes:
                    self._left_bytes -= past.nbytes
                    self._pasts[prompt] = past
        return [found[one] for one in prompts]

    def _read_pasts(self, prompts: Sequence[tuple[int, ...]]) -> list[Tensor]:
        """Of each prompt keys and values, `[layers, 2, kv_heads, tokens, head_dim]`.

        What all of them begin with is read once, if all layers see the whole text: windows count
        padding that comes after it.
        """
        shared = min(common_length(min(prompts), max(prompts)), len(prompts[0]) - 1)
        shared = 0 if self._has_windows else shared
        cache, start = DynamicCache(), prompts[0][:shared]
        if shared:
            self._extend(cache, [start], torch.arange(shared)[None])
            cache.batch_repeat_interleave(len(prompts))
        longest = max(map(len, prompts)) - shared
        paddings = [shared + longest - len(prompt) for prompt in prompts]
        rows = [
            [0] * pad + list(prompt[shared:]) for pad, prompt in zip(paddings, prompts, strict=True)
        ]
        slots = torch.arange(longest) - torch.tensor(paddings)[:, None]
        self._extend(cache, rows, torch.where(slots < 0, -1, slots + shared))
        layers: Any = cache.layers
        kept = torch.stack([torch.stack([one.keys, one.values], dim=1) for one in layers], dim=1)
        return [
            torch.cat([row[..., :shared, :], row[..., shared + pad :, :]], dim=-2)
            for row, pad in zip(kept, paddings, strict=True)
        ]

    def _extend(
        self, cache: DynamicCache, rows: Sequence[Sequence[int]], positions: Tensor
    ) -> None:
        """Read tokens `[rows, tokens]`; those at position -1 are padding."""
        device, seen = self._model.device, cache.get_seq_length()
        before = torch.ones((len(rows), seen), dtype=torch.int64)
        with torch.no_grad():
            self._model(
                input_ids=torch.tensor(rows, device=device),
                attention_mask=torch.cat([before, (positions >= 0).long()], dim=1).to(device),
                position_ids=positions.clamp(min=0).to(device),
                past_key_values=cache,
                use_cache=True,
                logits_to_keep=1,
            )


def _batches(prompts: Sequence[tuple[int, ...]]) -> Iterator[Sequence[tuple[int, ...]]]:
    """Prompts in ascending length, in groups of at most `_TOKENS`."""
    first = 0
    for place, prompt in enumerate(prompts):
        if (place + 1 - first) * len(prompt) > _TOKENS and place > first:
            yield prompts[first:place]
            first = place
    if first < len(prompts):
        yield prompts[first:]


def _padded(past: Tensor, tokens: int) -> Tensor:
    return functional.pad(past, (0, 0, tokens - past.shape[-2], 0))


def _cache_of(pasts: Sequence[Tensor]) -> DynamicCache:
    cache = DynamicCache()
    for layer in range(pasts[0].shape[0]):
        keys, values = torch.stack([past[layer] for past in pasts]).unbind(1)
        cache.update(keys, values, layer)
    return cache
