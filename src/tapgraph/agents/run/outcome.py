"""How a run can end; nothing else is an ending."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, TypeAlias

from tapgraph.errors import (
    BudgetExhausted,
    ContextExceeded,
    DeviceLost,
    DeviceUnavailable,
    InvalidReply,
    ModelUnavailable,
    TapgraphError,
)

__all__ = ["AgentKind", "Outcome", "Stop"]

AgentKind: TypeAlias = Literal["mobile", "api"]


class Outcome(StrEnum):
    """How a run ended, and with which exit code the command line says so.

    >>> Outcome("budget").exit_code
    4
    """

    SUCCESS = "success"
    """The task was verified to be complete."""
    FAILED = "failed"
    """The task was found not to be done, or something that it needs broke."""
    GAVE_UP = "gave_up"
    """The agent saw no way to go on."""
    BUDGET = "budget"
    """Steps, tokens, seconds or money were used up."""
    LOOP = "loop"
    """The same actions on the same screens came back without progress."""
    DEVICE_LOST = "device_lost"
    """The connection to the device broke and could not be repaired."""
    MODEL_ERROR = "model_error"
    """The model did not answer, or never in the form that was asked for."""
    NEEDS_HUMAN = "needs_human"
    """A person had to answer, and nobody was there."""

    @property
    def exit_code(self) -> int:
        """What the command line returns: 0 success, 1 failed, 3 environment, 4 budget."""
        match self:
            case Outcome.SUCCESS:
                return 0
            case Outcome.BUDGET:
                return 4
            case Outcome.DEVICE_LOST | Outcome.MODEL_ERROR:
                return 3
            case Outcome.FAILED | Outcome.GAVE_UP | Outcome.LOOP | Outcome.NEEDS_HUMAN:
                return 1


@dataclass(frozen=True, slots=True)
class Stop:
    """Why a run ends."""

    outcome: Outcome
    reason: str

    @classmethod
    def after(cls, error: Exception) -> "Stop":
        """How a run ends that an error has broken off: nothing else ends one.

        >>> Stop.after(OSError(28, "No space left on device")).reason
        'OSError: [Errno 28] No space left on device; put that right, then resume the run'
        """
        match error:
            case BudgetExhausted():
                return cls(Outcome.BUDGET, str(error))
            case ModelUnavailable() | InvalidReply() | ContextExceeded():
                return cls(Outcome.MODEL_ERROR, str(error))
            case DeviceLost() | DeviceUnavailable():
                return cls(Outcome.DEVICE_LOST, str(error))
            case TapgraphError():
                return cls(Outcome.FAILED, str(error))
        said = " ".join(str(error).split())[:300] or "no reason given"
        words = f"{type(error).__name__}: {said}; put that right, then resume the run"
        return cls(Outcome.FAILED, words)
