"""What models write that know a computer, and what is made of it."""

from collections.abc import Callable

import pytest

from tapgraph.errors import InvalidReply
from tapgraph.llm_backend.chat_model import Reply, ToolCall
from tapgraph.llm_backend.dialects.computer_use import ComputerUse
from tapgraph.llm_backend.dialects.gui_call import GuiCall
from tapgraph.tools.mobile.actions import Action

READ = {
    "Anthropic's click": (
        'I open the cart. {"action": "left_click", "coordinate": [540, 1200]}',
        GuiCall("I open the cart.", "Tap", {"x": 540, "y": 1200}),
    ),
    "OpenAI's click": (
        '{"type": "click", "x": 0, "y": 7, "button": "left"}',
        GuiCall("", "Tap", {"x": 0, "y": 7}),
    ),
    "computer call": (
        '{"type": "computer_call", "call_id": "c1", "action": {"type": "click", "x": 1, "y": 2}}',
        GuiCall("", "Tap", {"x": 1, "y": 2}),
    ),
    "computer call with a list": (
        '{"type": "computer_call", "actions": [{"type": "wait"}]}',
        GuiCall("", "Wait", {}),
    ),
    "tool use": (
        '{"type": "tool_use", "name": "computer", "input": {"action": "key", "text": "Return"}}',
        GuiCall("", "Enter", {}),
    ),
    "in a fence": (
        '```json\n{"action": "wait", "duration": 2}\n```',
        GuiCall("", "Wait", {"seconds": 2}),
    ),
    "right click": (
        '{"action": "right_click", "coordinate": [1, 2]}',
        GuiCall("", "Long_Press", {"x": 1, "y": 2}),
    ),
    "right button": (
        '{"type": "click", "x": 1, "y": 2, "button": "right"}',
        GuiCall("", "Long_Press", {"x": 1, "y": 2}),
    ),
    "back button": (
        '{"type": "click", "x": 1, "y": 2, "button": "back"}',
        GuiCall("", "Back", {}),
    ),
    "double click": (
        '{"type": "double_click", "x": 1, "y": 2}',
        GuiCall("", "Double_Tap", {"x": 1, "y": 2}),
    ),
    "Anthropic's drag": (
        '{"action": "left_click_drag", "start_coordinate": [1, 2], "coordinate": [3, 4]}',
        GuiCall("", "Swipe", {"x1": 1, "y1": 2, "x2": 3, "y2": 4}),
    ),
    "OpenAI's drag": (
        '{"type": "drag", "path": [{"x": 1, "y": 2}, {"x": 3, "y": 4}]}',
        GuiCall("", "Swipe", {"x1": 1, "y1": 2, "x2": 3, "y2": 4}),
    ),
    "Anthropic's scroll": (
        '{"action": "scroll", "coordinate": [5, 6], "scroll_direction": "down", '
        '"scroll_amount": 3}',
        GuiCall("", "Swipe", {"direction": "up", "x": 5, "y": 6}),
    ),
    "scroll without a place": (
        '{"action": "scroll", "scroll_direction": "up"}',
        GuiCall("", "Swipe", {"direction": "down"}),
    ),
    "OpenAI's scroll down": (
        '{"type": "scroll", "x": 5, "y": 6, "scroll_x": 0, "scroll_y": 300}',
        GuiCall("", "Swipe", {"direction": "up", "x": 5, "y": 6}),
    ),
    "OpenAI's scroll up": (
        '{"type": "scroll", "x": 5, "y": 6, "scroll_x": 0, "scroll_y": -300}',
        GuiCall("", "Swipe", {"direction": "down", "x": 5, "y": 6}),
    ),
    "OpenAI's scroll right": (
        '{"type": "scroll", "x": 5, "y": 6, "scroll_x": 9}',
        GuiCall("", "Swipe", {"direction": "left", "x": 5, "y": 6}),
    ),
    "OpenAI's scroll left": (
        '{"type": "scroll", "x": 5, "y": 6, "scroll_x": -9}',
        GuiCall("", "Swipe", {"direction": "right", "x": 5, "y": 6}),
    ),
    "type": (
        '{"action": "type", "text": "rye {bread}\\n"}',
        GuiCall("", "Type", {"text": "rye {bread}\n"}),
    ),
    "lower case key": ('{"action": "key", "text": "enter"}', GuiCall("", "Enter", {})),
    "upper case key": ('{"action": "key", "text": "BACK"}', GuiCall("", "Back", {})),
    "escape": ('{"type": "keypress", "keys": ["ESC"]}', GuiCall("", "Back", {})),
    "escape in full": ('{"action": "key", "text": "Escape"}', GuiCall("", "Back", {})),
    "recent apps": ('{"action": "key", "text": "App_Switch"}', GuiCall("", "Switch_App", {})),
    "screenshot": ('{"action": "screenshot"}', GuiCall("", "Wait", {})),
    "answer": (
        '{"action": "answer", "text": "4 euros"}',
        GuiCall("", "Answer", {"text": "4 euros"}, is_finished=True),
    ),
    "failure": (
        '{"action": "terminate", "status": "failure", "text": "no such shop"}',
        GuiCall("", "Answer", {"text": "Not done: no such shop"}),
    ),
    "call user": (
        '{"action": "call_user", "text": "Which size?"}',
        GuiCall("", "Ask_User", {"question": "Which size?"}),
    ),
}

REFUSED = {
    "nothing": ("Done.", "holds no action"),
    "button held down": ('{"action": "left_mouse_down"}', "no action is called 'left_mouse_down'"),
    "pointer": ('{"action": "mouse_move", "coordinate": [1, 2]}', "no action is called"),
    "click where the pointer is": ('{"action": "left_click"}', "needs coordinate"),
    "half a place": ('{"type": "click", "x": 1}', "needs x and y"),
    "wheel": ('{"type": "click", "x": 1, "y": 2, "button": "wheel"}', "no mouse button 'wheel'"),
    "drag from the pointer": (
        '{"action": "left_click_drag", "coordinate": [3, 4]}',
        "needs start_coordinate",
    ),
    "path of one point": ('{"type": "drag", "path": [{"x": 1, "y": 2}]}', "two points"),
    "path without points": ('{"type": "drag", "path": ["a", "b"]}', "needs start of path"),
    "scroll both ways": (
        '{"type": "scroll", "x": 1, "y": 2, "scroll_x": 3, "scroll_y": 4}',
        "scroll needs scroll_direction",
    ),
    "scroll by nothing": (
        '{"type": "scroll", "x": 1, "y": 2, "scroll_x": 0, "scroll_y": 0}',
        "scroll needs scroll_direction",
    ),
    "scroll by words": ('{"type": "scroll", "scroll_y": "far"}', "scroll_y as a number"),
    "chord": ('{"action": "key", "text": "ctrl+a"}', r"the key 'ctrl\+a' cannot be pressed"),
    "keys": ('{"type": "keypress", "keys": ["CTRL", "A"]}', "no chords"),
    "list of actions": (
        '{"actions": [{"type": "wait"}, {"type": "screenshot"}]}',
        "one action at a time",
    ),
    "list of no action": ('{"actions": [3]}', "must be a JSON object"),
    "two actions": (
        '{"action": "wait"} {"action": "key", "text": "Back"}',
        "one action at a time",
    ),
}


@pytest.mark.parametrize(("text", "call"), READ.values(), ids=READ)
def test_a_reply_is_read_as_its_call(text: str, call: GuiCall) -> None:
    assert ComputerUse().read(Reply(text)) == call


@pytest.mark.parametrize("call", [call for _, call in READ.values()])
def test_a_call_is_an_action_of_the_phone(
    call: GuiCall, as_action: Callable[[GuiCall], Action]
) -> None:
    assert as_action(call).wire_name == call.action


@pytest.mark.parametrize(("text", "reason"), REFUSED.values(), ids=REFUSED)
def test_an_uncertain_reply_is_refused_with_its_reason(text: str, reason: str) -> None:
    with pytest.raises(InvalidReply, match=reason):
        ComputerUse().read(Reply(text))


def test_a_native_call_is_read() -> None:
    call = ToolCall("1", "computer", '{"action": "left_click", "coordinate": [1, 2]}')

    read = ComputerUse().read(Reply("I tap.", tool_calls=(call,)))

    assert read == GuiCall("I tap.", "Tap", {"x": 1, "y": 2})
