"""Pages that wait, that failed, or that are empty, in more designs than the simulated phone has.

The phone itself knows one loading page and one error page. Each design here is for training or for
testing, so that a net is tested on designs that it has never seen. An empty page looks as an error
does but for its symbol, and is neither.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal

from PIL import Image, ImageDraw

from tapgraph.tools.mobile.simulator.app import Activity, App
from tapgraph.tools.mobile.simulator.canvas import is_dark
from tapgraph.tools.mobile.simulator.views import (
    Button,
    Column,
    Icon,
    Label,
    Length,
    ProgressBar,
    Row,
    Snapshot,
    Spacer,
    View,
)

__all__ = ["MadeUpPage", "PageKind", "Part", "made_up_page"]

PageKind = Literal["loading", "error", "empty"]
Part = Literal["train", "test-apps"]

_LOADING: dict[Part, Sequence[str]] = {
    "train": ("circle", "ring", "bar", "rows"),
    "test-apps": ("dots", "spokes", "cards"),
}
_GLYPHS: dict[tuple[PageKind, Part], Sequence[str]] = {
    ("error", "train"): (
        "wifi-off", "alert-circle-outline", "alert-outline", "cloud-off-outline",
        "close-circle-outline", "emoticon-sad-outline", "alert", "cloud-alert",
    ),
    ("error", "test-apps"): (
        "alert-octagon-outline", "wifi-alert", "lan-disconnect", "alert-circle", "cloud-off",
        "emoticon-cry-outline",
    ),
    ("empty", "train"): (
        "inbox-outline", "magnify", "heart-outline", "cart-outline", "bell-outline",
        "image-outline", "account-outline", "check-circle-outline", "star-outline", "email-outline",
    ),
    ("empty", "test-apps"): (
        "calendar-blank-outline", "music-note-outline", "file-outline", "map-outline",
        "bookmark-outline", "shopping-outline",
    ),
}  # fmt: skip
_WORDS: dict[PageKind, Sequence[tuple[str, str, str]]] = {
    "loading": (("Loading", "", ""), ("Please wait", "", ""), ("Getting things ready", "", "")),
    "error": (
        ("Something went wrong", "We could not load this page.", "Try again"),
        ("You are offline", "Check your connection.", "Reload"),
        ("Page not found", "", "Go back"),
        ("Server error", "Please try again later.", ""),
    ),
    "empty": (
        ("Nothing here yet", "What you save will be shown here.", "Explore"),
        ("No results", "Try other words.", ""),
        ("All done", "You are up to date.", "Refresh"),
        ("No messages", "", "Write one"),
    ),
}


@dataclass(frozen=True, slots=True)
class MadeUpPage:
    """A page to put in front of an app, and the design that it has."""

    activity: Activity[App]
    design: str


class _Still(Activity[App]):
    """A page that shows the same for ever, in the colours of the one before it."""

    def __init__(self, app: App, before: Activity[App], content: "_Content") -> None:
        super().__init__(app)
        self.theme, self.background = before.theme, before.background
        self.bar_color = before.bar_color
        self.needs_network = False
        self._content = content

    def build(self) -> View:
        return self._content.view(self.app.label)


def made_up_page(before: Activity[App], kind: PageKind, part: Part, dice: Random) -> MadeUpPage:
    """One page of that kind, of a design for that part."""
    dark = is_dark(before.background or "#FFFFFF")
    design = dice.choice(_LOADING[part] if kind == "loading" else _GLYPHS[kind, part])
    content = _Content(kind, design, dice.random(), is_dark=dark)
    return MadeUpPage(_Still(before.app, before, content), design)


@dataclass(frozen=True, slots=True)
class _Content:
    """What a page shows; built anew from the same numbers whenever the phone asks."""

    kind: PageKind
    design: str
    chance: float
    is_dark: bool

    def view(self, title: str) -> View:
        dice = Random(self.chance)
        ink, pale = ("#F1F3F4", "#3C4043") if self.is_dark else ("#1F1F1F", "#E3E5E8")
        accent = dice.choice(["#1A73E8", "#188038", "#B3261E", "#7B4FA6", "#5F6368"])
        parts: list[View] = []
        if self.kind == "loading":
            fills = self.design in {"rows", "cards"}
            parts = _skeleton(self.design, pale, dice) if fills else self._waiting(accent, dice)
        else:
            fills = False
            parts = self._told(accent, ink, dice)
        middle = Column(
            parts,
            weight=1,
            align="start" if fills else "center",
            arrange="start" if fills else dice.choice(["center", "center", "start"]),
            gap=dice.choice([8, 14, 22]),
            padding=16 if fills else 32,
        )
        bar = Label(title, size_sp=20, color=ink, padding=(16, 14))
        return Column([bar, middle] if dice.random() < 0.5 else [middle], height="match")

    def _waiting(self, accent: str, dice: Random) -> list[View]:
        size = dice.choice([28, 40, 56, 80])
        sign: View
        if self.design == "circle":
            sign = ProgressBar(color=accent, width=size, height=size)
        elif self.design == "bar":
            sign = Row(
                [Spacer(background=accent, height=4, width=dice.randrange(20, 180))],
                background="#9AA0A6",
                width=200,
                height=4,
            )
        else:
            shown = _SIGNS[self.design]
            colour = dice.choice([accent, "#9AA0A6"])
            ground = "#16181D" if self.is_dark else "#FFFFFF"
            turn = dice.random()
            sign = Snapshot(
                draw=lambda width, height: shown(width, height, colour, ground, turn),
                width=size * 2 if self.design == "dots" else size,
                height=size,
            )
        words = [Label(dice.choice(_WORDS["loading"])[0])] if dice.random() < 0.5 else []
        return [sign, *words]

    def _told(self, accent: str, ink: str, dice: Random) -> list[View]:
        title, text, deed = dice.choice(_WORDS[self.kind])
        size = dice.choice([48, 64, 96, 140])
        parts: list[View] = [
            Icon(self.design, size_dp=size, color=dice.choice([accent, "#80868B"]))
        ]
        parts.append(Label(title, size_sp=dice.choice([16, 20, 24]), bold=True, color=ink))
        if text and dice.random() < 0.7:
            parts.append(Label(text, align="center", color=ink))
        if deed and dice.random() < 0.7:
            style = dice.choice(["filled", "text"])
            parts.append(Button(deed, style="filled" if style == "filled" else "text"))
        return parts


def _skeleton(design: str, pale: str, dice: Random) -> list[View]:
    """Grey shapes where things will be."""

    def block(width: Length, height: Length, *, weight: float = 0) -> View:
        return Spacer(background=pale, width=width, height=height, corner_dp=8, weight=weight)

    views: list[View] = []
    for _ in range(dice.randrange(3, 9)):
        if design == "cards":
            parts = [block("match", dice.choice([90, 130]), weight=1) for _ in range(2)]
            views.append(Row(parts, gap=12, width="match"))
        else:
            lines = [block(dice.randrange(90, 230), 14), block(dice.randrange(60, 160), 12)]
            views.append(Row([block(44, 44), Column(lines, gap=8)], gap=12))
    return views


def _ring(width: int, height: int, colour: str, ground: str, turn: float) -> Image.Image:
    picture = Image.new("RGB", (width, height), ground)
    start = 360 * turn
    box = (3, 3, width - 4, height - 4)
    ImageDraw.Draw(picture).arc(box, start, start + 260, fill=colour, width=max(2, width // 10))
    return picture


def _dots(width: int, height: int, colour: str, ground: str, turn: float) -> Image.Image:
    picture = Image.new("RGB", (width, height), ground)
    draw = ImageDraw.Draw(picture)
    for place in range(3):
        radius = height / (5 if place == int(3 * turn) else 8)
        x, y = width * (2 * place + 1) / 6, height / 2
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
    return picture


def _spokes(width: int, height: int, colour: str, ground: str, turn: float) -> Image.Image:
    picture = Image.new("RGB", (width, height), ground)
    full = Image.new("RGB", (width, height), colour)
    for spoke in range(12):
        mask = Image.new("L", (width, height), 0)
        angle = math.tau * (spoke / 12 + turn)
        reach = [width / 2 + part * width * math.cos(angle) for part in (0.22, 0.44)]
        rise = [height / 2 + part * height * math.sin(angle) for part in (0.22, 0.44)]
        line = (reach[0], rise[0], reach[1], rise[1])
        ImageDraw.Draw(mask).line(line, fill=40 + 18 * spoke, width=max(2, width // 14))
        picture.paste(full, (0, 0), mask)
    return picture


_SIGNS = {"ring": _ring, "dots": _dots, "spokes": _spokes}
