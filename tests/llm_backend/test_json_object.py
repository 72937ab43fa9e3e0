"""One JSON object out of a reply, including the strings that break Mobile-Agent-E's parser."""

import contextlib
import json
from enum import StrEnum
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from tapgraph.errors import InvalidReply
from tapgraph.llm_backend.json_object import parse_object


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
        ("{'name': 'Back'}", "no JSON object"),
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


@given(st.text(alphabet='{}[]":,\\ a1\n/#`'))
def test_any_words_give_an_action_or_a_typed_refusal(words: str) -> None:
    with contextlib.suppress(InvalidReply):
        parse_object(words, Action)
