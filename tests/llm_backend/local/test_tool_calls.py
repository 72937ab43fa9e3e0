"""Thoughts, words and calls are found in what a model says, and nothing else is taken for one."""

import json
from collections.abc import Sequence
from itertools import pairwise

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapgraph.llm_backend.chat_model import ToolSpec
from tapgraph.llm_backend.local.reply_reader import (
    CallArguments,
    CallBegun,
    ReplyReader,
    Thought,
    gather,
)
from tapgraph.llm_backend.local.tool_calls import forced_call

PARAMETERS = {
    "properties": {
        "x": {"type": "integer"},
        "text": {"type": "string"},
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "points": {"type": "array", "items": {"type": "number"}},
        "kind": {"enum": ["1", 2]},
        "on": {"type": "boolean"},
    }
}
TAP = '{"name": "tap", "arguments": {"x": 3}}'
TAPPED = ("tap", '{"x": 3}')


def read(
    text: str, names: Sequence[str] = ("tap", "type"), piece: int = 10_000, **more: bool
) -> tuple[str, str, list[tuple[str, str]]]:
    reader = ReplyReader(dict.fromkeys(names, PARAMETERS), **more)
    parts = [
        part
        for begin in range(0, len(text), piece)
        for part in reader.push(text[begin : begin + piece])
    ]
    said = gather([*parts, *reader.finish()])
    return said.reasoning, said.text, [(call.name, call.arguments) for call in said.tool_calls]


IN_TAGS = "<function=tap>\n<parameter=x>\n3\n</parameter>\n</function>"


@pytest.mark.parametrize("piece", [1, 7, 10_000])
@pytest.mark.parametrize(
    ("text", "words", "calls"),
    [
        (f"<tool_call>\n{IN_TAGS}\n</tool_call>", "", [TAPPED]),
        (f"I tap.\n<tool_call>\n{IN_TAGS}\n</tool_call>\nDone.", "I tap.\nDone.", [TAPPED]),
        (f"<tool_call>{IN_TAGS}</tool_call>\n<tool_call>{IN_TAGS}</tool_call>", "", [TAPPED] * 2),
        (f"I tap. {IN_TAGS}", "I tap. ", [TAPPED]),
        (f"{IN_TAGS}\n{IN_TAGS}", "", [TAPPED] * 2),
        (f"<tool_call>\n{IN_TAGS.removesuffix('</function>')}</tool_call>", "", [TAPPED]),
        (IN_TAGS.removesuffix("\n</parameter>\n</function>"), "", [TAPPED]),
        ("<function=tap></function>", "", [("tap", "{}")]),
        ("<function=fly><parameter=x>3</parameter></function>",
         "<function=fly><parameter=x>3</parameter></function>", []),
        ("Write <function=NAME> there.", "Write <function=NAME> there.", []),
        ("2 < 3, a <function, and <", "2 < 3, a <function, and <", []),
    ],
)  # fmt: skip
def test_calls_in_tags_are_found(
    text: str, words: str, calls: list[tuple[str, str]], piece: int
) -> None:
    assert read(text, piece=piece) == ("", words, calls)


@pytest.mark.parametrize(
    ("name", "said", "value"),
    [
        ("x", "3", 3),
        ("x", "three", "three"),
        ("text", "3", "3"),
        ("text", "\n  if a < b:\n    </b>\n", "\n  if a < b:\n    </b>\n"),
        ("text", "<parameter>x</parameter> y", "<parameter>x</parameter> y"),
        ("text", "null", "null"),
        ("note", "null", None),
        ("note", "ü", "ü"),
        ("points", "[1, 2.5]", [1, 2.5]),
        ("kind", "1", "1"),
        ("on", "True", True),
        ("on", "false", False),
        ("unknown", "[1]", "[1]"),
    ],
)
def test_a_value_in_tags_is_what_the_schema_says(name: str, said: str, value: object) -> None:
    text = f"<function=type>\n<parameter={name}>\n{said}\n</parameter>\n</function>"
    ((_, arguments),) = read(text)[2]
    assert json.loads(arguments) == {name: value}


@pytest.mark.parametrize("piece", [1, 3, 10_000])
@pytest.mark.parametrize(
    ("text", "words", "calls"),
    [
        ("Hello.", "Hello.", []),
        ("  ", "  ", []),
        (f"<tool_call>\n{TAP}\n</tool_call>", "", [TAPPED]),
        (f"I tap. <tool_call>{TAP}</tool_call>", "I tap. ", [TAPPED]),
        (f"<tool_call>{TAP}</tool_call>" * 2, "", [TAPPED] * 2),
        (f"<tool_call>{TAP}", "", [TAPPED]),
        (TAP, "", [TAPPED]),
        (f"[{TAP}, {TAP}]", "", [TAPPED] * 2),
        (f"{TAP}; {TAP}", "", [TAPPED] * 2),
        (f"{TAP}\nI have tapped.", "I have tapped.", [TAPPED]),
        (f"<tool_call>{TAP}</tool_call>\n\nDone.", "Done.", [TAPPED]),
        (f"Sure:\n```json\n{TAP}\n```\nDone.", "Sure:\nDone.", [TAPPED]),
        (f"```\n{TAP}\n```", "", [TAPPED]),
        (r'{"name": "tap", "arguments": "{\"x\": 3}"}', "", [TAPPED]),
        ('{"type": "function", "function": ' + TAP + "}", "", [TAPPED]),
        ('{"arguments": {"x": 3}, "name": "tap"}', "", [TAPPED]),
        ('{"name": "type", "parameters": {"text": "ü"}}', "", [("type", '{"text": "ü"}')]),
        ('{"name": "type", "arguments": {"text": "}"', "", [("type", '{"text": "}"')]),
        ('{"name": "dance", "arguments": {}}', '{"name": "dance", "arguments": {}}', []),
        ('{"name": "tap", "arguments": "x"}', '{"name": "tap", "arguments": "x"}', []),
        ('{"answer": 4}', '{"answer": 4}', []),
        ("[1, 2]", "[1, 2]", []),
        ('```json\n{"answer": 4}\n```', '```json\n{"answer": 4}\n```', []),
        ("```python\nx = {}\n```", "```python\nx = {}\n```", []),
        ("<tool_call>no JSON</tool_call>", "<tool_call>no JSON</tool_call>", []),
        ("a < b <tool", "a < b <tool", []),
    ],
)
def test_words_and_calls_are_parted(
    text: str, words: str, calls: list[tuple[str, str]], piece: int
) -> None:
    assert read(text, piece=piece) == ("", words, calls)


@pytest.mark.parametrize("piece", [1, 3, 10_000])
@pytest.mark.parametrize(
    ("text", "is_in_thought", "reasoning", "words"),
    [
        (f"<think>\n{TAP}?\n</think>\n\nNo.", False, f"{TAP}?", "No."),
        (f"{TAP}? </think>No.", True, f"{TAP}?", "No."),
        ("<think>a</think><think>b</think>c", False, "a\nb", "c"),
        ("<think></think>c", False, "", "c"),
        ("<think>never closed", False, "never closed", ""),
        ("a <think>b</think>", False, "", "a <think>b</think>"),
    ],
)
def test_what_is_called_in_thoughts_is_thought(
    text: str, is_in_thought: bool, reasoning: str, words: str, piece: int
) -> None:
    assert read(text, piece=piece, is_in_thought=is_in_thought) == (reasoning, words, [])


def test_without_tools_all_is_words() -> None:
    text = f"<tool_call>{TAP}</tool_call>"
    assert read(text, ()) == ("", text, [])


def test_calls_beyond_the_most_are_left_out() -> None:
    reader = ReplyReader({"tap": {}}, most_calls=1)
    said = gather([*reader.push(f"[{TAP}, {TAP}] Then."), *reader.finish()])
    assert (len(said.tool_calls), said.text) == (1, "")


def test_only_the_tokenizers_blank_is_dropped() -> None:
    assert read("  Hello", drops_first_blank=True)[1] == " Hello"
    assert read(" Hello")[1] == " Hello"


def test_arguments_and_thoughts_come_as_they_are_written() -> None:
    reader = ReplyReader({"tap": {}})
    assert reader.push("<think>Where") == [Thought("Where")]
    assert reader.push("?</think>") == [Thought("?")]
    begun, first = reader.push('<tool_call>{"name": "tap", "arguments": {"x"')
    assert isinstance(begun, CallBegun)
    assert first == CallArguments('{"x"')
    assert reader.push(": 3") == [CallArguments(": 3")]
    assert reader.push("}}</tool_call>") == [CallArguments("}")]


@given(cuts=st.lists(st.integers(0, 100), max_size=8))
def test_no_cutting_of_the_stream_changes_what_is_read(cuts: list[int]) -> None:
    text = f"<think>a</think>I tap <it>.\n<tool_call>{TAP}</tool_call>"
    borders = sorted({0, len(text), *(cut % len(text) for cut in cuts)})
    reader = ReplyReader({"tap": {}})
    parts = [part for a, b in pairwise(borders) for part in reader.push(text[a:b])]
    said = gather([*parts, *reader.finish()])
    assert (said.reasoning, said.text, len(said.tool_calls)) == ("a", "I tap <it>.\n", 1)


def test_every_call_has_an_identity_of_nine_letters() -> None:
    reader = ReplyReader({"tap": {}})
    first, second = gather(reader.push(f"[{TAP},{TAP}]")).tool_calls
    assert first.id != second.id
    assert all(len(call.id) == 9 and call.id.isalnum() for call in (first, second))


def test_a_forced_call_holds_the_schemas_of_its_tools() -> None:
    tree = {
        "type": "object",
        "properties": {"child": {"$ref": "#"}, "name": {"$ref": "#/$defs/word"}},
        "required": ["name"],
        "$defs": {"word": {"type": "string"}},
    }
    tools = [ToolSpec("grow", "Grows.", tree), ToolSpec("stop", "Stops.", {})]
    schema = forced_call(tools, with_tags=False).schema
    fitting: list[dict[str, object]] = [
        {"name": "grow", "arguments": {"name": "a", "child": {"name": "b"}}},
        {"name": "stop", "arguments": {}},
    ]
    wrong: list[dict[str, object]] = [
        {"name": "grow", "arguments": {"name": "a", "child": {}}},
        {"name": "grow", "arguments": {"name": 3}},
        {"name": "other", "arguments": {}},
        {"name": "stop"},
    ]
    json.dumps(schema)
    for call in fitting:
        jsonschema.validate(call, schema)
    for call in wrong:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(call, schema)
