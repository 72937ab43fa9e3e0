"""SSS curves as SVG and as PNG: how many rubrics hold while runs go on."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias
from xml.sax.saxutils import escape

from PIL import Image, ImageDraw, ImageFont

from tapgraph.evals.metrics import fit, satisfaction_curve
from tapgraph.evals.trial import TrialRecord
from tapgraph.tools.visible_text import visible_text

__all__ = ["sss_png", "sss_svg"]

_WIDTH, _HEIGHT = 620, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 16, 14, 62
_COLOURS = ("#3157d5", "#a23b8f", "#0e8f86", "#b27b16")
_GREY = "#888888"
_PNG_SCALE = 2

Agents: TypeAlias = Mapping[str, Sequence[TrialRecord]]


@dataclass(frozen=True, slots=True)
class _Stroke:
    points: Sequence[tuple[float, float]]
    colour: str
    opacity: float = 1.0
    width: int = 1


@dataclass(frozen=True, slots=True)
class _Word:
    text: str
    x: float
    y: float
    colour: str = _GREY
    anchor: str = "start"


def sss_svg(agents: Agents) -> str:
    """One faint line for each run, a thick one through them for each agent.

    The horizontal axis is the share of a run's steps, the vertical one the share of rubrics that
    hold (Mobile-Agent-E, arXiv 2501.11733, Figure 5).
    """
    parts = [_svg_line(stroke) for stroke in _strokes(agents)]
    parts += [
        f'<text x="{word.x}" y="{word.y:.1f}" text-anchor="{word.anchor}" fill="{word.colour}">'
        f"{escape(word.text)}</text>"
        for word in _words(agents)
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        'font-family="system-ui, sans-serif" font-size="12">'
        "<title>Rubrics that hold over the course of a run</title>" + "".join(parts) + "</svg>\n"
    )


def sss_png(agents: Agents) -> Image.Image:
    """The same as a picture on white, for papers and slides."""
    size = (_WIDTH * _PNG_SCALE, _HEIGHT * _PNG_SCALE)
    picture = Image.new("RGB", size, "white")
    for stroke in _strokes(agents):
        ink = Image.new("L", size, 0)
        points = [(x * _PNG_SCALE, y * _PNG_SCALE) for x, y in stroke.points]
        width = stroke.width * _PNG_SCALE
        ImageDraw.Draw(ink).line(points, fill=round(255 * stroke.opacity), width=width)
        picture.paste(stroke.colour, mask=ink)
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(12 * _PNG_SCALE)
    for word in _words(agents):
        place = (word.x * _PNG_SCALE, word.y * _PNG_SCALE)
        anchor = "rs" if word.anchor == "end" else "ls"
        draw.text(place, word.text, word.colour, font, anchor=anchor)
    return picture


def _strokes(agents: Agents) -> Iterator[_Stroke]:
    for tenths in (0, 5, 10):
        yield _Stroke([_point(0, tenths / 10), _point(1, tenths / 10)], _GREY, 0.3)
    for number, records in enumerate(agents.values()):
        colour = _COLOURS[number % len(_COLOURS)]
        for record in records:
            points = [_point(x, y) for x, y in satisfaction_curve(record)]
            if len(points) > 1:
                yield _Stroke(points, colour, 0.18)
        line = fit(records)
        if line is not None:
            ends = [_point(0, _within(line.start)), _point(1, _within(line.end))]
            yield _Stroke(ends, colour, width=3)


def _words(agents: Agents) -> Iterator[_Word]:
    for tenths in (0, 5, 10):
        _, y = _point(0, tenths / 10)
        yield _Word(f"{10 * tenths} %", _LEFT - 8, y + 4, anchor="end")
    yield _Word("start", _LEFT, _HEIGHT - _BOTTOM + 22)
    yield _Word("end of the run", _WIDTH - _RIGHT, _HEIGHT - _BOTTOM + 22, anchor="end")
    for number, agent in enumerate(agents):
        colour = _COLOURS[number % len(_COLOURS)]
        yield _Word(visible_text(agent)[:80], _LEFT, _HEIGHT - 22 + 16 * number, colour)


def _svg_line(stroke: _Stroke) -> str:
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in stroke.points)
    return (
        f'<polyline points="{points}" fill="none" stroke="{stroke.colour}" '
        f'stroke-opacity="{stroke.opacity}" stroke-width="{stroke.width}"/>'
    )


def _within(share: float) -> float:
    return min(1.0, max(0.0, share))


def _point(x: float, y: float) -> tuple[float, float]:
    across = _LEFT + x * (_WIDTH - _LEFT - _RIGHT)
    return across, _HEIGHT - _BOTTOM - y * (_HEIGHT - _TOP - _BOTTOM)
