"""What is shown of a thing in a list: as a row with a line below, as a card, as half a row."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from tapgraph.tools.mobile.simulator.canvas import mixed
from tapgraph.tools.mobile.simulator.kit.detail import PictureKind
from tapgraph.tools.mobile.simulator.kit.scene import At
from tapgraph.tools.mobile.simulator.kit.style import RowLook
from tapgraph.tools.mobile.simulator.kit.where import Where
from tapgraph.tools.mobile.simulator.views import (
    Card,
    Column,
    Divider,
    Icon,
    Label,
    Picture,
    RatingBar,
    Row,
    Switch,
    View,
)

__all__ = ["Face", "thing_view"]


@dataclass(frozen=True, kw_only=True)
class Face:
    """What a list shows of a thing; texts are templates, and an empty one is left out.

    Attributes:
        lines: below the title.
        value: what counts most, such as a price.
        old_value: crossed out beside it.
        stars: a column of ratings.
        votes: how many rated; stands with the rating in figures beside the stars.
        notes: below all others.
        text: below all others too, in full.
        picture: the kind of picture, or a template for that; empty for none.
        glyph: an icon instead of a picture: its name, or a template for it.
        badges: by flags, words on a coloured ground such as `Sold out`; the first counts.
        is_loud: whether the title is bold.
        is_off: whether it is drawn grey.
        is_on: the flag that a switch at the end of a row shows, or whether it is on.
    """

    title: str
    lines: Sequence[str] = ()
    value: str = ""
    old_value: str = ""
    stars: str = ""
    votes: str = ""
    notes: Sequence[str] = ()
    text: str = ""
    picture: PictureKind | str = ""
    glyph: str = ""
    badges: Mapping[str, str] = field(default_factory=dict)
    is_loud: Where | None = None
    is_off: Where | None = None
    is_on: str | Where = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "badges", MappingProxyType(dict(self.badges)))


def thing_view(at: At, face: Face, look: RowLook, controls: Sequence[View], *, is_ad: bool) -> View:
    """A thing as it stands in a list, without what a tap does."""
    texts = Column(_texts(at, face, is_ad=is_ad), weight=1, gap=3)
    end = _end(at, face, controls)
    style = at.style
    has_wide_picture = face.picture not in {"", "initial"}
    if look == "list" or not has_wide_picture:
        row = Row([*_start(at, face), texts, *end], gap=12, padding=(style.space_dp, 10))
        if look == "list":
            return Column([row, Divider(color=style.line)])
        return _card(at, [row], padding=0)
    height = 150 if look == "cards" else 104
    return _card(
        at,
        [
            Picture(
                at.record.title,
                desc=at.record.title if style.speaks else "",
                style=_kind(at, face),
                height=height,
                corner_dp=style.corner_dp,
            ),
            Row([texts, *end], padding=(4, 0)),
        ],
        padding=8,
    )


def _kind(at: At, face: Face) -> PictureKind:
    return at.fill(face.picture)  # type: ignore[return-value]


def _card(at: At, parts: list[View], *, padding: int) -> View:
    style = at.style
    return Card(
        parts,
        background=style.sheet,
        border=style.line,
        corner_dp=style.corner_dp,
        padding=padding,
        gap=6,
        margin=(min(style.space_dp, 12), 5),
    )


def _start(at: At, face: Face) -> list[View]:
    style = at.style
    if face.glyph:
        return [Icon(at.fill(face.glyph), color=style.tint, size_dp=26)]
    if face.picture == "initial":
        return [Picture(at.tell(face.title), style="initial", width=42, height=42)]
    if face.picture:
        side = 64 + 2 * style.space_dp
        return [
            Picture(
                at.record.title,
                style=_kind(at, face),
                width=side,
                height=side,
                corner_dp=min(16, style.corner_dp),
            )
        ]
    return []


def _texts(at: At, face: Face, *, is_ad: bool) -> list[View]:
    style, record = at.style, at.record
    is_off = face.is_off is not None and face.is_off(at, record)
    is_loud = face.is_loud is None or face.is_loud(at, record)
    ink = style.muted if is_off else style.ink
    parts: list[View] = []
    if is_ad:
        words = style.say("Sponsored|Ad|Promoted")
        parts.append(Label(words, id="ad", size_sp=11, color=style.muted))
    badge = next((words for flag, words in face.badges.items() if record.flag(flag)), "")
    if badge:
        ground = "#5F6368" if is_off else "#B3261E"
        parts.append(
            Label(
                style.say(badge), id="badge", size_sp=11, bold=True, color="#FFFFFF",
                background=ground, corner_dp=4, padding=(6, 2),
            )
        )  # fmt: skip
    parts.append(Label(at.tell(face.title), size_sp=16, bold=is_loud, color=ink, max_lines=2))
    if face.stars:
        parts.append(_rating(at, face))
    parts.extend(_small(at, face.lines))
    value = at.tell(face.value)
    if value:
        prices: list[View] = [Label(value, size_sp=16, bold=True, color=ink)]
        if old := at.tell(face.old_value):
            prices.append(Label(old, size_sp=13, color=style.muted, strike=True))
        parts.append(Row(prices, gap=8))
    parts.extend(_small(at, face.notes))
    if face.text:
        parts.append(Label(at.tell(face.text), size_sp=14, color=style.ink))
    return parts


def _rating(at: At, face: Face) -> View:
    style, stars = at.style, float(at.record.values[face.stars])
    color = mixed("#E7711B", style.tint, 0.3)
    bar = RatingBar(stars, desc=style.say_stars(stars), size_dp=14, color=color)
    if not face.votes:
        return bar
    number = Label(style.speech.number(stars, 1), size_sp=13, color=style.muted)
    return Row([number, bar, Label(at.tell(face.votes), size_sp=13, color=style.muted)], gap=4)


def _small(at: At, templates: Sequence[str]) -> Iterator[View]:
    for line in map(at.tell, templates):
        if line:
            yield Label(line.replace("\n", " "), size_sp=13, color=at.style.muted, max_lines=2)


def _end(at: At, face: Face, controls: Sequence[View]) -> list[View]:
    if face.is_on:
        told = face.is_on
        is_on = at.record.flag(told) if isinstance(told, str) else told(at, at.record)
        return [Switch("", checked=is_on, color=at.style.accent, width=56)]
    return list(controls)
