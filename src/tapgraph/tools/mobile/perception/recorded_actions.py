"""What was done in a recording, in words: touches by what stands under them, and what was typed.

Only what is shown is told. Touches are known by the mark of "Show taps". One on something that has
neither words nor an icon that a small net knows has no name; then nothing is made of the recording.
All words come from pictures, and nobody vouches for them.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from PIL import Image
from torch import Tensor

from tapgraph.errors import UsageError
from tapgraph.tools.mobile import ocr
from tapgraph.tools.mobile.geometry import Bounds, Point
from tapgraph.tools.mobile.label_text import label_text
from tapgraph.tools.mobile.ocr import OcrLine, says, says_same
from tapgraph.tools.mobile.perception.recording import Recording, frame_features
from tapgraph.tools.mobile.perception.segmenter import ActionKind, Segment
from tapgraph.tools.mobile.perception.touch_mark import Touch, touch_from

__all__ = ["LONGEST_WORDS", "NameIcon", "RecordedAction", "RecordedDeed", "read_deed"]

LONGEST_WORDS = 80
"""Characters that are kept of what stands somewhere."""
NameIcon = Callable[[Image.Image], str]
"""From a crop to what icon it surely shows; empty where that is not sure."""

_STATUS_BAR_SHARE = 0.035
_NAVIGATION_SHARE = 0.95
"""Below it are a phone's own buttons."""
_ROW_SHARE = 0.03
_BENEATH_SHARE = 0.06
_ICON_SHARES = (0.09, 0.13)
"""Sides of the squares in which an icon is looked for, in screen widths."""
_LEAST_SHIFT = 0.5
"""Six rows of a small frame; less is no scroll."""
_LEAST_CHANGE = 0.1
_TOUCHES = frozenset({"tap", "open", "scroll"})
_CARET = "|"
"""As it is read at the end of what is being typed."""
_ROOM = 3
"""Frames before an action that are looked at whatever was found there."""


@dataclass(frozen=True, slots=True)
class RecordedAction:
    """One action, as far as pictures tell.

    Attributes:
        kind: what was done.
        words: what stands where it was touched; for `type` what was typed, if that can be read.
        index: which of the lines that say so, from 1 in reading order.
        equals: how many lines say so.
        place: of the finger, as shares of the screen's width and height.
        direction: the way of a finger that scrolls.
        replaces: whether what was typed stands in the place of words that were there before.
    """

    kind: ActionKind
    words: str = ""
    index: int = 1
    equals: int = 1
    place: tuple[float, float] | None = None
    direction: str = ""
    replaces: bool = False


@dataclass(frozen=True, slots=True)
class RecordedDeed:
    """A whole recording: its actions, and the lines on its first screen and on its last."""

    actions: tuple[RecordedAction, ...]
    begins: tuple[str, ...]
    ends: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Moment:
    """An action with the frame before it and its touch."""

    segment: Segment
    kind: ActionKind
    before: int
    touch: Touch | None
    direction: str = ""


def read_deed(
    recording: Recording,
    segments: Sequence[Segment],
    *,
    most: int,
    read_text: Callable[[Image.Image], Iterable[OcrLine]] = ocr.read_text,
    name_icon: NameIcon | None = None,
) -> RecordedDeed:
    """The actions of some segments by name.

    A screen is read before each action, and after the last; touches are looked for first, as
    reading takes seconds.

    Raises:
        UsageError: there is no action, there are more than `most`, or one cannot be named; the
            sentence says which and why.
        ExtraMissing: the extra `ocr` is not installed.
    """
    changing = [one for one in segments if _changes(recording.frames, one)]
    if not changing:
        raise UsageError("nobody acts in this recording, as far as can be seen")
    moments = _moments(recording.frames, changing)
    if len(moments) > most:
        raise UsageError(
            f"{len(moments)} actions were found in the recording, and {most} are the most: cut it"
        )
    stills = [one.before for one in moments] + [len(recording.frames) - 1]
    pictures = recording.pictures(stills)
    screens = [_lines(pictures[still], read_text) for still in stills]
    actions: list[RecordedAction] = []
    for number, moment in enumerate(moments):
        picture, lines = pictures[moment.before], screens[number]
        if moment.kind == "type":
            touched = actions[-1] if actions else None
            actions.append(_typed(lines, screens[number + 1], touched, picture))
            continue
        if moment.touch is None or moment.kind not in {"tap", "open"}:
            actions.append(RecordedAction(moment.kind, direction=moment.direction))
            continue
        named = _named(moment, picture, lines, name_icon)
        if named is None:
            where = f"({moment.touch.place[0]:.2f}, {moment.touch.place[1]:.2f})"
            raise UsageError(
                f"{_called(number, moment.kind)} is on something without words, at {where} of the "
                "screen"
            )
        actions.append(named)
    return RecordedDeed(
        tuple(actions), tuple(map(_text, screens[0])), tuple(map(_text, screens[-1]))
    )


def _changes(frames: Tensor, segment: Segment) -> bool:
    """Whether anything is another in its frames, or just before or after."""
    around = frames[max(0, segment.start - _ROOM) : segment.end + _ROOM]
    return float((around - around[:1]).abs().max()) > _LEAST_CHANGE


def _moments(frames: Tensor, segments: Sequence[Segment]) -> list[_Moment]:
    features = frame_features(frames)
    found: list[_Moment] = []
    since, last_touch = 0, -1
    for segment in segments:
        # An end that was not seen is told as the next beginning, which may be found too late.
        since = min(since, max(0, segment.start - _ROOM))
        touch = touch_from(frames, segment.start, since=since)
        if touch is not None and touch.frame <= last_touch:
            touch = None
        kind = _kind(segment.kind, touch)
        if touch is None and kind in _TOUCHES:
            # Where fingers are shown, what changes without one changes by itself.
            continue
        if kind == "type" and found and found[-1].kind == "type":
            continue
        direction = ""
        if kind == "scroll":
            direction = _direction(features[segment.start : segment.end + 1])
            # A page that comes in is taken for a scroll at times.
            kind = "scroll" if direction else "tap"
        begins = segment.start if touch is None else touch.frame
        last_touch = max(last_touch, -1 if touch is None else touch.frame)
        found.append(_Moment(segment, kind, max(since, begins - 1, 0), touch, direction))
        since = segment.end
    if not found:
        raise UsageError(
            f"of {len(segments)} actions none shows a finger: switch on 'Show taps' in the phone's "
            "developer options, and record it again"
        )
    return found


def _kind(kind: ActionKind, touch: Touch | None) -> ActionKind:
    """What is done for sure: where a finger is seen nobody types, or goes back but by a button."""
    if touch is None or kind not in {"type", "back"}:
        return kind
    return "back" if kind == "back" and touch.place[1] >= _NAVIGATION_SHARE else "tap"


def _direction(features: Tensor) -> str:
    """The way of the finger, by how rows of the frames shift; empty where they do not."""
    shift, explained = features[:, -3], features[:, -2]
    moved = float((shift * explained).sum())
    if abs(moved) < _LEAST_SHIFT:
        return ""
    return "up" if moved > 0 else "down"


def _called(number: int, kind: ActionKind) -> str:
    return f"action {number + 1} of the recording ({kind})"


def _lines(
    picture: Image.Image, read_text: Callable[[Image.Image], Iterable[OcrLine]]
) -> list[OcrLine]:
    """The lines of a screen but for its status bar."""
    top = _STATUS_BAR_SHARE * picture.height
    return [one for one in read_text(picture) if one.bounds.center.y >= top and _text(one)]


def _text(line: OcrLine) -> str:
    return label_text(line.text)[:LONGEST_WORDS].strip()


def _named(
    moment: _Moment,
    picture: Image.Image,
    lines: Sequence[OcrLine],
    name_icon: NameIcon | None,
) -> RecordedAction | None:
    if moment.touch is None:
        raise TypeError("only a touch is named by what is under it")
    across, down = moment.touch.place
    point = Point(int(across * picture.width), int(down * picture.height))
    line = _at(point, lines)
    if line is None and moment.kind == "open":
        # An app goes by its own name only.
        line = _beneath(point, lines, picture)
    elif line is None:
        squares = (_square(picture, point, share) for share in _ICON_SHARES)
        if name_icon is not None and (icon := next(filter(None, map(name_icon, squares)), "")):
            return RecordedAction(moment.kind, icon, place=moment.touch.place)
        line = _in_row(point, lines, picture) or _beneath(point, lines, picture)
    if line is None:
        return None
    alike = [one for one in lines if says_same(one.text, line.text)]
    return RecordedAction(
        moment.kind,
        _text(line),
        index=alike.index(line) + 1,
        equals=len(alike),
        place=moment.touch.place,
    )


def _at(point: Point, lines: Iterable[OcrLine]) -> OcrLine | None:
    around = [one for one in lines if one.bounds.contains(point)]
    return min(around, key=lambda one: one.bounds.area, default=None)


def _in_row(point: Point, lines: Iterable[OcrLine], picture: Image.Image) -> OcrLine | None:
    """The nearest line beside the point; of several about as near the upper one."""
    reach, step = _ROW_SHARE * picture.height, picture.width / 20

    def aside(bounds: Bounds) -> int:
        return round(max(0, bounds.left - point.x, point.x - bounds.right) / step)

    beside = [one for one in lines if abs(one.bounds.center.y - point.y) <= reach]
    return min(beside, key=lambda one: (aside(one.bounds), one.bounds.top), default=None)


def _beneath(point: Point, lines: Iterable[OcrLine], picture: Image.Image) -> OcrLine | None:
    """The label under an icon."""
    reach, aside = _BENEATH_SHARE * picture.height, picture.width / 20
    below = [
        one
        for one in lines
        if 0 <= one.bounds.top - point.y <= reach
        and one.bounds.left - aside <= point.x <= one.bounds.right + aside
    ]
    return min(below, key=lambda one: one.bounds.top, default=None)


def _square(picture: Image.Image, point: Point, share: float) -> Image.Image:
    half = round(share * picture.width / 2)
    return picture.crop((point.x - half, point.y - half, point.x + half, point.y + half))


def _typed(
    before: Sequence[OcrLine],
    after: Sequence[OcrLine],
    touched: RecordedAction | None,
    picture: Image.Image,
) -> RecordedAction:
    """The new line that is nearest to where was touched before; no words where nothing is new."""
    new = [one for one in after if not any(says_same(one.text, old.text) for old in before)]
    place = None if touched is None else touched.place
    height = 0.0 if place is None else place[1] * picture.height
    best = min(new, key=lambda one: abs(one.bounds.center.y - height), default=None)
    if best is None:
        return RecordedAction("type")
    is_there = abs(best.bounds.center.y - height) <= _ROW_SHARE * picture.height
    old = touched.words if touched is not None and is_there else ""
    replaces = bool(old) and not any(says(one.text, old) for one in after)
    return RecordedAction("type", _text(best).rstrip(_CARET), replaces=replaces)
