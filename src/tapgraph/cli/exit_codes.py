"""What the process returns, so that scripts can tell one ending from another."""

from enum import IntEnum

from tapgraph.errors import BudgetExhausted, EnvironmentMissing, TapgraphError, UsageError

__all__ = ["ExitCode", "exit_code_of"]


class ExitCode(IntEnum):
    """The exit codes of all commands."""

    SUCCESS = 0
    FAILED = 1
    """The task was not done, or an action could not be carried out."""
    USAGE = 2
    """Wrong usage or input."""
    ENVIRONMENT = 3
    """A device, a server, a key or an extra is missing."""
    BUDGET = 4
    INTERRUPTED = 130


def exit_code_of(error: TapgraphError | OSError) -> ExitCode:
    """The exit code that an error leads to.

    >>> exit_code_of(UsageError("the instruction is empty"))
    <ExitCode.USAGE: 2>
    """
    match error:
        case UsageError():
            return ExitCode.USAGE
        case EnvironmentMissing() | OSError():
            return ExitCode.ENVIRONMENT
        case BudgetExhausted():
            return ExitCode.BUDGET
        case _:
            return ExitCode.FAILED
