"""Lists of things: rows, cards or a grid, with search, filters and orders."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from tapgraph.tools.mobile.simulator.kit.act import Act
from tapgraph.tools.mobile.simulator.kit.block import Block, Door, Link, heading, headline
from tapgraph.tools.mobile.simulator.kit.face import Face, thing_view
from tapgraph.tools.mobile.simulator.kit.finding import Find, search_for
from tapgraph.tools.mobile.simulator.kit.record import Record
from tapgraph.tools.mobile.simulator.kit.scene import At
from tapgraph.tools.mobile.simulator.kit.setting import Setting
from tapgraph.tools.mobile.simulator.kit.style import RowLook
from tapgraph.tools.mobile.simulator.kit.where import Where
from tapgraph.tools.mobile.simulator.views import Label, Row, Spacer, View

__all__ = ["Rows"]

_COLUMN_DP: Final = 300


@dataclass(frozen=True, kw_only=True)
class Rows(Block):
    """The things of a kind.

    Attributes:
        entity: the kind.
        face: what is shown of each.
        opens: the page that a tap on one leads to; empty for none.
        about: what that page is about, the thing itself unless told.
        where: which belong here, by the page and the thing.
        find: how the user finds one among them.
        group: a template; a heading stands where it changes.
        heading: above all.
        empty: said where there is none.
        row_acts: what can be done with each, as icons in its row.
        searches: a template; a tap on one searches the page for that.
        end: said below the last one.
        switch: done by a tap on a row, such as turning its switch.
        held: done by a long press on a row.
        has_ads: by seed, one that does not belong here stands among them, marked as an ad.
        looks: layouts to choose from, the style's unless told.
        limit: at most so many; 0 for all.
    """

    entity: str
    face: Face
    opens: str = ""
    about: Callable[[At], Record | None] | None = None
    where: Where | None = None
    find: Find = field(default_factory=Find)
    group: str = ""
    heading: str = ""
    empty: str = "Nothing here|Nothing to show|This list is empty"
    searches: str = ""
    end: str = ""
    row_acts: Sequence[Act] = ()
    switch: Act | None = None
    held: Act | None = None
    has_ads: bool = False
    looks: Sequence[RowLook] = ()
    limit: int = 0
    movable: bool = False

    def records(self, at: At) -> tuple[Record, ...]:
        """What is listed there now."""
        mine = [record for record in at.all(self.entity) if self._belongs(at, record)]
        found = self.find.narrowed(at, mine)
        return tuple(found[: self.limit] if self.limit else found)

    def _belongs(self, at: At, record: Record) -> bool:
        return self.where is None or self.where(at, record)

    def tools(self, at: At) -> list[View]:
        """A magnifying glass, where the style hides the search field."""
        return self.find.tools(at)

    def head(self, at: At) -> list[View]:
        """Search field, filters and order."""
        return self.find.head(at)

    def body(self, at: At) -> list[View]:
        """Heading and list."""
        records = self.records(at)
        told = self.find.told(at, len(records))
        views = [*heading(at, self.heading), *_remark(at, "result_count", told)]
        if not records:
            return [*views, *_remark(at, "empty", self.empty)] if self.empty else []
        look = self._look(at)
        told = ""
        shown = [self._view(at, record, look) for record in records]
        self._advertise(at, records, look, shown)
        end = _remark(at, "end_of_list", self.end)
        if look == "grid" and not self.group:
            return [*views, *_in_columns(at, shown), *end]
        for record, view in zip(records, shown, strict=False):
            group = at.app.tell(self.group, record)
            if group != told:
                told = group
                views.append(headline(at, group))
            views.append(view)
        return [*views, *shown[len(records) :], *end]

    def _look(self, at: At) -> RowLook:
        allowed = self.looks or at.style.rows
        if self.face.picture in {"", "initial"} or self.group:
            allowed = tuple(look for look in allowed if look != "grid") or ("list",)
        return at.style.choose(f"look of {self.entity}", allowed)

    def _advertise(
        self, at: At, records: Sequence[Record], look: RowLook, shown: list[View]
    ) -> None:
        others = [record for record in at.all(self.entity) if record not in records]
        if self.has_ads and others and not self.group and at.style.choose("ads", (True, False)):
            ad = at.style.choose(f"ad of {self.entity}", others)
            place = min(len(shown), at.style.choose("place of ads", (0, 2)))
            shown.insert(place, self._view(at, ad, look, is_ad=True))

    def _view(self, at: At, record: Record, look: RowLook, *, is_ad: bool = False) -> View:
        row = At(at.scene, record)
        view = thing_view(row, self.face, look, self._controls(row), is_ad=is_ad)
        view.id = f"{self.entity}_row"
        view.key = f"ad {record.id}" if is_ad else self.key(record)
        if self.searches:
            view.on_click = partial(search_for, row, row.tell(self.searches))
        elif self.switch is not None:
            view.on_click = partial(self.switch.run, row)
        elif self.opens:
            view.on_click = partial(self._open, row, is_ad=is_ad)
        if self.held is not None:
            view.on_long_click = partial(self.held.run, row)
        return view

    def key(self, record: Record) -> str:
        """What tells the row of a thing from the others."""
        return f"{self.entity} {record.id}"

    def _controls(self, row: At) -> list[View]:
        return [act.icon(row, row.style.tint) for act in self.row_acts if act.shows(row)]

    def _open(self, row: At, *, is_ad: bool) -> None:
        if is_ad:
            row.app.note("ad_opened", row.record.id, row.record.title)
        row.app.go(self.opens, row.record if self.about is None else self.about(row))

    def settings(self, at: At) -> Iterator[Setting]:
        """Search, order and filters."""
        yield from self.find.settings(at)

    def links(self) -> Iterator[Link]:
        """A tap on a row."""
        if self.opens:
            yield Link(f"{self.entity}_row", self.opens, self._doors)

    def _doors(self, at: At) -> Sequence[Door]:
        rows = [At(at.scene, record) for record in self.records(at)]
        about = self.about
        return [
            Door(
                row.tell(self.face.title),
                row.record if about is None else about(row),
                self.key(row.record),
            )
            for row in rows
        ]


def _remark(at: At, name: str, words: str) -> list[View]:
    if not words:
        return []
    said = at.style.say(words)
    return [Label(said, id=name, color=at.style.muted, padding=(at.style.space_dp, 12))]


def _in_columns(at: At, cells: Sequence[View]) -> list[View]:
    """Two columns, or as many as a wide screen has room for."""
    phone = at.app.phone
    columns = max(2, phone.profile.dp(phone.size.width_px) // _COLUMN_DP)
    rows: list[View] = []
    for start in range(0, len(cells), columns):
        row = list(cells[start : start + columns])
        for cell in row:
            cell.weight = 1
        row += [Spacer(weight=1) for _ in range(columns - len(row))]
        rows.append(Row(row, key=f"row {start}", align="start", padding=(6, 0)))
    return rows
