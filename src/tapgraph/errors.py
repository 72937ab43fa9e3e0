"""Every exception that tapgraph raises.

::

    TapgraphError
    ├── UsageError               the caller gave something that cannot work      exit code 2
    │   ├── ContextExceeded      a prompt and its reply do not fit into a model's context
    │   ├── UnreadableRun        a run folder that cannot be read
    │   └── UnreadableWorkflow   a shortcut that is signed, cut or not one
    ├── EnvironmentMissing       a device, server, key or extra is not there     exit code 3
    │   ├── DeviceUnavailable    no connection to a device could be made
    │   ├── DeviceLost           a connection broke and could not be repaired
    │   ├── ModelUnavailable     the model's server or key is missing or refuses
    │   │   └── ModelBusy        a model takes no more requests; try again later
    │   └── ExtraMissing         an optional dependency is not installed
    ├── ToolError                an action cannot be done; the text is told to the model
    │   ├── AppNotFound          no installed app has a label like the one asked for
    │   ├── NotExecutable        an action of a shortcut that the simulated system cannot do
    │   └── TypingFailed         the field does not hold what was typed
    ├── UnreadableTree           a UI dump that is not one
    ├── InvalidReply             a model's reply still breaks its schema after all retries
    └── BudgetExhausted          steps, tokens, seconds or money are used up     exit code 4
"""

__all__ = [
    "AppNotFound",
    "BudgetExhausted",
    "ContextExceeded",
    "DeviceLost",
    "DeviceUnavailable",
    "EnvironmentMissing",
    "ExtraMissing",
    "InvalidReply",
    "ModelBusy",
    "ModelUnavailable",
    "NotExecutable",
    "TapgraphError",
    "ToolError",
    "TypingFailed",
    "UnreadableRun",
    "UnreadableTree",
    "UnreadableWorkflow",
    "UsageError",
]


class TapgraphError(Exception):
    """The root of all errors of this package; its text is one sentence for a person."""


class UsageError(TapgraphError):
    """The caller gave something that cannot work; the text says what to give instead."""


class ContextExceeded(UsageError):
    """A prompt, or a prompt with the reply that is asked for, is longer than a model's context."""


class UnreadableRun(UsageError):
    """A run folder is absent, incomplete or of another version."""


class UnreadableWorkflow(UsageError):
    """A shortcut's file or action list is signed, cut, unpaired or not one."""


class EnvironmentMissing(TapgraphError):
    """Something outside the program is missing; the text says how to provide it."""


class DeviceUnavailable(EnvironmentMissing):
    """No connection to a device could be made."""


class DeviceLost(EnvironmentMissing):
    """The connection to a device broke and could not be repaired."""


class ModelUnavailable(EnvironmentMissing):
    """The model's server does not answer, or the key is missing or refused."""


class ModelBusy(ModelUnavailable):
    """A model has as many requests as it takes now; the same request may come again."""


class ExtraMissing(EnvironmentMissing):
    """An optional dependency is not installed.

    >>> str(ExtraMissing("ocr", "reading text from pictures"))
    "reading text from pictures needs the extra 'ocr': pip install 'tapgraph[ocr]'"
    """

    def __init__(self, extra: str, purpose: str) -> None:
        super().__init__(f"{purpose} needs the extra {extra!r}: pip install 'tapgraph[{extra}]'")


class ToolError(TapgraphError):
    """An action cannot be done; the text is told to the model."""


class AppNotFound(ToolError):
    """No installed app has a label like the one asked for."""


class NotExecutable(ToolError):
    """The simulated system cannot do an action of a shortcut.

    >>> str(NotExecutable("is.workflow.actions.takephoto"))
    'not executable here: is.workflow.actions.takephoto'
    """

    def __init__(self, what: str) -> None:
        super().__init__(f"not executable here: {what}")
        self.what = what


class TypingFailed(ToolError):
    """After typing, the field does not hold the text."""


class UnreadableTree(TapgraphError):
    """A UI dump is empty, cut off or not a UI hierarchy."""


class InvalidReply(TapgraphError):
    """A model's reply breaks its schema (`structured.ask`: still does after all retries).

    Attributes:
        replies: the texts of all tries, the last one last.
        prompt_tokens: tokens that were sent in all tries together.
        completion_tokens: tokens that were received in all tries together.
        cost_usd: what all tries cost.
    """

    def __init__(
        self,
        message: str,
        *,
        replies: tuple[str, ...] = (),
        prompt_tokens: int = 0,
        completion_tokens: int = 0,
        cost_usd: float = 0.0,
    ) -> None:
        super().__init__(message)
        self.replies = replies
        self.prompt_tokens = prompt_tokens
        self.completion_tokens = completion_tokens
        self.cost_usd = cost_usd


class BudgetExhausted(TapgraphError):
    """A budget of steps, tokens, seconds or money is used up."""
