"""A model as a policy: many replies sampled at once."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache, PreTrainedModel

from tapgraph.errors import UsageError

__all__ = ["Policy"]


@dataclass(frozen=True, slots=True)
class Policy:
    """A model that replies by sampling.

    Attributes:
        model: any causal language model of `transformers`, in evaluation mode.
        end_tokens: any of them ends a reply, and is part of it.
        max_tokens: of a reply.
        temperature: of sampling; 0 takes the likeliest token.
        dice: of all random choices, on the CPU, so that equal seeds give equal replies on any
            device up to the rounding of logits.
    """

    model: PreTrainedModel
    end_tokens: AbstractSet[int]
    max_tokens: int
    temperature: float
    dice: torch.Generator

    def replies(self, prompts: Sequence[Sequence[int]]) -> list[tuple[int, ...]]:
        """One reply to each prompt, in one batch.

        Raises:
            UsageError: a prompt is empty.
        """
        if not all(prompts):
            raise UsageError("a prompt must have at least one token, got an empty one")
        model: Any = self.model
        ids, seen = _padded_at_the_start(prompts, model.device)
        positions = (seen.cumsum(1) - 1).clamp(min=0)
        ends = torch.tensor(sorted(self.end_tokens), device=model.device)
        draws = torch.rand(len(prompts), self.max_tokens, generator=self.dice, dtype=torch.float64)
        cache, is_over, said = DynamicCache(), torch.zeros_like(seen[:, 0], dtype=torch.bool), []
        with torch.no_grad():
            for place in range(self.max_tokens):
                logits = model(
                    input_ids=ids,
                    attention_mask=seen,
                    position_ids=positions,
                    past_key_values=cache,
                    use_cache=True,
                    logits_to_keep=1,
                ).logits[:, -1]
                chosen = self._chosen(logits.float(), draws[:, place])
                said.append(torch.where(is_over, -1, chosen))
                is_over = is_over | torch.isin(chosen, ends)
                if bool(is_over.all()):
                    break
                ids, positions = chosen[:, None], positions[:, -1:] + 1
                seen = torch.cat((seen, torch.ones_like(seen[:, :1])), 1)
        rows = torch.stack(said, 1).tolist()
        return [tuple(token for token in row if token >= 0) for row in rows]

    def _chosen(self, logits: Tensor, draws: Tensor) -> Tensor:
        if self.temperature == 0:
            return logits.argmax(-1)
        cumulated = (logits / self.temperature).softmax(-1).double().cumsum(-1)
        aimed = draws.to(logits.device)[:, None] * cumulated[:, -1:]
        places = torch.searchsorted(cumulated, aimed, right=True)
        return places.squeeze(1).clamp(max=logits.shape[1] - 1)


def _padded_at_the_start(
    prompts: Sequence[Sequence[int]], device: torch.device
) -> tuple[Tensor, Tensor]:
    """Token ids and whether they are of a prompt, int64 `[prompts, tokens]`."""
    longest = max(len(prompt) for prompt in prompts)
    ids = [[0] * (longest - len(prompt)) + list(prompt) for prompt in prompts]
    seen = [[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts]
    return torch.tensor(ids, device=device), torch.tensor(seen, device=device)
