"""The model's forward pass over the next tokens of many replies."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from tapgraph.kernels.in_models.attention import AttentionCache, ModelAttention
from tapgraph.llm_backend.local.checkpoint import Checkpoint
from tapgraph.llm_backend.local.generation import Pictures
from tapgraph.llm_backend.steering.head_outputs import HeadMixing, HeadOutputs
from tapgraph.llm_backend.steering.task_embedding import TaskEmbedding

__all__ = ["ForwardPass", "NextTokens", "without_nameless"]


@dataclass(frozen=True, slots=True)
class NextTokens:
    """Tokens of one reply that a pass reads.

    Attributes:
        cache: the past of the reply; gets the tokens added.
        tokens: their ids.
        scored: after how many of the last of them logits are wanted.
        pictures: of the prompt, for positions; their pixels are read if `reads_pictures`.
        task: goes into the heads at the last of the tokens, which is the last one of a prompt.
    """

    cache: AttentionCache
    tokens: Sequence[int]
    scored: int
    pictures: Pictures | None = None
    task: TaskEmbedding | None = None

    @property
    def reads_pictures(self) -> bool:
        """Whether tokens of pictures are among them; such tokens need a pass of their own."""
        pictures, first = self.pictures, self.cache.tokens_seen
        return pictures is not None and (first <= pictures.first_token < first + len(self.tokens))

    def slots(self, device: torch.device) -> Tensor:
        """Their places in the text, int64 `[tokens]`."""
        first = self.cache.tokens_seen
        return torch.arange(first, first + len(self.tokens), device=device)

    def positions(self, device: torch.device) -> Tensor:
        """Their positions, int64 `[tokens]`: those after pictures are shifted."""
        pictures, slots = self.pictures, self.slots(device)
        is_after = pictures is not None and self.cache.tokens_seen > pictures.first_token
        return slots + pictures.position_shift if is_after and pictures is not None else slots


class ForwardPass:
    """Logits of a checkpoint under an attention system; for one thread.

    Positions are always told to the model: those that it would keep by itself (Qwen-VL's
    `rope_deltas`) belong to one conversation, and here are many.
    """

    def __init__(self, checkpoint: Checkpoint, attention: ModelAttention) -> None:
        self._model: Any = checkpoint.model
        self._device = checkpoint.model.device
        self._attention = attention
        self._checkpoint = checkpoint
        self._heads: HeadOutputs | None = None

    def read(self, parts: Sequence[NextTokens]) -> list[Tensor]:
        """Read the next tokens of replies; float32 `[scored, vocabulary]` for each of them.

        A part that reads pictures must be the only one.
        """
        inputs: dict[str, Tensor] = {}
        if len(parts) == 1 and parts[0].reads_pictures:
            positions, inputs = self._with_pictures(parts[0])
        else:
            positions = torch.cat([part.positions(self._device) for part in parts])[None]
        counts = [len(part.tokens) for part in parts]
        caches = [part.cache for part in parts]
        tokens = [token for part in parts for token in part.tokens]
        with self._with_tasks(parts):
            output = self._model(
                input_ids=torch.tensor(tokens, device=self._device)[None],
                position_ids=positions,
                past_key_values=(
                    caches[0] if len(caches) == 1 else self._attention.stack(caches, counts)
                ),
                use_cache=True,
                logits_to_keep=self._scored(parts, len(tokens)),
                **inputs,
            )
        scored = [part.scored for part in parts]
        logits: Tensor = output.logits[0, -max(1, sum(scored)) :].float()
        logits = without_nameless(self._checkpoint, logits)
        return list(torch.split(logits[len(logits) - sum(scored) :], scored))

    def _with_tasks(self, parts: Sequence[NextTokens]) -> AbstractContextManager[None]:
        """Mixes in what parts carry; nothing at all where none carries a task."""
        tasks, places, end = [], [], 0
        for part in parts:
            end += len(part.tokens)
            if part.task is not None:
                tasks.append(part.task)
                places.append(end - 1)
        if not tasks:
            return nullcontext()
        if self._heads is None:
            self._heads = HeadOutputs(self._model)
        tokens = torch.tensor(places)
        vectors = torch.stack([task.vectors for task in tasks])
        weights = torch.stack([task.weights for task in tasks])
        return self._heads.mixed(HeadMixing(torch.zeros_like(tokens), tokens, vectors, weights))

    def _scored(self, parts: Sequence[NextTokens], total: int) -> int | Tensor:
        """What the model is told of where logits are wanted; at least one place."""
        if len(parts) == 1:
            return max(1, parts[0].scored)
        places: list[int] = []
        end = 0
        for part in parts:
            end += len(part.tokens)
            places += range(end - part.scored, end)
        return torch.tensor(places or [total - 1], device=self._device)

    def _with_pictures(self, part: NextTokens) -> tuple[Tensor, dict[str, Tensor]]:
        pictures = part.pictures
        if pictures is None:
            raise TypeError("only a part with pictures reads them")
        first = part.cache.tokens_seen
        end = first + len(part.tokens)
        own = pictures.inputs_of(first, end)
        inputs = {name: value.to(self._device) for name, value in own.items()}
        slots = part.slots(self._device)
        if pictures.positions is None:
            return slots[None], inputs
        axes = pictures.positions[:, None, first:end].to(self._device)
        return torch.cat([slots.view(1, 1, -1), axes]), inputs


def without_nameless(checkpoint: Checkpoint, logits: Tensor) -> Tensor:
    """Logits `[..., vocabulary]` with those that no token belongs to at -inf."""
    if checkpoint.nameless is None:
        return logits
    return logits.masked_fill(checkpoint.nameless.to(logits.device), -torch.inf)
