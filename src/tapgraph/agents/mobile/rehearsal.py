"""The gate: a proposed shortcut is executed again, on another phone, before it may be used.

A check of a model by itself hardly helps, and ungated learning can lower success; executing again
is what was measured to help (`docs/evaluation.md`). The simulated phone makes it cheap: a fresh
phone with another world, other values for the arguments, the way to where the shortcut begins, and
then the shortcut as any run would play it.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from tapgraph.agents.mobile.shortcut_targets import grounded_action, is_change_due, missing_of
from tapgraph.agents.run.experience import Rehearsed
from tapgraph.errors import ToolError
from tapgraph.memory import Shortcut, ShortcutStep
from tapgraph.tools.mobile.device import Device
from tapgraph.tools.mobile.screen import Screen
from tapgraph.tools.mobile.screen_reader import ScreenReader

__all__ = ["Rehearsal", "play"]

_OTHER_TEXTS = ("milk", "Chicago", "green tea")


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """Executes shortcuts on phones of its own.

    Attributes:
        open_phone: a fresh phone with the world of a seed; nothing on it is real.
        seeds: the worlds to try, in order, until it works in one: their apps look different too,
            and what cannot be done under one look may be right under the others.
    """

    open_phone: Callable[[int], AbstractContextManager[Device]]
    seeds: Sequence[int]

    def execute(self, shortcut: Shortcut) -> Rehearsed:
        """Play the shortcut with other values in other worlds; the first failure if all fail."""
        ended = Rehearsed("there is no other phone to execute it on", False, "")
        for seed in self.seeds:
            with self.open_phone(seed) as device:
                result = self._on(device, seed, shortcut)
            if result.was_reached and not result.why_not:
                return result
            if not ended.was_reached:
                ended = result
        return ended

    def _on(self, device: Device, seed: int, shortcut: Shortcut) -> Rehearsed:
        reader = ScreenReader(device, source="tree", pictures="when needed")
        where = f"world {seed}"
        try:
            screen = play(shortcut.reached_by, {}, device, reader)
        except ToolError as error:
            return Rehearsed(f"where it begins could not be reached: {error}", False, where)
        arguments = _other_values(shortcut, screen)
        where = f"world {seed} with {arguments}" if arguments else where
        if missing := [name for name in shortcut.arguments if name not in arguments]:
            return Rehearsed(f"no value is known for {', '.join(missing)}", False, where)
        if shortcut.requires is not None and (
            why := missing_of(shortcut.requires, arguments, screen)
        ):
            return Rehearsed(f"where it begins could not be reached: {why}", False, where)
        try:
            screen = play(shortcut.steps, arguments, device, reader)
        except ToolError as error:
            return Rehearsed(str(error), True, where)
        if shortcut.ensures is not None:
            return Rehearsed(missing_of(shortcut.ensures, arguments, screen), True, where)
        return Rehearsed("", True, where)


def play(
    steps: Sequence[ShortcutStep],
    arguments: Mapping[str, object],
    device: Device,
    reader: ScreenReader,
) -> Screen:
    """The screen after the steps.

    Raises:
        ToolError: one cannot be done, or changes nothing.
    """
    first = screen = reader.read()
    for number, step in enumerate(steps, 1):
        where = f"action {number} of {len(steps)} ({step.action_name})"
        try:
            action = grounded_action(step, arguments, first=first, now=screen)
            device.perform(action)
        except ToolError as error:
            raise ToolError(f"{where}: {error}") from error
        after = reader.read_change(screen)
        must_change = is_change_due(action, screen)
        if must_change and number < len(steps) and after.fingerprint == screen.fingerprint:
            raise ToolError(f"{where}: nothing changed on the screen")
        screen = after
    return screen


def _other_values(shortcut: Shortcut, screen: Screen) -> dict[str, object]:
    """Other values than those that it was learnt with, where others can be had.

    What names a target must exist: another element of the same kind on the screen is taken.
    """
    values: dict[str, object] = dict(shortcut.example)
    targets = {
        step.target.text_argument: step.target
        for step in shortcut.steps
        if step.target is not None and step.target.text_argument is not None
    }
    for name in shortcut.arguments:
        known = values.get(name)
        target = targets.get(name)
        if target is not None:
            others = [
                one.text
                for one in screen.elements
                if (one.role.value, one.resource_id) == (target.role, target.resource_id)
                and one.text not in {"", known}
            ]
            if others:
                values[name] = others[0]
        elif shortcut.argument_types.get(name) == "number":
            continue
        elif not _is_app(name, shortcut):
            values[name] = next(text for text in _OTHER_TEXTS if text != known)
    return values


def _is_app(name: str, shortcut: Shortcut) -> bool:
    """Whether an argument is the label of an app, of which not any will do."""
    return any(step.arguments_map.get("app_name") == name for step in shortcut.steps)
