"""What an act changes: things that are made, changed, counted and removed."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tapgraph.tools.mobile.simulator.kit.record import Value
from tapgraph.tools.mobile.simulator.kit.scene import At

__all__ = ["Change", "Effect", "Insert", "PutInCart", "Refused", "Remove", "RemoveAll", "Step"]


class Refused(Exception):
    """What the user asked for cannot be done; the text says why, as the app would."""


class Effect(ABC):
    """A change of the app's things."""

    entity: str
    """What is changed; empty for the thing that it happens to."""

    @abstractmethod
    def apply(self, at: At) -> None:
        """Make the change.

        Raises:
            Refused: something is missing.
        """


@dataclass(frozen=True)
class Insert(Effect):
    """Makes a new thing."""

    entity: str
    values: Callable[[At], Mapping[str, Value]]

    def apply(self, at: At) -> None:
        """Make it."""
        at.app.store.add(self.entity, **self.values(at))


@dataclass(frozen=True)
class Change(Effect):
    """Gives the thing new values."""

    values: Callable[[At], Mapping[str, Value]]
    entity: str = ""

    def apply(self, at: At) -> None:
        """Change it."""
        at.app.store.change(at.record, **self.values(at))


@dataclass(frozen=True)
class Remove(Effect):
    """Takes the thing away."""

    entity: str = ""

    def apply(self, at: At) -> None:
        """Remove it."""
        at.app.store.remove(at.record)


@dataclass(frozen=True)
class RemoveAll(Effect):
    """Takes all things of a kind away."""

    entity: str

    def apply(self, at: At) -> None:
        """Remove them."""
        for record in at.all(self.entity):
            at.app.store.remove(record)


@dataclass(frozen=True)
class Step(Effect):
    """Adds to a number of the thing; a thing of which nothing is left goes."""

    column: str
    by: int
    entity: str = ""

    def apply(self, at: At) -> None:
        """Change the number, or remove the thing."""
        left = at.record.number(self.column) + self.by
        if left > 0:
            at.app.store.change(at.record, **{self.column: left})
        else:
            at.app.store.remove(at.record)


@dataclass(frozen=True)
class PutInCart(Effect):
    """One more of the thing, in an entity with the columns `article` and `quantity`."""

    entity: str

    def apply(self, at: At) -> None:
        """Add to the row of the thing, or make one."""
        for row in at.all(self.entity):
            if row.number("article") == at.record.id:
                at.app.store.change(row, quantity=row.number("quantity") + 1)
                return
        at.app.store.add(self.entity, article=at.record.id, quantity=1)
