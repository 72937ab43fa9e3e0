"""One JSON object out of a reply, including the strings that break Mobile-Agent-E's parser."""

import contextlib
import json
from dataclasses import replace
from enum import StrEnum
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, JsonValue

from tapgraph.errors import InvalidReply
from tapgraph.llm_backend.chat_model import Reply
from tapgraph.llm_backend.json_object import parse_object, read_object, with_object


class Action(BaseModel):
    name: str
    arguments: dict[str, str | int] | None = None


class Verdict(BaseModel):
    outcome: Literal["A", "B", "C"]


class Outcome(StrEnum):
    SUCCESS = "A"
    WRONG_PAGE = "B"
    NO_CHANGE = "C"


class EnumVerdict(BaseModel):
    outcome: Outcome


@pytest.mark.parametrize(
    "typed",
    [
        "https://example.org/a//b",
        "item # 1",
        "a // b # c",
        'she said "yes"',
        "it's; rm -rf / & | < > ` $HOME",
        "{nested {braces}} and [brackets]",
        '{"name": "Back"}',
        "```json",
        "line one\nline two\ttab",
        "Übergröße 東京 🗼",
        "back\\slash",
        "</think>",
    ],
)
@pytest.mark.parametrize(
    "around",
    [
        "{}",
        "```json\n{}\n```",
        "```\n{}\n```",
        "I will type now: {} because it is next.",
        "\n {} // x",
    ],
)
def test_strings_survive_whatever_they_hold(typed: str, around: str) -> None:
    said = json.dumps({"name": "Type", "arguments": {"text": typed}}, ensure_ascii=False)
    found = parse_object(around.replace("{}", said), Action)
    assert found == Action(name="Type", arguments={"text": typed})


def test_nested_object_inside_prose_is_found_whole() -> None:
    reply = '### Action ###\n{"name": "Tap", "arguments": {"x": 100, "y": 200}} taps the {icon}.'
    assert parse_object(reply, Action).arguments == {"x": 100, "y": 200}


def test_raw_line_break_inside_a_string_is_kept() -> None:
    assert parse_object('{"name": "a\nb"}', Action).name == "a\nb"


def test_curly_prose_is_not_json() -> None:
    assert parse_object('the set {a, b} and {"name": "Back"}', Action).name == "Back"


def test_object_in_leading_thoughts_is_not_read() -> None:
    reply = '<think>Perhaps {"name": "Home"}? No, {"name": </think>{"name": "Back"}'
    assert parse_object(reply, Action).name == "Back"


def test_repeating_the_same_object_is_one_answer() -> None:
    assert parse_object('{"name": "Back"} so: {"name":"Back"}', Action).name == "Back"


def test_object_of_another_shape_beside_the_answer_is_ignored() -> None:
    assert parse_object('on {"screen": 3} I do {"name": "Back"}', Action).name == "Back"


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        ("", "no JSON object"),
        ("Tap the button.", "no JSON object"),
        ("[1, 2]", "no JSON object"),
        ('"{\\"name\\": \\"Back\\"}"', "no JSON object"),
        ('<think>I open {"name": "Back"}', "no JSON object"),
        ("<think>one</think><think>", "no JSON object"),
        ("{'name': 'Ba", "broken"),
        ("{'name': 'a', 'name': 'b'}", "broken"),
        ("{'name': b'Back'}", "broken"),
        ("{'name': 'a\\d'}", "broken"),
        ("{'name': 'a' 'b'}", "broken"),
        ("{'name': 'a', 'arguments': {'x': 1e999}}", "broken"),
        ("{'name': 'a', 'arguments': {1: 2}}", "broken"),
        ("{'name': 'a\\/b'}", "broken"),
        ("{'name': " * 1000 + "}" * 1000, "broken"),
        ('{"name": "Back"} ' * 51, "more than 50"),
        ("{'name': ('a',)}", "broken"),
        ("{'name': open('a')}", "broken"),
        ('{"name": "say "hi" now"}', "broken"),
        ('{"name": "Wait", "arguments": {"x": None, "x": 1,}}', "'x' stands twice"),
        ('{"name": "Back"} or {"name": "Home"}', "2 different"),
        ('{"name": "Tap", "arguments": {"x": 1', "broken"),
        ('{"plan": {"name": "Back"}', "broken"),
        ('{"name": "Back", "name": "Home"}', "'name' stands twice"),
        ('{"name": "Wait", "arguments": {"x": NaN}}', "NaN"),
        ('{"name": "\\ud83d"}', "surrogate"),
        ('{"name":' * 100_000, "nested too deeply"),
        ('{"arguments": null}', "name: Field required"),
        ('{"name": 3}', "name: Input should be a valid string, got 3"),
        ('{"name": "Wait", "arguments": {"x": ' + "9" * 5000 + "}}", "cannot be read"),
    ],
)
def test_unusable_reply_is_refused_with_the_reason(reply: str, told: str) -> None:
    with pytest.raises(InvalidReply, match=told):
        parse_object(reply, Action)


@pytest.mark.parametrize(
    "outcome",
    [
        "B: Failed. Action led to a wrong page",
        "C: Failed. Action produced no change",
        "Answer: C",
        "C (the ADB keyboard is active)",
        "a",
        "A ",
        "",
        "D",
    ],
)
@pytest.mark.parametrize("schema", [Verdict, EnumVerdict])
def test_outcome_with_other_words_is_never_a(outcome: str, schema: type[BaseModel]) -> None:
    with pytest.raises(InvalidReply, match="outcome"):
        parse_object(json.dumps({"outcome": outcome}), schema)


def test_exact_outcome_is_read() -> None:
    assert parse_object('{"outcome": "C"}', EnumVerdict).outcome is Outcome.NO_CHANGE


def test_many_problems_are_told_shortly() -> None:
    class Wide(BaseModel):
        values: list[int]

    with pytest.raises(InvalidReply, match="and 15 more") as raised:
        parse_object(json.dumps({"values": ["x" * 500] * 20}), Wide)
    assert len(str(raised.value)) < 1000


@given(
    st.dictionaries(st.text(), st.text() | st.integers()), st.sampled_from(["", "so: ", "```\n"])
)
def test_any_strings_come_back_as_they_were(arguments: dict[str, str | int], before: str) -> None:
    said = json.dumps({"name": "Type", "arguments": arguments}, ensure_ascii=False)
    assert parse_object(before + said, Action) == Action(name="Type", arguments=arguments)


@given(st.text(alphabet="{}[]\":,\\ a1\n/#`'"))
def test_any_words_give_an_action_or_a_typed_refusal(words: str) -> None:
    with contextlib.suppress(InvalidReply):
        parse_object(words, Action)


@pytest.mark.parametrize(
    ("reply", "repairs"),
    [
        ('{"name": "Back"}', ()),
        (' {"name": "Back"}\n', ()),
        ('```json\n{"name": "Back"}\n```', ("took it out of its fence",)),
        ('I go: {"name": "Back"}', ("left out the words around it",)),
        ('<think>Home?</think>{"name": "Back"}', ("left out its thinking",)),
        ('{"name": "Back",}', ("took away trailing commas or Python's constants",)),
        (
            '{"name": "Back", "arguments": None}',
            ("took away trailing commas or Python's constants",),
        ),
        ("{'name': 'Back'}", ("read it as a Python literal",)),
        ("{'name': \"Back\", 'arguments': None,}", ("read it as a Python literal",)),
        (
            "Well:\n```python\n{'name': 'Back'}\n```",
            (
                "read it as a Python literal",
                "took it out of its fence",
                "left out the words around it",
            ),
        ),
    ],
)
def test_what_is_certain_is_repaired_and_told(reply: str, repairs: tuple[str, ...]) -> None:
    read = read_object(reply, Action)
    assert (read.answer, read.repairs) == (Action(name="Back"), repairs)


def test_trailing_commas_and_constants_inside_strings_stay() -> None:
    said = '{"name": "a,} None, ]", "arguments": {"x": 1,},}'
    assert parse_object(said, Action) == Action(name="a,} None, ]", arguments={"x": 1})


def test_python_strings_keep_their_quotes_and_braces() -> None:
    said = "{'name': 'it\\'s {a} \"b\"', 'arguments': {'text': '}'}} and so on"
    assert parse_object(said, Action) == Action(name='it\'s {a} "b"', arguments={"text": "}"})


def test_objects_of_both_notations_that_differ_are_two() -> None:
    with pytest.raises(InvalidReply, match="2 different"):
        parse_object("{'name': 'Back'} {\"name\": \"Home\"}", Action)


def test_many_unclosed_quotes_are_read_in_little_time() -> None:
    with pytest.raises(InvalidReply, match="broken"):
        parse_object('{"name": ' + '\\"' * 200_000, Action)


class Point(BaseModel):
    x: int
    share: float = 0.5
    label: str = "none"
    notes: list[str] = Field(default_factory=list)


@pytest.mark.parametrize("x", ["2", "2.0", '"2"', '"2.0"'])
def test_exact_number_of_another_type_is_taken(x: str) -> None:
    read = read_object(f'{{"x": {x}}}', Point)
    assert read.answer == Point(x=2)
    assert read.repairs == (() if x == "2" else ("took values of another type",))


@pytest.mark.parametrize("x", ["2.5", '"2.5"', '"two"', '""', "true", "null", "[2]"])
def test_value_that_is_no_exact_number_is_refused(x: str) -> None:
    with pytest.raises(InvalidReply, match="x: Input should be a valid integer"):
        parse_object(f'{{"x": {x}}}', Point)


def test_null_stands_for_what_is_not_given() -> None:
    read = read_object('{"x": 1, "share": null, "label": null, "notes": null}', Point)
    assert (read.answer, read.repairs) == (Point(x=1), ())


def test_null_in_a_mapping_is_left_out() -> None:
    said = '{"name": "Tap", "arguments": {"x": 3, "text": null}}'
    assert parse_object(said, Action).arguments == {"x": 3}


def test_null_that_may_stand_stays() -> None:
    class Answer(BaseModel):
        value: JsonValue = 1
        other: str = ""

    read = parse_object('{"value": {"a": null}, "other": null}', Answer)
    assert read.value == {"a": None}


def test_cut_reply_gets_no_object() -> None:
    whole = Reply('{"x": 1}')
    assert with_object(whole, Point).parsed == Point(x=1)
    assert with_object(replace(whole, finish_reason="length"), Point).parsed is None


def test_repairs_stand_in_the_reply() -> None:
    assert with_object(Reply('{"x": 1,}'), Point).repairs == (
        "took away trailing commas or Python's constants",
    )
