"""What choosers rely on as one page: a table for each, and the screens side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup
from PIL import Image, ImageDraw

from tapgraph.evals.feature_reliance.probe_screen import FEATURES, Menu, Probe, Slot, open_menu
from tapgraph.evals.feature_reliance.reliance import FeatureReliance, Reliance
from tapgraph.evals.report.page import write_page
from tapgraph.evals.report.pictures import data_uri
from tapgraph.evals.stats import Estimate
from tapgraph.tools.mobile.simulator.screen_of import screen_of

__all__ = ["percent", "reliance_rows", "write_reliance_page"]

_WIDTH_PX = 220
_MOST_PROBES = 4
_SHOWN_SHARE = 0.62
"""The lower part of a probe's screen is empty."""
_RING_PX = 44
_COLORS = ("#B3261E", "#146C2E", "#7B2FBE", "#B26A00", "#00677D", "#8E0B56")


@dataclass(frozen=True, slots=True)
class _Shot:
    feature: str
    picture: Markup
    touched: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Story:
    goal: str
    shots: tuple[_Shot, ...]


def reliance_rows(measured: Reliance) -> list[tuple[str, ...]]:
    """The table of one chooser, its head first."""
    head = ("changed", "right after it", "touches another", "reliance", "best")
    return [head, *(_row(one) for one in measured.features)]


def write_reliance_page(measured: Sequence[Reliance], place: Path) -> Path:
    """Write the page and return its path; all must have been asked about the same probes."""
    marks = [(one.chooser, color) for one, color in zip(measured, _cycle(), strict=False)]
    return write_page(
        place,
        "reliance_report.html.j2",
        styles=("report.css", "reliance_report.css"),
        tables={
            one.chooser: (_about(one), reliance_rows(one), Markup(_swatch(color)))
            for one, (_, color) in zip(measured, marks, strict=True)
        },
        stories=[_story(probe, measured) for probe in measured[0].probes[:_MOST_PROBES]],
    )


def percent(estimate: Estimate) -> str:
    """A share in whole percent with its interval."""
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return "-"
    return f"{100 * estimate.value:.0f} [{100 * estimate.low:.0f}, {100 * estimate.high:.0f}]"


def _about(measured: Reliance) -> list[str]:
    lines = [
        f"{len(measured.probes)} probes of {len(FEATURES) + 1} screens",
        f"right where all cues agree: {percent(measured.right)} %",
        f"most often touched: line {measured.place}, on {percent(measured.at_place)} % of all "
        "screens (by chance 17 %)",
    ]
    if measured.failures:
        lines.append(f"{len(measured.failures)} screens broke off and count as no touch")
    return lines


def _row(one: FeatureReliance) -> tuple[str, ...]:
    reliance = "-" if one.reliance is None else _signed(one.reliance)
    best = "-" if one.best is None else f"{one.best:+.0f}"
    return one.feature, percent(one.right), percent(one.changed), reliance, best


def _signed(estimate: Estimate) -> str:
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return "-"
    return f"{estimate.value:+.2f} [{estimate.low:+.2f}, {estimate.high:+.2f}]"


def _story(probe: Probe, measured: Sequence[Reliance]) -> _Story:
    shots = []
    for feature in ("", *FEATURES):
        touched = [one.choices[probe.number, feature] for one in measured]
        menu = probe.menu(feature)
        picture = data_uri(_marked(menu, touched), width_px=_WIDTH_PX)
        words = tuple(
            f"{one.chooser}: {_said(menu, slot)}"
            for one, slot in zip(measured, touched, strict=True)
        )
        shots.append(_Shot(feature or "all cues agree", Markup(picture), words))
    return _Story(probe.goal, tuple(shots))


def _said(menu: Menu, slot: Slot) -> str:
    if slot == "nothing":
        return "nothing"
    entry = menu.entries[menu.index(slot)]
    return entry.label or f"({entry.icon})"


def _marked(menu: Menu, touched: Sequence[Slot]) -> Image.Image:
    """The screen with a ring of each chooser's colour on what it touched."""
    with open_menu(menu) as phone:
        picture = phone.screenshot().copy()
        lines = [one for one in screen_of(phone).elements if one.clickable]
    draw = ImageDraw.Draw(picture)
    for place, (slot, color) in enumerate(zip(touched, _cycle(), strict=False)):
        if slot == "nothing":
            continue
        bounds = lines[menu.index(slot)].bounds
        x = bounds.right - (place + 1) * 2 * _RING_PX - 20
        y = bounds.center.y
        around = (x - _RING_PX, y - _RING_PX, x + _RING_PX, y + _RING_PX)
        draw.ellipse(around, fill=color, outline="#FFFFFF", width=6)
    return picture.crop((0, 0, picture.width, round(picture.height * _SHOWN_SHARE)))


def _swatch(color: str) -> str:
    return (
        '<svg width="14" height="14" viewBox="0 0 14 14" aria-hidden="true">'
        f'<circle cx="7" cy="7" r="6" fill="{color}"/></svg>'
    )


def _cycle() -> Sequence[str]:
    return _COLORS * 8
