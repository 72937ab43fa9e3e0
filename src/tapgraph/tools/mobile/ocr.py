"""Text read from a picture of a screen, and its union with what the view hierarchy says."""

import dataclasses
import functools
import re
import threading
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PIL import Image

from tapgraph.errors import ExtraMissing
from tapgraph.tools.mobile.geometry import Bounds
from tapgraph.tools.mobile.screen import Element, Role, numbered

if TYPE_CHECKING:
    from rapidocr import RapidOCR

__all__ = ["OcrLine", "join_lines", "merge", "read_text", "says", "says_same"]

_LEAST_CONFIDENCE = 0.6
_LEAST_CONFIDENCE_OF_ONE = 0.95
_ONE_AT_A_TIME = threading.Lock()
"""Reading one screen takes 700 MiB, and one that nobody waits for any more may still be read."""


@dataclass(frozen=True, slots=True)
class OcrLine:
    """A line of text, or a paragraph of joined lines.

    Attributes:
        text: what was read; lines of a paragraph are joined by blanks.
        bounds: in pixels of the whole picture.
        confidence: 0 to 1, of a paragraph the least.
    """

    text: str
    bounds: Bounds
    confidence: float


def read_text(image: Image.Image, region: Bounds | None = None) -> tuple[OcrLine, ...]:
    """The lines of text in the picture, or in one region of it, from top to bottom.

    A whole screen takes seconds on two cores, a region a part of that. Nothing is downloaded. Left
    out are lines without a letter or digit, and those read with a confidence under 0.6, or 0.95 for
    a single character, which mostly is an icon.

    Raises:
        ExtraMissing: the extra `ocr` is not installed.
    """
    frame = Bounds(0, 0, image.width, image.height)
    area = frame if region is None else region.intersection(frame)
    if area.is_empty:
        return ()
    crop = image.crop((area.left, area.top, area.right, area.bottom)).convert("RGB")
    with _ONE_AT_A_TIME:
        found: Any = _engine()(crop, use_cls=False)
    if found.boxes is None or found.txts is None or found.scores is None:
        return ()
    lines = [
        OcrLine(
            text=text.strip(),
            bounds=Bounds(
                area.left + int(min(x for x, _ in corners)),
                area.top + int(min(y for _, y in corners)),
                area.left + round(max(x for x, _ in corners)),
                area.top + round(max(y for _, y in corners)),
            ).intersection(frame),
            confidence=float(score),
        )
        for corners, text, score in zip(found.boxes.tolist(), found.txts, found.scores, strict=True)
        if score >= (_LEAST_CONFIDENCE if len(text.strip()) > 1 else _LEAST_CONFIDENCE_OF_ONE)
        and _letters(text)
    ]
    return tuple(sorted(lines, key=lambda line: (line.bounds.top, line.bounds.left)))


def join_lines(lines: Iterable[OcrLine]) -> tuple[OcrLine, ...]:
    """The lines with those of one paragraph joined.

    A line continues the one above when both are of about the same height (a quarter more at most),
    the gap between them is under 0.6 of the lower height, and they begin or are centred within half
    a height of each other. All limits are relative to the size of the text, where Mobile-Agent-E
    has 45, 30 and 20 pixels whatever the screen.
    """
    paragraphs: list[list[OcrLine]] = []
    for line in sorted(lines, key=lambda one: (one.bounds.top, one.bounds.left)):
        above = [one for one in paragraphs if _continues(one[-1].bounds, line.bounds)]
        if above:
            max(above, key=lambda one: one[-1].bounds.bottom).append(line)
        else:
            paragraphs.append([line])
    return tuple(
        OcrLine(
            text=" ".join(line.text for line in paragraph),
            bounds=functools.reduce(Bounds.union, (line.bounds for line in paragraph)),
            confidence=min(line.confidence for line in paragraph),
        )
        for paragraph in paragraphs
    )


def merge(elements: Sequence[Element], lines: Iterable[OcrLine]) -> tuple[Element, ...]:
    """The elements of a hierarchy together with the text read from the picture, numbered anew.

    A line belongs to the element that it overlaps and that says the same, or to several that say it
    together; their source is then `both`. Lines on an element without text, of which the line
    covers a twentieth at least, become its text. All other lines are joined to paragraphs and added
    with the source `ocr`.

    To overlap means to share three fifths of the smaller of both areas: lines are read with some
    pixels around them. To say the same means to contain the line's letters and digits, or nine
    tenths of their pairs: reading confuses single letters.
    """
    merged = list(elements)
    read: dict[int, list[str]] = {}
    others: list[OcrLine] = []
    for line in lines:
        around = [place for place, one in enumerate(merged) if _overlap(one.bounds, line.bounds)]
        around.sort(key=lambda place: merged[place].bounds.area)
        same = _saying_the_same(merged, around, line)
        if same:
            for place in same:
                merged[place] = dataclasses.replace(merged[place], source="both")
        elif around and _lacks_text(merged[around[0]], line):
            read.setdefault(around[0], []).append(line.text)
        else:
            others.append(line)
    for place, texts in read.items():
        merged[place] = dataclasses.replace(merged[place], text=" ".join(texts), source="both")
    added = [
        Element(0, line.bounds, line.text, Role.TEXT, source="ocr") for line in join_lines(others)
    ]
    return numbered([*merged, *added])


def _overlap(one: Bounds, other: Bounds) -> bool:
    common = one.intersection(other).area
    return common > 0 and common >= 0.6 * min(one.area, other.area)


def _saying_the_same(
    elements: Sequence[Element], around: Sequence[int], line: OcrLine
) -> Sequence[int]:
    """Places of the smallest element that says the line, or of several that say it together."""
    for place in around:
        if says(elements[place].text, line.text):
            return [place]
    parts = [place for place in around if says(line.text, elements[place].text)]
    parts.sort(key=lambda place: elements[place].bounds.left)
    together = "".join(elements[place].text for place in parts)
    return parts if says(together, line.text) else []


def _lacks_text(element: Element, line: OcrLine) -> bool:
    area = element.bounds.area
    return not element.text and not element.scrollable and line.bounds.area * 20 >= area


@functools.cache
def _engine() -> "RapidOCR":
    try:
        from rapidocr import RapidOCR  # noqa: PLC0415 - optional, and takes a second to import
    except ImportError as error:
        raise ExtraMissing("ocr", "reading text from pictures") from error
    return RapidOCR(params={"Global.log_level": "critical"})


def _continues(above: Bounds, below: Bounds) -> bool:
    low = min(above.height, below.height)
    high = max(above.height, below.height)
    gap = below.top - above.bottom
    starts = abs(above.left - below.left)
    middles = abs(above.center.x - below.center.x)
    return (
        high <= 1.25 * low and -0.3 * low <= gap <= 0.6 * low and min(starts, middles) <= 0.5 * low
    )


def says_same(one: str, other: str) -> bool:
    """Whether each text says the other, so that they are one as far as reading can tell."""
    return says(one, other) and says(other, one)


def says(text: str, line: str) -> bool:
    """Whether the text has the line's letters and digits in it, or nine tenths of their pairs.

    Reading confuses single letters. A line without any is said by none.
    """
    whole, part = _letters(text), _letters(line)
    if not part:
        return False
    if part in whole:
        return True
    pairs = [part[place : place + 2] for place in range(len(part) - 1)]
    return len(part) >= 4 and sum(pair in whole for pair in pairs) >= 0.9 * len(pairs)


def _letters(text: str) -> str:
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", text)).casefold()
