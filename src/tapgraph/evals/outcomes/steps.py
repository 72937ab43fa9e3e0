"""Steps on the simulated phone whose outcome is known, because the phone can be copied.

An action is carried out on two copies of a phone: on one as it was meant, on the other with
something going wrong. The step did what it should (A) when the second copy shows what is new on the
first one; else it changed nothing (C) or led somewhere else (B). What covers the page is B, what
comes over its top only is not. No rule about words decides; but what is expected of a step that led
elsewhere is something that cannot be seen then, as nobody could tell otherwise.
"""

import re
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
from tapgraph.tools.mobile.outcome import CHANGES_TOKENS
from tapgraph.tools.mobile.screen import Element, Screen
from tapgraph.tools.mobile.screen_text import describe_difference, states_of, without_places
from tapgraph.tools.mobile.simulator.activity_manager import PERMISSION_PACKAGE
from tapgraph.tools.mobile.simulator.device import SimulatedDevice
from tapgraph.tools.mobile.simulator.distractions import DistractionKind
from tapgraph.tools.mobile.simulator.guide import Guide, LostWay
from tapgraph.tools.mobile.simulator.phone import Phone
from tapgraph.tools.mobile.simulator.screen_of import screen_of
from tapgraph.tools.mobile.target import target_at

__all__ = ["Cause", "KnownStep", "is_seen", "known_steps", "outcome_of"]

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
_COMES = ("{} appears", "the page with {} opens", "{} is shown", "I see {}", "now there is {}")
_GOES = ("{} goes away", "{} is no longer there", "{} closes")
_FORMS = ("the page with", "appears", "opens", "is shown", "i see", "now there is", " is ")
_GOING = ("goes away", "is no longer there", "closes")


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


def is_seen(expected: str, changes: str) -> bool:
    """Whether a line of the changes has all that an expectation of `known_steps` names."""
    effect = _plain(expected.partition("; ")[2])
    kinds = {"- "} if any(one in effect for one in _GOING) else {"+ ", "~ "}
    for form in (*_GOING, *_FORMS):
        effect = effect.replace(form, " ")
    named = set(effect.split())
    lines = (line.partition(" (was ")[0] for line in changes.split("\n") if line[:2] in kinds)
    return bool(named) and any(named <= set(_plain(line).split()) for line in lines)


def _plain(text: str) -> str:
    return re.sub(r"\W+", " ", text.casefold()).strip()


def _steps_from(
    phone: Phone, before: Screen, right: Action, app: str, dice: Random
) -> Iterator[KnownStep]:
    faults = [one for one in _FAULTS if one != "drift" or isinstance(right, Tap)]
    own, wrong = _other_touch(before, right, dice), _other_touch(before, right, dice)
    wanted = _after(phone, before, right, "", dice)
    if wanted is None:
        return
    plans: list[tuple[Screen, Action, Cause]] = [
        (wanted, right, ""),
        (wanted, right, dice.choice(faults)),
    ]
    if wrong is not None:
        plans.append((wanted, wrong, "wrong target"))
    if own is not None and (own_wanted := _after(phone, before, own, "", dice)) is not None:
        plans.append((own_wanted, own, dice.choice(_FAULTS) if dice.random() < 0.4 else ""))
    front = next((one.name for one in phone.apps if one.package == before.app.package), app)
    for meant, done, cause in plans:
        after = meant if not cause else _after(phone, before, done, cause, dice)
        if after is None:
            continue
        try:
            verdict = _verdict(before, meant, after, cause)
        except ValueError:
            continue
        expected = _expectation(
            before,
            meant,
            done,
            dice,
            told=cause == "wrong target",
            unseen_in=_unlike(verdict, after),
        )
        changes = without_places(describe_difference(before, after, budget_tokens=CHANGES_TOKENS))
        if expected is None or (verdict == "B" and is_seen(expected, changes)):
            continue
        yield KnownStep(front, _words(done, before), expected, changes, verdict, cause)


def _verdict(before: Screen, meant: Screen, after: Screen, cause: Cause) -> Verdict:
    found = outcome_of(before, meant, after)
    if cause in {"popup", "battery", "update"} and found == "A":
        return "B" if _seen(after) != _seen(meant) else "A"
    if cause in {"message", "call"} and after.app == meant.app:
        return outcome_of(before, meant, meant)
    return found


def _unlike(verdict: Verdict, after: Screen) -> frozenset[tuple[str, ...]]:
    return _seen(after) if verdict == "B" else frozenset()


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
    before: Screen,
    meant: Screen,
    action: Action,
    dice: Random,
    *,
    told: bool,
    unseen_in: frozenset[tuple[str, ...]],
) -> str | None:
    """What an Operator would say; nothing in one of five cases, unless it must be `told`.

    None where all that could be said can be seen on the screen that came.
    """
    if not told and dice.random() < 0.2:
        return ""
    effect = _effect(before, meant, dice, unseen_in)
    if effect is None:
        return None
    did = dice.choice(("I do this", "The Operator acts", _words(action, before)))
    return f"{did}; {effect}"


def _effect(
    before: Screen, meant: Screen, dice: Random, unseen_in: frozenset[tuple[str, ...]]
) -> str | None:
    if meant.app.package != before.app.package:
        if unseen_in and (meant.app.activity,) in unseen_in:
            return None
        if meant.app.package == PERMISSION_PACKAGE:
            return "the phone asks for leave"
        return f"{meant.app.label} {dice.choice(('opens', 'is in front', 'should come up'))}"
    keyboard = ("keyboard", str(meant.keyboard_shown))
    if meant.keyboard_shown and not before.keyboard_shown and keyboard not in unseen_in:
        return dice.choice(("the keyboard appears", "the field has the focus", "I can type now"))
    then, now = _seen(before), _seen(meant)
    unseen_texts = {one[1] for one in unseen_in if len(one) > 1}
    new = [one for one in meant.elements if _key(one) not in then and one.text]
    new = [one for one in new if _key(one) not in unseen_in]
    gone = [one for one in before.elements if _key(one) not in now and one.text]
    gone = [one for one in gone if not unseen_in or one.text in unseen_texts]
    if new:
        one = dice.choice(new[:6])
        states = [state for state in states_of(one) if "=" not in state]
        if states and (dice.random() < 0.7 or one.text in unseen_texts):
            return f"{_loosely(one.text, dice)} is {states[0]}"
        if one.text in unseen_texts:
            return None
        form = dice.choice((
            "{} appears",
            "the page with {} opens",
            "{} is shown",
            "I see {}",
            "now there is {}",
        ))
        return form.format(_loosely(one.text, dice))
    if gone:
        return dice.choice(_GOES).format(_loosely(dice.choice(gone[:6]).text, dice))
    return None if unseen_in else dice.choice(("the screen changes", "it answers"))


def _key(element: Element) -> tuple[str, ...]:
    return (element.role.value, element.text, *states_of(element))


def _loosely(text: str, dice: Random) -> str:
    """Some of the words, as nobody quotes a screen exactly that is not there yet."""
    words = text.split()[:_MOST_WORDS]
    kept = [word for word in words if dice.random() < 0.8] or words[:1]
    return " ".join(kept).lower() if dice.random() < 0.5 else " ".join(kept)
