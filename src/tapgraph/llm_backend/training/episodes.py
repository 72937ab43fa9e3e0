"""What a policy did and what it was worth: all that the trainer knows of a task."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tapgraph.llm_backend.training.policy import Policy

__all__ = ["Episode", "Reward", "Turn"]


@dataclass(frozen=True, slots=True)
class Turn:
    """One reply and what it was a reply to, as token ids."""

    prompt: tuple[int, ...]
    reply: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Episode:
    """One attempt at a problem.

    Attributes:
        turns: all replies of the attempt; an answer has one, an agent's run has many.
        reward: of the whole attempt; more is better.
    """

    turns: tuple[Turn, ...]
    reward: float


class Reward(Protocol):
    """Problems whose solutions can be checked."""

    def play(self, policy: Policy, problems: Sequence[int]) -> Sequence[Episode]:
        """Let the policy attempt each problem.

        Args:
            policy: what replies.
            problems: seeds of problems; equal seeds are the same problem, attempted anew.

        Returns:
            One episode for each of `problems`, in their order.
        """
        ...
