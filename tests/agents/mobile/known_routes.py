"""Four tasks that many tests run, with their routes, and a model that knows all of them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from tapgraph.evals.phone.demonstrator import DEMONSTRATOR_TRAITS, Demonstrator
from tapgraph.evals.phone.role_prompt import read_prompt
from tapgraph.llm_backend.chat_model import ModelTraits, Reply
from tapgraph.llm_backend.messages import Message
from tapgraph.tools.mobile.simulator.guide import Aim, Route
from tapgraph.tools.mobile.simulator.kit.kit_app import KitApp
from tapgraph.tools.mobile.simulator.kit.record import Record
from tapgraph.tools.mobile.simulator.phone import Phone

CAFE = "Find the highest-rated cafe on Maps and save its name and phone number in a note."
NOTE = 'Write a note called "Shop" with the text "Milk // 2 l # fresh".'
SWITCH = "Turn on the alarm at 08:30"
QUIET = "Turn on Do Not Disturb"


def things(phone: Phone, name: str, entity: str) -> tuple[Record, ...]:
    app = next(app for app in phone.apps if app.name == name)
    assert isinstance(app, KitApp)
    return app.store.all(entity)


def _best_cafe(phone: Phone) -> Record:
    cafes = [one for one in things(phone, "Maps", "place") if one.text("kind") == "Cafe"]
    return max(cafes, key=lambda one: float(one.values["rating"]))


def _note(title: str, body: str) -> Aim:
    return Aim(
        words="Write the note", app="Notes", page="note", act="done",
        settings={"title": title, "body": body},
    )  # fmt: skip


def _cafe(phone: Phone) -> Route:
    cafe = _best_cafe(phone)
    found = f"{cafe.title}, {cafe.text('phone')}"
    search = Aim(
        words="Search for cafes, the best first", app="Maps", page="map",
        settings={"query": "cafe", "sort": "Rating"},
    )  # fmt: skip
    look = Aim(words="Open the best cafe", app="Maps", page="place",
               about=("place", cafe.id), facts=(found,))  # fmt: skip
    return Route((search, look, _note("Cafe", found)))


def _quiet(phone: Phone) -> Route:
    switch = next(one for one in things(phone, "Settings", "status")
                  if one.title == "Do Not Disturb")  # fmt: skip
    return Route((
        Aim(words=QUIET, app="Settings", page="section", act="turn_phone_switch",
            about=("section", switch.number("section")), row=("status", switch.id)),
    ))  # fmt: skip


ROUTES: Mapping[str, Callable[[Phone], Route]] = {
    CAFE: _cafe,
    NOTE: lambda _phone: Route((_note("Shop", "Milk // 2 l # fresh"),)),
    QUIET: _quiet,
    SWITCH: lambda _phone: Route((
        Aim(words="Turn the alarm on", app="Clock", page="alarms", act="switch",
            row=("alarms", 2)),
    )),
}  # fmt: skip


def is_done(instruction: str, phone: Phone) -> bool:
    """Whether the databases of the phone say so."""
    notes = things(phone, "Notes", "notes")
    if instruction == SWITCH:
        return things(phone, "Clock", "alarms")[1].flag("is_on")
    if instruction == NOTE:
        return any((note.title, note.text("body")) == ("Shop", "Milk // 2 l # fresh")
                   for note in notes)  # fmt: skip
    cafe = _best_cafe(phone)
    return any(cafe.title in note.text("body") and cafe.text("phone") in note.text("body")
               for note in notes)  # fmt: skip


class KnowsRoutes:
    """The demonstrator of whichever of the tasks the prompt names; else of the alarm."""

    def __init__(self, phone: Phone) -> None:
        self._phone = phone

    @property
    def traits(self) -> ModelTraits:
        return DEMONSTRATOR_TRAITS

    def reply(
        self, messages: Sequence[Message], *, schema: type[BaseModel] | None = None, **options: Any
    ) -> Reply:
        question = next(message for message in messages if message.role == "user")
        task = read_prompt(question.text).sections.get("Task", "")
        route = ROUTES.get(task, ROUTES[SWITCH])(self._phone)
        return Demonstrator(route, self._phone).reply(messages, schema=schema, **options)
