"""Calls are found in what a model says, and nothing else is taken for one."""

import json
from collections.abc import Sequence
from itertools import pairwise

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapgraph.llm_backend.chat_model import ToolSpec
from tapgraph.llm_backend.local.tool_calls import ToolCallReader, forced_call

TAP = '{"name": "tap", "arguments": {"x": 3}}'


def read(text: str, names: Sequence[str] = ("tap", "type")) -> tuple[str, list[tuple[str, str]]]:
    reader = ToolCallReader(names)
    words = reader.push(text)
    rest = reader.finish()
    return words + rest.text, [(call.name, call.arguments) for call in rest.tool_calls]


@pytest.mark.parametrize(
    ("text", "words", "calls"),
    [
        ("Hello.", "Hello.", []),
        (f"<tool_call>\n{TAP}\n</tool_call>", "", [("tap", '{"x": 3}')]),
        (f"I tap. <tool_call>{TAP}</tool_call>", "I tap. ", [("tap", '{"x": 3}')]),
        (f"<tool_call>{TAP}</tool_call>" * 2, "", [("tap", '{"x": 3}')] * 2),
        (TAP, "", [("tap", '{"x": 3}')]),
        (f"[{TAP}, {TAP}]", "", [("tap", '{"x": 3}')] * 2),
        ('{"name": "type", "parameters": {"text": "ü"}}', "", [("type", '{"text": "ü"}')]),
        ('{"name": "dance", "arguments": {}}', '{"name": "dance", "arguments": {}}', []),
        ('{"answer": 4}', '{"answer": 4}', []),
        (f"<tool_call>{TAP}", f"<tool_call>{TAP}", []),
        ("<tool_call>no JSON</tool_call>", "<tool_call>no JSON</tool_call>", []),
        (f"[{TAP}, 3]", f"[{TAP}, 3]", []),
        ("a < b <tool", "a < b <tool", []),
    ],
)
def test_words_and_calls_are_parted(text: str, words: str, calls: list[tuple[str, str]]) -> None:
    assert read(text) == (words, calls)


def test_without_tools_all_is_words() -> None:
    text = f"<tool_call>{TAP}</tool_call>"
    assert read(text, ()) == (text, [])


@given(cuts=st.lists(st.integers(0, 100), max_size=8))
def test_no_cutting_of_the_stream_changes_what_is_read(cuts: list[int]) -> None:
    text = f"I tap <it>.\n<tool_call>{TAP}</tool_call>"
    borders = sorted({0, len(text), *(cut % len(text) for cut in cuts)})
    reader = ToolCallReader(["tap"])
    words = [reader.push(text[a:b]) for a, b in pairwise(borders)]
    rest = reader.finish()
    assert ("".join(words) + rest.text, len(rest.tool_calls)) == ("I tap <it>.\n", 1)
    assert all("<tool_call" not in word for word in words)


def test_every_call_has_an_identity_of_its_own() -> None:
    reader = ToolCallReader(["tap"])
    reader.push(f"[{TAP},{TAP}]")
    first, second = reader.finish().tool_calls
    assert first.id != second.id


def test_a_forced_call_holds_the_schemas_of_its_tools() -> None:
    tree = {
        "type": "object",
        "properties": {"child": {"$ref": "#"}, "name": {"$ref": "#/$defs/word"}},
        "required": ["name"],
        "$defs": {"word": {"type": "string"}},
    }
    tools = [ToolSpec("grow", "Grows.", tree), ToolSpec("stop", "Stops.", {})]
    schema = forced_call(tools, with_tags=False, longest_text=None).schema
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
