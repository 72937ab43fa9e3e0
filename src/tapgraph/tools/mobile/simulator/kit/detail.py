"""Blocks about one thing: its picture, name, facts and texts, and what can be done with it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from tapgraph.tools.mobile.simulator.kit.act import Act
from tapgraph.tools.mobile.simulator.kit.block import Block, Link, heading, link_of
from tapgraph.tools.mobile.simulator.kit.scene import At
from tapgraph.tools.mobile.simulator.kit.where import Where
from tapgraph.tools.mobile.simulator.views import (
    Column,
    Divider,
    Icon,
    Label,
    Picture,
    RatingBar,
    Row,
    View,
)

__all__ = ["Buttons", "Facts", "Headline", "Hero", "PictureKind", "Prose", "Total"]

PictureKind = Literal["landscape", "product", "food", "building", "art", "initial"]


@dataclass(frozen=True)
class Hero(Block):
    """A wide picture of the thing; its kind, or a template for that."""

    kind: PictureKind | str
    height_dp: int = 210

    def body(self, at: At) -> list[View]:
        """The picture, round as the style is."""
        style = at.style
        if self.kind == "initial":
            avatar = Picture(at.record.title, style="initial", width=96, height=96)
            return [Column([avatar], align="center", padding=16)]
        is_framed = style.choose("hero", (True, False))
        return [
            Picture(
                at.record.title,
                style=at.fill(self.kind),  # type: ignore[arg-type]
                height=self.height_dp,
                corner_dp=style.corner_dp if is_framed else 0,
                margin=(style.space_dp, 8) if is_framed else 0,
            )
        ]


@dataclass(frozen=True)
class Headline(Block):
    """The name of the thing in large letters, lines below, and how it is rated.

    Attributes:
        title: a template.
        lines: templates; one that is empty is left out.
        stars: a column of ratings.
    """

    title: str
    lines: Sequence[str] = ()
    stars: str = ""

    def body(self, at: At) -> list[View]:
        """The name and what stands below."""
        style = at.style
        title = at.tell(self.title)
        parts: list[View] = []
        if title:
            parts.append(Label(title, id="headline", size_sp=24, bold=True, color=style.ink))
        if self.stars:
            stars = float(at.record.values[self.stars])
            parts.append(RatingBar(stars, desc=style.say_stars(stars), color=style.tint))
        for number, line in enumerate(map(at.tell, self.lines)):
            color = style.ink if number == 0 else style.muted
            parts += [Label(line, size_sp=15, color=color)] if line else []
        return [Column(parts, gap=5, padding=(style.space_dp, 12))]


@dataclass(frozen=True)
class Facts(Block):
    """Lines of a symbol or a name, and a template; one that is empty is left out."""

    lines: Sequence[tuple[str, str, str]]
    """Glyph, name, template."""
    is_there: Where | None = None
    movable: bool = True

    def body(self, at: At) -> list[View]:
        """The lines, with symbols or with names as the style wants."""
        if self.is_there is not None and not self.is_there(at, at.record):
            return []
        has_icons = at.style.choose("facts", (True, True, False))
        views: list[View] = []
        for glyph, name, template in self.lines:
            if told := at.tell(template).strip():
                views.append(self._line(at, (glyph, name, told), has_icons=has_icons))
        return views

    def _line(self, at: At, line: tuple[str, str, str], *, has_icons: bool) -> View:
        glyph, name, told = line
        style = at.style
        said = Column(
            [
                Label(told, size_sp=15, color=style.ink),
                Label(at.style.say(name), size_sp=12, color=style.muted),
            ],
            weight=1,
        )
        if has_icons:
            parts: list[View] = [Icon(glyph, size_dp=22, color=style.tint), said]
        else:
            parts = [
                Label(at.style.say(name), color=style.muted, weight=2),
                Label(told, size_sp=15, color=style.ink, weight=3),
            ]
        return Row(parts, key=name, gap=16, padding=(style.space_dp, 8))


@dataclass(frozen=True)
class Prose(Block):
    """A text of the thing under a heading."""

    heading: str
    template: str
    movable: bool = True

    def body(self, at: At) -> list[View]:
        """Heading and text; nothing where there is no text."""
        told = at.tell(self.template)
        if not told:
            return []
        text = Label(
            told,
            id="text",
            size_sp=15,
            color=at.style.ink,
            padding=(at.style.space_dp, 4, at.style.space_dp, 10),
        )
        return [*heading(at, self.heading), text]


@dataclass(frozen=True)
class Buttons(Block):
    """What one can do, in a row of icons with names, of buttons, or one below the other."""

    entries: Sequence[Act]

    def body(self, at: At) -> list[View]:
        """The buttons; the first is the loudest where there are two at most."""
        style = at.style
        shown = [act for act in self.entries if act.shows(at)]
        if not shown:
            return []
        if len(shown) > 2 and all(act.glyph for act in shown):
            cells: list[View] = [self._cell(at, act) for act in shown]
            return [Row(cells, padding=(4, 8))]
        views: list[View] = [
            act.button(at, style.button if number == 0 else "outlined", wide=True)
            for number, act in enumerate(shown)
        ]
        return [Column(views, gap=8, padding=(style.space_dp, 8))]

    def _cell(self, at: At, act: Act) -> View:
        words, glyph = act.face(at)
        return Column(
            [
                Icon(glyph, color=at.style.tint),
                Label(words, size_sp=12, color=at.style.tint, max_lines=1),
            ],
            id=act.id,
            align="center",
            gap=4,
            weight=1,
            padding=(0, 10),
            on_click=partial(act.run, at),
        )

    def links(self) -> Iterator[Link]:
        """Those that lead on."""
        for act in self.entries:
            yield from link_of(act)

    def acts(self) -> Iterator[Act]:
        """All."""
        yield from self.entries


@dataclass(frozen=True)
class Total(Block):
    """A sum at the foot of the page; in cents."""

    words: str
    cents: Callable[[At], int]

    def foot(self, at: At) -> list[View]:
        """A line with the sum."""
        style = at.style
        return [
            Divider(color=style.line),
            Row(
                [
                    Label(at.style.say(self.words), size_sp=17, weight=1, color=style.ink),
                    Label(
                        style.speech.money(self.cents(at)),
                        id="total",
                        size_sp=20,
                        bold=True,
                        color=style.ink,
                    ),
                ],
                padding=(style.space_dp, 8),
            ),
        ]
