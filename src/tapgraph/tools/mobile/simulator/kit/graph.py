"""Which control leads from which page of an app to which: reference paths come from here."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from tapgraph.tools.mobile.simulator.kit.block import Link
from tapgraph.tools.mobile.simulator.kit.kit_app import AppSpec

__all__ = ["Edge", "PageGraph", "graph_of"]


@dataclass(frozen=True)
class Edge:
    """A link with the page that it stands on."""

    source: str
    link: Link

    @property
    def target(self) -> str:
        """The page that it leads to."""
        return self.link.target


@dataclass(frozen=True)
class PageGraph:
    """The pages of an app and the links between them.

    Attributes:
        pages: names; the first ones are the tabs.
        tabs: the pages to start from, each a tap on its tab away from every other.
    """

    pages: tuple[str, ...]
    tabs: tuple[str, ...]
    edges: tuple[Edge, ...]

    def edges_from(self, page: str) -> Sequence[Edge]:
        """The links of a page."""
        return [edge for edge in self.edges if edge.source == page]

    def path(self, page: str) -> tuple[Edge, ...]:
        """The shortest way from a tab to a page; empty for a tab.

        Raises:
            KeyError: no way leads there.
        """
        ways: dict[str, tuple[Edge, ...]] = dict.fromkeys(self.tabs, ())
        waiting = deque(self.tabs)
        while waiting:
            here = waiting.popleft()
            for edge in self.edges_from(here):
                if edge.target not in ways:
                    ways[edge.target] = (*ways[here], edge)
                    waiting.append(edge.target)
        return ways[page]


def graph_of(spec: AppSpec) -> PageGraph:
    """The graph of an app.

    Raises:
        ValueError: a link leads to a page that the app does not have.
    """
    names = [page.name for page in spec.pages]
    pages = tuple(sorted(names, key=lambda name: name not in spec.tabs))
    edges = tuple(Edge(page.name, link) for page in spec.pages for link in page.links())
    for edge in edges:
        if edge.target not in pages:
            raise ValueError(f"page {edge.source!r} leads to {edge.target!r}, which is no page")
    return PageGraph(pages, tuple(spec.tabs), edges)
