"""How a reply was built, as one page: its tokens in colours, and the two curves of its rhythm."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self
from xml.sax.saxutils import escape

from markupsafe import Markup

from tapgraph.evals.report.page import write_page
from tapgraph.llm_backend.training.reply_rhythm import ReplyRhythm, RhythmToken
from tapgraph.tools.visible_text import visible_text

__all__ = ["rhythm_svg", "write_rhythm_report"]

_LEVELS = 6
_TOKEN_PX, _CURVE_PX, _LEFT, _GAP = 7, 90, 46, 46
_LABELLED = 12
"""So many of the highest peaks of a curve are named by their words."""


@dataclass(frozen=True, slots=True)
class _Shown:
    """A token as the page draws it; levels from 0 to 5."""

    text: str
    style: str
    about: str


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Neighbouring tokens that are all of a reply, or all not."""

    is_reply: bool
    tokens: list[_Shown]


def write_rhythm_report(place: Path, rhythm: ReplyRhythm, *, title: str, about: str) -> Path:
    """Write the page and return its path.

    Args:
        place: the file.
        rhythm: what to draw.
        title: what the reply is of.
        about: a sentence on where the text came from and who read it.
    """
    reply = rhythm.reply
    return write_page(
        place,
        "rhythm_report.html.j2",
        styles=("report.css", "rhythm_report.css"),
        title=title,
        about=about,
        rhythm=rhythm,
        preplans=sum(token.is_preplan for token in reply),
        anchors=sum(token.is_anchor for token in reply),
        stretches=_stretches(rhythm.tokens),
        curves=Markup(rhythm_svg(rhythm)),
        levels=range(_LEVELS),
    )


def _stretches(tokens: Sequence[RhythmToken]) -> list[_Stretch]:
    reply = [token for token in tokens if token.is_reply]
    waad = _Range.of([token.waad for token in reply])
    fai = _Range.of([token.fai for token in reply])
    stretches: list[_Stretch] = []
    for token in tokens:
        if not stretches or stretches[-1].is_reply != token.is_reply:
            stretches.append(_Stretch(token.is_reply, []))
        style = ""
        if token.is_reply:
            marks = (
                f"{' preplan' if token.is_preplan else ''}{' anchor' if token.is_anchor else ''}"
            )
            style = f"w{waad.level(token.waad)} f{fai.level(token.fai)}{marks}"
        about = f"WAAD {token.waad:.2f}, FAI {token.fai:.4f}"
        stretches[-1].tokens.append(_Shown(token.text, style, about))
    for stretch in stretches:
        # A block begins a line by itself.
        first = stretch.tokens[0]
        stretch.tokens[0] = replace(first, text=first.text.lstrip("\n"))
    return stretches


@dataclass(frozen=True, slots=True)
class _Range:
    """The lowest and the highest value of a curve."""

    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        return cls(min(values), max(values))

    def share(self, value: float) -> float:
        """Where a value lies between them, 0..1."""
        return (value - self.low) / ((self.high - self.low) or 1.0)

    def level(self, value: float) -> int:
        """The same in whole steps from 0."""
        return min(_LEVELS - 1, int(self.share(value) * _LEVELS))


def rhythm_svg(rhythm: ReplyRhythm) -> str:
    """WAAD and FAI over the tokens of the reply; peaks are dots that name their token."""
    reply = rhythm.reply
    width = _LEFT + _TOKEN_PX * max(len(reply), 60) + 20
    height = 2 * (_CURVE_PX + _GAP) + 14
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img" font-family="system-ui, sans-serif" '
        'font-size="11"><title>WAAD and FAI over the tokens of the reply</title>'
    ]
    waad = [token.waad for token in reply]
    fai = [token.fai for token in reply]
    preplan = [place for place, token in enumerate(reply) if token.is_preplan]
    anchors = [place for place, token in enumerate(reply) if token.is_anchor]
    parts += _curve(waad, preplan, reply, "WAAD: how far back a token looks", "waad", _GAP - 20)
    top = _CURVE_PX + 2 * _GAP - 20
    parts += _curve(fai, anchors, reply, "FAI: how much later tokens read it", "fai", top)
    return "".join([*parts, "</svg>"])


def _curve(
    values: Sequence[float],
    high: Sequence[int],
    reply: Sequence[RhythmToken],
    title: str,
    kind: str,
    top: int,
) -> list[str]:
    ends = _Range.of(values)
    bottom = top + _CURVE_PX

    def x(place: int) -> int:
        return _LEFT + _TOKEN_PX * place

    def y(value: float) -> float:
        return bottom - _CURVE_PX * ends.share(value)

    points = " ".join(f"{x(place)},{y(value):.1f}" for place, value in enumerate(values))
    right = x(len(values) - 1)
    parts = [
        f'<text class="name" x="{_LEFT}" y="{top - 12}">{escape(title)}</text>',
        *(
            f'<text class="tick" x="{_LEFT - 6}" y="{y(end) + 4}" text-anchor="end">'
            f"{end:.3g}</text>"
            for end in (ends.low, ends.high)
        ),
        f'<line class="axis" x1="{_LEFT}" y1="{bottom}" x2="{right}" y2="{bottom}"/>',
        f'<polyline class="{kind}" points="{points}"/>',
    ]
    named = sorted(high, key=lambda place: -values[place])[:_LABELLED]
    free = 0
    for place in high:
        word = visible_text(reply[place].text).strip()[:24]
        about = f"<title>{escape(word)} {values[place]:.4g}</title>"
        parts.append(
            f'<circle class="{kind}" cx="{x(place)}" cy="{y(values[place]):.1f}" r="3">'
            f"{about}</circle>"
        )
        if place in named and word and x(place) >= free:
            parts.append(
                f'<text class="word" x="{x(place)}" y="{bottom + 13}">{escape(word)}</text>'
            )
            free = x(place) + 7 * len(word) + 8
    return parts
