"""SSS curves as an SVG: how many rubrics hold while runs go on."""

from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

from tapgraph.evals.metrics import fit, satisfaction_curve
from tapgraph.evals.trial import TrialRecord
from tapgraph.tools.visible_text import visible_text

__all__ = ["sss_svg"]

_WIDTH, _HEIGHT = 620, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 16, 14, 62
_COLOURS = ("#3157d5", "#a23b8f", "#0e8f86", "#b27b16")


def sss_svg(agents: Mapping[str, Sequence[TrialRecord]]) -> str:
    """One faint line for each run, a thick one through them for each agent.

    The horizontal axis is the share of a run's steps, the vertical one the share of rubrics that
    hold (Mobile-Agent-E, arXiv 2501.11733, Figure 5).
    """
    height = _HEIGHT - _BOTTOM - _TOP
    frame = f'x="{_LEFT}" y="{_TOP - 2}" width="{_WIDTH - _LEFT}" height="{height + 4}"'
    parts = [f'<clipPath id="frame"><rect {frame}/></clipPath>', _axes()]
    for number, (agent, records) in enumerate(agents.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        for record in records:
            points = " ".join(_point(x, y) for x, y in satisfaction_curve(record))
            parts.append(
                f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-opacity="0.18"/>'
            )
        line = fit(records)
        if line is not None:
            points = f"{_point(0, line.start)} {_point(1, line.end)}"
            parts.append(
                f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="3" '
                'clip-path="url(#frame)"/>'
            )
        parts.append(
            f'<text x="{_LEFT}" y="{_HEIGHT - 22 + 16 * number}" fill="{colour}" '
            f'font-weight="600">{escape(visible_text(agent)[:80])}</text>'
        )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        'font-family="system-ui, sans-serif" font-size="12">'
        "<title>Rubrics that hold over the course of a run</title>" + "".join(parts) + "</svg>\n"
    )


def _point(x: float, y: float) -> str:
    across = _LEFT + x * (_WIDTH - _LEFT - _RIGHT)
    return f"{across:.1f},{_HEIGHT - _BOTTOM - y * (_HEIGHT - _TOP - _BOTTOM):.1f}"


def _axes() -> str:
    lines = []
    for tenths in (0, 5, 10):
        x, y = _point(0, tenths / 10).split(",")
        lines.append(
            f'<line x1="{x}" y1="{y}" x2="{_WIDTH - _RIGHT}" y2="{y}" stroke="#8884"/>'
            f'<text x="{_LEFT - 8}" y="{float(y) + 4:.1f}" text-anchor="end" fill="#888">'
            f"{10 * tenths} %</text>"
        )
    words = (("start", _LEFT, "start"), ("end of the run", _WIDTH - _RIGHT, "end"))
    for word, x_px, anchor in words:
        lines.append(
            f'<text x="{x_px}" y="{_HEIGHT - _BOTTOM + 22}" text-anchor="{anchor}" fill="#888">'
            f"{word}</text>"
        )
    return "".join(lines)
