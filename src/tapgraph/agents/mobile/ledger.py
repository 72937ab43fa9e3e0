"""Which actions were sent to the phone, so that a resumed run sends none of them again.

The run folder's events are the ledger: `ActionStarted` is on disk before an action is sent,
`ActionDone` or `ActionFailed` after the phone answered. A killed process leaves at most one action
without an answer; it may or may not have reached the phone, so it is not sent again either: the
Reflector judges it by the screen, and an unchanged screen makes the Operator choose anew.
"""

from collections.abc import Iterable

from tapgraph.agents.run.events import (
    ActionDone,
    ActionFailed,
    ActionStarted,
    RecordedEvent,
)
from tapgraph.agents.run.run_folder import RunFolder
from tapgraph.errors import ToolError
from tapgraph.tools.mobile.actions import Action, action_from_wire, action_to_wire
from tapgraph.tools.mobile.device import Device

__all__ = ["Ledger", "answered_actions"]


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

    def perform(self, device: Device, action: Action, *, step: int, part: int = 0) -> float:
        """Carry out the action unless it was sent before; the seconds that the device took.

        Raises:
            ToolError: the phone could not do it, now or before the run was resumed.
        """
        entry = self._entries.get((step, part))
        match entry:
            case ActionDone():
                return entry.elapsed_s
            case ActionFailed():
                raise ToolError(entry.error)
            case ActionStarted():
                return 0.0
        wire = action_to_wire(action)
        self._record(ActionStarted(step=step, part=part, action=wire))
        try:
            receipt = device.perform(action)
        except ToolError as error:
            self._record(ActionFailed(step=step, part=part, action=wire, error=str(error)))
            raise
        self._record(
            ActionDone(
                step=step,
                part=part,
                action=wire,
                elapsed_s=receipt.elapsed_s,
                detail=receipt.detail,
            )
        )
        return receipt.elapsed_s

    def _record(self, event: ActionStarted | ActionDone | ActionFailed) -> None:
        self._folder.record(event)
        self._entries[event.step, event.part] = event


def answered_actions(recorded: Iterable[RecordedEvent]) -> list[Action]:
    """The actions that the phone answered, in order: what a fresh simulated phone must replay.

    Failed ones are among them, since a failure may have left a trace.
    """
    return [
        action_from_wire(entry.event.action)
        for entry in recorded
        if isinstance(entry.event, ActionDone | ActionFailed)
    ]
