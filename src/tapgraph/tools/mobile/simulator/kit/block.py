"""What pages are made of, and the links that the blocks of a page hold."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from tapgraph.tools.mobile.simulator.kit.act import Act
from tapgraph.tools.mobile.simulator.kit.record import Record
from tapgraph.tools.mobile.simulator.kit.scene import At
from tapgraph.tools.mobile.simulator.kit.setting import Setting
from tapgraph.tools.mobile.simulator.views import Label, View

__all__ = ["Block", "Door", "Link", "heading", "headline", "link_of"]


@dataclass(frozen=True)
class Door:
    """One control that leads on.

    Attributes:
        words: what it says, or would say if it were no icon; for a row, what it says first.
        leads_to: what the page behind it is about; nothing where it is about nothing.
        key: tells it from the others of its link; empty where there is one.
        text: what is to be written there and sent off; None where a tap opens it.
    """

    words: str
    leads_to: Record | None
    key: str = ""
    text: str | None = None


@dataclass(frozen=True)
class Link:
    """The controls of one kind that lead from a page to another.

    Attributes:
        id: their resource entry name.
        target: the page that they lead to.
        doors: those that a page has in its present state, the first one uppermost.
    """

    id: str
    target: str
    doors: Callable[[At], Sequence[Door]]


class Block:
    """A part of a page. Its views stand above the part that scrolls, in it, or below it."""

    movable: bool = False
    """Whether the style may put it elsewhere among the page's movable blocks."""

    def tools(self, at: At) -> list[View]:
        """Icons in the bar on top."""
        del at
        return []

    def head(self, at: At) -> list[View]:
        """What stays on top."""
        del at
        return []

    def body(self, at: At) -> list[View]:
        """What scrolls."""
        del at
        return []

    def foot(self, at: At) -> list[View]:
        """What stays at the foot."""
        del at
        return []

    def inner(self) -> Iterator["Block"]:
        """Blocks that it is made of."""
        yield from ()

    def links(self) -> Iterator[Link]:
        """The controls that lead to other pages."""
        yield from ()

    def acts(self) -> Iterator[Act]:
        """What the user can do with the thing that the page is about."""
        yield from ()

    def settings(self, at: At) -> Iterator[Setting]:
        """What the user can set here."""
        del at
        yield from ()


def link_of(act: Act) -> Iterator[Link]:
    """The link that an act is, where it is one."""
    if act.opens:
        yield Link(act.id, act.opens, partial(_doors_of, act))


def _doors_of(act: Act, at: At) -> Sequence[Door]:
    return [Door(act.face(at)[0], act.leads_to(at))] if act.shows(at) and act.can_run(at) else []


def heading(at: At, words: str) -> list[View]:
    """A heading inside a page; nothing for no words."""
    return [headline(at, at.tell(words))] if words else []


def headline(at: At, text: str) -> View:
    """A text as a heading inside a page."""
    style = at.style
    is_loud = style.choose("headings", (True, True, False))
    return Label(
        text if is_loud else text.upper(),
        size_sp=18 if is_loud else 12,
        bold=True,
        color=style.ink if is_loud else style.muted,
        padding=(style.space_dp, 16, style.space_dp, 6),
    )
