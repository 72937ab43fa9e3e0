"""Tasks on Maps: the way to the nearest good place, and the best place with its number."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Self

from tapgraph.tools.mobile.simulator.apps.maps import MAPS_PACKAGE
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
from tapgraph.tools.mobile.simulator.tasks.subgoal import Glance, Move, Rule, Subgoal
from tapgraph.tools.mobile.simulator.tasks.task import TaskCheck, task_check
from tapgraph.tools.mobile.simulator.world.place import Place
from tapgraph.tools.mobile.simulator.world.world import World

__all__ = ["BestPlaceNoteTask", "DirectionsTask"]

_APP = "Maps"
_ROW = re.compile(
    r"(?P<name>[^…]+?), (?P<rating>\d\.\d)(?:, \d\.\d stars)?, \([\d,]+\), [^·…]+ · (?:\$+ · )?"
    r"(?P<distance>[\d.]+) mi, (?P<state>(?:Open|Closed)[^…]*)"
)
_ON_MAPS = r"(?:(?:on|in|with|using) (?:google )?maps)"


@dataclass(frozen=True, slots=True)
class DirectionsTask:
    """Show the way to the nearest place of a kind that is rated better than a limit."""

    kind: str
    min_rating: float

    @classmethod
    def match(cls, instruction: str) -> Self | None:
        """Directions (a route, the way) to the nearest such place.

        >>> DirectionsTask.match("Show me the way to the closest cafe rated above 4.2 in Maps")
        DirectionsTask(kind='cafe', min_rating=4.2)
        """
        found = re.search(
            r"(?i)(?:directions?|route|way|navigate) to (?:the )?(?:nearest|closest) "
            r"(?P<kind>[^.,]+?)"
            r"(?:,? (?:that (?:has|is)|which (?:has|is)|with|having|rated)\b[^.]*?"
            r"(?:higher|greater|better|above|over|more|at least)(?: than)? (?P<rating>\d(?:\.\d)?)"
            rf"|(?= {_ON_MAPS})|[.,]|$)",
            instruction,
        )
        if found is None:
            return None
        kind = re.sub(rf"(?i) (?:near me|{_ON_MAPS})$", "", found["kind"].strip())
        return cls(kind.lower(), float(found["rating"] or 0))

    def wanted(self, world: World) -> Place | None:
        """The place that the world's data names."""
        places = world.places_matching(self.kind)
        return next((place for place in places if place.rating > self.min_rating), None)

    def check(self, world: World, records: PhoneRecords, /) -> TaskCheck:
        """The route to that place must be on the screen."""
        place = self.wanted(world)
        if place is None:
            return TaskCheck((f"no {self.kind} is rated above {self.min_rating}",))
        routes = records.events(MAPS_PACKAGE, "route_shown")
        shown = next(
            (other.name for other in world.places if routes and str(other.number) == routes[-1][0]),
            "no place",
        )
        front = records.foreground()
        is_shown = front.package == MAPS_PACKAGE and "DirectionsPage" in front.activity
        return task_check(
            (shown == place.name, f"the last route led to {shown}, not to {place.name}"),
            (is_shown, f"not the route is in front but {front.package} {front.activity}"),
        )

    def subgoals(self) -> tuple[Subgoal, ...]:
        """Find the place, then show the way."""
        limit = f" rated higher than {self.min_rating}" if self.min_rating else ""
        subject = f"nearest {self.kind}{limit}"
        return (
            _find_place(
                f"Search Maps for a {self.kind} and find the nearest one{limit}",
                self.kind,
                "Distance",
                subject,
                lambda rating: rating > self.min_rating,
            ),
            _show_route(f"Show the route to the {subject}", self.kind, subject),
        )


@dataclass(frozen=True, slots=True)
class BestPlaceNoteTask:
    """Save name and phone number of the best-rated place of a kind in a note."""

    kind: str

    @classmethod
    def match(cls, instruction: str) -> Self | None:
        """The best-rated place on Maps, and its phone number into Notes.

        >>> BestPlaceNoteTask.match(
        ...     "Find the highest-rated cafe on Maps and save its name and phone number in a note."
        ... )
        BestPlaceNoteTask(kind='cafe')
        """
        found = re.search(
            r"(?i)(?:highest|best|top)[- ]rated (?P<kind>[^.,]+?)"
            rf"(?: near me| nearby)? {_ON_MAPS}.*\b(?:phone )?number\b.*\bnotes?\b",
            instruction,
        )
        return cls(found["kind"].lower()) if found else None

    def wanted(self, world: World) -> Place | None:
        """The place that the world's data names."""
        places = world.places_matching(self.kind)
        return max(places, key=lambda place: (place.rating, -place.distance_mi), default=None)

    def check(self, world: World, records: PhoneRecords, /) -> TaskCheck:
        """The note must name that place and its number, and no other place of the kind."""
        place = self.wanted(world)
        if place is None:
            return TaskCheck((f"there is no {self.kind}",))
        text = added_text(records).casefold()
        others = [other for other in world.places_matching(self.kind) if other != place]
        named = [other.name for other in others if other.name.casefold() in text]
        has_number = re.sub(r"\D", "", place.phone) in re.sub(r"\D", "", text)
        return task_check(
            (place.name.casefold() in text, f"no note names {place.name}"),
            (has_number, f"no note has the number {place.phone}"),
            (not named, f"the note names {', '.join(named)}"),
        )

    def subgoals(self) -> tuple[Subgoal, ...]:
        """Find the place, look up its number, write both down."""
        subject = f"highest-rated {self.kind}"
        return (
            _find_place(
                f"Search Maps for a {self.kind} and find the one with the highest rating",
                self.kind,
                "Rating",
                subject,
                lambda _rating: True,
            ),
            _look_up_phone(f"Open the {subject} and find its phone number", self.kind, subject),
            write_note(
                f"Write name and phone number of the {subject} into a note",
                subject.capitalize(),
                partial(_name_and_phone, subject),
            ),
        )


def _find_place(
    text: str, kind: str, order: str, subject: str, is_good: Callable[[float], bool]
) -> Subgoal:
    def facts(glance: Glance) -> tuple[str, ...]:
        if _chosen(glance, subject) or not _is_sorted(glance, kind, order):
            return ()
        for row in _rows(glance):
            if is_good(float(row["rating"])):
                return (f"{subject}: {row['name']} ({row['rating']} stars, {row['distance']} mi)",)
        return ()

    def scroll(glance: Glance) -> Move | None:
        if not _is_sorted(glance, kind, order):
            return None
        return scroll_down("None of these is good enough.")(glance)

    return Subgoal(
        text,
        (
            *GENERAL_RULES,
            open_app(_APP),
            tap_text(order, "radio", expectation=f"The list is sorted by {order.lower()}."),
            scroll,
            _sort(kind),
            search_for(kind),
        ),
        lambda glance: bool(_chosen(glance, subject)),
        facts,
    )


def _sort(kind: str) -> Rule:
    def rule(glance: Glance) -> Move | None:
        chip = glance.first("Sort by: .*", "button")
        if chip is None or not searched_for(glance, kind):
            return None
        return tap(chip, "The list is in another order.", "A choice of orders.")

    return rule


def _show_route(text: str, kind: str, subject: str) -> Subgoal:
    def is_done(glance: Glance) -> bool:
        name = re.escape(_chosen(glance, subject))
        return bool(name) and glance.shows(r"Your location.*") and glance.shows(name, "text")

    return Subgoal(
        text,
        (
            *GENERAL_RULES,
            open_app(_APP),
            _on_chosen_page(subject, "Directions", "The route appears."),
            _open_chosen(subject),
            leave_page_without_field,
            search_for(kind),
        ),
        is_done,
    )


def _look_up_phone(text: str, kind: str, subject: str) -> Subgoal:
    def facts(glance: Glance) -> tuple[str, ...]:
        if not _is_page_of(glance, _chosen(glance, subject)):
            return ()
        number = glance.first(r"\(\d{3}\) 555-\d{4}")
        return (f"{subject}, phone: {number.text}",) if number else ()

    def scroll(glance: Glance) -> Move | None:
        is_there = _is_page_of(glance, _chosen(glance, subject))
        return scroll_down("The number must be further down.")(glance) if is_there else None

    return Subgoal(
        text,
        (
            *GENERAL_RULES,
            open_app(_APP),
            scroll,
            _open_chosen(subject),
            leave_page_without_field,
            search_for(kind),
        ),
        lambda glance: bool(_phone(glance, subject)),
        facts,
    )


def _name_and_phone(subject: str, glance: Glance) -> str:
    return f"{_chosen(glance, subject)}\nPhone: {_phone(glance, subject)}"


def _chosen(glance: Glance, subject: str) -> str:
    found = glance.noted(rf"{re.escape(subject)}: (?P<name>.+) \([\d.]+ stars, [\d.]+ mi\)")
    return found[0]["name"] if found else ""


def _phone(glance: Glance, subject: str) -> str:
    found = glance.noted(rf"{re.escape(subject)}, phone: (?P<phone>.+)")
    return found[0]["phone"] if found else ""


def _rows(glance: Glance) -> list[re.Match[str]]:
    return [row for element in glance.of_role("button") if (row := _ROW.fullmatch(element.text))]


def _is_sorted(glance: Glance, kind: str, order: str) -> bool:
    return searched_for(glance, kind) and glance.shows(f"Sort by: {order}", "button")


def _is_page_of(glance: Glance, name: str) -> bool:
    """Whether the page of the place is open, its head or any part below."""
    is_page = glance.shows("Overview", "tab") or glance.shows("Directions", "button")
    return is_page and bool(name) and glance.shows(re.escape(name), "text")


def _on_chosen_page(subject: str, button: str, expectation: str) -> Rule:
    def rule(glance: Glance) -> Move | None:
        if not _is_page_of(glance, _chosen(glance, subject)):
            return None
        return tap_text(button, expectation=expectation)(glance)

    return rule


def _open_chosen(subject: str) -> Rule:
    """Open the chosen place from the results; scroll until it is there."""

    def rule(glance: Glance) -> Move | None:
        name = _chosen(glance, subject)
        if not glance.shows("Sort by: .*", "button"):
            return None
        row = glance.first(rf"{re.escape(name)}, \d\.\d,.*", "button")
        if row is not None:
            return tap(row, f"{name} is the place.", f"The page of {name}.")
        if glance.shows("You have reached the end of the list"):
            return None
        return scroll_down(f"{name} must be further down.")(glance) if _rows(glance) else None

    return rule
