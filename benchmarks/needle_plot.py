"""The table of `needle.py` as an SVG picture."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

__all__ = ["draw_plot"]

_COLOURS = {
    "sink_window": "#7f7f7f",
    "duo": "#1f77b4",
    "duo (random heads)": "#1f77b4",
    "razor": "#d62728",
    "razor (random heads)": "#d62728",
    "recycled": "#9467bd",
    "token_select": "#2ca02c",
    "hip": "#ff7f0e",
    "dhsa": "#8c564b",
    "landmark (untrained)": "#e377c2",
    "triangle_mix": "#17becf",
    "xattention": "#bcbd22",
    "sale": "#000000",
}
_PREFILL_ONLY = ("sale", "triangle_mix", "xattention")
_PANEL, _HEIGHT, _TOP, _LEFT, _GAP, _LEGEND = 270, 250, 46, 52, 40, 190
_LEAST = 1 / 64


@dataclass(frozen=True)
class _Panel:
    title: str
    axis: str
    field: str
    left: int
    systems: Sequence[str]
    most: int

    def x(self, share: float) -> float:
        """Shares from 1/64 to `most` on a logarithmic axis."""
        place = math.log2(max(share, _LEAST) / _LEAST) / math.log2(self.most / _LEAST)
        return self.left + _PANEL * place

    def y(self, recall: float) -> float:
        return _TOP + _HEIGHT * (1 - recall)


def draw_plot(found: Mapping[str, Any]) -> str:
    """The SVG text for what `needle.py` found."""
    rows: Sequence[Mapping[str, Any]] = found["rows"]
    names = [name for name in _COLOURS if any(row["system"] == name for row in rows)]
    decoding = [name for name in names if name not in _PREFILL_ONLY]
    prefill = [name for name in names if name in _PREFILL_ONLY]
    small = [
        name
        for name in decoding
        if any(row["kv_share"] < 0.95 for row in rows if row["system"] == name)
    ]
    step = _PANEL + _GAP
    panels = (
        _Panel("Memory", "KV bytes kept, share of dense", "kv_share", _LEFT, small, 1),
        _Panel(
            "Decode",
            "tokens read in a step, share of context",
            "read_share",
            _LEFT + step,
            decoding,
            4,
        ),
        _Panel(
            "Prefill",
            "tokens read by a query, share of context",
            "prompt_read_share",
            _LEFT + 2 * step,
            prefill,
            2,
        ),
    )
    width = _LEFT + 3 * step + _LEGEND
    height = _TOP + _HEIGHT + 62
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        'font-family="system-ui, sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
    ]
    for panel in panels:
        parts += _axes(panel, is_first=panel is panels[0])
        parts += _dense(panel, rows)
        for name in panel.systems:
            parts += _line(panel, [row for row in rows if row["system"] == name], name)
    parts += _legend(_LEFT + 3 * step - 8, names)
    caption = (
        f"{found['prompts']} prompts a point ({', '.join(found['cells'])} tokens); "
        "bars are 95 % Wilson intervals, the dashed line is dense attention"
    )
    parts.append(_text(_LEFT, height - 8, caption, fill="#555555"))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _axes(panel: _Panel, *, is_first: bool) -> list[str]:
    right, bottom = panel.left + _PANEL, _TOP + _HEIGHT
    parts = [_text(panel.left, _TOP - 24, panel.title, weight="bold", size=14)]
    if is_first:
        parts.append(_text(panel.left - 40, _TOP - 8, "exact answers, %", fill="#555555"))
    for percent in (0, 25, 50, 75, 100):
        y = panel.y(percent / 100)
        parts.append(_stroke(panel.left, y, right, y, "#e4e4e4"))
        parts.append(_text(panel.left - 6, y + 4, f"{percent}", anchor="end", fill="#555555"))
    for power in range(-6, panel.most.bit_length()):
        x = panel.x(2.0**power)
        label = f"1/{2**-power}" if power < 0 else f"{2**power}"
        parts.append(_stroke(x, bottom, x, bottom + 4, "#888888"))
        parts.append(_text(x, bottom + 17, label, anchor="middle", fill="#555555"))
    parts.append(_text((panel.left + right) / 2, bottom + 34, panel.axis, anchor="middle"))
    return parts


def _dense(panel: _Panel, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    return [
        _stroke(
            panel.left,
            y := panel.y(row["recall"]["value"]),
            panel.left + _PANEL,
            y,
            "#444444",
            dash="5 4",
        )
        for row in rows
        if row["system"] == "dense"
    ]


def _line(panel: _Panel, rows: Sequence[Mapping[str, Any]], name: str) -> list[str]:
    colour, is_control = _COLOURS[name], "random" in name
    points = sorted((panel.x(row[panel.field]), row["recall"]) for row in rows)
    path = " ".join(f"{x:.1f},{panel.y(recall['value']):.1f}" for x, recall in points)
    dash = ' stroke-dasharray="2 3"' if is_control else ""
    parts = [f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.6"{dash}/>']
    for x, recall in points:
        low, high = panel.y(recall["low"]), panel.y(recall["high"])
        parts.append(_stroke(x, low, x, high, colour, opacity=0.45))
        filled = "#ffffff" if is_control else colour
        parts.append(
            f'<circle cx="{x:.1f}" cy="{panel.y(recall["value"]):.1f}" r="3.2" fill="{filled}" '
            f'stroke="{colour}"><title>{escape(name)}: {100 * recall["value"]:.0f} %</title>'
            "</circle>"
        )
    return parts


def _legend(left: float, names: Sequence[str]) -> list[str]:
    parts = []
    for index, name in enumerate(names):
        y = _TOP + 6 + 19 * index
        is_control = "random" in name
        dash = "2 3" if is_control else ""
        parts.append(_stroke(left, y, left + 22, y, _COLOURS[name], dash=dash, width=1.6))
        filled = "#ffffff" if is_control else _COLOURS[name]
        parts.append(
            f'<circle cx="{left + 11}" cy="{y}" r="3.2" fill="{filled}" stroke="{_COLOURS[name]}"/>'
        )
        parts.append(_text(left + 28, y + 4, name.replace("_", " ")))
    return parts


def _stroke(
    x1: float,
    y1: float,
    x2: float,
    y2: float,
    colour: str,
    **style: float | str,
) -> str:
    extra = "".join(
        f' {name}="{style[key]}"'
        for key, name in (
            ("dash", "stroke-dasharray"),
            ("opacity", "stroke-opacity"),
            ("width", "stroke-width"),
        )
        if style.get(key)
    )
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"{extra}/>'
    )


def _text(x: float, y: float, text: str, **style: float | str) -> str:
    extra = "".join(
        f' {name}="{style[key]}"'
        for key, name in (
            ("anchor", "text-anchor"),
            ("fill", "fill"),
            ("weight", "font-weight"),
            ("size", "font-size"),
        )
        if key in style
    )
    return f'<text x="{x:.1f}" y="{y:.1f}"{extra}>{escape(text)}</text>'
