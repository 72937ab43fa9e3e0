"""The ledger of a phone: each action is sent at most once.

An action that was sent before a kill and never answered may or may not have reached the phone: the
Reflector judges it by the screen, and an unchanged screen makes the Operator choose anew.
"""

from collections.abc import Iterable

from tapgraph.agents.run.events import ActionDone, ActionFailed, RecordedEvent
from tapgraph.agents.run.ledger import Acknowledged, Ledger
from tapgraph.tools.mobile.actions import Action, action_from_wire, action_to_wire
from tapgraph.tools.mobile.device import Device

__all__ = ["answered_actions", "perform"]


def perform(ledger: Ledger, device: Device, action: Action, *, step: int, part: int = 0) -> float:
    """Carry out the action unless it was sent before; the seconds that the phone took.

    Raises:
        ToolError: the phone could not do it, now or before the run was resumed.
    """

    def act() -> Acknowledged:
        receipt = device.perform(action)
        return Acknowledged(receipt.elapsed_s, receipt.detail)

    answer = ledger.once(step, part, action_to_wire(action), act)
    return answer.elapsed_s if answer is not None else 0.0


def answered_actions(recorded: Iterable[RecordedEvent]) -> list[Action]:
    """The actions that the phone answered, in order: what a fresh simulated phone must replay.

    Failed ones are among them, since a failure may have left a trace.
    """
    return [
        action_from_wire(entry.event.action)
        for entry in recorded
        if isinstance(entry.event, ActionDone | ActionFailed)
    ]
