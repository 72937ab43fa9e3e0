"""Steps on the simulated phone whose outcome is known, because the phone can be copied.

An action is carried out on two copies of a phone: on one as it was meant, on the other with
something going wrong. The step did what it should (A) when the second copy shows what is new on the
first one; else it changed nothing (C) or led somewhere else (B). No rule about words decides.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import Literal, TypeAlias

from tapgraph.errors import ToolError
from tapgraph.evals.suite import Task
from tapgraph.tools.action_words import action_words
from tapgraph.tools.mobile.actions import Action, Back, Swipe, Tap, action_to_wire
from tapgraph.tools.mobile.geometry import Point
from tapgraph.tools.mobile.screen import Element, Screen
from tapgraph.tools.mobile.screen_text import describe_difference, states_of, without_places
from tapgraph.tools.mobile.simulator.device import SimulatedDevice
from tapgraph.tools.mobile.simulator.distractions import DistractionKind
from tapgraph.tools.mobile.simulator.guide import Guide, LostWay
from tapgraph.tools.mobile.simulator.phone import Phone
from tapgraph.tools.mobile.simulator.screen_of import screen_of
from tapgraph.tools.mobile.target import target_at

__all__ = ["Cause", "KnownStep", "known_steps", "outcome_of"]

Verdict: TypeAlias = Literal["A", "B", "C"]
Cause: TypeAlias = Literal[
    "", "swallowed", "popup", "crash", "network", "call", "battery", "message", "update", "drift",
    "wrong target",
]  # fmt: skip
"""What went wrong: a fault of the phone, a touch that drifted, or an Operator that meant another
thing than it expects; empty where nothing did."""

_FAULTS: Sequence[Cause] = (
    *("swallowed", "popup", "crash", "network", "call", "battery", "message", "update"),
    *("drift", "drift", "drift"),
)
_DISTRACTIONS: dict[str, DistractionKind] = {
    "call": "call", "battery": "battery", "message": "message", "update": "update",
}  # fmt: skip
_RECALL = 0.8
"""So much of what should be new must be there; a clock or a counter may differ."""
_DETOURS = 0.15
_MOST_WORDS = 6


@dataclass(frozen=True, slots=True)
class KnownStep:
    """A step as a judge is told of it, and what became of it.

    Attributes:
        app: in English, which was in front before; what data is split by.
        action: with its target in words.
        expected: what should be seen after it; may be empty.
        changes: as the Reflector reads them.
        verdict: A, B or C.
        cause: what went wrong, if anything did.
    """

    app: str
    action: str
    expected: str
    changes: str
    verdict: Verdict
    cause: Cause


def known_steps(task: Task, phone: Phone, dice: Random) -> Iterator[KnownStep]:
    """What could happen along the route of a task: four steps from each state of the phone."""
    if task.route is None:
        return
    guide = Guide(phone)
    for place, aim in enumerate(task.route.aims):
        for _ in range(task.max_steps):
            if aim.answer or aim.question or guide.is_reached(aim, task.route.times(place)):
                break
            try:
                move = guide.move(aim)
            except LostWay:
                return
            before = screen_of(phone)
            yield from _steps_from(phone, before, move.action, aim.app, dice)
            taken: Action = move.action
            if dice.random() < _DETOURS:
                taken = _other_touch(before, move.action, dice) or taken
            with suppress(ToolError):
                SimulatedDevice(phone).perform(taken)


def outcome_of(before: Screen, wanted: Screen, after: Screen) -> Verdict:
    """A, B or C, by the screen before, the one that was meant, and the one that came.

    Raises:
        ValueError: what was meant changes nothing, so nothing can be told.
    """
    then, meant, now = _seen(before), _seen(wanted), _seen(after)
    new, gone = meant - then, then - meant
    if not new and not gone:
        raise ValueError("the action that was meant changes nothing")
    if now == then:
        return "C"
    is_new = sum(one in now for one in new) >= _RECALL * len(new)
    is_gone = sum(one not in now for one in gone) >= _RECALL * len(gone)
    return "A" if is_new and is_gone and after.app.package == wanted.app.package else "B"


def _steps_from(
    phone: Phone, before: Screen, right: Action, app: str, dice: Random
) -> Iterator[KnownStep]:
    own = _other_touch(before, right, dice)
    wrong = _other_touch(before, right, dice)
    plans: list[tuple[Action, Action, Cause]] = [
        (right, right, ""),
        (right, right, dice.choice(_FAULTS)),
    ]
    if own is not None:
        plans.append((own, own, dice.choice(_FAULTS) if dice.random() < 0.4 else ""))
    if wrong is not None:
        plans.append((right, wrong, "wrong target"))
    front = next((one.name for one in phone.apps if one.package == before.app.package), app)
    for meant, done, cause in plans:
        wanted = _after(phone, before, meant, "", dice)
        after = _after(phone, before, done, cause, dice)
        if wanted is None or after is None:
            continue
        with suppress(ValueError):
            yield KnownStep(
                app=front,
                action=_words(done, before),
                expected=_expectation(before, wanted, meant, dice, told=cause == "wrong target"),
                changes=without_places(describe_difference(before, after, budget_tokens=200)),
                verdict=outcome_of(before, wanted, after),
                cause=cause,
            )


def _after(
    phone: Phone, before: Screen, action: Action, cause: Cause, dice: Random
) -> Screen | None:
    """What a copy of the phone shows after the action; None where it cannot be carried out."""
    with phone.fork() as copy:
        device = SimulatedDevice(copy)
        if cause == "drift":
            action = _other_touch(before, action, dice) or action
        if cause == "network":
            copy.system.status.wifi = False
        try:
            if cause == "crash":
                copy.system.activities.crash()
            elif cause != "swallowed":
                device.perform(action)
        except ToolError:
            return None
        if cause == "popup":
            copy.system.pop_up(dice)
        elif cause in _DISTRACTIONS:
            copy.system.distract(_DISTRACTIONS[cause], dice)
        copy.advance(0.0)
        while copy.system.load(1.0):
            copy.advance(0.0)
        return screen_of(copy)


def _other_touch(screen: Screen, action: Action, dice: Random) -> Action | None:
    """A touch of something else on the screen, or the way back."""
    avoided = screen.element_at(Point(action.x, action.y)) if isinstance(action, Tap) else None
    others = [one for one in screen.elements if one.clickable and one != avoided]
    if not others or dice.random() < 0.1:
        return None if isinstance(action, Back) else Back()
    point = dice.choice(others).touch_point
    return Tap(point.x, point.y)


def _words(action: Action, screen: Screen) -> str:
    if isinstance(action, Swipe):
        across, down = action.x2 - action.x1, action.y2 - action.y1
        if abs(down) >= abs(across):
            return f"Swipe {'up' if down < 0 else 'down'}"
        return f"Swipe {'left' if across < 0 else 'right'}"
    wire = action_to_wire(action)
    arguments = wire["arguments"]
    if isinstance(arguments, dict) and {"x", "y"} <= arguments.keys():
        target = target_at(screen, Point(int(arguments["x"]), int(arguments["y"])))
        return action_words(wire, target.words)
    return action_words(wire)


def _seen(screen: Screen) -> frozenset[tuple[str, ...]]:
    elements = {(one.role.value, one.text, *states_of(one)) for one in screen.elements}
    return frozenset({*elements, ("keyboard", str(screen.keyboard_shown)), (screen.app.activity,)})


def _expectation(
    before: Screen, wanted: Screen, action: Action, dice: Random, *, told: bool
) -> str:
    """What an Operator would say; nothing in one of five cases, unless it must be `told`."""
    if not told and dice.random() < 0.2:
        return ""
    did = dice.choice(("I do this", "The Operator acts", _words(action, before)))
    return f"{did}; {_effect(before, wanted, dice)}"


def _effect(before: Screen, wanted: Screen, dice: Random) -> str:
    if wanted.app.package != before.app.package:
        shown = dice.choice(("opens", "is in front", "should come up"))
        return f"{wanted.app.label} {shown}"
    if wanted.keyboard_shown and not before.keyboard_shown:
        return dice.choice(("the keyboard appears", "the field has the focus", "I can type now"))
    then, now = _seen(before), _seen(wanted)
    new = [one for one in wanted.elements if _key(one) not in then and one.text]
    gone = [one for one in before.elements if _key(one) not in now and one.text]
    if new:
        one = dice.choice(new[:6])
        states = [state for state in states_of(one) if "=" not in state]
        if states and dice.random() < 0.7:
            return f"{_loosely(one.text, dice)} is {states[0]}"
        form = dice.choice((
            "{} appears",
            "the page with {} opens",
            "{} is shown",
            "I see {}",
            "now there is {}",
        ))
        return form.format(_loosely(one.text, dice))
    if gone:
        form = dice.choice(("{} goes away", "{} is no longer there", "{} closes"))
        return form.format(_loosely(dice.choice(gone[:6]).text, dice))
    return dice.choice(("the screen changes", "it answers", "the next page"))


def _key(element: Element) -> tuple[str, ...]:
    return (element.role.value, element.text, *states_of(element))


def _loosely(text: str, dice: Random) -> str:
    """Some of the words, as nobody quotes a screen exactly that is not there yet."""
    words = text.split()[:_MOST_WORDS]
    kept = [word for word in words if dice.random() < 0.8] or words[:1]
    return " ".join(kept).lower() if dice.random() < 0.5 else " ".join(kept)
