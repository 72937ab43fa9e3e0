"""An app from its description: its things, its pages, and what it allows the seed to choose.

Example::

    TASK = Entity("task", {"title": "text", "is_done": "flag"})
    DONE = Flip("Done", on_words="Open again", glyph="check", column="is_done")
    TASKS = AppSpec(
        package="org.example.tasks", label="Tasks", glyph="check", color="#1A73E8",
        entities=(TASK,), fill=lambda app, random: app.store.add("task", title="Buy milk"),
        looks=Looks(accents=("#1A73E8", "#188038")),
        tabs=("tasks",),
        pages=(
            Page("tasks", "Tasks|To do", (Rows(entity="task", face=Face(title="{title}"),
                                               opens="task"),)),
            Page("task", "{title}", (Buttons((DONE,)),), entity="task"),
        ),
    )
    app = KitApp(TASKS, World.generate(0))
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from types import MappingProxyType
from typing import Any

from tapgraph.tools.mobile.simulator.app import Activity
from tapgraph.tools.mobile.simulator.kit.act import Act
from tapgraph.tools.mobile.simulator.kit.block import Block, Link, link_of
from tapgraph.tools.mobile.simulator.kit.effect import Effect
from tapgraph.tools.mobile.simulator.kit.interruption import Interruption, interrupt
from tapgraph.tools.mobile.simulator.kit.page_view import PageFrame, Tab, page_view
from tapgraph.tools.mobile.simulator.kit.record import Entity, Record
from tapgraph.tools.mobile.simulator.kit.rows import Rows
from tapgraph.tools.mobile.simulator.kit.scene import At, Scene, StoredApp
from tapgraph.tools.mobile.simulator.kit.setting import Setting
from tapgraph.tools.mobile.simulator.kit.store import Store
from tapgraph.tools.mobile.simulator.kit.style import Looks, Style
from tapgraph.tools.mobile.simulator.views import Label, View
from tapgraph.tools.mobile.simulator.world.world import World

__all__ = ["AppSpec", "KitApp", "KitPage", "Page"]


@dataclass(frozen=True)
class Page:
    """A kind of page.

    Attributes:
        name: its identity within the app.
        title: a template, in the bar.
        blocks: from top to bottom.
        entity: what it is about; empty for nothing.
        acts: as icons in the bar.
        main: the most important thing to do here; where its control stands the style decides.
        glyph: of its tab.
        tab: the words of its tab; its title unless told.
        arrival: what opening it changes, such as that a message is read.
        departure: what leaving it changes.
    """

    name: str
    title: str
    blocks: Sequence[Block]
    entity: str = ""
    acts: Sequence[Act] = ()
    main: Act | None = None
    glyph: str = "circle-outline"
    tab: str = ""
    arrival: Sequence[Effect] = ()
    departure: Sequence[Effect] = ()

    def all_acts(self) -> Sequence[Act]:
        """All that can be done with what the page is about."""
        own = [*self.acts, *([self.main] if self.main else [])]
        return [*own, *(act for block in self.blocks for act in block.acts())]

    def links(self) -> Sequence[Link]:
        """All that leads to other pages, but for the tabs."""
        own = [*self.acts, *([self.main] if self.main else [])]
        links = [link for act in own for link in link_of(act)]
        return [*links, *(link for block in self.blocks for link in block.links())]


@dataclass(frozen=True, kw_only=True)
class AppSpec:
    """The description of an app.

    Attributes:
        entities: its kinds of things.
        fill: makes its things, by chance; called once.
        looks: what the seed may choose from.
        pages: all of them.
        tabs: names of the pages to start from; the app opens with the first.
        interruptions: at most one of them comes at the first start, by seed.
        permissions: asked for at the first start.
        computed: what templates may name besides columns: `{open_now}` for instance.
    """

    package: str
    label: str
    glyph: str
    color: str
    glyph_color: str = "#FFFFFF"
    entities: Sequence[Entity]
    fill: "Callable[[KitApp, Random], object]"
    looks: Looks
    pages: Sequence[Page]
    tabs: Sequence[str]
    interruptions: Sequence[Interruption] = ()
    permissions: Sequence[str] = ()
    computed: Mapping[str, Callable[[StoredApp, Record], str]] = field(default_factory=dict)
    needs_network: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "computed", MappingProxyType(dict(self.computed)))


class KitApp(StoredApp):
    """An app that is made from a description.

    Events: `<page>_opened` (number of the thing), `search` (the query), `filter`, `sort`,
    `tab` (the option, the name of the tabs), `ad_opened`, `interruption`, and the
    events of its acts (number of the thing, its name).
    """

    def __init__(self, spec: AppSpec, world: World) -> None:
        self.spec, self.world = spec, world
        self.pages = {page.name: page for page in spec.pages}
        self.package, self.label = spec.package, spec.label
        self.glyph, self.color, self.glyph_color = spec.glyph, spec.color, spec.glyph_color
        self.needs_network, self.computed = spec.needs_network, spec.computed

    def create(self) -> None:
        """Choose the looks, make the tables and fill them."""
        looks = self.spec.looks.worn_by(self.world.seed)
        self.style = Style.draw(looks, self.random, self.phone.profile)
        self.store = Store(self.database, self.spec.entities)
        self.store.create()
        self.spec.fill(self, self.random)

    def first_activity(self) -> Activity[Any]:
        """The page of the first tab."""
        page = KitPage(self, self.pages[self.spec.tabs[0]])
        page.is_root = True
        return page

    def go(self, page: str, record: Record | None) -> None:
        """Open a page, about a thing where the page is about one.

        Raises:
            KeyError: the app has no such page.
        """
        wanted = self.pages[page]
        self.open(KitPage(self, wanted, record if wanted.entity else None))

    def blocks(self, page: str) -> Iterator[Block]:
        """The blocks of a page, those inside of others too."""
        for block in self.pages[page].blocks:
            yield block
            yield from block.inner()

    def settings(self, at: At) -> Iterator[Setting]:
        """What the user can set on a page."""
        for block in self.pages[at.scene.page_name].blocks:
            yield from block.settings(at)

    def acts(self, page: str) -> Iterator[Act]:
        """What can be done on a page, in the rows of its lists too."""
        yield from self.pages[page].all_acts()
        for block in self.blocks(page):
            if isinstance(block, Rows):
                yield from block.row_acts
                yield from (act for act in (block.switch, block.held) if act is not None)

    def scene(self, page: str, record: Record | None = None) -> At:
        """A page as it would be if it were opened now; for those who read the app's graph."""
        return KitPage(self, self.pages[page], record).here


class KitPage(Scene):
    """A page of such an app.

    Attributes:
        is_root: whether the app was started with it; then it shows the tabs.
    """

    app: KitApp
    is_root: bool = False

    def __init__(self, app: KitApp, page: Page, record: Record | None = None) -> None:
        super().__init__(app, page.name, record)
        self.page = page
        self.name = f".{page.name.title()}Page"
        self.theme = app.style.theme
        self.background = app.style.paper
        self.bar_color = app.style.bar_paper

    def on_open(self) -> None:
        """Remember the visit; at the first start, ask what the app asks its users."""
        app = self.app
        is_first_start = not app.store.has_noted(f"{app.spec.tabs[0]}_opened")
        self._note_visit()
        if is_first_start:
            for permission in app.spec.permissions:
                app.ask_permission(permission, _ignore)
            choices = (*app.spec.interruptions, *([None] * len(app.spec.interruptions)), None)
            chosen = app.style.choose("interruption", choices)
            if chosen is not None:
                interrupt(app, chosen)

    def _note_visit(self) -> None:
        self.app.note(f"{self.page.name}_opened", "" if self.record is None else self.record.id)
        for effect in self.page.arrival:
            effect.apply(self.here)

    def on_back(self) -> bool:
        """Back ends a search with its filters, then leads to the first tab, then away."""
        if self.held.get("query") or self.held.get("searching"):
            self._end_search()
            return True
        first = self.app.pages[self.app.spec.tabs[0]]
        if not self.is_root or self.page is first:
            self._depart()
            return False
        self.select(first.name)
        return True

    def finish(self) -> None:
        """Leave this page."""
        self._depart()
        super().finish()

    def _depart(self) -> None:
        try:
            at = self.here
        except KeyError:
            return
        for effect in self.page.departure:
            effect.apply(at)

    def select(self, tab: str) -> None:
        """Show another tab."""
        if tab == self.page.name:
            return
        self.page = self.app.pages[tab]
        self.page_name = tab
        self.held = {}
        self._note_visit()

    def build(self) -> View:
        """Bar, blocks, and the tabs where the app has several."""
        try:
            at = self.here
        except KeyError:
            words = self.app.style.say("This is no longer here")
            return Label(words, id="gone", size_sp=18, padding=32)
        spec, page = self.app.spec, self.page
        tabs: list[Tab] = []
        if self.is_root and len(spec.tabs) > 1:
            pages = [self.app.pages[name] for name in spec.tabs]
            tabs = [Tab(one.glyph, one.tab or one.title, one.name) for one in pages]
        frame = PageFrame(
            title=at.tell(page.title),
            name=page.name,
            acts=page.acts,
            main=page.main,
            tabs=tabs,
            on_select=self.select,
            on_up=self._way_up(),
        )
        return page_view(at, frame, self._ordered(at))

    def _way_up(self) -> Callable[[], None] | None:
        if not self.is_root:
            return self.finish
        return self._end_search if self.held.get("query") else None

    def _end_search(self) -> None:
        self.held = {}

    def _ordered(self, at: At) -> Sequence[Block]:
        """The blocks, the movable ones in the style's order."""
        blocks = self.page.blocks
        moved = iter(at.style.in_order(self.page.name, [one for one in blocks if one.movable]))
        return [next(moved) if block.movable else block for block in blocks]


def _ignore(is_granted: bool) -> None:
    """The app does without what it was not allowed."""
    del is_granted
