"""The `actions` of a `performActions` command, checked, tick by tick (section 15 of WebDriver)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

from tapgraph.tools.mobile.geometry import Point
from tapgraph.tools.mobile.simulator.server.parameters import Parameters
from tapgraph.tools.mobile.simulator.server.protocol_error import ProtocolError

__all__ = [
    "InputItem",
    "InputSource",
    "KeyItem",
    "PauseItem",
    "PointerItem",
    "PointerState",
    "parse_sources",
]

_MOST_ITEMS = 1_000
_LONGEST_MS = 60_000
_LONGEST_CHARACTER = 16
"""Code points: a family of emoji is one character of many."""
SourceKind: TypeAlias = Literal["pointer", "key", "none"]
KeyKind: TypeAlias = Literal["keyDown", "keyUp"]
PointerKind: TypeAlias = Literal["pointerDown", "pointerUp", "pointerMove", "pointerCancel"]
_SOURCE_KINDS: Mapping[str, SourceKind] = {kind: kind for kind in get_args(SourceKind)}
_KEY_KINDS: Mapping[str, KeyKind] = {kind: kind for kind in get_args(KeyKind)}
_POINTER_KINDS: Mapping[str, PointerKind] = {
    "pointerDown": "pointerDown",
    "pointerUp": "pointerUp",
    "pointerCancel": "pointerCancel",
}


@dataclass(frozen=True, slots=True)
class PauseItem:
    """Nothing happens for a while."""

    duration_ms: float


@dataclass(frozen=True, slots=True)
class PointerItem:
    """A finger is put down, lifted or moved; `origin` is `viewport`, `pointer` or an element."""

    kind: PointerKind
    duration_ms: float = 0.0
    x: int = 0
    y: int = 0
    origin: object = "viewport"


@dataclass(frozen=True, slots=True)
class KeyItem:
    """A key of a keyboard goes down or up."""

    kind: KeyKind
    value: str

    @property
    def duration_ms(self) -> float:
        """A key takes no time."""
        return 0.0


InputItem: TypeAlias = PauseItem | PointerItem | KeyItem


@dataclass(slots=True)
class PointerState:
    """Where a finger is between two commands: one input source of kind pointer.

    Attributes:
        position: where it is.
        down_at: where it was put down; None while it is up.
        down_since_ms: how long it has been down.
        has_moved: whether it was elsewhere since it was put down.
    """

    position: Point = field(default_factory=lambda: Point(0, 0))
    down_at: Point | None = None
    down_since_ms: float = 0.0
    has_moved: bool = False


@dataclass(frozen=True, slots=True)
class InputSource:
    """A finger or a keyboard, with one item for each tick."""

    id: str
    kind: SourceKind
    items: tuple[InputItem, ...]


def parse_sources(body: Parameters) -> Sequence[InputSource]:
    """The input sources of a command.

    Raises:
        ProtocolError: `invalid argument` for malformed actions, a wheel among them.
    """
    sources = [_source(one) for one in body.sequence("actions")]
    if sum(len(source.items) for source in sources) > _MOST_ITEMS:
        raise ProtocolError("invalid argument", f"more than {_MOST_ITEMS} actions in one command")
    if len({source.id for source in sources}) < len(sources):
        raise ProtocolError("invalid argument", "two input sources have the same id")
    return sources


def _source(raw: object) -> InputSource:
    source = _object(raw, "an input source")
    kind = _SOURCE_KINDS.get(source.text("type"))
    if kind is None:
        # UiAutomator2's server knows no wheel either.
        raise ProtocolError(
            "invalid argument",
            f"Input source type {source.text('type')!r:.200} is unknown; the phone has "
            f"{', '.join(_SOURCE_KINDS)}",
        )
    items = tuple(_item(_object(one, "an action"), kind) for one in source.sequence("actions"))
    return InputSource(source.text("id"), kind, items)


def _item(item: Parameters, kind: SourceKind) -> InputItem:
    subtype = item.text("type")
    if subtype == "pause":
        return PauseItem(_duration(item))
    if kind == "key" and subtype in _KEY_KINDS:
        value = item.text("value")
        if not 1 <= len(value) <= _LONGEST_CHARACTER:
            raise ProtocolError("invalid argument", f"a key is one character, got {value!r:.200}")
        return KeyItem(_KEY_KINDS[subtype], value)
    if kind == "pointer" and subtype == "pointerMove":
        x, y = round(item.number("x")), round(item.number("y"))
        return PointerItem("pointerMove", _duration(item), x, y, item.value("origin") or "viewport")
    if kind == "pointer" and subtype in _POINTER_KINDS:
        return PointerItem(_POINTER_KINDS[subtype])
    raise ProtocolError("invalid argument", f"a source of type {kind!r} has no action {subtype!r}")


def _duration(item: Parameters) -> float:
    duration_ms = item.number("duration", 0)
    if not 0 <= duration_ms <= _LONGEST_MS:
        raise ProtocolError(
            "invalid argument", f"'duration' must be from 0 to {_LONGEST_MS} ms, got {duration_ms}"
        )
    return duration_ms


def _object(raw: object, what: str) -> Parameters:
    if not isinstance(raw, dict):
        raise ProtocolError("invalid argument", f"{what} must be an object, got {raw!r:.200}")
    return Parameters(raw)
