"""Walks an app of the kit by its page graph with real taps, as a person who reads its screens."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from tapgraph.tools.mobile.actions import LongPress, OpenApp, Swipe, Tap
from tapgraph.tools.mobile.screen import Element, Role, Screen
from tapgraph.tools.mobile.screen_reader import ScreenReader
from tapgraph.tools.mobile.simulator.device import SimulatedDevice
from tapgraph.tools.mobile.simulator.kit.act import Act
from tapgraph.tools.mobile.simulator.kit.form import Form
from tapgraph.tools.mobile.simulator.kit.graph import Edge, graph_of
from tapgraph.tools.mobile.simulator.kit.kit_app import AppSpec, KitApp, KitPage, Page
from tapgraph.tools.mobile.simulator.kit.record import Record
from tapgraph.tools.mobile.simulator.kit.rows import Rows
from tapgraph.tools.mobile.simulator.kit.scene import At
from tapgraph.tools.mobile.simulator.kit.talk import Composer
from tapgraph.tools.mobile.simulator.kit.time_code import time_code
from tapgraph.tools.mobile.simulator.phone import Phone
from tapgraph.tools.mobile.simulator.phone_profile import PHONE, PhoneProfile
from tapgraph.tools.mobile.simulator.world.world import World

WORLD = World.generate(1)
CLOCK = datetime(2026, 5, 14, 10, 24)  # noqa: DTZ001 - a phone shows local time
ADS = ("Sponsored", "Ad", "Promoted")
CHOICES = {"buy_tickets": "seat_"}
"""What must be chosen first, by the act: the first enabled control whose id starts so."""
TYPED = {
    "number": "7",
    "money": "12.50",
    "line": "Sample",
    "email": "a@b.org",
    "long": "Sample text",
}


@dataclass(frozen=True)
class Way:
    """From a tab over links to a page about `subject`."""

    tab: str
    subject: Record | None
    steps: tuple[tuple[Edge, Record | None], ...]


@dataclass(frozen=True)
class Deed:
    """Something that can be done on a page; `of` is the list in whose rows it stands."""

    page: Page
    act: Act
    of: Rows | None = None
    is_held: bool = False


def deeds_of(spec: AppSpec) -> Iterator[Deed]:
    """All that can be done in an app and changes something."""
    for page in spec.pages:
        for act in page.all_acts():
            if act.effects or act.event or type(act) is not Act:
                yield Deed(page, act)
        for block in page.blocks:
            if isinstance(block, Rows):
                for act in (*block.row_acts, *([block.switch] if block.switch else [])):
                    yield Deed(page, act, block)
                if block.held is not None:
                    yield Deed(page, block.held, block, is_held=True)


class Walker:
    """A fresh phone with one app in front, its first questions answered."""

    def __init__(self, spec: AppSpec, seed: int = 1, profile: PhoneProfile = PHONE) -> None:
        self.spec, self.graph = spec, graph_of(spec)
        self.app = KitApp(spec, WORLD)
        self.phone = Phone([self.app], seed=seed, clock=CLOCK, profile=profile)
        self.device = SimulatedDevice(self.phone)
        self.reader = ScreenReader(self.device, source="tree", pictures="when needed")
        self.device.perform(OpenApp(self.app.label))
        while self.dialog or self.phone.foreground[0] != spec.package:
            buttons = [one for one in self.screen.elements if one.role is Role.BUTTON]
            self.tap(buttons[0])

    # Seeing.

    @property
    def screen(self) -> Screen:
        return self.reader.read()

    @property
    def dialog(self) -> str:
        query = "SELECT dialog FROM screen"
        return str(self.phone.database("com.android.systemui").execute(query).fetchone()[0])

    @property
    def events(self) -> list[tuple[str, str, str]]:
        query = "SELECT kind, subject, detail FROM events ORDER BY id"
        return self.phone.database(self.spec.package).execute(query).fetchall()

    @property
    def page(self) -> KitPage:
        """The page in front."""
        page = self.phone._system.activities.front.top.activity
        assert isinstance(page, KitPage)
        return page

    @property
    def here(self) -> At:
        return self.page.here

    @property
    def page_name(self) -> str:
        return self.page.page_name

    def table(self, entity: str) -> list[Record]:
        return list(self.app.store.all(entity))

    def find(self, name: str, words: str = "") -> Element:
        """The control of that id that says the words or is a mere icon; scrolls down to it."""
        seen: list[Element] = []
        for _ in range(25):
            screen = self.screen
            seen = [one for one in screen.elements if one.resource_id.endswith(f":id/{name}")]
            for one in seen:
                is_ad = one.text.split(", ")[0] in ADS
                if words in one.text and not is_ad and self._is_free(one):
                    return one
            self._scroll()
            if self.screen.fingerprint == screen.fingerprint:
                break
        raise AssertionError(f"no {name!r} with {words!r} on {self.page_name!r}: {seen}")

    def _is_free(self, one: Element) -> bool:
        """Whether nothing floats over its middle."""
        center = one.bounds.center
        view = self.phone._system.windows.find(center, lambda view: view.clickable)
        return view is not None and view.visible == one.bounds

    def _scroll(self) -> None:
        size = self.phone.size
        middle = size.width_px // 2
        self.device.perform(
            Swipe(middle, size.height_px * 65 // 100, middle, size.height_px * 45 // 100)
        )

    # Doing.

    def tap(self, one: Element) -> None:
        self.device.perform(Tap(one.bounds.center.x, one.bounds.center.y))

    def tap_text(self, words: str) -> None:
        self.tap(next(one for one in self.screen.elements if one.text == words))

    def open_tab(self, name: str) -> None:
        if name == self.page_name:
            return
        if self.app.style.navigation == "drawer":
            self.tap(self.find("menu"))
            self.tap_text(
                self.app.style.say(self.app.pages[name].tab or self.app.pages[name].title)
            )
        else:
            self.tap(self.find(f"tab_{name}"))

    def follow(self, edge: Edge, wanted: Record | None = None) -> None:
        """Use one of the link's controls, the one to the wanted thing where that matters."""
        doors = edge.link.doors(self.here)
        assert doors, f"{edge.source!r} has no {edge.link.id!r} now"
        door = next((door for door in doors if wanted in (None, door.leads_to)), doors[0])
        if door.text is not None:
            self._type(edge.link.id, door.text, submits=True)
            return
        words = door.words if edge.link.id.endswith(("_row", "_link")) else ""
        self.tap(self.find(edge.link.id, words))
        if self.dialog:
            self.tap_text(door.words)

    def ways(self, page: str, avoided: frozenset[str] = frozenset()) -> Iterator[Way]:
        """Ways to a page over others than the avoided ones, one for each control of a last link."""
        if page in self.graph.tabs:
            yield Way(page, None, ())
            return
        edges = [edge for edge in self.graph.edges if edge.target == page]
        for edge in sorted(edges, key=lambda edge: len(self.graph.path(edge.source))):
            if edge.source in avoided:
                continue
            for before in self.ways(edge.source, avoided | {page}):
                doors = edge.link.doors(self.app.scene(edge.source, before.subject))
                for door in doors:
                    steps = (*before.steps, (edge, door.leads_to))
                    subject = door.leads_to if self.app.pages[page].entity else None
                    yield Way(before.tab, subject, steps)
                if doors:
                    break

    def go(self, way: Way) -> None:
        self.open_tab(way.tab)
        for edge, wanted in way.steps:
            self.follow(edge, wanted)

    def go_to(self, page: str) -> None:
        self.go(next(self.ways(page)))

    def fill_form(self, page: Page) -> None:
        """Type into empty fields and make the first choice where none is made."""
        for block in page.blocks:
            if isinstance(block, Composer):
                self._type("composer", "Sample")
            for one in block.fields if isinstance(block, Form) else ():
                if one.kind in TYPED:
                    self._type(f"field_{one.column}", TYPED[one.kind])
                elif one.kind == "thing":
                    self.tap(self.find(f"field_{one.column}"))
                    radios = [e for e in self.screen.elements if e.role is Role.RADIO]
                    self.tap(next(e for e in radios if not e.checked))

    def _choose(self, name: str) -> None:
        self.tap(
            next(
                one
                for one in self.screen.elements
                if f":id/{name}" in one.resource_id and one.enabled
            )
        )

    def _type(self, name: str, text: str, *, submits: bool = False) -> None:
        self.tap(self.find(name))
        self.phone.set_text(text)
        if submits:
            self.phone.press_key(66)
        else:
            self.phone.hide_keyboard()

    def do(self, deed: Deed) -> Record | None:
        """Do it on the page in front; gives the thing that it happens to."""
        at = self.here
        if deed.of is None:
            self.fill_form(deed.page)
            if choice := CHOICES.get(deed.act.id):
                self._choose(choice)
            words, subject = "", at.subject
        else:
            subject = deed.of.records(at)[0]
            at = At(at.scene, subject)
            words = at.tell(deed.of.face.title)
        if deed.of is not None and (deed.is_held or deed.act is deed.of.switch):
            one = self.find(f"{deed.of.entity}_row", words)
        else:
            one = self.find(deed.act.id)
        said = deed.act.face(at)[0]
        if deed.is_held:
            self.device.perform(LongPress(one.bounds.center.x, one.bounds.center.y))
        else:
            self.tap(one)
        if deed.act.confirm:
            self.tap_text(deed.act.yes or said)
        if deed.act.code_of:
            self._type("code", time_code(deed.act.code_of, self.phone.clock))
            self.tap_text("Verify")
        return subject
