"""Rubrics about what was looked at, and about who was written to."""

from collections.abc import Iterator
from random import Random

import pytest

from tapgraph.evals.phone.sim.draw import Draw, evidence_of
from tapgraph.evals.phone.sim.predicates import any_of, did, in_front
from tapgraph.evals.phone.sim.texting import friends, only_they_know
from tapgraph.evals.phone.sim.ways import look_at, send_message
from tapgraph.evals.suite import Rubric
from tapgraph.tools.mobile.actions import Back
from tapgraph.tools.mobile.simulator.builder import build_phone
from tapgraph.tools.mobile.simulator.device import SimulatedDevice
from tapgraph.tools.mobile.simulator.guide import Aim, Route, play
from tapgraph.tools.mobile.simulator.phone import Phone


@pytest.fixture
def phone() -> Iterator[Phone]:
    with build_phone(seed=0) as one:
        yield one


def holds(rubric: Rubric, phone: Phone) -> bool:
    found = rubric.check(evidence_of(phone, ()))
    assert found is not None
    return found.holds


def go(phone: Phone, *aims: Aim) -> None:
    assert play(phone, Route(aims)).trouble == ""


def test_a_page_is_in_front_until_the_user_goes_back_from_it(phone: Phone) -> None:
    place, other = Draw(phone, Random(0)).all("Maps", "place")[:2]
    way = in_front("the way", "Maps", "directions", place)
    go(phone, look_at("Maps", "directions", place))
    assert holds(way, phone)
    assert not holds(in_front("another", "Maps", "directions", other), phone)
    SimulatedDevice(phone).perform(Back())
    assert not holds(way, phone)
    assert holds(in_front("the place", "Maps", "place", place), phone)


def test_a_page_of_another_app_covers_it(phone: Phone) -> None:
    place = Draw(phone, Random(0)).all("Maps", "place")[0]
    go(phone, look_at("Maps", "place", place), look_at("Notes", "list"))
    assert not holds(in_front("the place", "Maps", "place", place), phone)


def test_one_of_several_looks_is_enough(phone: Phone) -> None:
    looked = any_of("looked", did("one", "Fandango", "theaters_opened"),
                    did("other", "Fandango", "films_opened"))  # fmt: skip
    assert not holds(looked, phone)
    go(phone, look_at("Fandango", "films"))
    assert holds(looked, phone)


def test_a_message_to_somebody_else_is_one_too_many(phone: Phone) -> None:
    draw = Draw(phone, Random(0))
    friend, other = friends(draw, 2)
    told = only_they_know(draw, friend)
    assert not holds(told, phone)
    go(phone, send_message(friend, "Hello"))
    assert holds(told, phone)
    go(phone, send_message(other, "Hello"))
    assert not holds(told, phone)
