"""The way from a tab of an app to a page, by the app's page graph and its present state."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from tapgraph.tools.mobile.simulator.guide.aim import Subject
from tapgraph.tools.mobile.simulator.kit.block import Door
from tapgraph.tools.mobile.simulator.kit.graph import Edge, PageGraph, graph_of
from tapgraph.tools.mobile.simulator.kit.kit_app import KitApp
from tapgraph.tools.mobile.simulator.kit.record import Record

__all__ = ["Hop", "way_to"]


Hint: TypeAlias = tuple[str, str]


@dataclass(frozen=True)
class Hop:
    """A step of a way: from a page about something through a door to another page.

    Attributes:
        hint: a setting of the page and its value, with which the door is there; mostly none.
    """

    page: str
    subject: Record | None
    edge: Edge
    door: Door
    hint: Hint | None = None

    @property
    def about(self) -> Subject | None:
        """What the page that it starts from is about."""
        return _subject(self.subject)


def way_to(app: KitApp, page: str, about: Subject | None) -> tuple[str, tuple[Hop, ...]] | None:
    """The tab to start from and the shortest way from there; None where no way leads there."""
    graph = graph_of(app.spec)
    if page in graph.tabs:
        return page, ()
    for hint in (None, *_hints(app, about)):
        found = _search(app, graph, page, about, hint)
        if found is not None:
            return found
    return None


def _search(
    app: KitApp, graph: PageGraph, page: str, about: Subject | None, hint: Hint | None
) -> tuple[str, tuple[Hop, ...]] | None:
    leading = _pages_leading_to(graph, page)
    waiting: deque[tuple[str, Record | None, tuple[Hop, ...]]] = deque(
        (tab, None, ()) for tab in graph.tabs if tab in leading
    )
    met: set[tuple[str, Subject | None]] = {(tab, None) for tab in graph.tabs}
    while waiting:
        here, subject, hops = waiting.popleft()
        at = app.scene(here, subject)
        if hint is not None:
            at.scene.hold(*hint)
        for edge in graph.edges_from(here):
            if edge.target not in leading:
                continue
            for door in edge.link.doors(at):
                behind = door.leads_to if app.pages[edge.target].entity else None
                way = (*hops, Hop(here, subject, edge, door, hint))
                if edge.target == page and (about is None or about == _subject(behind)):
                    return _tab(way), way
                if (edge.target, _subject(behind)) not in met:
                    met.add((edge.target, _subject(behind)))
                    waiting.append((edge.target, behind, way))
    return None


def _tab(way: tuple[Hop, ...]) -> str:
    return way[0].page


def _hints(app: KitApp, about: Subject | None) -> Iterator[Hint]:
    """What a person would search for, or which day they would choose, who looks for a thing."""
    if about is None:
        return
    record = app.store.get(*about)
    if record.title:
        yield "query", record.title
    for column, kind in record.entity.columns.items():
        if kind == "when":
            yield "day", record.text(column)[:10]


def _pages_leading_to(graph: PageGraph, page: str) -> set[str]:
    leading = {page}
    while True:
        more = {edge.source for edge in graph.edges if edge.target in leading} - leading
        if not more:
            return leading
        leading |= more


def _subject(record: Record | None) -> Subject | None:
    return None if record is None else (record.entity.name, record.id)
