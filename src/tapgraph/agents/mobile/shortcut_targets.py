"""Finds what a shortcut touches on the screen as it is now, or says that it is not there.

A shortcut may have been learnt on a phone of another size, in another language, with other things
in its lists. So a target is looked for by what it is: its id, its role, its words, its place among
equals. What is known from a picture has words only, as they were read there. Only what has neither
words nor an id is looked for by its place, and only where something of the same kind stands there.
Whatever is in doubt is not touched.
"""

from collections.abc import Mapping, Sequence

from tapgraph.errors import ToolError
from tapgraph.memory import Condition, ShortcutStep, StepTarget
from tapgraph.tools.mobile.actions import (
    Action,
    ClearText,
    Enter,
    Home,
    Tap,
    Wait,
    action_from_wire,
)
from tapgraph.tools.mobile.geometry import Point
from tapgraph.tools.mobile.ocr import says, says_same
from tapgraph.tools.mobile.screen import Element, Role, Screen
from tapgraph.tools.mobile.swipes import directed_swipe
from tapgraph.tools.mobile.target import Target, found_again

__all__ = ["grounded_action", "is_change_due", "located", "missing_of", "step_target"]

_ANDROIDS = "android:id/"


def is_change_due(action: Action, screen: Screen) -> bool:
    """Whether something on the screen must be another after this action of a shortcut.

    A field that has the focus already may be touched in vain, and an empty one emptied.
    """
    if isinstance(action, Tap):
        touched = screen.element_at(Point(action.x, action.y))
        return touched is None or not touched.focused
    return not isinstance(action, Wait | Enter | Home | ClearText)


def step_target(target: Target) -> StepTarget:
    """A target that was touched, as a shortcut keeps it; of an input only what names it.

    What an input holds changes while it is used.
    """
    is_named_input = target.role == Role.INPUT and bool(target.resource_id)
    return StepTarget(
        text="" if is_named_input else target.text[:500],
        role=target.role,
        resource_id=target.resource_id,
        index=target.index,
        equals=target.equals,
        place=target.place,
    )


def grounded_action(
    step: ShortcutStep, arguments: Mapping[str, object], *, first: Screen, now: Screen
) -> Action:
    """The action of one step, its target found again on the screen as it is now.

    A step without a target of its own means what stood at the point on the first screen, which the
    arguments were chosen on.

    Raises:
        ToolError: an argument cannot be used, or the target is gone.
    """
    values: dict[str, object] = {}
    for name, value in step.arguments_map.items():
        values[name] = arguments.get(value, value) if isinstance(value, str) else value
    if step.target is not None:
        point = located(step.target, arguments, now)
        return action_from_wire({
            "name": step.action_name,
            "arguments": values | {"x": point.x, "y": point.y},
        })
    if "direction" in values:
        return directed_swipe(str(values["direction"]), now)
    x, y = values.get("x"), values.get("y")
    if now is not first and isinstance(x, int | float) and isinstance(y, int | float):
        touched = Point(round(x), round(y))
        again = found_again(touched, first, now)
        if again is None:
            target = first.element_at(touched)
            name = (target.text or target.role.value) if target is not None else ""
            raise ToolError(f"its target {name!r} is no longer on the screen")
        values |= {"x": again.x, "y": again.y}
    return action_from_wire({"name": step.action_name, "arguments": values})


def located(target: StepTarget, arguments: Mapping[str, object], screen: Screen) -> Point:
    """Where the target is to be touched.

    Raises:
        ToolError: it is not on the screen, it cannot be told from others, or it lies under others.
    """
    wanted = _with_text(target, arguments)
    if not wanted.role and not wanted.text:
        return _same_place(wanted, screen)
    element = _found(wanted, screen)
    if element.is_covered:
        raise ToolError(f"its target {_words(wanted)} lies under other elements")
    return element.touch_point


def missing_of(condition: Condition, arguments: Mapping[str, object], screen: Screen) -> str:
    """What a condition asks of the screen and is not so; empty when it holds."""
    if condition.app is not None and condition.app != screen.app.package:
        return f"the app in front is {screen.app.package}, not {condition.app}"
    for target in condition.shows:
        wanted = _with_text(target, arguments)
        if not _alike(wanted, screen):
            return f"{_words(wanted)} is not on the screen"
    return ""


def _with_text(target: StepTarget, arguments: Mapping[str, object]) -> StepTarget:
    if target.text_argument is None:
        return target
    text = str(arguments.get(target.text_argument, ""))
    return target.model_copy(update={"text": text, "index": 1, "equals": 1})


def _found(wanted: StepTarget, screen: Screen) -> Element:
    if not wanted.text and not wanted.resource_id:
        return _like_it_at_its_place(wanted, screen)
    alike = _alike(wanted, screen)
    if not alike:
        raise ToolError(f"its target {_words(wanted)} is no longer on the screen")
    if len(alike) == 1:
        return alike[0]
    if len(alike) == wanted.equals:
        return alike[wanted.index - 1]
    raise ToolError(
        f"its target {_words(wanted)} stands {len(alike)} times on the screen, not {wanted.equals}"
    )


def _alike(wanted: StepTarget, screen: Screen) -> Sequence[Element]:
    """The elements that the target may mean, in reading order.

    An id that only one element has is enough, whatever that says: texts are in the language of the
    phone. One that rows of a list share is not, nor one of Android's own, such as the first button
    of any dialog.
    """
    if not wanted.role:
        return _saying(wanted.text, screen)
    same_role = [one for one in screen.elements if one.role.value == wanted.role]
    if not wanted.resource_id:
        return [one for one in same_role if not wanted.text or one.text == wanted.text]
    named = [one for one in same_role if one.resource_id == wanted.resource_id]
    saying = [one for one in named if not wanted.text or one.text == wanted.text]
    is_its_own = not wanted.resource_id.startswith(_ANDROIDS) and wanted.text_argument is None
    if not saying and is_its_own and len(named) == wanted.equals == 1:
        return named
    return saying


def _saying(text: str, screen: Screen) -> Sequence[Element]:
    """What says just that, as far as reading can tell; else what says it among other words.

    Where one of several can be used, it is meant.
    """
    saying = [one for one in screen.elements if says(one.text, text)]
    saying = [one for one in saying if says_same(one.text, text)] or saying
    usable = [one for one in saying if one.is_actionable]
    return usable if len(usable) == 1 else saying


def _like_it_at_its_place(wanted: StepTarget, screen: Screen) -> Element:
    there = screen.element_at(_place(wanted, screen))
    if there is None or there.role.value != wanted.role or there.text or there.resource_id:
        raise ToolError(f"no {wanted.role} without words stands where its target was")
    return there


def _same_place(wanted: StepTarget, screen: Screen) -> Point:
    """A bare point: right only where nothing that takes touches stands there now either."""
    point = _place(wanted, screen)
    there = screen.element_at(point)
    if there is not None and there.is_actionable and not there.scrollable:
        raise ToolError(f"a {there.role.value} stands where there was nothing to touch")
    return point


def _place(wanted: StepTarget, screen: Screen) -> Point:
    across, down = wanted.place
    size = screen.size
    return Point(
        min(size.width_px - 1, round(across * size.width_px)),
        min(size.height_px - 1, round(down * size.height_px)),
    )


def _words(wanted: StepTarget) -> str:
    name = repr(wanted.text) if wanted.text else f"id={wanted.resource_id!r}"
    return f"{name} ({wanted.role})" if wanted.role else name
