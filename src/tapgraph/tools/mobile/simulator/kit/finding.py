"""How a user finds a thing in a list: by words, by filters, by an order."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from tapgraph.tools.mobile.simulator.app import Dialog, DialogButton
from tapgraph.tools.mobile.simulator.kit.act import identifier
from tapgraph.tools.mobile.simulator.kit.record import Record
from tapgraph.tools.mobile.simulator.kit.scene import At
from tapgraph.tools.mobile.simulator.kit.setting import Setting, Touch
from tapgraph.tools.mobile.simulator.kit.where import Where
from tapgraph.tools.mobile.simulator.views import (
    Chip,
    Divider,
    Field,
    IconButton,
    Row,
    ScrollRow,
    View,
)
from tapgraph.tools.mobile.simulator.world.world import query_words

__all__ = ["Filter", "Find", "OneOf", "Sort", "search_for"]


@dataclass(frozen=True)
class Filter:
    """A chip that leaves only some things."""

    words: str
    keeps: Where


@dataclass(frozen=True)
class OneOf:
    """A chip with a list of options, of which the chosen one leaves only some things.

    Attributes:
        options: the first one leaves all.
        keeps: whether a thing fits an option.
    """

    words: str
    options: Sequence[str]
    keeps: Callable[[At, Record, str], bool]


@dataclass(frozen=True)
class Sort:
    """An order by a column; without one it is that of the search."""

    words: str
    column: str = ""
    is_descending: bool = False


@dataclass(frozen=True)
class Find:
    """Search, filters and orders of a list.

    Attributes:
        search: templates whose texts a search looks into.
        searched: the app's own search instead, the best first; without both there is none.
        sort_words: before the present order.
        count: said above what a search found, with `{count}` and `{query}`.
        hint: of the search field.
        filters: any number of them can be on.
        choices: what else narrows the list, each by one of its options.
        sorts: the first one holds until the user chooses another.
    """

    search: Sequence[str] = ()
    searched: Callable[[At, str], Sequence[Record]] | None = None
    sort_words: str = "Sort: |By |Order: "
    count: str = ""
    hint: str = "Search {app}|Search|What are you looking for?"
    filters: Sequence[Filter] = ()
    choices: Sequence[OneOf] = ()
    sorts: Sequence[Sort] = ()

    def narrowed(self, at: At, records: Sequence[Record]) -> list[Record]:
        """Those that the user's search and filters leave, in the user's order."""
        query = at.held("query") if self.has_field else ""
        if query and self.searched is not None:
            kept = [record for record in self.searched(at, query) if record in records]
        else:
            kept = [record for record in records if self._matches(at, query, record)]
        for one in self.filters:
            if at.held(f"filter {one.words}"):
                kept = [record for record in kept if one.keeps(at, record)]
        for choice in self.choices:
            option = at.held(f"filter {choice.words}", choice.options[0])
            if option != choice.options[0]:
                kept = [record for record in kept if choice.keeps(at, record, option)]
        order = self._order(at)
        if order is not None and order.column:
            kept.sort(key=lambda record: _rank(record, order), reverse=order.is_descending)
        return kept

    def _matches(self, at: At, query: str, record: Record) -> bool:
        text = " ".join(at.app.tell(template, record) for template in self.search).casefold()
        return all(word in text for word in query_words(query) or query.casefold().split())

    def _order(self, at: At) -> Sort | None:
        chosen = at.held("sort")
        first = self.sorts[0] if self.sorts else None
        return next((sort for sort in self.sorts if sort.words == chosen), first)

    @property
    def has_field(self) -> bool:
        """Whether the user can search."""
        return bool(self.search) or self.searched is not None

    def told(self, at: At, count: int) -> str:
        """What stands above the results of a search; nothing while nothing is searched for."""
        query = at.held("query")
        count_words = at.style.speech.say(self.count)
        return count_words.format(count=count, query=query) if query else ""

    def _is_field_shown(self, at: At) -> bool:
        is_hidden = at.style.searches_by_icon and at.held("searching") != "yes"
        return self.has_field and not is_hidden

    def settings(self, at: At) -> Iterator[Setting]:
        """`query`; `sort`, by the first words of the order; each filter by its first words.

        A filter is `on` or empty, one with options has the option that holds.
        """
        if self.has_field:
            yield Setting("query", at.held("query"), partial(self._toward_query, at))
        order = self._order(at)
        if order is not None and len(self.sorts) > 1:
            yield Setting("sort", order.words.split("|")[0], partial(self._toward_order, at))
        for one in self.filters:
            chip = Touch(id=f"filter_{identifier(one.words)}")
            name = one.words.split("|")[0]
            yield Setting(name, at.held(f"filter {one.words}"), partial(_always, chip))

        for choice in self.choices:
            name = choice.words.split("|")[0]
            held = at.held(f"filter {choice.words}", choice.options[0])
            yield Setting(name, held, partial(_option, at, f"filter_{identifier(name)}"))

    def _toward_order(self, at: At, wanted: str) -> Touch:
        words = {sort.words.split("|")[0]: sort.words for sort in self.sorts}
        return Touch(id="sort", item=at.style.say(words.get(wanted, wanted)))

    def _toward_query(self, at: At, wanted: str) -> Touch:
        if not self._is_field_shown(at):
            return Touch(id="search")
        return Touch(id="search_field", text=wanted, submits=True)

    def tools(self, at: At) -> list[View]:
        """A magnifying glass, where the style hides the field."""
        if not self.has_field or self._is_field_shown(at):
            return []
        return [
            IconButton(
                "magnify",
                id="search",
                desc=at.style.say("Search") if at.style.speaks else "",
                color=at.style.bar_ink,
                on_click=partial(at.scene.hold, "searching", "yes"),
            )
        ]

    def head(self, at: At) -> list[View]:
        """Search field and chips."""
        views: list[View] = [self._field(at)] if self._is_field_shown(at) else []
        chips = [self._chip(at, one) for one in self.filters]
        chips += [self._choice_chip(at, one) for one in self.choices]
        if len(self.sorts) > 1:
            chips.insert(0, self._sort_chip(at))
        if chips:
            views += [
                ScrollRow(chips, id="filters", gap=8, padding=(at.style.space_dp, 6)),
                Divider(color=at.style.line),
            ]
        return views

    def _field(self, at: At) -> View:
        style = at.style
        field = Field(
            at.app.tell(self.hint, None),
            id="search_field",
            value=at.held("query"),
            on_submit=partial(search_for, at),
            action="search",
            style="filled" if style.corner_dp > 4 else "outlined",
            autofocus=style.searches_by_icon,
            glyph="magnify",
            weight=1,
            corner_dp=style.corner_dp,
            background=style.sheet if style.paper != style.sheet else style.theme.field,
            foreground=style.ink,
        )
        return Row([field], padding=(style.space_dp, 6))

    def _chip(self, at: At, one: Filter) -> View:
        is_on = bool(at.held(f"filter {one.words}"))
        return _chip(at, at.style.say(one.words), f"filter_{identifier(one.words)}", is_on,
                     partial(_switch_filter, at, one, is_on=not is_on))  # fmt: skip

    def _choice_chip(self, at: At, one: OneOf) -> View:
        option = at.held(f"filter {one.words}", one.options[0])
        is_on = option != one.options[0]
        return _chip(at, at.style.say(option if is_on else one.words),
                     f"filter_{identifier(one.words)}", is_on, partial(_offer_options, at, one),
                     glyph="menu-down")  # fmt: skip

    def _sort_chip(self, at: At) -> View:
        order = self._order(at)
        words = "" if order is None else at.style.say(order.words)
        is_changed = order is not self.sorts[0]
        label = f"{at.style.say(self.sort_words)}{words}"
        return _chip(at, label, "sort", is_changed, partial(self._choose_order, at), glyph="sort")

    def _choose_order(self, at: At) -> None:
        items = [
            DialogButton(
                at.style.say(sort.words), partial(_sort, at, sort), selected=sort is self._order(at)
            )
            for sort in self.sorts
        ]
        title = at.style.say("Sort by|Order by|Show first")
        at.app.show_dialog(Dialog(title=title, style="sheet", items=items))


def _always(touch: Touch, wanted: str) -> Touch:
    del wanted
    return touch


def _option(at: At, chip: str, wanted: str) -> Touch:
    return Touch(id=chip, item=at.style.say(wanted))


def _rank(record: Record, sort: Sort) -> tuple[str, float]:
    value = record.values[sort.column]
    return (value.casefold(), 0) if isinstance(value, str) else ("", value)


def _chip(
    at: At, words: str, name: str, is_on: bool, on_click: Callable[[], None], *, glyph: str = ""
) -> View:
    style = at.style
    return Chip(
        words,
        id=name,
        glyph=glyph,
        color=style.tint,
        foreground="#1F1F1F" if is_on else style.ink,
        background=style.paper,
        checked=is_on,
        selected=is_on,
        on_click=on_click,
    )


def search_for(at: At, text: str) -> None:
    """Search for a text on the page, or for nothing more."""
    at.scene.hold("query", text.strip())
    at.app.phone.close_keyboard()
    if text.strip():
        at.app.note("search", text.strip())


def _switch_filter(at: At, one: Filter, *, is_on: bool) -> None:
    at.scene.hold(f"filter {one.words}", "on" if is_on else "")
    at.app.note("filter", one.words.split("|")[0], "on" if is_on else "off")


def _offer_options(at: At, one: OneOf) -> None:
    chosen = at.held(f"filter {one.words}", one.options[0])
    items = [
        DialogButton(
            at.style.say(option),
            partial(_choose_option, at, one, option),
            selected=option == chosen,
        )
        for option in one.options
    ]
    at.app.show_dialog(Dialog(title=at.style.say(one.words), style="sheet", items=items))


def _choose_option(at: At, one: OneOf, option: str) -> None:
    at.scene.hold(f"filter {one.words}", option)
    at.app.note("filter", one.words.split("|")[0], option)


def _sort(at: At, sort: Sort) -> None:
    at.scene.hold("sort", sort.words)
    at.app.note("sort", sort.words.split("|")[0])
