"""What is right by the benchmark's rules, on tasks of our own in its form."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tapgraph.evals.bfcl.ast_rules import fault_of
from tapgraph.evals.bfcl.call import Call
from tapgraph.evals.bfcl.dataset import Conversation, Question, load_tasks
from tapgraph.evals.bfcl.world import fault_of_turns

CITY = {"city": "new york."}


def question(gold: dict[str, list[Any]]) -> Question:
    kinds = {
        "a": {"type": "string"},
        "b": {"type": "float"},
        "c": {"type": "integer"},
        "d": {"type": "array", "items": {"type": "dict"}},
        "e": {"type": "array", "items": {"type": "string"}},
        "f": {"type": "dict"},
    }
    function = {"name": "do", "parameters": {"type": "dict", "properties": kinds, "required": []}}
    return Question("q", "simple_python", (), (function,), ({"do": gold},))


@pytest.mark.parametrize(
    ("possible", "value", "is_right"),
    [
        ({"a": ["April 1, 2024"]}, {"a": "april 1 2024"}, True),
        ({"a": ["it's"]}, {"a": 'it"s'}, True),
        ({"a": ["x"]}, {"a": "y"}, False),
        ({"a": ["x"]}, {"a": 1}, False),
        ({"b": [2.0]}, {"b": 2}, True),
        ({"c": [2]}, {"c": 2.0}, False),
        ({"c": [1]}, {"c": True}, False),
        ({"c": ["count"]}, {"c": "count"}, True),
        ({"c": ["count"]}, {"c": "Count"}, False),
        ({"c": [1, ""]}, {}, True),
        ({"c": [1]}, {}, False),
        ({"c": [1]}, {"c": 1, "z": 2}, False),
        ({"e": [["A", "b"]]}, {"e": ["a", "B"]}, True),
        ({"e": [["a", "b"]]}, {"e": ["b", "a"]}, False),
        ({"e": [["a"]]}, {"e": [1]}, False),
        ({"f": [{"zip": ["A-1"], "no": [1, ""]}]}, {"f": {"zip": "a1"}}, True),
        ({"f": [{"zip": ["A-1"], "no": [1]}]}, {"f": {"zip": "a1"}}, False),
        ({"f": [{"zip": ["A-1"]}]}, {"f": {"zip": "a1", "x": 1}}, False),
        ({"d": [[{"n": [1]}, {"n": [2]}]]}, {"d": [{"n": 1}, {"n": 2}]}, True),
        ({"d": [[{"n": [1]}]]}, {"d": [{"n": 1}, {"n": 2}]}, False),
    ],
)
def test_values_are_compared_by_the_rules(possible: Any, value: Any, is_right: bool) -> None:
    assert (fault_of(question(possible), [Call("do", value)]) == "") == is_right


def only(category: str) -> Any:
    (task,) = load_tasks([category])
    return task


def test_the_number_and_the_name_of_calls_count(package: Path) -> None:
    task = only("simple_python")
    assert fault_of(task, [Call("weather.now", CITY)]) == ""
    assert fault_of(task, []) == "0 calls in place of 1"
    assert "in place of 'weather.now'" in fault_of(task, [Call("play", CITY)])
    assert fault_of(task, [Call("weather.now", {})]) == "'city' is missing"


def test_calls_at_once_may_stand_in_any_order(package: Path) -> None:
    task = only("parallel")
    air, cake = (Call("play", {"artist": one}) for one in ("air", "cake"))
    assert fault_of(task, [cake, air]) == ""
    assert fault_of(task, [cake, cake]) != ""


def test_values_of_java_are_read_from_their_text(package: Path) -> None:
    task = only("simple_java")
    assert fault_of(task, [Call("Parts.count", {"n": "7"})]) == ""
    assert fault_of(task, [Call("Parts.count", {"n": 7})]) != ""


def test_where_no_function_fits_nothing_may_be_called(package: Path) -> None:
    assert fault_of(only("irrelevance"), []) == ""
    assert fault_of(only("irrelevance"), [Call("play")]) == "something is called"
    assert fault_of(only("live_relevance"), [Call("weather.now")]) == ""
    assert fault_of(only("live_relevance"), []) == "nothing is called"


OPEN, READ = (
    Call("open_ticket", {"title": "Leak", "priority": 3}),
    Call("read_ticket", {"number": 1}),
)


@pytest.mark.parametrize(
    ("turns", "fault"),
    [
        ([[(OPEN,)], [(READ,)]], ""),
        ([[(OPEN, READ)], [(READ,)]], ""),
        ([[(READ,), (OPEN,), (READ,)], [(READ,)]], ""),
        ([[(OPEN,)]], "it ended after 1 of 2 turns"),
        ([[(OPEN,)], []], "nothing is called in turn 2"),
        ([[(OPEN,), (OPEN,)], [(READ,)]], "after turn 1 it differs: TicketAPI.tickets"),
        ([[(Call("open_ticket", {"title": "Leak"}),)], [(READ,)]], "after turn 1 it differs"),
        ([[(OPEN,)], [(Call("read_ticket", {"number": 9}),)]], "turn 2 never answers 'Leak'"),
        ([[(OPEN,)], [(Call("no_such", {}),)]], "turn 2 never answers 'Leak'"),
    ],
)
def test_turns_are_compared_by_what_they_leave_and_answer(
    turns: Any, fault: str, package: Path
) -> None:
    conversation: Conversation = only("multi_turn_base")
    assert fault_of_turns(conversation, turns).startswith(fault)
    assert (fault_of_turns(conversation, turns) == "") == (fault == "")


def test_an_answer_that_is_needed_twice_must_be_given_twice(package: Path) -> None:
    twice = ("open_ticket('Leak', 3)", "read_ticket(1)", "read_ticket(1)")
    conversation = replace(only("multi_turn_base"), gold=(twice,))
    assert fault_of_turns(conversation, [[(OPEN, READ, READ)]]) == ""
    assert fault_of_turns(conversation, [[(OPEN, READ)]]) == "turn 1 never answers 'Leak'"
