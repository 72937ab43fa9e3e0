"""What is to be reached on the simulated phone: places, and what is set and done there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeAlias

from tapgraph.tools.mobile.actions import Action

__all__ = ["Aim", "Move", "Route", "Subject"]

Subject: TypeAlias = tuple[str, int]
"""Entity and number of a thing."""


@dataclass(frozen=True, slots=True)
class Move:
    """The next action, why, and what should be seen after it."""

    action: Action
    thought: str
    expectation: str


@dataclass(frozen=True, kw_only=True)
class Aim:
    """One part of a way: to be on a page, with something set there, or something done there.

    Attributes:
        words: as a person would write it into a plan.
        app: the name of an app, its label in English; empty for words to the user, which need none.
        page: a page of it; empty for whatever it shows.
        about: what the page is about; None for any thing, or for one that is begun there.
        settings: what is to be set on the page, by the names that its blocks give.
        act: what is to be done there, by its id; empty for nothing.
        row: the thing in whose row the act stands; None for an act of the page itself.
        times: how often it is to be done.
        facts: what is worth writing down there.
        answer: words for the user, who is told them.
        question: words for the user, who is asked them.
    """

    words: str
    app: str = ""
    page: str = ""
    about: Subject | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    act: str = ""
    row: Subject | None = None
    times: int = 1
    facts: Sequence[str] = ()
    answer: str = ""
    question: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "settings", MappingProxyType(dict(self.settings)))

    @property
    def deed(self) -> tuple[str, str, str, Subject | None]:
        """What equal acts on equal things share."""
        return self.app, self.page, self.act, self.row or self.about


@dataclass(frozen=True)
class Route:
    """Aims in their order.

    Attributes:
        is_possible: whether the task is done at the end; else the aims show that it cannot be.
    """

    aims: tuple[Aim, ...]
    is_possible: bool = True

    def times(self, place: int) -> int:
        """How often the act of an aim has been done once the aim is reached."""
        deed = self.aims[place].deed
        return sum(aim.times for aim in self.aims[: place + 1] if aim.deed == deed)
