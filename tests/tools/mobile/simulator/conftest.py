"""A phone with one small app that uses every part of the core."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from tapgraph.tools.mobile.geometry import Point
from tapgraph.tools.mobile.simulator.app import Activity, App, Dialog, DialogButton
from tapgraph.tools.mobile.simulator.faults import FaultPlan
from tapgraph.tools.mobile.simulator.phone import Phone
from tapgraph.tools.mobile.simulator.views import (
    Button,
    CheckBox,
    Chip,
    Column,
    Field,
    Frame,
    IconButton,
    Label,
    MapView,
    Marker,
    Picture,
    RatingBar,
    Row,
    ScrollColumn,
    ScrollRow,
    Switch,
    View,
)
from tapgraph.tools.mobile.ui_tree import UiNode, UiTree, parse_ui_tree

CLOCK = datetime(2026, 5, 14, 10, 24)  # noqa: DTZ001 - a phone shows local time
DEMO = "org.example.demo"
OTHER = "org.example.other"


class DemoApp(App):
    package, label, glyph, color = DEMO, "Demo Kit", "flask", "#7627BB"
    needs_network = True

    def create(self) -> None:
        self.database.execute("CREATE TABLE saved (text TEXT NOT NULL)")

    def first_activity(self) -> "MainPage":
        return MainPage(self)

    def save(self, text: str) -> None:
        self.database.execute("INSERT INTO saved VALUES (?)", (text,))


class OtherApp(App):
    package, label, glyph, color = OTHER, "Other", "star", "#188038"

    def first_activity(self) -> "OtherPage":
        return OtherPage(self)


class OtherPage(Activity[OtherApp]):
    def build(self) -> View:
        return Column([Label("Nothing to see")], height="match", background="#FFF4CE")


class MainPage(Activity[DemoApp]):
    name = ".Main"

    def __init__(self, app: DemoApp) -> None:
        super().__init__(app)
        self.query = ""
        self.count = 0
        self.is_dark = False
        self.location = "unknown"
        self.events: list[str] = []

    def set_query(self, query: str) -> None:
        self.query = query

    def add(self) -> None:
        self.count += 1

    def flip(self) -> None:
        self.is_dark = not self.is_dark

    def located(self, granted: bool) -> None:
        self.location = "granted" if granted else "denied"

    def ask(self) -> None:
        self.app.ask_permission("location", self.located)

    def confirm(self) -> None:
        self.app.show_dialog(
            Dialog(
                title="Delete everything?",
                message="This cannot be undone.",
                buttons=[DialogButton("Cancel"), DialogButton("Delete", self.delete)],
                on_cancel=lambda: self.events.append("cancelled"),
            )
        )

    def sort(self) -> None:
        self.app.show_dialog(
            Dialog(
                title="Sort by",
                style="sheet",
                items=[
                    DialogButton(name, lambda name=name: self.events.append(name), selected=False)  # type: ignore[misc]
                    for name in ("Distance", "Rating")
                ],
            )
        )

    def delete(self) -> None:
        self.app.save("deleted")
        self.app.toast("Deleted")

    def tell(self) -> None:
        self.app.notify("Parcel", "It is there", lambda: self.app.open(ItemPage(self.app, 99)))

    def build(self) -> View:
        top = Row(
            [
                Label("Demo", size_sp=22, weight=1),
                IconButton("bell", desc="Tell", id="tell", on_click=self.tell),
                IconButton("delete", desc="Remove all", id="delete", on_click=self.confirm),
            ],
            padding=(16, 8),
        )
        rows: list[View] = [
            Field(
                "Search here",
                id="query",
                value=self.query,
                on_change=self.set_query,
                on_submit=lambda text: self.app.open(ResultsPage(self.app, text)),
                action="search",
                style="filled",
                glyph="magnify",
            ),
            Row(
                [
                    Button(f"Add {self.count}", id="add", on_click=self.add),
                    Button("Locate", id="locate", style="outlined", on_click=self.ask),
                    Button("Sort", id="sort", style="text", on_click=self.sort),
                    Button("Off", id="off", enabled=False, on_click=self.add),
                ],
                gap=8,
            ),
            Label(f"Location {self.location}", id="location"),
            Switch("Dark", id="dark", checked=self.is_dark, on_click=self.flip, width="match"),
            CheckBox("Agree", id="agree", checked=self.is_dark, on_click=self.flip),
            ScrollRow(
                [Chip(f"Tag {number}", key=f"tag{number}") for number in range(12)],
                id="tags",
                gap=6,
            ),
            *(self._row(number) for number in range(30)),
        ]
        return Column([top, ScrollColumn(rows, id="list", weight=1, padding=(16, 0))])

    def _row(self, number: int) -> View:
        return Row(
            [
                Picture(f"thing {number}", style="product", width=64, height=64),
                Column([Label(f"Item {number}"), RatingBar(4.5)], weight=1),
            ],
            id="item",
            key=f"item{number}",
            padding=(0, 8),
            gap=12,
            on_click=lambda: self.app.open(ItemPage(self.app, number)),
            on_long_click=lambda: self.events.append(f"held {number}"),
        )


class ResultsPage(Activity[DemoApp]):
    name = ".Results"

    def __init__(self, app: DemoApp, text: str) -> None:
        super().__init__(app)
        self.text = text

    def build(self) -> View:
        return Column([Label(f"Results for {self.text}", id="results")])


class ItemPage(Activity[DemoApp]):
    name = ".Item"

    def __init__(self, app: DemoApp, number: int) -> None:
        super().__init__(app)
        self.number = number
        self.note = ""

    def on_open(self) -> None:
        self.app.save(f"opened {self.number}")

    def set_note(self, note: str) -> None:
        self.note = note

    def save(self) -> None:
        self.app.save(self.note)
        self.finish()

    def build(self) -> View:
        return Column(
            [
                Label(f"Item {self.number}", id="title", size_sp=22),
                Frame(
                    [
                        MapView("town", markers=(Marker(0.5, 0.5, "Here"),)),
                        Button("Save", id="save", gravity="bottom_end", on_click=self.save),
                    ],
                    height=200,
                    width="match",
                ),
                Field("Password", id="password", password=True),
                Field(
                    "Note",
                    id="note",
                    value=self.note,
                    on_change=self.set_note,
                    multiline=True,
                    action="newline",
                    min_lines=3,
                ),
            ],
            padding=16,
            gap=8,
        )


@dataclass
class Demo:
    """The phone and what a test asks of it."""

    phone: Phone

    @property
    def tree(self) -> UiTree:
        return parse_ui_tree(self.phone.page_source())

    @property
    def words(self) -> set[str]:
        return {word for node in self.tree.walk() for word in (node.text, node.content_desc)}

    @property
    def held(self) -> str:
        """What the focused field holds."""
        field = self.phone.focused_field()
        assert field is not None
        return field.value

    def node(self, name: str) -> UiNode:
        """The first node with this text, description or resource entry name."""
        for node in self.tree.walk():
            if name in {node.text, node.content_desc, node.resource_id.rpartition("/")[2]}:
                return node
        raise AssertionError(f"{name!r} is not among {sorted(self.words)}")

    def center(self, name: str) -> Point:
        return self.node(name).bounds.center

    def tap(self, name: str) -> None:
        point = self.center(name)
        self.phone.tap(point.x, point.y)

    def open(self) -> "Demo":
        self.phone.open_app(DEMO)
        return self


MakeDemo = Callable[..., Demo]


@pytest.fixture
def make_demo() -> Iterator[MakeDemo]:
    """Makes phones at the launcher; `faults` as text, `state_dir` as folder."""
    phones: list[Phone] = []

    def make(faults: str = "", state_dir: Path | None = None, seed: int = 0) -> Demo:
        phone = Phone(
            [DemoApp(), OtherApp()],
            seed=seed,
            clock=CLOCK,
            state_dir=state_dir,
            faults=FaultPlan.parse(faults),
        )
        phones.append(phone)
        return Demo(phone)

    yield make
    for phone in phones:
        phone.close()


@pytest.fixture
def demo(make_demo: MakeDemo) -> Demo:
    """A phone with the demo app in front."""
    return make_demo().open()
