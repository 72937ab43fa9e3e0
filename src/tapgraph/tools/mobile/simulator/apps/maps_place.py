"""Maps: the page of a place and the way to it."""

from functools import partial

from tapgraph.tools.mobile.simulator.app import Activity, Dialog, DialogButton
from tapgraph.tools.mobile.simulator.apps.parts import (
    GREY,
    end_of_list,
    fact,
    page,
    rating_line,
    review_card,
    section,
    tab_row,
    top_bar,
)
from tapgraph.tools.mobile.simulator.apps.recording_app import RecordingApp
from tapgraph.tools.mobile.simulator.views import (
    Button,
    Chip,
    Column,
    Divider,
    Icon,
    IconButton,
    Label,
    MapView,
    Marker,
    Picture,
    Row,
    ScrollColumn,
    ScrollRow,
    View,
)
from tapgraph.tools.mobile.simulator.world.place import HOME_ADDRESS, Place

__all__ = ["DirectionsPage", "PlacePage"]

_WALK_MINUTES_PER_MILE = 20


class PlacePage(Activity[RecordingApp]):
    """Everything about one place."""

    def __init__(self, app: RecordingApp, place: Place) -> None:
        super().__init__(app)
        self.place = place
        self.tab = "Overview"

    def on_open(self) -> None:
        """Remember the visit."""
        self.app.record("place_opened", self.place.number)

    def build(self) -> View:
        """Picture, name, actions, and the chosen tab."""
        place = self.place
        tabs = ["Overview", "Menu", "Reviews"] if place.menu else ["Overview", "Reviews"]
        content = {"Overview": self._overview, "Menu": self._menu, "Reviews": self._reviews}
        return page(
            top_bar(place.kind, self.finish),
            [
                Picture(place.name, style="food" if place.menu else "building", height=170),
                Label(place.name, id="place_name", size_sp=24, padding=(16, 12, 16, 4)),
                Row([rating_line(place.rating, place.review_count)], padding=(16, 0)),
                Label(
                    f"{place.kind} · {place.drive_min} min drive · {place.distance_mi} mi",
                    color=GREY,
                    padding=(16, 4),
                ),
                ScrollRow(self._actions(), gap=8, padding=(16, 8)),
                tab_row(tabs, self.tab, self._select),
                Divider(),
                *content[self.tab](),
            ],
        )

    def _select(self, tab: str) -> None:
        self.tab = tab

    def _actions(self) -> list[View]:
        saved = self.app.is_marked("saved", self.place.number)
        return [
            Button("Directions", glyph="directions", on_click=self._directions),
            Button("Call", glyph="phone", style="tonal", on_click=self._call),
            Button(
                "Saved" if saved else "Save",
                glyph="bookmark" if saved else "bookmark-outline",
                style="tonal",
                on_click=lambda: self.app.toggle_mark("saved", self.place.number),
            ),
            Button(
                "Share",
                glyph="share-variant",
                style="tonal",
                on_click=lambda: self.app.toast("Link copied"),
            ),
        ]

    def _directions(self) -> None:
        self.open(DirectionsPage(self.app, self.place))

    def _call(self) -> None:
        def ring() -> None:
            self.app.record("call", self.place.number)
            self.app.toast(f"Calling {self.place.name}")

        self.app.show_dialog(
            Dialog(
                title=f"Call {self.place.name}?",
                message=self.place.phone,
                buttons=(DialogButton("Cancel"), DialogButton("Call", ring)),
            )
        )

    def _overview(self) -> list[View]:
        place = self.place
        week: list[View] = [
            Row(
                [Label(day, weight=1), Label(hours, color=GREY)],
                key=day,
                padding=(52, 3, 16, 3),
            )
            for day, hours in place.week()
        ]
        return [
            fact("map-marker", place.address),
            fact("clock-outline", place.state_at(self.app.phone.clock)),
            *week,
            fact("phone", place.phone),
            *(fact("check", feature) for feature in place.features),
            section("Reviews"),
            review_card(place.reviews[0]),
            Button(
                "More reviews",
                style="text",
                on_click=partial(self._select, "Reviews"),
                margin=(8, 0),
            ),
        ]

    def _menu(self) -> list[View]:
        return [
            section("Menu"),
            *(
                Row(
                    [Label(dish, size_sp=16, weight=1), Label(f"${price:.2f}", color=GREY)],
                    key=dish,
                    padding=(16, 10),
                )
                for dish, price in self.place.menu
            ),
        ]

    def _reviews(self) -> list[View]:
        return [
            *(review_card(review) for review in self.place.reviews),
            end_of_list("No more reviews"),
        ]


class DirectionsPage(Activity[RecordingApp]):
    """The way to a place."""

    def __init__(self, app: RecordingApp, place: Place) -> None:
        super().__init__(app)
        self.place = place
        self.mode = "Drive"

    def on_open(self) -> None:
        """Remember that the way was shown."""
        self.app.record("route_shown", self.place.number, self.mode)

    def build(self) -> View:
        """Start and destination, the map with the way, and the turns."""
        return Column(
            [
                self._ends(),
                ScrollRow(self._modes(), gap=8, padding=(12, 0, 12, 8)),
                MapView(
                    self.place.name,
                    height=250,
                    route=((0.18, 0.82), (0.18, 0.55), (0.52, 0.55), (0.52, 0.3), (0.8, 0.3)),
                    markers=(
                        Marker(0.18, 0.82, "You", "#4285F4"),
                        Marker(0.8, 0.3, self.place.name),
                    ),
                ),
                ScrollColumn(self._summary(), id="route", weight=1),
                Row(
                    [
                        Button("Start", glyph="navigation", weight=1, on_click=self._start),
                        Button(
                            "Steps",
                            glyph="format-list-bulleted",
                            style="tonal",
                            weight=1,
                            on_click=lambda: self.app.toast("Steps are listed above"),
                        ),
                    ],
                    gap=12,
                    padding=(16, 10),
                ),
            ],
            height="match",
        )

    def _ends(self) -> View:
        return Row(
            [
                IconButton("arrow-left", desc="Navigate up", on_click=self.finish),
                Column(
                    [
                        self._end("circle-slice-8", f"Your location ({HOME_ADDRESS})", "#4285F4"),
                        self._end("map-marker", self.place.name, "#EA4335"),
                    ],
                    weight=1,
                    gap=6,
                ),
            ],
            padding=(4, 8, 16, 8),
        )

    def _end(self, glyph: str, text: str, color: str) -> View:
        return Row(
            [
                Icon(glyph, size_dp=18, color=color),
                Label(text, size_sp=15, max_lines=1, weight=1),
            ],
            gap=10,
            padding=(12, 9),
            border="#DADCE0",
            corner_dp=8,
        )

    def _minutes(self, mode: str) -> int:
        walking = round(self.place.distance_mi * _WALK_MINUTES_PER_MILE)
        driving = self.place.drive_min
        return {"Drive": driving, "Transit": driving * 2 + 6, "Walk": walking}[mode]

    def _modes(self) -> list[View]:
        glyphs = {"Drive": "car", "Transit": "bus", "Walk": "walk"}
        return [
            Chip(
                f"{mode} {_duration(self._minutes(mode))}",
                key=mode,
                glyph=glyph,
                checked=mode == self.mode,
                selected=mode == self.mode,
                on_click=partial(self._choose, mode),
            )
            for mode, glyph in glyphs.items()
        ]

    def _choose(self, mode: str) -> None:
        self.mode = mode
        self.app.record("route_shown", self.place.number, mode)

    def _summary(self) -> list[View]:
        return [
            Row(
                [
                    Label(
                        _duration(self._minutes(self.mode)), size_sp=22, bold=True, color="#188038"
                    ),
                    Label(f"({self.place.distance_mi} mi)", size_sp=20, color=GREY),
                ],
                gap=8,
                padding=(16, 12, 16, 2),
            ),
            Label("Fastest route, the usual traffic", color=GREY, padding=(16, 0, 16, 8)),
            *(fact("subdirectory-arrow-right", turn, color=GREY) for turn in self.place.route),
        ]

    def _start(self) -> None:
        self.app.record("navigation", self.place.number)
        self.app.toast(f"Guiding you to {self.place.name}")


def _duration(minutes: int) -> str:
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} hr {minutes % 60} min"
