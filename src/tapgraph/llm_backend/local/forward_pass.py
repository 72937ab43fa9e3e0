"""The model's forward pass, over one prompt or over the last tokens of many replies."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from tapgraph.llm_backend.local.attention import AttentionCache, ModelAttention
from tapgraph.llm_backend.local.checkpoint import Checkpoint
from tapgraph.llm_backend.local.generation import Prompt

__all__ = ["ForwardPass", "NextToken"]


@dataclass(frozen=True, slots=True)
class NextToken:
    """A token that was chosen and is now read.

    Attributes:
        cache: the past of its reply; gets the token added.
        token: its id.
        position_shift: what pictures of the prompt add to the position after the cached tokens.
    """

    cache: AttentionCache
    token: int
    position_shift: int


class ForwardPass:
    """Logits of a checkpoint under an attention system; for one thread.

    Positions are always told to the model: those that it would keep by itself (Qwen-VL's
    `rope_deltas`) belong to one conversation, and here are many.
    """

    def __init__(self, checkpoint: Checkpoint, attention: ModelAttention) -> None:
        self._model: Any = checkpoint.model
        self._device = checkpoint.model.device
        self._attention = attention
        known = torch.zeros(checkpoint.vocabulary, dtype=torch.bool)
        ids = [i for i in checkpoint.tokenizer.get_vocab().values() if i < checkpoint.vocabulary]
        known[ids] = True
        self._nameless = None if bool(known.all()) else (~known).to(self._device)

    def prefill(self, cache: AttentionCache, prompt: Prompt, begin: int, end: int) -> Tensor:
        """Read tokens `begin` to `end` of a prompt; float32 `[vocabulary]` after the last one."""
        cache.reads_prompt = True
        pictures = prompt.pictures
        if pictures is None or end <= pictures.first_token:
            positions = torch.arange(begin, end, device=self._device)[None]
            return self._logits(prompt.tokens[begin:end], positions, cache, {})[0]
        axes = pictures.positions[:, None, begin:end].to(self._device)
        slots = torch.arange(begin, end, device=self._device).view(1, 1, -1)
        inputs = {name: value.to(self._device) for name, value in pictures.inputs.items()}
        return self._logits(prompt.tokens[begin:end], torch.cat([slots, axes]), cache, inputs)[0]

    def decode(self, batch: Sequence[NextToken]) -> Tensor:
        """Read one token of each reply; float32 `[batch, vocabulary]`."""
        caches = [one.cache for one in batch]
        cache = caches[0] if len(caches) == 1 else self._attention.stack(caches)
        cache.reads_prompt = False
        positions = [one.cache.tokens_seen + one.position_shift for one in batch]
        return self._logits(
            [[one.token] for one in batch],
            torch.tensor(positions, device=self._device)[:, None],
            cache,
            {},
        )

    def _logits(
        self, tokens: Sequence[Any], positions: Tensor, cache: Any, inputs: dict[str, Tensor]
    ) -> Tensor:
        ids = torch.tensor(tokens, device=self._device)
        output = self._model(
            input_ids=ids if ids.dim() == 2 else ids[None],
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
            **inputs,
        )
        logits: Tensor = output.logits[:, -1].float()
        if self._nameless is not None:
            logits = logits.masked_fill(self._nameless, -torch.inf)
        return logits
