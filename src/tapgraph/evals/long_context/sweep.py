"""Every system at several budgets: which, and the picture of what came of it."""

from collections.abc import Mapping, Sequence
from statistics import fmean
from xml.sax.saxutils import escape

from tapgraph.errors import UsageError
from tapgraph.evals.long_context.budgets import DEFAULT_SHARES
from tapgraph.evals.long_context.evaluate import Score

__all__ = ["draw_sweep", "swept"]

_COLOURS = (
    *("#1f77b4", "#d62728", "#2ca02c", "#ff7f0e", "#9467bd", "#8c564b", "#e377c2", "#7f7f7f"),
    *("#bcbd22", "#17becf", "#000000", "#5254a3", "#8ca252", "#843c39", "#7b4173", "#bd9e39"),
)
_WIDTH, _HEIGHT, _LEFT, _TOP, _LEGEND = 380, 260, 54, 30, 170
_AXES = {"KV bytes, % of dense": "kv_bytes", "tokens read in the last step, % of dense": "read"}


def swept(specs: Sequence[str]) -> tuple[str, ...]:
    """Each plain name at all budgets of a comparison; what has a budget or options stays.

    Raises:
        UsageError: there is no such system.

    >>> swept(["snapkv", "hip?kept=64"])
    ('snapkv@0.03125', 'snapkv@0.125', 'snapkv@0.5', 'hip?kept=64')
    """
    found: list[str] = []
    for spec in specs:
        if "@" in spec or "?" in spec or spec == "dense":
            found.append(spec)
        elif spec in DEFAULT_SHARES:
            found += [f"{spec}@{share:g}" for share in DEFAULT_SHARES[spec]]
        else:
            raise UsageError(f"no system is called {spec!r}; there are {', '.join(DEFAULT_SHARES)}")
    return tuple(found)


def draw_sweep(scores: Sequence[Score]) -> str:
    """An SVG picture: mean score over tasks and lengths against memory, and against reading."""
    dense = {(one.task, one.length): one for one in scores if one.system == "dense"}
    lines: dict[str, dict[str, list[Score]]] = {}
    for one in scores:
        name = one.system.partition("@")[0]
        lines.setdefault(name, {}).setdefault(one.system, []).append(one)
    parts = [
        part
        for number, (axis, field) in enumerate(_AXES.items())
        for part in _panel(axis, field, lines, dense, number * (_WIDTH + _LEFT))
    ]
    right = 2 * (_WIDTH + _LEFT) + 20
    for number, name in enumerate(lines):
        y = _TOP + 16 * number
        parts += [
            f'<rect x="{right}" y="{y}" width="10" height="10" fill="{_colour(number)}"/>',
            f'<text x="{right + 16}" y="{y + 9}">{escape(name)}</text>',
        ]
    width, height = right + _LEGEND, max(_HEIGHT + _TOP + 50, _TOP + 16 * len(lines) + 20)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="#fff"/>'
        + "".join(parts)
        + "</svg>\n"
    )


def _panel(
    axis: str,
    field: str,
    lines: Mapping[str, Mapping[str, Sequence[Score]]],
    dense: Mapping[tuple[str, int], Score],
    left: int,
) -> list[str]:
    x0, bottom = left + _LEFT, _TOP + _HEIGHT
    parts = [
        f'<path d="M{x0} {_TOP}V{bottom}H{x0 + _WIDTH}" fill="none" stroke="#444"/>',
        f'<text x="{x0 + _WIDTH / 2}" y="{bottom + 34}" text-anchor="middle">{escape(axis)}</text>',
        f'<text x="{x0}" y="{_TOP - 10}">score, %</text>',
    ]
    for percent in (0, 25, 50, 75, 100):
        x, y = x0 + _WIDTH * percent / 100, bottom - _HEIGHT * percent / 100
        parts += [
            f'<text x="{x0 - 6}" y="{y + 4}" text-anchor="end">{percent}</text>',
            f'<text x="{x}" y="{bottom + 16}" text-anchor="middle">{percent}</text>',
        ]
    for number, budgets in enumerate(lines.values()):
        points = sorted(_point(of_budget, field, dense) for of_budget in budgets.values())
        places = [
            # What costs more than dense attention stands at the edge.
            (x0 + _WIDTH * min(1.0, share), bottom - _HEIGHT * score)
            for share, score in points
        ]
        drawn = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        colour = _colour(number)
        parts.append(f'<polyline points="{drawn}" fill="none" stroke="{colour}"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in places]
    return parts


def _point(
    scores: Sequence[Score], field: str, dense: Mapping[tuple[str, int], Score]
) -> tuple[float, float]:
    """Its share of dense attention's cost, and its score; means over tasks and lengths."""
    costs = [
        getattr(one, field) / max(1.0, getattr(dense[one.task, one.length], field))
        for one in scores
    ]
    return fmean(costs), fmean(one.score.value or 0.0 for one in scores)


def _colour(number: int) -> str:
    return _COLOURS[number % len(_COLOURS)]
