"""What Qwen-VL and GUI-Owl write, and what is made of it."""

import json
from collections.abc import Callable

import pytest

from tapgraph.errors import InvalidReply
from tapgraph.llm_backend.chat_model import Reply, ToolCall
from tapgraph.llm_backend.dialects.gui_call import GuiCall
from tapgraph.llm_backend.dialects.mobile_use import GUI_OWL, QWEN_VL, MobileUse
from tapgraph.tools.mobile.actions import Action


def block(**arguments: object) -> str:
    call = {"name": "mobile_use", "arguments": arguments}
    return f"<tool_call>\n{json.dumps(call)}\n</tool_call>"


BACK = block(action="system_button", button="Back")

READ = {
    "Qwen's three parts": (
        "Thought: The field is empty.\nAction: Tap the field.\n"
        + block(action="click", coordinate=[447, 81]),
        GuiCall("The field is empty.\nAction: Tap the field.", "Tap", {"x": 447, "y": 81}),
    ),
    "GUI-Owl with thinking and conclusion": (
        "<thinking>\nNotes is open.\n</thinking>\n"
        + block(action="click", coordinate=[10, 20])
        + "\n<conclusion>\nTapped.\n</conclusion>",
        GuiCall("Notes is open.\nTapped.", "Tap", {"x": 10, "y": 20}),
    ),
    "tap": (block(action="tap", coordinate=[1, 2]), GuiCall("", "Tap", {"x": 1, "y": 2})),
    "box": (
        block(action="click", coordinate=[10, 20, 30, 50]),
        GuiCall("", "Tap", {"x": 20, "y": 35}),
    ),
    "point as text": (
        block(action="click", coordinate="[1, 2]"),
        GuiCall("", "Tap", {"x": 1, "y": 2}),
    ),
    "long press": (
        block(action="long_press", coordinate=[1, 2], time=2),
        GuiCall("", "Long_Press", {"x": 1, "y": 2}),
    ),
    "swipe": (
        block(action="swipe", coordinate=[500, 800], coordinate2=[500, 200]),
        GuiCall("", "Swipe", {"x1": 500, "y1": 800, "x2": 500, "y2": 200}),
    ),
    "type": (
        block(action="type", text="</tool_call> \u4e1c {x}\n"),
        GuiCall("", "Type", {"text": "</tool_call> \u4e1c {x}\n"}),
    ),
    "type a number": (block(action="type", text=42), GuiCall("", "Type", {"text": "42"})),
    "clear": (block(action="key", text="clear"), GuiCall("", "Clear_Text", {})),
    "key code": (block(action="key", text="KEYCODE_ENTER"), GuiCall("", "Enter", {})),
    "back": (BACK, GuiCall("", "Back", {})),
    "home": (block(action="system_button", button="Home"), GuiCall("", "Home", {})),
    "menu": (block(action="system_button", button="Menu"), GuiCall("", "Switch_App", {})),
    "enter": (block(action="system_button", button="Enter"), GuiCall("", "Enter", {})),
    "open": (block(action="open", text="Notes"), GuiCall("", "Open_App", {"app_name": "Notes"})),
    "wait": (block(action="wait", time=2.5), GuiCall("", "Wait", {"seconds": 2.5})),
    "answer": (
        block(action="answer", text="4 euros"),
        GuiCall("", "Answer", {"text": "4 euros"}, is_finished=True),
    ),
    "success": (
        block(action="terminate", status="success"),
        GuiCall("", "Answer", {"text": ""}, is_finished=True),
    ),
    "failure": (
        "The shop is closed.\n" + block(action="terminate", status="failure"),
        GuiCall("The shop is closed.", "Answer", {"text": "Not done: The shop is closed."}),
    ),
    "failure without a word": (
        block(action="terminate", status="failure"),
        GuiCall("", "Answer", {"text": "Not done: no reason given"}),
    ),
    "interact": (
        block(action="interact", text="Please log in."),
        GuiCall("", "Ask_User", {"question": "Please log in."}),
    ),
    "call in a thought": (
        f"<think>{block(action='wait')}</think>{BACK}",
        GuiCall('{"name": "mobile_use", "arguments": {"action": "wait"}}', "Back", {}),
    ),
    "thought that was opened by the prompt": (
        'Maybe {"x": what?\n</think>\n' + BACK,
        GuiCall('Maybe {"x": what?', "Back", {}),
    ),
    "JSON before the mark": (
        'The page shows {"a": 1}.\n' + BACK,
        GuiCall('The page shows {"a": 1}.', "Back", {}),
    ),
    "the same twice": (BACK + BACK, GuiCall("", "Back", {})),
    "in a fence": (
        '<tool_call>\n```json\n{"name": "mobile_use", "arguments": {"action": "wait"}}\n```\n'
        "</tool_call>",
        GuiCall("", "Wait", {}),
    ),
}

_MENDED = ("broken JSON was mended",)
REPAIRED = {
    "no tags": (
        '{"name": "mobile_use", "arguments": {"action": "click", "coordinate": [1, 2]}}',
        GuiCall("", "Tap", {"x": 1, "y": 2}, repairs=("the <tool_call> tags were missing",)),
    ),
    "no end tag": (
        BACK.removesuffix("</tool_call>"),
        GuiCall("", "Back", {}, repairs=("</tool_call> was missing",)),
    ),
    "bracket missing": (
        '<tool_call>{"name": "mobile_use", "arguments": {"action": "click", '
        '"coordinate": [447, 81}}</tool_call>',
        GuiCall("", "Tap", {"x": 447, "y": 81}, repairs=_MENDED),
    ),
    "brace missing": (
        '<tool_call>\n{"name": "mobile_use", "arguments": {"action": "wait", "time": 3}\n'
        "</tool_call>",
        GuiCall("", "Wait", {"seconds": 3}, repairs=_MENDED),
    ),
    "single quotes": (
        "<tool_call>{'name': 'mobile_use', 'arguments': {'action': 'type', "
        "'text': 'say \"it\\'s\"'}}</tool_call>",
        GuiCall("", "Type", {"text": 'say "it\'s"'}, repairs=_MENDED),
    ),
    "comma too much": (
        '<tool_call>{"name": "mobile_use", "arguments": {"action": "wait",}}</tool_call>',
        GuiCall("", "Wait", {}, repairs=_MENDED),
    ),
    "Chinese punctuation": (
        "<tool_call>{\u201caction\u201d\uff1a\u201ctype\u201d\uff0c"
        "\u201ctext\u201d\uff1a\u201ca\uff0cb\u201d}</tool_call>",
        GuiCall("", "Type", {"text": "a\uff0cb"}, repairs=_MENDED),
    ),
    "arguments as text": (
        '<tool_call>{"name": "mobile_use", "arguments": "{\\"action\\": \\"wait\\"}"}</tool_call>',
        GuiCall("", "Wait", {}, repairs=("the arguments were written as text",)),
    ),
    "action in place of the function": (
        '<tool_call>{"name": "click", "arguments": {"coordinate": [1, 2]}}</tool_call>',
        GuiCall(
            "",
            "Tap",
            {"x": 1, "y": 2},
            repairs=("the action stood in place of the function",),
        ),
    ),
    "other case": (
        block(action="LongPress", coordinate=[1, 2]),
        GuiCall(
            "", "Long_Press", {"x": 1, "y": 2}, repairs=("'LongPress' was read as long_press",)
        ),
    ),
}

REFUSED = {
    "nothing": ("", "holds no action"),
    "prose": ("I would tap [447, 81].", "holds no action"),
    "open thought": (f"<thinking>{BACK}", "holds no action"),
    "empty block": ("<tool_call>\n</tool_call>", "holds no action"),
    "unknown": (block(action="fly"), "no action is called 'fly'"),
    "no action": (block(), "no action is called 'mobile_use'"),
    "no name": ('<tool_call>{"coordinate": [1, 2]}</tool_call>', "names no action"),
    "two actions": (BACK + block(action="wait"), "one action at a time"),
    "no place": (block(action="click"), "click needs coordinate"),
    "one number": (block(action="click", coordinate=[1]), "one point of two numbers"),
    "three numbers": (block(action="click", coordinate=[1, 2, 3]), "one point of two numbers"),
    "no numbers": (block(action="click", coordinate=["a", None]), "one point of two numbers"),
    "words": (block(action="click", coordinate="the bell"), "one point of two numbers"),
    "number too long": (block(action="click", coordinate="1234567890"), "one point of two"),
    "truth values": (block(action="click", coordinate=[True, False]), "one point of two"),
    "huge number": (block(action="click", coordinate=[1e300, 1]), "one point of two numbers"),
    "infinite number": (
        '<tool_call>{"action": "click", "coordinate": [1e999, 1]}</tool_call>',
        "one point of two numbers",
    ),
    "NaN": ('<tool_call>{"action": "click", "coordinate": [NaN, 1]}</tool_call>', "NaN"),
    "endless number": (
        '<tool_call>{"action": "wait", "time": ' + "9" * 5000 + "}</tool_call>",
        "cannot be read",
    ),
    "half a swipe": (block(action="swipe", coordinate=[1, 2]), "swipe needs coordinate2"),
    "negative time": (block(action="wait", time=-1), "as a number of seconds"),
    "no text": (block(action="type"), "type needs text"),
    "volume": (block(action="key", text="volume_up"), "the key 'volume_up' cannot be pressed"),
    "no status": (block(action="terminate"), "terminate needs status"),
    "odd status": (block(action="terminate", status="maybe"), "success or failure"),
    "key twice": ('<tool_call>{"action": "wait", "action": "tap"}</tool_call>', "stands twice"),
    "cut in a number": ('<tool_call>{"action": "click", "coordinate": [447, 8', "inside a number"),
    "cut in a text": ('<tool_call>{"action": "type", "text": "hel', "not closed"),
    "quotes inside": (
        '<tool_call>{"action": "type", "text": "say "hi""}</tool_call>',
        "cannot be read",
    ),
    "too deep": ('<tool_call>{"a": ' + "[" * 100_000 + "</tool_call>", "cannot be read|deeply"),
    "half a character": (block(action="type", text="\ud83d"), "surrogate"),
}


@pytest.mark.parametrize("dialect", [QWEN_VL, GUI_OWL], ids=lambda dialect: dialect.name)
@pytest.mark.parametrize(("text", "call"), (READ | REPAIRED).values(), ids=[*READ, *REPAIRED])
def test_a_reply_is_read_as_its_call(dialect: MobileUse, text: str, call: GuiCall) -> None:
    assert dialect.read(Reply(text)) == call


@pytest.mark.parametrize("call", [call for _, call in (READ | REPAIRED).values()])
def test_a_call_is_an_action_of_the_phone(
    call: GuiCall, as_action: Callable[[GuiCall], Action]
) -> None:
    assert as_action(call).wire_name == call.action


@pytest.mark.parametrize(("text", "reason"), REFUSED.values(), ids=REFUSED)
def test_an_uncertain_reply_is_refused_with_its_reason(text: str, reason: str) -> None:
    with pytest.raises(InvalidReply, match=reason):
        QWEN_VL.read(Reply(text))


def test_a_native_call_is_read_with_the_text_as_its_thought() -> None:
    call = ToolCall("1", "mobile_use", '{"action": "click", "coordinate": [1, 2]}')

    read = QWEN_VL.read(Reply("Thought: I tap.", tool_calls=(call,)))

    assert read == GuiCall("I tap.", "Tap", {"x": 1, "y": 2})


def test_a_native_call_that_also_stands_in_the_text_counts_once() -> None:
    call = ToolCall("1", "mobile_use", '{"action": "system_button", "button": "Back"}')

    assert QWEN_VL.read(Reply(BACK, tool_calls=(call,))).action == "Back"


def test_two_different_native_calls_are_refused() -> None:
    calls = tuple(
        ToolCall(str(seconds), "mobile_use", json.dumps({"action": "wait", "time": seconds}))
        for seconds in (1, 2)
    )

    with pytest.raises(InvalidReply, match="one action at a time"):
        QWEN_VL.read(Reply("", tool_calls=calls))


@pytest.mark.parametrize("arguments", ["", "wait", "[]", '"wait"'])
def test_native_arguments_that_are_no_object_are_refused(arguments: str) -> None:
    with pytest.raises(InvalidReply, match="no JSON object"):
        QWEN_VL.read(Reply("", tool_calls=(ToolCall("1", "mobile_use", arguments),)))
