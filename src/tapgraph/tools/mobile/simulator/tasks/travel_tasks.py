"""Tasks on travel reviews: what a city is worth visiting for."""

import re
from dataclasses import dataclass
from typing import Self

from tapgraph.tools.mobile.simulator.tasks.notes import added_text, write_note
from tapgraph.tools.mobile.simulator.tasks.phone_records import PhoneRecords
from tapgraph.tools.mobile.simulator.tasks.rules import (
    GENERAL_RULES,
    leave_page_without_field,
    open_app,
    scroll_down,
    search_for,
    searched_for,
    tap,
    tap_text,
)
from tapgraph.tools.mobile.simulator.tasks.subgoal import Glance, Move, Subgoal
from tapgraph.tools.mobile.simulator.tasks.task import TaskCheck
from tapgraph.tools.mobile.simulator.tasks.wording import count_of
from tapgraph.tools.mobile.simulator.world.travel import City
from tapgraph.tools.mobile.simulator.world.world import World

__all__ = ["TopAttractionsTask"]

_APP = "Tripadvisor"
_ROW = re.compile(r"(?P<rank>\d+)\. (?P<name>[^…]+?), \d\.\d(?:, \d\.\d stars)?, \([\d,]+\), .*")
_THINGS = r"(?:(?:interesting |fun )?things to do|attractions|sights)"


@dataclass(frozen=True, slots=True)
class TopAttractionsTask:
    """Note the first attractions of a city's ranked list."""

    city: str
    count: int

    @classmethod
    def match(cls, instruction: str) -> Self | None:
        """The top so-many attractions of a city on Tripadvisor, into Notes.

        >>> TopAttractionsTask.match(
        ...     "Write the top two attractions in Palo Alto on Tripadvisor into a note."
        ... )
        TopAttractionsTask(city='Palo Alto', count=2)
        """
        city = re.search(
            rf"(?i:{_THINGS} (?:in|of)) (?P<city>L\.A\.|[A-Z]\w*(?: [A-Z]\w*)*)", instruction
        )
        count = re.search(rf"(?i)\btop (?P<count>\w+) {_THINGS}", instruction)
        on_it = re.search(r"(?i)tripadvisor.*\bnotes?\b|\bnotes?\b.*tripadvisor", instruction, re.S)
        if city is None or count is None or on_it is None:
            return None
        return cls(city["city"], count_of(count["count"]) or 3)

    def wanted(self, world: World) -> City | None:
        """The city that the search finds."""
        return next(iter(world.cities_matching(self.city)), None)

    def check(self, world: World, records: PhoneRecords, /) -> TaskCheck:
        """The notes must hold those names and no other attraction of the city."""
        city = self.wanted(world)
        if city is None:
            return TaskCheck((f"there is no city called {self.city}",))
        text = added_text(records).casefold()
        ranked = [entry.name for entry in city.ranked("Things to do")]
        missing = [name for name in ranked[: self.count] if name.casefold() not in text]
        extra = [name for name in ranked[self.count :] if name.casefold() in text]
        return TaskCheck((
            *(f"no note names {name}, one of the top {self.count}" for name in missing),
            *(f"the note names {name}, not one of the top {self.count}" for name in extra),
        ))

    def subgoals(self) -> tuple[Subgoal, ...]:
        """Read the head of the ranked list, then write it down."""
        ranks = range(1, self.count + 1)
        return (
            Subgoal(
                f"Search Tripadvisor for {self.city} and read the top {self.count} things to do",
                (
                    *GENERAL_RULES,
                    open_app(_APP),
                    self._read,
                    self._open_city,
                    leave_page_without_field,
                    search_for(self.city),
                ),
                lambda glance: all(self._name(glance, rank) for rank in ranks),
                self._ranked_on,
            ),
            write_note(
                f"Write the list of the top {self.count} attractions into a note",
                f"Things to do in {self.city}",
                lambda glance: "\n".join(f"{rank}. {self._name(glance, rank)}" for rank in ranks),
            ),
        )

    def _name(self, glance: Glance, rank: int) -> str:
        found = glance.noted(rf"{re.escape(self.city)} attraction {rank}: (?P<name>.+)")
        return found[0]["name"] if found else ""

    def _is_ranking(self, glance: Glance) -> bool:
        tabs = [tab for tab in glance.of_role("tab") if tab.text == "Things to do"]
        return any("selected" in tab.states for tab in tabs)

    def _read(self, glance: Glance) -> Move | None:
        if not self._is_ranking(glance):
            return tap_text("Things to do", "tab", expectation="The list of sights.")(glance)
        return scroll_down("I read on in the list.")(glance)

    def _open_city(self, glance: Glance) -> Move | None:
        is_results_page = glance.shows("Navigate up", "button")
        if not is_results_page or not searched_for(glance, self.city):
            return None
        card = glance.first(r".+, .+ · \d+ sights", "button")
        return tap(card, "This is the city.", "Its lists.") if card else None

    def _ranked_on(self, glance: Glance) -> tuple[str, ...]:
        if not self._is_ranking(glance):
            return ()
        rows = [row for one in glance.of_role("button") if (row := _ROW.fullmatch(one.text))]
        return tuple(
            f"{self.city} attraction {row['rank']}: {row['name']}"
            for row in rows
            if int(row["rank"]) <= self.count
        )
