"""A page that is open: what it is about, what the user set on it, and the app around it."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Final

from tapgraph.tools.mobile.simulator.app import Activity, App
from tapgraph.tools.mobile.simulator.kit.record import Record, shown
from tapgraph.tools.mobile.simulator.kit.store import Store
from tapgraph.tools.mobile.simulator.kit.style import Style
from tapgraph.tools.mobile.simulator.state_dump import Row
from tapgraph.tools.mobile.simulator.world.world import World

__all__ = ["At", "Scene", "StoredApp"]

_LOOKS: Final = (
    "search", "filter", "sort", "tab", "interruption", "closed", "*_opened", "*_searched",
)  # fmt: skip
_SLOT: Final = re.compile(r"\{([a-z_.]+)(?::([a-z]+))?\}")


class StoredApp(App):
    """An app with a store and a style.

    Attributes:
        world: what apps of the same phone may share.
        style: how it looks.
        store: its things, and what the user did.
        computed: what templates may name besides columns, from the thing.
    """

    needs_network = True
    world: World
    style: Style
    store: Store
    computed: "Mapping[str, Callable[[StoredApp, Record], str]]"

    def is_bookkeeping(self, table: str, row: Row) -> bool:
        """Events that tell what was looked at, and how, and the traces that this leaves."""
        if table != "events":
            return self.store.entities[table].is_trace
        return any(fnmatchcase(str(row.get("kind")), pattern) for pattern in _LOOKS)

    def go(self, page: str, record: Record | None) -> None:
        """Open a page, about a thing where the page is about one.

        Raises:
            KeyError: the app has no such page.
        """
        raise NotImplementedError

    def note(self, kind: str, subject: str | int, detail: str = "") -> None:
        """Remember that the user did something."""
        self.store.note(kind, subject, detail, self.phone.clock)

    def follow(self, record: Record, column: str) -> Record:
        """The thing that a column refers to.

        Raises:
            KeyError: it is gone.
        """
        return self.store.get(record.entity.columns[column], record.number(column))

    def tell(self, template: str, record: Record | None) -> str:
        """A template of words in the phone's language, filled from a thing."""
        return self.fill(self.style.say(template), record)

    def fill(self, template: str, record: Record | None) -> str:
        """A template filled from a thing: `{price}`, `{channel.name}`, `{sent:ago}`, `{app}`."""

        def filled(slot: re.Match[str]) -> str:
            if record is None or slot[1] == "app":
                return self.label
            *path, column = slot[1].split(".")
            thing = record
            for step in path:
                thing = self.follow(thing, step)
            if column in self.computed:
                return self.computed[column](self, thing)
            kind = thing.entity.columns[column]
            if kind in self.store.entities:
                return self.follow(thing, column).title
            return shown(
                thing.values[column], kind, slot[2] or "", self.phone.clock, self.style.speech
            )

        return _SLOT.sub(filled, template)


class Scene(Activity[StoredApp]):
    """A page that is open.

    Attributes:
        page_name: which of the app's pages it is.
        held: what the user set on it and has not saved: the query, the order, drafts, choices.
        is_begun: whether what it is about was begun on it.
    """

    def __init__(self, app: StoredApp, page_name: str, record: Record | None = None) -> None:
        super().__init__(app)
        self.page_name = page_name
        self.held: dict[str, str] = {}
        self._subject = None if record is None else (record.entity.name, record.id)
        self.is_begun = False

    @property
    def subject(self) -> tuple[str, int] | None:
        """Entity and number of what the page is about, also where that was removed."""
        return self._subject

    @property
    def record(self) -> Record | None:
        """What the page is about, as it is now; nothing where it is about nothing.

        Raises:
            KeyError: it was removed.
        """
        return None if self._subject is None else self.app.store.get(*self._subject)

    def take_up(self, record: Record) -> None:
        """Be about this thing from now on, such as one that the user has just begun."""
        self.is_begun = self.is_begun or self._subject is None
        self._subject = (record.entity.name, record.id)

    @property
    def here(self) -> "At":
        """This page with what it is about."""
        return At(self, self.record)

    @property
    def now(self) -> datetime:
        """The phone's time."""
        return self.app.phone.clock

    def hold(self, name: str, value: str) -> None:
        """Remember what the user set."""
        self.held[name] = value


@dataclass(frozen=True)
class At:
    """Where something happens: a page, and the thing there that it happens to.

    Attributes:
        scene: the page.
        subject: the thing: of a row, else of the page; nothing where the page is about nothing.
    """

    scene: Scene
    subject: Record | None

    @property
    def app(self) -> StoredApp:
        """The app."""
        return self.scene.app

    @property
    def style(self) -> Style:
        """How the app looks."""
        return self.scene.app.style

    @cached_property
    def record(self) -> Record:
        """The thing.

        Raises:
            KeyError: the page is about nothing.
        """
        if self.subject is None:
            raise KeyError(f"page {self.scene.page_name!r} is about nothing")
        return self.subject

    def all(self, entity: str) -> tuple[Record, ...]:
        """All things of a kind."""
        return self.app.store.all(entity)

    def held(self, name: str, default: str = "") -> str:
        """What the user set on the page."""
        return self.scene.held.get(name, default)

    def tell(self, template: str) -> str:
        """A template of words in the phone's language, filled from the thing."""
        return self.app.tell(template, self.subject)

    def fill(self, template: str) -> str:
        """A template filled from the thing."""
        return self.app.fill(template, self.subject)
