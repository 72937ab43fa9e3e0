"""The clipped policy-gradient loss of GRPO, with a weight for each token."""

from collections.abc import Sequence

import torch
from torch import Tensor

from tapgraph.errors import UsageError

__all__ = ["group_advantages", "policy_loss", "token_scores"]

_LEAST_SPREAD = 1e-6


def group_advantages(rewards: Sequence[float], group: int) -> Tensor:
    """How much better each attempt was than the others at its problem, float32 `[attempts]`.

    GRPO (2402.03300, section 4.1): the reward less the group's mean, over its standard deviation.
    0 where all of a group were worth the same.

    Args:
        rewards: of all attempts, those at one problem behind each other.
        group: attempts at a problem.

    Raises:
        UsageError: they do not make whole groups.
    """
    if group < 1 or len(rewards) % group:
        raise UsageError(f"{len(rewards)} attempts are no whole groups of {group!r}")
    grouped = torch.tensor(rewards, dtype=torch.float32).view(-1, group)
    spread = grouped.std(1, correction=0, keepdim=True)
    better = (grouped - grouped.mean(1, keepdim=True)) / (spread + _LEAST_SPREAD)
    # The mean of equal rewards may round to another number.
    return torch.where(spread < _LEAST_SPREAD, 0.0, better).flatten()


def token_scores(logits: Tensor, token_ids: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """Of each token its log-probability, and the entropy of what it was drawn from, in nats.

    Args:
        logits: of a forward pass, `[batch, tokens, vocabulary]`.
        token_ids: what was read, int64 `[batch, tokens]`.
        temperature: that it was drawn at.

    Returns:
        Twice float32 `[batch, tokens]`; 0 for the first token, which nothing was drawn for.
    """
    scores = (logits[:, :-1].float() / temperature).log_softmax(-1)
    said = scores.gather(-1, token_ids[:, 1:, None]).squeeze(-1)
    with torch.no_grad():
        entropy = -(scores.exp() * scores).nan_to_num().sum(-1)
    pad = torch.nn.functional.pad
    return pad(said, (1, 0)), pad(entropy, (1, 0))


def policy_loss(
    now: Tensor,
    before: Tensor,
    advantages: Tensor,
    reply: Tensor,
    *,
    clip: float,
    weights: Tensor | None = None,
) -> Tensor:
    """The sum over texts of the mean loss of their tokens; less is better.

    PPO's clipped objective with each token's advantage times its weight (2510.13554), each reply
    averaged over its own length as in GRPO (2402.03300, equation 3), without a KL or entropy term.

    Args:
        now: log-probabilities with gradients, `[batch, tokens]`.
        before: those that the tokens were drawn with, `[batch, tokens]`.
        advantages: `[batch]`.
        reply: which tokens count, bool `[batch, tokens]`.
        clip: how far from 1 the ratio of probabilities still counts.
        weights: of tokens, `[batch, tokens]`; None for 1 everywhere.

    Returns:
        A scalar.
    """
    of_tokens = advantages[:, None].expand_as(now)
    if weights is not None:
        of_tokens = of_tokens * weights
    ratio = (now - before).exp()
    gained = torch.minimum(ratio * of_tokens, ratio.clamp(1 - clip, 1 + clip) * of_tokens)
    return -(gained * reply).sum(1).div(reply.sum(1)).sum()
