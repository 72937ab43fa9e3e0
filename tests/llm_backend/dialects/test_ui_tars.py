"""What UI-TARS writes, and what is made of it."""

from collections.abc import Callable

import pytest

from tapgraph.errors import InvalidReply
from tapgraph.llm_backend.chat_model import Reply
from tapgraph.llm_backend.dialects.gui_call import GuiCall
from tapgraph.llm_backend.dialects.ui_tars import UiTars
from tapgraph.tools.mobile.actions import Action

READ = {
    "box tokens": (
        "Thought: The bell is at the top. I tap it.\n"
        "Action: click(start_box='<|box_start|>(904,112)<|box_end|>')",
        GuiCall("The bell is at the top. I tap it.", "Tap", {"x": 904, "y": 112}),
    ),
    "box": (
        "Thought: Tap.\nAction: click(start_box='(197,525)')",
        GuiCall("Tap.", "Tap", {"x": 197, "y": 525}),
    ),
    "point": (
        "Thought: Tap.\nAction: click(point='<point>200 300</point>')",
        GuiCall("Tap.", "Tap", {"x": 200, "y": 300}),
    ),
    "box of four": (
        "Action: click(start_box='[10, 20, 31, 40]')",
        GuiCall("", "Tap", {"x": 20.5, "y": 30}),
    ),
    "box of two points": (
        "Action: click(start_box='<|box_start|>(10,20),(30,40)<|box_end|>')",
        GuiCall("", "Tap", {"x": 20, "y": 30}),
    ),
    "fractions": (
        "Action: click(start_box='(0.25, 0.5)')",
        GuiCall("", "Tap", {"x": 0.25, "y": 0.5}),
    ),
    "long press": (
        "Thought: Hold it.\nAction: long_press(start_box='(5,6)', time='')",
        GuiCall("Hold it.", "Long_Press", {"x": 5, "y": 6}),
    ),
    "type": (
        "Action: type(content='rye bread')",
        GuiCall("", "Type", {"text": "rye bread"}),
    ),
    "type and enter": (
        "Action: type(content='rye bread\\n')",
        GuiCall("", "Type", {"text": "rye bread\n"}),
    ),
    "escapes": (
        r"Action: type(content='it\'s \"new\" \\ 50% \u4e1c')",
        GuiCall("", "Type", {"text": 'it\'s "new" \\ 50% 东'}),
    ),
    "text that looks like structure": (
        "Action: type(content='<think>Action: press_home(), x=(1,2)</think>')",
        GuiCall("", "Type", {"text": "<think>Action: press_home(), x=(1,2)</think>"}),
    ),
    "typed numbers": (
        "Action: type(content='12 30')",
        GuiCall("", "Type", {"text": "12 30"}),
    ),
    "typed lines": (
        "Action: type(content='one\ntwo')",
        GuiCall("", "Type", {"text": "one\ntwo"}),
    ),
    "scroll down": (
        "Action: scroll(point='<point>50 60</point>', direction='down')",
        GuiCall("", "Swipe", {"direction": "up", "x": 50, "y": 60}),
    ),
    "scroll left, no place": (
        "Action: scroll(direction='left')",
        GuiCall("", "Swipe", {"direction": "right"}),
    ),
    "scroll from to": (
        "Action: scroll(start_box='<|box_start|>(500,800)<|box_end|>', "
        "end_box='<|box_start|>(500,200)<|box_end|>')",
        GuiCall("", "Swipe", {"x1": 500, "y1": 800, "x2": 500, "y2": 200}),
    ),
    "drag": (
        "Action: drag(start_point='<point>1 2</point>', end_point='<point>3 4</point>')",
        GuiCall("", "Swipe", {"x1": 1, "y1": 2, "x2": 3, "y2": 4}),
    ),
    "open app": (
        "Action: open_app(app_name='Notes')",
        GuiCall("", "Open_App", {"app_name": "Notes"}),
    ),
    "home": ("Action: press_home()", GuiCall("", "Home", {})),
    "back": ("Action: press_back()", GuiCall("", "Back", {})),
    "wait": ("Action: wait()", GuiCall("", "Wait", {})),
    "finished": (
        "Thought: There it is.\nAction: finished(content='It costs 3 euros.')",
        GuiCall("There it is.", "Answer", {"text": "It costs 3 euros."}, is_finished=True),
    ),
    "finished without words": (
        "Action: finished()",
        GuiCall("", "Answer", {"text": ""}, is_finished=True),
    ),
    "call user": (
        "Thought: Which of the two Annas?\nAction: call_user()",
        GuiCall("Which of the two Annas?", "Ask_User", {"question": "Which of the two Annas?"}),
    ),
    "call in a closed thought": (
        "<think>\nAction: press_home()\n</think>\nAction: press_back()",
        GuiCall("Action: press_home()", "Back", {}),
    ),
    "thought that was opened by the prompt": (
        "press_home() or\nAction: broken(\n</think>\nAction: press_back()",
        GuiCall("press_home() or\nAction: broken(", "Back", {}),
    ),
    "calls before the mark": (
        "Thought: I think of\nclick(start_box='(1,2)')\nAction: press_back()",
        GuiCall("I think of\nclick(start_box='(1,2)')", "Back", {}),
    ),
    "calls in prose": (
        "Thought: not click(start_box='(1,2)') now\nAction: press_back()",
        GuiCall("not click(start_box='(1,2)') now", "Back", {}),
    ),
    "call on its own line": ("Action:\n`press_back()`", GuiCall("", "Back", {})),
    "the same twice": (
        "Action: press_back()\n\nAction: press_back()",
        GuiCall("", "Back", {}),
    ),
}

REPAIRED = {
    "no mark": (
        "Thought: Tap.\nclick(start_box='(1,2)')",
        GuiCall("Tap.", "Tap", {"x": 1, "y": 2}, repairs=("'Action:' was missing",)),
    ),
    "no parenthesis": (
        "Action: click(start_box='(1,2)'",
        GuiCall("", "Tap", {"x": 1, "y": 2}, repairs=("a closing parenthesis was missing",)),
    ),
    "other case": (
        "Action: Click(start_box='(1,2)')",
        GuiCall("", "Tap", {"x": 1, "y": 2}, repairs=("'Click' was read as click",)),
    ),
    "other spelling": (
        "Action: pressBack()",
        GuiCall("", "Back", {}, repairs=("'pressBack' was read as press_back",)),
    ),
    "quotes inside": (
        "Action: type(content='it's 5 o'clock')",
        GuiCall(
            "",
            "Type",
            {"text": "it's 5 o'clock"},
            repairs=("quotes inside content were not escaped",),
        ),
    ),
    "Chinese punctuation": (
        "Action\uff1aclick\uff08start_box\uff1d'\uff081\uff0c2\uff09'\uff09",
        GuiCall("", "Tap", {"x": 1, "y": 2}, repairs=("full-width punctuation",)),
    ),
    "Chinese quotes": (
        "Action: type(content=\u201cgo, \uff08now\uff09\u201d)",
        GuiCall("", "Type", {"text": "go, \uff08now\uff09"}, repairs=("full-width punctuation",)),
    ),
    "no quotes": (
        "Action: open_app(app_name=My Notes)",
        GuiCall(
            "",
            "Open_App",
            {"app_name": "My Notes"},
            repairs=("the quotes of app_name were missing",),
        ),
    ),
}

REFUSED = {
    "nothing": ("", "holds no action"),
    "prose": ("I tap the bell (at the top).", "holds no action"),
    "call in prose": ("I would click(start_box='(1,2)') here.", "holds no action"),
    "open thought": ("<think>\nAction: press_back()", "holds no action"),
    "unknown": ("Action: fly(content='up')", "no action is called 'fly'"),
    "of a computer": ("Action: hotkey(key='ctrl c')", "no action is called 'hotkey'"),
    "two actions": ("Action: press_back()\nAction: press_home()", "one action at a time"),
    "two in a line": ("Action: press_back(); press_home()", "one action at a time"),
    "two answers": (
        "Action: finished(content='a')\nAction: finished(content='b')",
        "one action at a time",
    ),
    "no place": ("Action: click()", "click needs start_box"),
    "three numbers": ("Action: click(start_box='(1,2,3)')", "one point of two numbers"),
    "one number": ("Action: click(start_box='5')", "start_box must be a point"),
    "endless number": (f"Action: click(start_box='({'9' * 5000},1)')", "must be a point"),
    "huge number": ("Action: click(start_box='(123456789,1)')", "one point of two numbers"),
    "cut in a number": ("Action: click(start_box='(12,3", "ends inside the point"),
    "cut in a text": ("Action: type(content='hel", "not closed"),
    "unclear quotes": ("Action: type(content='f('a') now')", "not clear where the text"),
    "unclear quotes at once": ("Action: type(content='f('a')')", "not clear where the text"),
    "no text": ("Action: type()", "type needs content"),
    "blank app": ("Action: open_app(app_name=' ')", "app_name that is not empty"),
    "no direction": ("Action: scroll(start_box='(1,2)')", "needs end_box, or scroll a direction"),
    "odd direction": ("Action: scroll(direction='inwards')", "a direction must be one of"),
    "argument twice": ("Action: type(content='a', content='b')", "given twice"),
    "argument without name": ("Action: type('a')", "key='value'"),
    "half a character": (r"Action: type(content='\ud83d')", "surrogate"),
    "code": ("Action: type(content=__import__('os').name)", "cannot be read"),
}


@pytest.mark.parametrize(("text", "call"), (READ | REPAIRED).values(), ids=[*READ, *REPAIRED])
def test_a_reply_is_read_as_its_call(text: str, call: GuiCall) -> None:
    assert UiTars().read(Reply(text)) == call


@pytest.mark.parametrize("call", [call for _, call in (READ | REPAIRED).values()])
def test_a_call_is_an_action_of_the_phone(
    call: GuiCall, as_action: Callable[[GuiCall], Action]
) -> None:
    assert as_action(call).wire_name == call.action


@pytest.mark.parametrize(("text", "reason"), REFUSED.values(), ids=REFUSED)
def test_an_uncertain_reply_is_refused_with_its_reason(text: str, reason: str) -> None:
    with pytest.raises(InvalidReply, match=reason):
        UiTars().read(Reply(text))
