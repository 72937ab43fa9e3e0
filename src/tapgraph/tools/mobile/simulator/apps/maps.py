"""Maps: search, results to sort and filter, pages of places, and the way there."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, get_args

from tapgraph.tools.mobile.simulator.app import Activity, Dialog, DialogButton
from tapgraph.tools.mobile.simulator.apps.maps_place import PlacePage
from tapgraph.tools.mobile.simulator.apps.parts import GREY, end_of_list, rating_line, search_bar
from tapgraph.tools.mobile.simulator.apps.recording_app import RecordingApp
from tapgraph.tools.mobile.simulator.views import (
    Chip,
    Column,
    Divider,
    Frame,
    Label,
    MapView,
    Marker,
    Picture,
    Row,
    ScrollColumn,
    ScrollRow,
    View,
)
from tapgraph.tools.mobile.simulator.world.place import Place

__all__ = ["MAPS_PACKAGE", "MapsApp"]

MAPS_PACKAGE = "com.google.android.apps.maps"
Order = Literal["Relevance", "Distance", "Rating"]
_USER = (0.45, 0.48)
"""Where the user stands on the map."""
_SUGGESTIONS = (
    ("silverware-fork-knife", "Restaurants"),
    ("coffee", "Cafes"),
    ("bread-slice", "Bakeries"),
    ("gas-station", "Gas"),
    ("medical-bag", "Pharmacies"),
)


class MapsApp(RecordingApp):
    """The app.

    Events: `search` (the query), `place_opened`, `route_shown` (with the mode), `navigation`,
    `call` (the number of the place). Marks: `saved`.
    """

    package, label = MAPS_PACKAGE, "Maps"
    glyph, color = "map-marker", "#34A853"

    def first_activity(self) -> "MapHome":
        """The map around the user."""
        return MapHome(self)


class MapHome(Activity[MapsApp]):
    """The map with a search field over it."""

    def on_open(self) -> None:
        """Maps wants to know where the user is."""
        self.app.ask_permission("location", lambda _granted: None)

    def build(self) -> View:
        """Map, search field and suggestions."""
        markers = _markers(self.app.world.places)
        return Frame(
            [
                MapView("Champaign", markers=(*markers, Marker(*_USER, "", "#4285F4"))),
                Column(
                    [
                        search_bar("Search here", "", self._search),
                        ScrollRow(
                            [
                                Chip(
                                    label,
                                    key=label,
                                    glyph=glyph,
                                    background="#FFFFFF",
                                    on_click=partial(self._search, label),
                                )
                                for glyph, label in _SUGGESTIONS
                            ],
                            gap=8,
                            padding=(12, 0),
                        ),
                    ],
                    gap=2,
                ),
                Column(
                    [
                        Label("Latest in Champaign", size_sp=18, bold=True),
                        Label("Search for places, food and services nearby", color=GREY),
                    ],
                    gravity="bottom_start",
                    background="#FFFFFF",
                    corner_dp=16,
                    padding=16,
                    gap=4,
                ),
            ],
            width="match",
            height="match",
        )

    def _search(self, text: str) -> None:
        if text.strip():
            self.open(Results(self.app, text.strip()))


def _markers(places: Sequence[Place]) -> list[Marker]:
    """Pins of some places nearby, none of which hides another."""
    pins: list[Marker] = []
    for place in sorted(places, key=lambda place: place.distance_mi):
        x = _USER[0] + (place.longitude + 88.2288) * 10
        y = _USER[1] - (place.latitude - 40.1106) * 9
        is_inside = 0.06 < x < 0.7 and 0.2 < y < 0.8
        if is_inside and all(abs(y - pin.y) > 0.045 for pin in pins) and abs(y - _USER[1]) > 0.03:
            pins.append(Marker(x, y, place.name))
    return pins[:8]


@dataclass(frozen=True, slots=True)
class Filters:
    """What narrows and orders a list of results."""

    order: Order = "Relevance"
    open_now: bool = False
    top_rated: bool = False


class Results(Activity[MapsApp]):
    """The places that a search finds."""

    def __init__(self, app: MapsApp, query: str) -> None:
        super().__init__(app)
        self.query = query
        self.filters = Filters()

    def on_open(self) -> None:
        """Remember the search."""
        self.app.record("search", self.query)

    def build(self) -> View:
        """Search field, filters and the list."""
        places = self._places()
        end = "You have reached the end of the list" if places else f"No results for {self.query}"
        return Column(
            [
                search_bar("Search here", self.query, self._search, on_back=self.finish),
                ScrollRow(self._chips(), gap=8, padding=(12, 0, 12, 8), id="filters"),
                Divider(),
                ScrollColumn(
                    [*(self._row(place) for place in places), end_of_list(end)],
                    id="results",
                    key=f"{self.query} {self.filters}",
                    weight=1,
                ),
            ],
            height="match",
        )

    def _places(self) -> list[Place]:
        places = list(self.app.world.places_matching(self.query))
        if self.filters.open_now:
            places = [place for place in places if place.is_open(self.app.phone.clock)]
        if self.filters.top_rated:
            places = [place for place in places if place.rating >= 4.5]
        if self.filters.order == "Rating":
            places.sort(key=lambda place: (-place.rating, place.distance_mi))
        elif self.filters.order == "Relevance":
            places.sort(key=lambda place: (-place.review_count, place.number))
        return places

    def _chips(self) -> list[View]:
        filters = self.filters
        return [
            Chip(
                f"Sort by: {filters.order}",
                id="sort",
                glyph="sort",
                checked=filters.order != "Relevance",
                on_click=self._choose_order,
            ),
            Chip(
                "Open now",
                id="open_now",
                checked=filters.open_now,
                selected=filters.open_now,
                on_click=lambda: self._set(replace(filters, open_now=not filters.open_now)),
            ),
            Chip(
                "Top rated",
                id="top_rated",
                checked=filters.top_rated,
                selected=filters.top_rated,
                on_click=lambda: self._set(replace(filters, top_rated=not filters.top_rated)),
            ),
        ]

    def _choose_order(self) -> None:
        self.app.show_dialog(
            Dialog(
                title="Sort by",
                style="sheet",
                items=[
                    DialogButton(
                        order,
                        partial(self._set, replace(self.filters, order=order)),
                        selected=order == self.filters.order,
                    )
                    for order in get_args(Order)
                ],
            )
        )

    def _set(self, filters: Filters) -> None:
        self.filters = filters

    def _search(self, text: str) -> None:
        if text.strip():
            self.query, self.filters = text.strip(), Filters()
            self.app.record("search", self.query)
            self.app.phone.close_keyboard()

    def _row(self, place: Place) -> View:
        price = "$" * place.price_level if place.menu else ""
        line = " · ".join(part for part in (place.kind, price, f"{place.distance_mi} mi") if part)
        state = place.state_at(self.app.phone.clock)
        return Column(
            [
                Row(
                    [
                        Column(
                            [
                                Label(place.name, size_sp=17, bold=True, max_lines=1),
                                rating_line(place.rating, place.review_count),
                                Label(line, size_sp=14, color=GREY),
                                Label(
                                    state,
                                    size_sp=14,
                                    color="#188038" if state.startswith("Open") else "#D93025",
                                ),
                            ],
                            weight=1,
                            gap=3,
                        ),
                        Picture(
                            place.name,
                            style="food" if place.menu else "building",
                            width=88,
                            height=88,
                            corner_dp=10,
                        ),
                    ],
                    gap=12,
                    padding=(16, 12),
                ),
                Divider(),
            ],
            key=f"place {place.number}",
            on_click=lambda: self.open(PlacePage(self.app, place)),
        )
