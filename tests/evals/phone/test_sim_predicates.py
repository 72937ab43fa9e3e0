"""What rubrics of the suite `sim` hold for, on a phone that was changed by hand."""

from collections.abc import Iterator
from datetime import datetime
from random import Random

import pytest

from tapgraph.evals.phone.sim.draw import Draw, evidence_of
from tapgraph.evals.phone.sim.predicates import kept, says, thing_says
from tapgraph.evals.phone.sim.spelling import spelled_day, spelled_money, spelled_time
from tapgraph.evals.suite import Rubric
from tapgraph.tools.mobile.simulator.builder import build_phone
from tapgraph.tools.mobile.simulator.phone import Phone


@pytest.fixture
def phone() -> Iterator[Phone]:
    with build_phone(seed=0) as one:
        yield one


def holds(rubric: Rubric, phone: Phone) -> bool:
    found = rubric.check(evidence_of(phone, ()))
    assert found is not None
    return found.holds


def test_things_are_kept_until_one_of_them_changes_in_a_named_column(phone: Phone) -> None:
    store = Draw(phone, Random(0)).app("Contacts").store
    people = store.all("person")
    rubric = kept("all numbers", "Contacts", people, "phone")
    store.change(people[3], note="new")
    assert holds(rubric, phone)
    store.change(people[3], phone="1")
    assert not holds(rubric, phone)


def test_things_are_not_kept_once_one_of_them_is_gone(phone: Phone) -> None:
    store = Draw(phone, Random(0)).app("Contacts").store
    rubric = kept("all people", "Contacts", store.all("person"))
    store.remove(store.all("person")[0])
    assert not holds(rubric, phone)


def test_all_facts_must_stand_in_one_thing_with_the_values(phone: Phone) -> None:
    store = Draw(phone, Random(0)).app("Messages").store
    rubric = thing_says("both", "Messages", "message", "text", "jam", "tea", chat=1)
    for chat, text in ((1, "jam"), (1, "tea"), (2, "jam and tea")):
        store.add("message", chat=chat, text=text)
        assert not holds(rubric, phone)
    store.add("message", chat=1, text="Tea, then jam.")
    assert holds(rubric, phone)


@pytest.mark.parametrize("answer", ["at 18:30", "6:30 PM", "6:30pm sharp", "around 6:30 p.m."])
def test_a_time_may_be_told_by_either_clock(answer: str) -> None:
    assert says(answer, [spelled_time(datetime(2026, 5, 16, 18, 30))]).holds  # noqa: DTZ001


@pytest.mark.parametrize("answer", ["6:30 am", "16:30", "18:3", "8:30"])
def test_another_time_is_not_taken_for_it(answer: str) -> None:
    assert not says(answer, [spelled_time(datetime(2026, 5, 16, 18, 30))]).holds  # noqa: DTZ001


@pytest.mark.parametrize("answer", ["Sat, May 2", "the 2nd of May", "2026-05-02", "May 2nd"])
def test_a_day_may_be_told_in_several_ways(answer: str) -> None:
    assert says(answer, [spelled_day(datetime(2026, 5, 2))]).holds  # noqa: DTZ001


def test_another_day_is_not_taken_for_it() -> None:
    assert not says("May 22", [spelled_day(datetime(2026, 5, 2))]).holds  # noqa: DTZ001


def test_an_amount_may_lose_zeros_but_no_cents() -> None:
    assert says("It is $1,250.5", [spelled_money(125050)]).holds
    assert not says("It is $1,250", [spelled_money(125050)]).holds
