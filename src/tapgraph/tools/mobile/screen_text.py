"""A screen, or what changed on it, as lines for a prompt, and those lines read back."""

import dataclasses
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from tapgraph.tools.mobile.geometry import Point
from tapgraph.tools.mobile.screen import Element, Role, Screen, SeenIcon, SeenState
from tapgraph.tools.token_estimate import token_weight

__all__ = [
    "DescribedElement",
    "ReadElement",
    "describe",
    "describe_difference",
    "describe_rest",
    "element_line",
    "parse_description",
    "parse_reading",
    "quoted",
    "read_out",
    "shortened",
    "states_of",
    "without_places",
]

_LINE = re.compile(
    r"\[(?P<number>\d{1,9})\] (?P<role>[a-z]+) "
    r'(?P<text>"(?:[^"\\\n]|\\.)*") '
    r"\((?P<x>-?\d{1,9}),(?P<y>-?\d{1,9})\)"
    r"(?P<states>(?: [a-z]+(?:=[A-Za-z0-9_.-]+)?)*)"
    r"(?: icon: [a-z]+(?: [a-z]+)* \(\d\.\d\d\))?"
)
_READING = re.compile(r'([a-z]+) ("(?:[^"\\]|\\.)*")((?: [a-z]+)*)')
_PLACED = re.compile(r'^([~+-]) \[\d+\] ([a-z]+ "(?:[^"\\]|\\.)*") \(-?\d+,-?\d+\)')
_UNSAFE = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_FENCES = re.compile(r"`{3,}|~{3,}|</")
_SHORT_ID = re.compile(r"[A-Za-z0-9_.-]{1,40}")
_LOOKS_LIKE = "looks like: "
_REST_TOKENS = 14
"""What the line about missing elements costs."""


@dataclass(frozen=True, slots=True)
class DescribedElement:
    """An element as a line of `describe` tells it; `center` is where it is to be touched."""

    number: int
    role: str
    text: str
    center: Point
    states: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ReadElement:
    """An element as a line of `read_out` tells it."""

    role: str
    text: str
    states: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Detail:
    """How much of a screen is told: how many characters of a text, and whether ornaments are."""

    text_characters: int
    actionable_characters: int
    has_ornaments: bool


_DETAILS = (
    _Detail(200, 200, has_ornaments=True),
    _Detail(100, 160, has_ornaments=True),
    _Detail(60, 120, has_ornaments=False),
    _Detail(40, 80, has_ornaments=False),
    _Detail(24, 50, has_ornaments=False),
)


def describe(screen: Screen, *, budget_tokens: int = 900) -> str:
    r"""The elements in reading order, one a line: `[12] button "Directions" (540,1803) checked`.

    The pair is where to touch it, in pixels: the middle, unless that belongs to another element.
    After it stand the states that hold: `checked selected focused disabled covered scrollable
    password hint` (a covered one cannot be touched, an empty input shows only its hint), and
    `id=NAME` for what has no text; last, where icons are named, what its picture shows and how sure
    that is: `icon: trash (0.93)`. A list is always scrollable, so it does not say so. Where states
    were seen, a line above says so: `looks like: loading (0.97)`.

    The text is a JSON string in which line breaks of every kind, control characters, `</` and
    fences of three or more backticks or tildes are escaped: no text on a screen can begin a line,
    forge one or end the block that a prompt puts around it.

    What does not fit the budget goes in this order: the ends of long texts, those of usable
    elements last; images, unnamed lists and repetitions farther from the middle of the screen;
    unnamed buttons; texts; and last the lowest usable elements. A final line says how many are
    missing; they are on this screen, so scrolling would not show them.

    Raises:
        ValueError: the budget is below 20 tokens.
    """
    if budget_tokens < 20:
        raise ValueError(f"budget_tokens must be at least 20, got {budget_tokens}")
    head = [_state_words(screen.looks_like)] if screen.looks_like else []
    if not screen.elements:
        return "\n".join([*head, "... no elements are known; look at the picture"])
    budget_tokens -= round(sum(map(_line_tokens, head)))
    ornaments = _ornaments(screen)
    lines: dict[int, str] = {}
    for detail in _DETAILS:
        lines = {
            element.number: element_line(element, _characters(element, detail))
            for element in screen.elements
            if detail.has_ornaments or element.number not in ornaments
        }
        rest_tokens = _REST_TOKENS if len(lines) < len(screen.elements) else 0
        if sum(map(_line_tokens, lines.values())) + rest_tokens <= budget_tokens:
            break
    else:
        lines = _most_useful(screen, lines, budget_tokens - _REST_TOKENS)
    missing = len(screen.elements) - len(lines)
    rest = [f"... {missing} more elements of this screen are left out"] if missing else []
    return "\n".join([*head, *lines.values(), *rest])


def describe_rest(screen: Screen, *, budget_tokens: int = 900, pages: int = 1) -> str:
    """What `describe` left out, by the same rules; `pages` says how often that was told already.

    Raises:
        ValueError: the budget is below 20 tokens, or `pages` below 1.
    """
    if pages < 1:
        raise ValueError(f"pages must be at least 1, got {pages}")
    rest = screen
    for _ in range(pages):
        told = {
            one.number for one in parse_description(describe(rest, budget_tokens=budget_tokens))
        }
        elements = tuple(one for one in rest.elements if one.number not in told)
        rest = dataclasses.replace(rest, elements=elements, looks_like=())
    if not rest.elements:
        return "... no more elements are known"
    return describe(rest, budget_tokens=budget_tokens)


def parse_description(text: str) -> tuple[DescribedElement, ...]:
    """The elements that `describe` wrote; every line of another form is passed over.

    >>> parse_description('[2] switch "Wi-Fi" (980,410) checked')[0].states
    frozenset({'checked'})
    """
    return tuple(
        DescribedElement(
            number=int(match["number"]),
            role=match["role"],
            text=json.loads(match["text"]),
            center=Point(int(match["x"]), int(match["y"])),
            states=frozenset(match["states"].split()),
        )
        for line in text.split("\n")
        if (match := _LINE.fullmatch(line))
    )


@lru_cache(maxsize=4)
def read_out(description: str) -> str:
    """What `describe` wrote, without numbers and places: `switch "Wi-Fi" checked`.

    It is for those who judge and note but do not touch. Elements without words are left out; the
    order and the escapes stay. Several roles are shown the same screen, so the last results are
    kept.
    """
    lines = []
    for element in parse_description(description):
        if element.text:
            states = sorted(state for state in element.states if "=" not in state)
            lines.append(" ".join([element.role, quoted(element.text), *states]))
    first, last = description.partition("\n")[0], description.rpartition("\n")[2]
    head = [first] if first.startswith(_LOOKS_LIKE) else []
    return "\n".join([*head, *lines, *([last] if last.startswith("...") else [])])


def without_places(changes: str) -> str:
    """What `describe_difference` wrote, without numbers and places.

    >>> without_places('~ [2] switch "Wi-Fi (5,6)" (980,410) checked (was plain)')
    '~ switch "Wi-Fi (5,6)" checked (was plain)'
    """
    return "\n".join(_PLACED.sub(r"\1 \2", line) for line in changes.split("\n"))


def parse_reading(text: str) -> tuple[ReadElement, ...]:
    """The elements that `read_out` wrote; every line of another form is passed over.

    >>> parse_reading('switch "Wi-Fi" checked')
    (ReadElement(role='switch', text='Wi-Fi', states=frozenset({'checked'})),)
    """
    return tuple(
        ReadElement(match[1], json.loads(match[2]), frozenset(match[3].split()))
        for line in text.split("\n")
        if (match := _READING.fullmatch(line))
    )


def describe_difference(before: Screen, after: Screen, *, budget_tokens: int = 300) -> str:
    """What a person would say has changed between two looks, one change a line.

    First the app and the keyboard, then what changed its state or text (`~`), appeared (`+`), or
    vanished (`-`); elements that only moved, and those of an app left, are counted. Numbers are
    those of `after`, and of `before` for what vanished. What does not fit the budget is counted in
    a final line. `nothing changed` when the fingerprints agree.

    Raises:
        ValueError: the budget is below 20 tokens.
    """
    if budget_tokens < 20:
        raise ValueError(f"budget_tokens must be at least 20, got {budget_tokens}")
    if before.fingerprint == after.fingerprint:
        return "nothing changed"
    lines = [*_surroundings_changed(before, after), *_elements_changed(before, after)]
    if not lines:
        return "the picture changed; the known elements did not"
    fitting: list[str] = []
    spent = 0.0
    for line in lines:
        spent += _line_tokens(line)
        if fitting and spent > budget_tokens - _REST_TOKENS:
            break
        fitting.append(line)
    missing = len(lines) - len(fitting)
    return "\n".join([*fitting, *([f"... {missing} more changes"] if missing else [])])


def element_line(element: Element, characters: int = 200) -> str:
    """One line of `describe`, its text cut to so many characters."""
    point = element.touch_point
    text = quoted(shortened(element.text, characters))
    states = "".join(f" {state}" for state in states_of(element))
    icon = "" if element.text or element.icon is None else f" {_icon_words(element.icon)}"
    return f"[{element.number}] {element.role.value} {text} ({point.x},{point.y}){states}{icon}"


def _state_words(states: Iterable[SeenState]) -> str:
    return _LOOKS_LIKE + ", ".join(f"{one.state} ({one.confidence:.2f})" for one in states)


def _icon_words(icon: SeenIcon) -> str:
    return f"icon: {icon.kind} ({icon.confidence:.2f})"


def states_of(element: Element) -> tuple[str, ...]:
    """The words that stand after an element's middle, in their order."""
    states = [
        name
        for name, holds in (
            ("checked", element.checked),
            ("selected", element.selected),
            ("focused", element.focused),
            ("disabled", not element.enabled),
            ("covered", element.is_covered),
            ("scrollable", element.scrollable and element.role is not Role.LIST),
            ("password", element.password),
            ("hint", element.shows_hint),
        )
        if holds
    ]
    name = element.resource_id.rpartition("/")[2]
    if not element.text and _SHORT_ID.fullmatch(name):
        states.append(f"id={name}")
    return tuple(states)


def quoted(text: str) -> str:
    r"""The text as a JSON string that stays on its line and inside its block.

    >>> print(quoted('a "b"\n```'))
    "a \"b\"\n\u0060\u0060\u0060"
    """
    encoded = json.dumps(text, ensure_ascii=False)
    return _UNSAFE.sub(_escaped, _FENCES.sub(_escaped, encoded))


def shortened(text: str, characters: int) -> str:
    """The text, or its beginning and an ellipsis when it is longer.

    >>> shortened("abcdef", 4)
    'abc…'
    """
    return text if len(text) <= characters else text[: characters - 1].rstrip() + "…"


def _surroundings_changed(before: Screen, after: Screen) -> Iterator[str]:
    if before.app.package != after.app.package:
        yield f"app changed: {quoted(before.app.label)} -> {quoted(after.app.label)}"
    elif before.app.activity != after.app.activity:
        yield f"page changed: {quoted(before.app.activity)} -> {quoted(after.app.activity)}"
    if before.keyboard_shown != after.keyboard_shown:
        yield "the keyboard appeared" if after.keyboard_shown else "the keyboard vanished"


def _elements_changed(before: Screen, after: Screen) -> Iterator[str]:
    pairs, gone, new = _paired(before, after)
    moved = 0
    for then, now in pairs:
        if then.text != now.text:
            yield f"~ {element_line(now, 60)} (was {quoted(shortened(then.text, 60))})"
        elif states_of(then) != states_of(now):
            yield f"~ {element_line(now, 60)} (was {' '.join(states_of(then)) or 'plain'})"
        elif then.bounds.center != now.bounds.center:
            moved += 1
    yield from (f"+ {element_line(element, 60)}" for element in new)
    if before.app.package == after.app.package:
        yield from (f"- {element_line(element, 60)}" for element in gone)
    elif gone:
        yield f"{len(gone)} elements of the other app vanished"
    if moved:
        yield f"{moved} elements moved"


def _paired(
    before: Screen, after: Screen
) -> tuple[list[tuple[Element, Element]], list[Element], list[Element]]:
    """What is one element in both looks, what is only in the first, and what only in the second.

    One element has the same role and text, the nearest of several; or else the same role, name and
    place with another text.
    """
    unmatched = list(before.elements)
    pairs: list[tuple[Element, Element]] = []
    new: list[Element] = []
    for now in after.elements:
        same = [then for then in unmatched if (then.role, then.text) == (now.role, now.text)]
        if same:
            nearest = min(same, key=lambda then: _distance(then.bounds.center, now.bounds.center))
            unmatched.remove(nearest)
            pairs.append((nearest, now))
        else:
            new.append(now)
    for now in list(new):
        replaced = next((then for then in unmatched if _is_same_place(then, now)), None)
        if replaced is not None:
            new.remove(now)
            unmatched.remove(replaced)
            pairs.append((replaced, now))
    return pairs, unmatched, new


def _is_same_place(one: Element, other: Element) -> bool:
    """Whether two elements of different text are one whose text changed."""
    if one.role is not other.role or one.resource_id != other.resource_id:
        return False
    common = one.bounds.intersection(other.bounds).area
    return common >= 0.7 * max(one.bounds.area, other.bounds.area)


def _escaped(found: re.Match[str]) -> str:
    return "".join(f"\\u{ord(character):04x}" for character in found[0])


def _line_tokens(line: str) -> float:
    return token_weight(f"{line}\n")


def _characters(element: Element, detail: _Detail) -> int:
    return detail.actionable_characters if element.is_actionable else detail.text_characters


def _ornaments(screen: Screen) -> frozenset[int]:
    """Numbers of what is left out first: images, unnamed lists but the largest, repetitions."""
    lists = [one for one in screen.elements if one.role is Role.LIST and not one.text]
    largest = max(lists, key=lambda one: one.bounds.area, default=None)
    dropped = {one.number for one in screen.elements if one.role is Role.IMAGE}
    dropped |= {one.number for one in lists if one is not largest}
    middle = Point(screen.size.width_px // 2, screen.size.height_px // 2)
    nearest: dict[tuple[Role, str], Element] = {}
    for one in sorted(screen.elements, key=lambda one: _distance(one.bounds.center, middle)):
        is_first = nearest.setdefault((one.role, one.text), one) is one
        if not is_first and not one.is_actionable and one.checked is None:
            dropped.add(one.number)
    return frozenset(dropped)


def _distance(one: Point, other: Point) -> int:
    return abs(one.x - other.x) + abs(one.y - other.y)


def _most_useful(screen: Screen, lines: Mapping[int, str], budget_tokens: int) -> dict[int, str]:
    kept: set[int] = set()
    spent = 0.0
    for element in sorted(screen.elements, key=_usefulness):
        cost = _line_tokens(lines[element.number]) if element.number in lines else budget_tokens + 1
        if spent + cost <= budget_tokens:
            spent += cost
            kept.add(element.number)
    return {number: line for number, line in lines.items() if number in kept}


def _usefulness(element: Element) -> int:
    """0 is kept longest."""
    if element.focused or element.role is Role.INPUT:
        return 0
    if element.is_actionable and (element.text or element.icon or element.role is Role.LIST):
        return 1
    return 2 if element.text else 3
