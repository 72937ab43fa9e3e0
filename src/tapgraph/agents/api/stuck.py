"""Whether a run goes round in circles: windows over (call, result), decided by code alone."""

from collections.abc import Sequence

from tapgraph.agents.api.state import StepRecord
from tapgraph.agents.run.outcome import Outcome, Stop

__all__ = ["reason_to_stop", "trouble"]

_MOST_FAILURES = 5
_FAILURE_WARNING = 2
_LOOP_WINDOW = 10
_LOOP_WARNING = 2
_LOOP_LIMIT = 4
_STALE_WARNING = 5
_STALE_LIMIT = 10


def reason_to_stop(history: Sequence[StepRecord]) -> Stop | None:
    """The stop that the last steps call for.

    `gave_up` after 5 failed steps in a row; `loop` after the same step with the same result 4 times
    in 10, and after 10 steps that brought nothing that was not there before.
    """
    failures = _failures_in_a_row(history)
    if failures >= _MOST_FAILURES:
        return Stop(Outcome.GAVE_UP, f"{failures} steps failed one after another")
    repeats = _repeats(history)
    if repeats >= _LOOP_LIMIT:
        what = history[-1].subject or history[-1].action
        return Stop(Outcome.LOOP, f"{what} was repeated {repeats} times with the same result")
    stale = _steps_without_news(history)
    if stale >= _STALE_LIMIT:
        return Stop(Outcome.LOOP, f"{stale} steps brought nothing new")
    return None


def trouble(history: Sequence[StepRecord]) -> str:
    """What the model must be told about the last steps, empty when all is well."""
    failures = _failures_in_a_row(history)
    if failures >= _FAILURE_WARNING:
        return (
            f"The last {failures} steps failed. Do not repeat them as they are: change the "
            "arguments, search for another API, or ask the user."
        )
    repeats = _repeats(history)
    if repeats >= _LOOP_WARNING:
        return f"The last step was done {repeats} times with the same result: do something else."
    stale = _steps_without_news(history)
    if stale >= _STALE_WARNING:
        return f"The last {stale} steps brought nothing new: go another way."
    return ""


def _failures_in_a_row(history: Sequence[StepRecord]) -> int:
    count = 0
    for record in reversed(history):
        if record.grade == "A":
            break
        count += 1
    return count


def _repeats(history: Sequence[StepRecord]) -> int:
    """How often the last step happened within the window, with the same result."""
    if not history:
        return 0
    window = history[-_LOOP_WINDOW:]
    return sum(record.fingerprint == history[-1].fingerprint for record in window)


def _steps_without_news(history: Sequence[StepRecord]) -> int:
    seen: set[str] = set()
    stale = 0
    for record in history:
        stale = stale + 1 if record.fingerprint in seen else 0
        seen.add(record.fingerprint)
    return stale
