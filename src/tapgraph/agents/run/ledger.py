"""Which actions were sent, so that a resumed run sends none of them again.

The run folder's events are the ledger: `ActionStarted` is on disk before an action is sent,
`ActionDone` or `ActionFailed` after it was answered. A killed process leaves at most one action
without an answer. Nobody knows whether that one was carried out, so it is not sent again either:
`Ledger.once` gives None for it, and the agent finds out what happened.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tapgraph.agents.run.events import (
    ActionDone,
    ActionFailed,
    ActionStarted,
    RecordedEvent,
    WireAction,
)
from tapgraph.agents.run.run_folder import RunFolder
from tapgraph.errors import ToolError, UnreadableRun
from tapgraph.tools.mobile.actions import STEP_TYPES, Action, action_from_wire

__all__ = ["Acknowledged", "Ledger", "answered_actions"]


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The answer to an action.

    Attributes:
        elapsed_s: seconds that the action took.
        detail: what was answered, in words.
    """

    elapsed_s: float
    detail: str = ""


class Ledger:
    """Sends each action at most once."""

    def __init__(self, folder: RunFolder, recorded: Iterable[RecordedEvent] = ()) -> None:
        self._folder = folder
        self._entries: dict[tuple[int, int], ActionStarted | ActionDone | ActionFailed] = {}
        for entry in recorded:
            if isinstance(entry.event, ActionStarted | ActionDone | ActionFailed):
                self._entries[entry.event.step, entry.event.part] = entry.event

    def was_sent(self, step: int, part: int = 0) -> bool:
        """Whether the action was sent before, with or without an answer."""
        return (step, part) in self._entries

    def raise_failure(self, step: int, part: int = 0) -> None:
        """Return unless the action was sent before and could not be done.

        Raises:
            ToolError: what was answered.
        """
        entry = self._entries.get((step, part))
        if isinstance(entry, ActionFailed):
            raise ToolError(entry.error)

    def once(
        self, step: int, part: int, wire: WireAction, act: Callable[[], Acknowledged]
    ) -> Acknowledged | None:
        """Send the action by calling `act`, or give the answer of the time when it was sent.

        None means that it was sent before the process was killed and never answered.

        Raises:
            ToolError: it could not be done, now or before the run was resumed.
            UnreadableRun: another action was sent as that part of the step.
        """
        sent = self._entries.get((step, part))
        if sent is not None and _told(sent.action) != _told(wire):
            raise UnreadableRun(
                f"step {step} of the run was {_told(sent.action)}, and its checkpoints say "
                f"{_told(wire)}: they do not belong together; start a new run"
            )
        match sent:
            case ActionDone(elapsed_s=elapsed_s, detail=detail):
                return Acknowledged(elapsed_s, detail)
            case ActionFailed(error=error):
                raise ToolError(error)
            case ActionStarted():
                return None
        self._record(ActionStarted(step=step, part=part, action=wire))
        try:
            answer = act()
        except ToolError as error:
            self._record(ActionFailed(step=step, part=part, action=wire, error=str(error)))
            raise
        self._record(
            ActionDone(
                step=step,
                part=part,
                action=wire,
                elapsed_s=answer.elapsed_s,
                detail=answer.detail,
            )
        )
        return answer

    def _record(self, event: ActionStarted | ActionDone | ActionFailed) -> None:
        self._folder.record(event)
        self._entries[event.step, event.part] = event


def _told(wire: WireAction) -> str:
    """The action as the events hold it."""
    return json.dumps(wire, sort_keys=True, default=str)


def answered_actions(recorded: Iterable[RecordedEvent]) -> list[Action]:
    """The actions that the phone answered, in order: what a fresh simulated phone must replay.

    Failed ones are among them, since a failure may have left a trace.
    """
    return [
        action_from_wire(entry.event.action)
        for entry in recorded
        if isinstance(entry.event, ActionDone | ActionFailed)
        and entry.event.action.get("name") in STEP_TYPES
    ]
