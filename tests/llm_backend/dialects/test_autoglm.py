"""What AutoGLM-Phone writes, and what is made of it."""

from collections.abc import Callable

import pytest

from tapgraph.errors import InvalidReply
from tapgraph.llm_backend.chat_model import Reply
from tapgraph.llm_backend.dialects.autoglm import AutoGlm
from tapgraph.llm_backend.dialects.gui_call import GuiCall
from tapgraph.tools.mobile.actions import Action

READ = {
    "with tags": (
        "<think>\nThe cart is at the bottom.\n</think>\n<answer>\n"
        'do(action="Tap", element=[880,955])\n</answer>',
        GuiCall("The cart is at the bottom.", "Tap", {"x": 880, "y": 955}),
    ),
    "bare": ('do(action="Tap", element=[1, 2])', GuiCall("", "Tap", {"x": 1, "y": 2})),
    "bare after a thought": (
        'I go to the cart.do(action="Tap", element=[1,2])',
        GuiCall("I go to the cart.", "Tap", {"x": 1, "y": 2}),
    ),
    "sensitive tap": (
        '<answer>do(action="Tap", element=[1,2], message="pays")</answer>',
        GuiCall("", "Tap", {"x": 1, "y": 2}),
    ),
    "box": (
        '<answer>do(action="Tap", element=[10,20,30,40])</answer>',
        GuiCall("", "Tap", {"x": 20, "y": 30}),
    ),
    "launch": (
        '<answer>do(action="Launch", app="\u5fae\u4fe1")</answer>',
        GuiCall("", "Open_App", {"app_name": "\u5fae\u4fe1"}),
    ),
    "type": (
        '<answer>do(action="Type", text="Hello, \\"you\\"\\n")</answer>',
        GuiCall("", "Type", {"text": 'Hello, "you"\n'}),
    ),
    "type a name": (
        '<answer>do(action="Type_Name", text="Ada")</answer>',
        GuiCall("", "Type", {"text": "Ada"}),
    ),
    "swipe": (
        '<answer>do(action="Swipe", start=[500,800], end=[500,200])</answer>',
        GuiCall("", "Swipe", {"x1": 500, "y1": 800, "x2": 500, "y2": 200}),
    ),
    "long press": (
        '<answer>do(action="Long Press", element=[3,4])</answer>',
        GuiCall("", "Long_Press", {"x": 3, "y": 4}),
    ),
    "double tap": (
        '<answer>do(action="Double Tap", element=[3,4])</answer>',
        GuiCall("", "Double_Tap", {"x": 3, "y": 4}),
    ),
    "back": ('<answer>do(action="Back")</answer>', GuiCall("", "Back", {})),
    "home": ('<answer>do(action="Home")</answer>', GuiCall("", "Home", {})),
    "wait": (
        '<answer>do(action="Wait", duration="2 seconds")</answer>',
        GuiCall("", "Wait", {"seconds": 2.0}),
    ),
    "wait without a time": ('<answer>do(action="Wait")</answer>', GuiCall("", "Wait", {})),
    "take over": (
        '<answer>do(action="Take_over", message="Please log in.")</answer>',
        GuiCall("", "Ask_User", {"question": "Please log in."}),
    ),
    "interact": (
        '<think>Two shops fit.</think><answer>do(action="Interact")</answer>',
        GuiCall("Two shops fit.", "Ask_User", {"question": "Two shops fit."}),
    ),
    "interact without a word": (
        'do(action="Interact")',
        GuiCall("", "Ask_User", {"question": "I need your help to go on."}),
    ),
    "finish": (
        '<answer>finish(message="The order is placed.")</answer>',
        GuiCall("", "Answer", {"text": "The order is placed."}, is_finished=True),
    ),
    "finish without words": (
        '<answer>finish(message="")</answer>',
        GuiCall("", "Answer", {"text": ""}, is_finished=True),
    ),
    "call in a thought": (
        '<think>First do(action="Home")?</think><answer>do(action="Back")</answer>',
        GuiCall('First do(action="Home")?', "Back", {}),
    ),
    "calls before the answer": (
        'do(action="Home") is wrong.<answer>do(action="Back")</answer>',
        GuiCall('do(action="Home") is wrong.', "Back", {}),
    ),
}

REPAIRED = {
    "no end tag": (
        '<answer>do(action="Tap", element=[1,2])',
        GuiCall("", "Tap", {"x": 1, "y": 2}, repairs=("</answer> was missing",)),
    ),
    "no parenthesis": (
        '<answer>do(action="Type", text="hi"</answer>',
        GuiCall("", "Type", {"text": "hi"}, repairs=("a closing parenthesis was missing",)),
    ),
    "quotes inside": (
        '<answer>do(action="Type", text="say "hi" to her")</answer>',
        GuiCall(
            "",
            "Type",
            {"text": 'say "hi" to her'},
            repairs=("quotes inside text were not escaped",),
        ),
    ),
    "other case": (
        '<answer>do(action="long_press", element=[1,2])</answer>',
        GuiCall(
            "", "Long_Press", {"x": 1, "y": 2}, repairs=("'long_press' was read as Long Press",)
        ),
    ),
    "Chinese punctuation": (
        "do\uff08action=\u201cTap\u201d\uff0c element=[1\uff0c2]\uff09",
        GuiCall("", "Tap", {"x": 1, "y": 2}, repairs=("full-width punctuation",)),
    ),
    "note": (
        '<answer>do(action="Note", message="True")</answer>',
        GuiCall("", "Wait", {"seconds": 1}, repairs=("Note has no counterpart and became a wait",)),
    ),
    "call api": (
        '<answer>do(action="Call_API", instruction="sum up")</answer>',
        GuiCall(
            "", "Wait", {"seconds": 1}, repairs=("Call_API has no counterpart and became a wait",)
        ),
    ),
}

REFUSED = {
    "nothing": ("<think>hm</think><answer></answer>", "holds no action"),
    "open thought": ('<think>do(action="Back")', "holds no action"),
    "unknown": ('<answer>do(action="Fly")</answer>', "no action is called 'Fly'"),
    "two actions": (
        '<answer>do(action="Back")\ndo(action="Home")</answer>',
        "one action at a time",
    ),
    "two places": (
        'do(action="Tap", element=[1,2]) do(action="Tap", element=[1,3])',
        "one action at a time",
    ),
    "no place": ('<answer>do(action="Tap")</answer>', "Tap needs element"),
    "one end": ('<answer>do(action="Swipe", start=[1,2])</answer>', "Swipe needs end"),
    "odd time": (
        '<answer>do(action="Wait", duration="a while")</answer>',
        "needs duration as a number of seconds",
    ),
    "cut in a text": ('<answer>do(action="Type", text="hel</answer>', "not closed"),
    "code": ('<answer>do(action=open("x"))</answer>', "cannot be read"),
}


@pytest.mark.parametrize(("text", "call"), (READ | REPAIRED).values(), ids=[*READ, *REPAIRED])
def test_a_reply_is_read_as_its_call(text: str, call: GuiCall) -> None:
    assert AutoGlm().read(Reply(text)) == call


@pytest.mark.parametrize("call", [call for _, call in (READ | REPAIRED).values()])
def test_a_call_is_an_action_of_the_phone(
    call: GuiCall, as_action: Callable[[GuiCall], Action]
) -> None:
    assert as_action(call).wire_name == call.action


@pytest.mark.parametrize(("text", "reason"), REFUSED.values(), ids=REFUSED)
def test_an_uncertain_reply_is_refused_with_its_reason(text: str, reason: str) -> None:
    with pytest.raises(InvalidReply, match=reason):
        AutoGlm().read(Reply(text))
