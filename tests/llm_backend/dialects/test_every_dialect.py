"""What holds for all dialects."""

import contextlib
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapgraph.errors import InvalidReply, UsageError
from tapgraph.llm_backend.chat_model import Reply, ToolCall, Usage
from tapgraph.llm_backend.dialects.gui_call import Dialect
from tapgraph.llm_backend.dialects.known import DIALECTS, dialect_named

every_dialect = pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)

PIECES = [
    "Thought: ", "Action:", "\n", "<think>", "</think>", "<answer>", "</answer>", "<tool_call>",
    "</tool_call>", "do(", "finish(", "click(", "type(", "scroll(", "action=", "content=",
    "start_box=", "element=", "direction=", "'", '"', "\\", "(", ")", "[", "]", "{", "}", ",", ":",
    "1", "2.5", "-3", "Tap", '"action"', '"arguments"', '"coordinate"', '"click"', '"type"',
    "<|box_start|>", "<point>", "\uff08", "\uff09", "\uff0c", "\u201c", "\u201d", "\\u", "NaN",
]  # fmt: skip
NAMES = [
    "click", "left_click", "drag", "scroll", "swipe", "type", "key", "keypress", "terminate",
    "answer", "wait", "open", "long_press", "system_button",
]  # fmt: skip
KEYS = [
    "coordinate", "coordinate2", "text", "x", "y", "path", "keys", "time", "status", "button",
    "scroll_y", "scroll_direction", "actions", "arguments", "input",
]  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["x", "y"]), inner),
)

MOBILE_USE = '{"name": "mobile_use", "arguments": {"action": "click", "coordinate": [500, 120]}}'
EXAMPLES = {
    "ui-tars": "Action: click(start_box='(x,y)')",
    "autoglm": '<answer>do(action="Tap", element=[x,y])</answer>',
    "gui-owl": f"<tool_call>\n{MOBILE_USE}\n</tool_call>",
    "qwen-vl": f"<tool_call>\n{MOBILE_USE}\n</tool_call>",
    "computer-use": '{"action": "left_click", "coordinate": [x, y]}',
}


@every_dialect
@given(text=st.text() | st.lists(st.sampled_from(PIECES) | st.text(max_size=3)).map("".join))
def test_any_text_is_read_or_refused(dialect: Dialect, text: str) -> None:
    with contextlib.suppress(InvalidReply):
        dialect.read(Reply(text))


@every_dialect
@given(action=st.sampled_from(NAMES), arguments=st.dictionaries(st.sampled_from(KEYS), VALUES))
def test_any_arguments_are_read_or_refused(
    dialect: Dialect, action: str, arguments: dict[str, object]
) -> None:
    written = json.dumps({"action": action} | arguments)
    with contextlib.suppress(InvalidReply):
        dialect.read(Reply(written, tool_calls=(ToolCall("1", "mobile_use", written),)))


@every_dialect
def test_the_example_in_the_instructions_can_be_read(dialect: Dialect) -> None:
    example = EXAMPLES[dialect.name]
    assert example in dialect.instructions

    with_numbers = re.sub(r"x(, ?)y", r"500\g<1>120", example)
    assert dialect.read(Reply(with_numbers)).arguments == {"x": 500, "y": 120}


@every_dialect
def test_a_cut_reply_is_refused(dialect: Dialect) -> None:
    reply = Reply("Action: wait()", usage=Usage(completion_tokens=9), finish_reason="length")

    with pytest.raises(InvalidReply, match="cut after 9 tokens"):
        dialect.read(reply)


@every_dialect
def test_a_withheld_reply_is_refused(dialect: Dialect) -> None:
    with pytest.raises(InvalidReply, match="content filter"):
        dialect.read(Reply("", finish_reason="content_filter"))


@every_dialect
def test_the_reason_of_an_empty_reply_shows_a_call_that_can_be_read(dialect: Dialect) -> None:
    with pytest.raises(InvalidReply) as refused:
        dialect.read(Reply("I do not know."))

    example = str(refused.value).partition("write one like ")[2]
    assert dialect.read(Reply(example)).action == "Tap"


@every_dialect
def test_a_thought_with_half_a_character_is_refused(dialect: Dialect) -> None:
    with pytest.raises(InvalidReply, match="surrogate"):
        dialect.read(Reply("I see \ud83d"))


@every_dialect
def test_a_dialect_is_found_by_its_name(dialect: Dialect) -> None:
    assert dialect_named(dialect.name) is dialect


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match="ui-tars, autoglm, gui-owl, qwen-vl, computer-use"):
        dialect_named("claude")
