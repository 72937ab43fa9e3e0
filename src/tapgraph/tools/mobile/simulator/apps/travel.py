"""Travel reviews, shown as Tripadvisor: cities with ranked lists."""

from functools import partial
from typing import Literal, get_args

from tapgraph.tools.mobile.simulator.app import Activity
from tapgraph.tools.mobile.simulator.apps.parts import (
    GREY,
    end_of_list,
    fact,
    page,
    rating_line,
    review_card,
    search_bar,
    section,
    tab_row,
    top_bar,
)
from tapgraph.tools.mobile.simulator.apps.recording_app import RecordingApp
from tapgraph.tools.mobile.simulator.views import (
    Card,
    Column,
    Divider,
    IconButton,
    Label,
    Picture,
    Row,
    ScrollColumn,
    View,
)
from tapgraph.tools.mobile.simulator.world.travel import Attraction, AttractionKind, City
from tapgraph.tools.mobile.simulator.world.world import matches_query

__all__ = ["TRAVEL_PACKAGE", "TravelApp"]

TRAVEL_PACKAGE = "com.tripadvisor.tripadvisor"
_GREEN = "#00AA6C"
_PICTURES: dict[AttractionKind, Literal["landscape", "food", "building"]] = {
    "Things to do": "landscape",
    "Restaurants": "food",
    "Hotels": "building",
}
_TABS: tuple[AttractionKind, ...] = get_args(AttractionKind)


class TravelApp(RecordingApp):
    """The app.

    Events: `search` (the query), `city_opened` (its name), `attraction_opened` (its number).
    Marks: `saved` (number of the attraction).
    """

    package, label = TRAVEL_PACKAGE, "Tripadvisor"
    glyph, color, glyph_color = "owl", "#34E0A1", "#1F1F1F"

    def first_activity(self) -> "TravelHome":
        """The front page."""
        return TravelHome(self)


class TravelHome(Activity[TravelApp]):
    """A search and cities to start from."""

    def build(self) -> View:
        """The front page."""
        return Column(
            [
                Label("Where to?", id="title", size_sp=30, bold=True, padding=(16, 16, 16, 4)),
                search_bar("Search for a city", "", self._search),
                ScrollColumn(
                    [
                        section("Popular cities"),
                        *(city_card(self.app, city) for city in self.app.world.cities),
                        end_of_list("Search to see more"),
                    ],
                    id="content",
                    weight=1,
                    gap=4,
                ),
            ],
            height="match",
        )

    def _search(self, text: str) -> None:
        if text.strip():
            self.open(TravelResults(self.app, text.strip()))


def city_card(app: TravelApp, city: City) -> View:
    """A city in a list."""
    return Card(
        [
            Picture(city.name, style="landscape", height=110, corner_dp=10),
            Label(city.name, size_sp=18, bold=True),
            Label(f"{city.region} · {len(city.ranked('Things to do'))} sights", color=GREY),
        ],
        key=city.name,
        gap=4,
        margin=(16, 6),
        on_click=lambda: app.open(CityPage(app, city)),
    )


class TravelResults(Activity[TravelApp]):
    """The cities and sights that a search finds."""

    def __init__(self, app: TravelApp, query: str) -> None:
        super().__init__(app)
        self.query = query

    def on_open(self) -> None:
        """Remember the search."""
        self.app.record("search", self.query)

    def build(self) -> View:
        """Cities first, then sights."""
        cities = self.app.world.cities_matching(self.query)
        sights = [
            entry
            for city in self.app.world.cities
            for entry in city.attractions
            if matches_query(self.query, (entry.name,))
        ]
        found = bool(cities or sights)
        return Column(
            [
                search_bar("Search for a city", self.query, self._search, on_back=self.finish),
                ScrollColumn(
                    [
                        *(city_card(self.app, city) for city in cities),
                        *(attraction_row(self.app, entry) for entry in sights),
                        end_of_list("End of results" if found else f"Nothing for {self.query}"),
                    ],
                    id="results",
                    key=self.query,
                    weight=1,
                ),
            ],
            height="match",
        )

    def _search(self, text: str) -> None:
        if text.strip():
            self.query = text.strip()
            self.app.record("search", self.query)
            self.app.phone.close_keyboard()


def attraction_row(app: TravelApp, entry: Attraction) -> View:
    """A sight, restaurant or hotel in a list, with its rank before the name."""
    tag = f"{entry.tag} · ${entry.price_usd} a night" if entry.price_usd else entry.tag
    return Column(
        [
            Row(
                [
                    Picture(
                        entry.name,
                        style=_PICTURES[entry.kind],
                        width=96,
                        height=96,
                        corner_dp=10,
                    ),
                    Column(
                        [
                            Label(f"{entry.rank}. {entry.name}", size_sp=17, bold=True),
                            rating_line(entry.rating, entry.review_count, color=_GREEN),
                            Label(tag, color=GREY),
                        ],
                        weight=1,
                        gap=4,
                    ),
                ],
                gap=12,
                padding=(16, 12),
            ),
            Divider(),
        ],
        key=f"attraction {entry.number}",
        on_click=lambda: app.open(AttractionPage(app, entry)),
    )


class CityPage(Activity[TravelApp]):
    """The three ranked lists of a city."""

    def __init__(self, app: TravelApp, city: City) -> None:
        super().__init__(app)
        self.city = city
        self.tab: AttractionKind = "Things to do"

    def on_open(self) -> None:
        """Remember the visit."""
        self.app.record("city_opened", self.city.name)

    def build(self) -> View:
        """Tabs and the chosen list."""
        return Column(
            [
                top_bar(self.city.name, self.finish),
                tab_row(_TABS, self.tab, self._select, color="#1F1F1F"),
                Divider(),
                ScrollColumn(
                    [
                        section(f"Top {self.tab.lower()} in {self.city.name}"),
                        *(attraction_row(self.app, entry) for entry in self.city.ranked(self.tab)),
                        end_of_list("End of the list"),
                    ],
                    id="ranking",
                    key=self.tab,
                    weight=1,
                ),
            ],
            height="match",
        )

    def _select(self, label: str) -> None:
        self.tab = next(tab for tab in _TABS if tab == label)


class AttractionPage(Activity[TravelApp]):
    """Everything about one sight, restaurant or hotel."""

    def __init__(self, app: TravelApp, entry: Attraction) -> None:
        super().__init__(app)
        self.entry = entry

    def on_open(self) -> None:
        """Remember the visit."""
        self.app.record("attraction_opened", self.entry.number)

    def build(self) -> View:
        """Picture, rank, description and reviews."""
        entry, app = self.entry, self.app
        is_saved = app.is_marked("saved", entry.number)
        save = IconButton(
            "heart" if is_saved else "heart-outline",
            desc="Saved" if is_saved else "Save",
            on_click=partial(app.toggle_mark, "saved", entry.number),
        )
        rank = f"#{entry.rank} of {entry.kind.lower()} in {entry.city}"
        price = [fact("bed", f"From ${entry.price_usd} a night", color=_GREEN)]
        return page(
            top_bar(entry.city, self.finish, actions=(save,)),
            [
                Picture(entry.name, style="landscape", height=210),
                Column(
                    [
                        Label(entry.name, id="attraction_name", size_sp=24, bold=True),
                        rating_line(entry.rating, entry.review_count, color=_GREEN),
                        Label(rank, size_sp=15),
                        Label(entry.tag, color=GREY),
                    ],
                    gap=5,
                    padding=16,
                ),
                *(price if entry.price_usd else []),
                section("About"),
                Label(entry.about, size_sp=15, padding=(16, 0, 16, 8)),
                section("Reviews"),
                *(review_card(review) for review in entry.reviews),
                end_of_list("No more reviews"),
            ],
        )
