"""The curves of `rhythm_policy.py` as an SVG picture: every seed, unsmoothed."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from xml.sax.saxutils import escape

__all__ = ["draw_curves"]

_RULES: Final = {
    "plain": ("plain GRPO", "#444444"),
    "local": ("local chunk", "#1f77b4"),
    "global": ("global anchor", "#d62728"),
    "coupled": ("coupled", "#9467bd"),
    "random": ("random 40 %", "#2ca02c"),
    "entropy": ("entropy top 40 %", "#ff7f0e"),
    "uniform": ("all tokens x 1.2", "#8c564b"),
}
_WIDTH, _HEIGHT, _GAP, _LEFT, _TOP, _COLUMNS = 205, 130, 34, 44, 40, 4


def draw_curves(found: Mapping[str, Any]) -> str:
    """One panel a rule; the grey lines behind are all seeds of plain GRPO."""
    runs: Sequence[Mapping[str, Any]] = found["runs"]
    values = [value for run in runs for _, value in run["curve"]]
    low, high = (round(10 * edge) / 10 for edge in (min(values) - 0.05, max(values) + 0.05))
    rows = -(-len(_RULES) // _COLUMNS)
    width = _LEFT + _COLUMNS * (_WIDTH + _GAP)
    height = _TOP + rows * (_HEIGHT + 60) + 6
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        'font-family="system-ui, sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
    ]
    plain = [run["curve"] for run in runs if run["rule"] == "plain"]
    for place, (rule, (title, colour)) in enumerate(_RULES.items()):
        left = _LEFT + (place % _COLUMNS) * (_WIDTH + _GAP)
        top = _TOP + (place // _COLUMNS) * (_HEIGHT + 60)
        own = [run["curve"] for run in runs if run["rule"] == rule]
        parts += _panel(left, top, title, (low, high), found["size"]["steps"])
        for curves, ink, thick in ((plain, "#c4c4c4", 1.2), (own, colour, 1.8)):
            parts += [_line(curve, ink, thick, (left, top), (low, high)) for curve in curves]
    note = (
        f"solved of {found['size_of_test']} questions that training never asks, one sampled reply "
        "each, %; every line is a seed; grey: plain GRPO"
    )
    parts.append(f'<text x="{_LEFT}" y="16" fill="#555555">{escape(note)}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(left: int, top: int, title: str, ends: tuple[float, float], steps: int) -> list[str]:
    parts = [f'<text x="{left}" y="{top - 6}" font-weight="bold">{escape(title)}</text>']
    for share in (0, 0.5, 1):
        y = top + _HEIGHT * (1 - share)
        value = 100 * (ends[0] + share * (ends[1] - ends[0]))
        parts.append(
            f'<line x1="{left}" y1="{y}" x2="{left + _WIDTH}" y2="{y}" stroke="#e4e4e4"/>'
            f'<text x="{left - 5}" y="{y + 4}" text-anchor="end" fill="#555555">{value:.0f}</text>'
        )
    for share in (0, 0.5, 1):
        x = left + _WIDTH * share
        parts.append(
            f'<text x="{x}" y="{top + _HEIGHT + 17}" text-anchor="middle" fill="#555555">'
            f"{round(share * steps)}</text>"
        )
    parts.append(
        f'<text x="{left + _WIDTH / 2}" y="{top + _HEIGHT + 32}" text-anchor="middle" '
        'fill="#555555">steps</text>'
    )
    return parts


def _line(
    curve: Sequence[Sequence[float]],
    colour: str,
    thick: float,
    corner: tuple[int, int],
    ends: tuple[float, float],
) -> str:
    last = max(1, curve[-1][0])
    points = " ".join(
        f"{corner[0] + _WIDTH * step / last:.1f},"
        f"{corner[1] + _HEIGHT * (1 - (value - ends[0]) / (ends[1] - ends[0])):.1f}"
        for step, value in curve
    )
    return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="{thick}"/>'
