"""Whether a run goes round in circles: windows over (action, screen), decided by code alone."""

import json
from collections import Counter
from collections.abc import Sequence

from tapgraph.agents.mobile.pipeline import Pipeline
from tapgraph.agents.mobile.state import StepRecord, Stop
from tapgraph.agents.run.outcome import Outcome

__all__ = ["failures_in_a_row", "reason_to_stop", "trouble"]

_EXEMPT_FROM_REPETITION = frozenset({"Swipe", "Back"})
_LOOP_WINDOW = 10
_LOOP_WARNING = 3
_LOOP_LIMIT = 5
_STALE_WARNING = 6
_STALE_LIMIT = 12


def failures_in_a_row(history: Sequence[StepRecord]) -> int:
    """How many of the last actions were judged B or C without an A after them."""
    count = 0
    for record in reversed(history):
        if record.grade == "A":
            break
        count += 1
    return count


def reason_to_stop(history: Sequence[StepRecord], pipeline: Pipeline) -> Stop | None:
    """The stop that the last actions call for.

    `gave_up` after `max_failures` failed actions in a row; `loop` after `max_repetitions` equal
    actions in a row (Swipe and Back apart, as in Mobile-Agent-E); and, where the pipeline sees
    loops, after the same action on the same screen 5 times in 10 and after 12 steps that led to no
    screen unseen before.
    """
    failures = failures_in_a_row(history)
    if failures >= pipeline.max_failures:
        return Stop(Outcome.GAVE_UP, f"{failures} actions failed one after another")
    last = history[-pipeline.max_repetitions :]
    if len(last) == pipeline.max_repetitions and len({_action(record) for record in last}) == 1:
        name = last[0].name
        if name not in _EXEMPT_FROM_REPETITION:
            return Stop(Outcome.LOOP, f"{name} was repeated {len(last)} times")
    if not pipeline.sees_loops:
        return None
    repeats = _most_repeats(history)
    if repeats >= _LOOP_LIMIT:
        return Stop(Outcome.LOOP, f"the same action was chosen {repeats} times on the same screen")
    stale = _steps_without_new_screen(history)
    if stale >= _STALE_LIMIT:
        return Stop(Outcome.LOOP, f"{stale} steps led to no new screen")
    return None


def trouble(history: Sequence[StepRecord], pipeline: Pipeline) -> str:
    """What the Manager must be told, empty when all is well."""
    failures = failures_in_a_row(history)
    if failures >= pipeline.escalate_after:
        lines = "\n".join(
            f"- {_action(record)}: {record.description} -> {record.grade}, {record.error}"
            for record in history[-pipeline.escalate_after :]
        )
        return f"The Operator may be stuck; the last actions failed:\n{lines}"
    if not pipeline.sees_loops:
        return ""
    repeats = _most_repeats(history)
    if repeats == _LOOP_WARNING:
        return f"The same action was chosen {repeats} times on the same screen: change the plan."
    stale = _steps_without_new_screen(history)
    if stale == _STALE_WARNING:
        return f"The last {stale} steps led to no new screen: change the plan."
    return ""


def _action(record: StepRecord) -> str:
    return f"{record.name} {json.dumps(record.arguments, sort_keys=True, ensure_ascii=False)}"


def _most_repeats(history: Sequence[StepRecord]) -> int:
    """How often the last action was chosen on its screen within the window."""
    if not history:
        return 0
    window = history[-_LOOP_WINDOW:]
    counts = Counter((_action(record), record.screen_before) for record in window)
    return counts[_action(history[-1]), history[-1].screen_before]


def _steps_without_new_screen(history: Sequence[StepRecord]) -> int:
    seen: set[str] = {record.screen_before for record in history[:1]}
    stale = 0
    for record in history:
        stale = stale + 1 if record.screen_after in seen else 0
        seen.add(record.screen_after)
    return stale
