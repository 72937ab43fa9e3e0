"""What a person's fingers mean: taps, long presses and swipes out of pointer actions."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from tapgraph.tools.mobile.geometry import Point, Size
from tapgraph.tools.mobile.simulator.phone import Phone
from tapgraph.tools.mobile.simulator.server.input_sources import (
    InputSource,
    KeyItem,
    PauseItem,
    PointerItem,
    PointerState,
)
from tapgraph.tools.mobile.simulator.server.protocol_error import ProtocolError

__all__ = ["LONG_PRESS_MS", "FingerTrace", "KeyStroke", "play_events", "read_traces"]

LONG_PRESS_MS = 500
"""From here on a touch is a long press, as `ViewConfiguration.getLongPressTimeout` has it."""
_DOUBLE_TAP_MS = 300
_TOUCH_SLOP_PX = 21
_DOUBLE_TAP_SLOP_PX = 262


@dataclass(frozen=True, slots=True)
class FingerTrace:
    """A finger between touching the screen and leaving it.

    Attributes:
        strays: whether it moved further than a trembling finger does.
    """

    down: Point
    up: Point
    from_ms: float
    until_ms: float
    strays: bool

    @property
    def is_tap(self) -> bool:
        """Whether it was short and stayed in its place."""
        return not self.strays and self.until_ms - self.from_ms < LONG_PRESS_MS

    def overlaps(self, other: "FingerTrace") -> bool:
        """Whether both fingers touched the screen at the same moment."""
        return self.from_ms < other.until_ms and other.from_ms < self.until_ms


@dataclass(frozen=True, slots=True)
class KeyStroke:
    """A key that went down."""

    value: str


Event: TypeAlias = FingerTrace | KeyStroke


class _Recorder:
    def __init__(
        self,
        pointers: dict[str, PointerState],
        size: Size,
        element_center: Callable[[object], Point],
    ) -> None:
        self._pointers = pointers
        self._size = size
        self._element_center = element_center
        self._now_ms = 0.0
        self.events: list[Event] = []

    def tick(self, items: Sequence[tuple[str, PointerItem | KeyItem | PauseItem]]) -> None:
        """All sources do their next item; the longest one says how long the tick takes."""
        for source_id, item in items:
            if isinstance(item, KeyItem) and item.kind == "keyDown":
                self.events.append(KeyStroke(item.value))
            elif isinstance(item, PointerItem):
                self._move(self._pointers.setdefault(source_id, PointerState()), item)
        duration_ms = max((item.duration_ms for _, item in items), default=0.0)
        self._now_ms += duration_ms
        for state in self._pointers.values():
            state.down_since_ms += duration_ms

    def _move(self, state: PointerState, item: PointerItem) -> None:
        if item.kind == "pointerMove":
            state.position = self._target(state, item)
            if state.down_at is not None and _distance(state.down_at, state.position) > (
                _TOUCH_SLOP_PX
            ):
                state.has_moved = True
        elif item.kind == "pointerDown":
            state.down_at = state.position
            state.down_since_ms = 0.0
            state.has_moved = False
        else:
            if item.kind == "pointerUp" and state.down_at is not None:
                self.events.append(
                    FingerTrace(
                        down=state.down_at,
                        up=state.position,
                        from_ms=self._now_ms - state.down_since_ms,
                        until_ms=self._now_ms,
                        strays=state.has_moved,
                    )
                )
            state.down_at = None

    def _target(self, state: PointerState, item: PointerItem) -> Point:
        if item.origin == "viewport":
            origin = Point(0, 0)
        elif item.origin == "pointer":
            origin = state.position
        else:
            origin = self._element_center(item.origin)
        target = Point(origin.x + item.x, origin.y + item.y)
        if not (0 <= target.x < self._size.width_px and 0 <= target.y < self._size.height_px):
            raise ProtocolError(
                "move target out of bounds",
                f"({target.x}, {target.y}) is outside of the screen of "
                f"{self._size.width_px}x{self._size.height_px} pixels",
            )
        return target


def read_traces(
    sources: Sequence[InputSource],
    pointers: dict[str, PointerState],
    size: Size,
    element_center: Callable[[object], Point],
) -> list[Event]:
    """What the fingers and keys do, in the order in which it ends.

    `pointers` holds the fingers that are down from earlier commands, and is brought up to date.

    Raises:
        ProtocolError: a finger leaves the screen, or an origin is no element.
    """
    recorder = _Recorder(pointers, size, element_center)
    for tick in range(max((len(source.items) for source in sources), default=0)):
        recorder.tick([
            (source.id, source.items[tick]) for source in sources if tick < len(source.items)
        ])
    return recorder.events


def play_events(events: Sequence[Event], phone: Phone, key_codes: Mapping[str, int]) -> None:
    """Do on the phone what the events mean.

    Nothing on the simulated phone zooms: fingers that move at the same time do what the first of
    them does where they go the same way, and nothing where they do not.

    Raises:
        ProtocolError: `unsupported operation` for special keys that a phone does not have.
    """
    events = _without_pinches(events)
    position = 0
    while position < len(events):
        position += _play_next(events[position:], phone, key_codes)


def _without_pinches(events: Sequence[Event]) -> Sequence[Event]:
    dropped: set[int] = set()
    traces = [event for event in events if isinstance(event, FingerTrace)]
    for place, first in enumerate(traces):
        for second in traces[place + 1 :]:
            if not first.overlaps(second) or not (first.strays or second.strays):
                continue
            dropped.add(id(second))
            if not _go_the_same_way(first, second):
                dropped.add(id(first))
    return [event for event in events if id(event) not in dropped]


def _go_the_same_way(one: FingerTrace, other: FingerTrace) -> bool:
    across = (one.up.x - one.down.x) * (other.up.x - other.down.x)
    down = (one.up.y - one.down.y) * (other.up.y - other.down.y)
    return across + down > 0


def _play_next(events: Sequence[Event], phone: Phone, key_codes: Mapping[str, int]) -> int:
    first = events[0]
    if isinstance(first, KeyStroke):
        return _play_keys(events, phone, key_codes)
    if first.strays:
        phone.swipe(first.down.x, first.down.y, first.up.x, first.up.y)
    elif not first.is_tap:
        phone.long_press(first.down.x, first.down.y)
    elif len(events) > 1 and _is_second_tap(first, events[1]):
        phone.double_tap(first.down.x, first.down.y)
        return 2
    else:
        phone.tap(first.down.x, first.down.y)
    return 1


def _play_keys(events: Sequence[Event], phone: Phone, key_codes: Mapping[str, int]) -> int:
    typed: list[str] = []
    for event in events:
        if not isinstance(event, KeyStroke) or event.value in key_codes:
            break
        if "\ue000" <= event.value <= "\uf8ff":
            raise ProtocolError(
                "unsupported operation", f"a phone has no key U+{ord(event.value):04X}"
            )
        typed.append(event.value)
    if typed:
        phone.type_text("".join(typed))
        return len(typed)
    first = events[0]
    if isinstance(first, KeyStroke):
        phone.press_key(key_codes[first.value])
    return 1


def _is_second_tap(first: FingerTrace, second: Event) -> bool:
    return (
        isinstance(second, FingerTrace)
        and second.is_tap
        and 0 <= second.from_ms - first.until_ms <= _DOUBLE_TAP_MS
        and _distance(first.down, second.down) <= _DOUBLE_TAP_SLOP_PX
    )


def _distance(one: Point, other: Point) -> float:
    return float(((one.x - other.x) ** 2 + (one.y - other.y) ** 2) ** 0.5)
