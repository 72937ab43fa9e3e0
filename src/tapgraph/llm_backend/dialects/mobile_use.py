"""The function `mobile_use`, which Qwen-VL and GUI-Owl call.

Qwen2.5-VL and Qwen3-VL: the mobile agent of QwenLM's cookbooks. GUI-Owl: Mobile-Agent-v3 (X-PLUG,
arXiv 2508.15144) and its version 3.5. Both take the same arguments; GUI-Owl's newest models have
`interact` besides.
"""

from dataclasses import dataclass

from tapgraph.llm_backend.chat_model import CoordinateSpace, Reply
from tapgraph.llm_backend.dialects import gui_call
from tapgraph.llm_backend.dialects.found_call import FoundCall
from tapgraph.llm_backend.dialects.function_call import (
    CALL_START,
    ended,
    native_calls,
    pressed,
    read_function_call,
)
from tapgraph.llm_backend.dialects.gui_call import GuiCall
from tapgraph.llm_backend.dialects.reading import CallForm, read_one
from tapgraph.llm_backend.prompt import load_prompt

__all__ = ["GUI_OWL", "QWEN_VL", "MobileUse"]

_FORM = CallForm(
    start=CALL_START,
    read=read_function_call,
    names=(
        "click", "long_press", "swipe", "type", "key", "system_button", "open", "wait", "answer",
        "interact", "terminate", "tap", "scroll", "open_app", "call_user",
    ),
    example=(
        '<tool_call>{"name": "mobile_use", "arguments": {"action": "click", '
        '"coordinate": [500, 120]}}</tool_call>'
    ),
    end="</tool_call>",
    missing_mark="the <tool_call> tags were missing",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class MobileUse:
    """A thought and `<tool_call>{"name": "mobile_use", "arguments": {…}}</tool_call>`.

    The call may also come as a native one. `Menu` is the list of recent apps. A long press is as
    long as tapgraph's, whatever `time` says.
    """

    name: str
    coordinate_space: CoordinateSpace

    @property
    def instructions(self) -> str:
        """How to reply: the end of a system prompt."""
        return load_prompt("tapgraph.llm_backend.dialects", self.name)

    def read(self, reply: Reply) -> GuiCall:
        """The one action of the reply; see `Dialect.read`."""
        return read_one(reply, _FORM, _meaning, native_calls(reply))


GUI_OWL = MobileUse("gui-owl", "0-1000")
"""Version 1.5; the first GUI-Owl, built on Qwen2.5-VL, writes pixels."""

QWEN_VL = MobileUse("qwen-vl", "0-999")
"""Qwen3-VL, which is told that the screen has 999x999 points; Qwen2.5-VL writes pixels."""


def _meaning(call: FoundCall, thought: str) -> GuiCall:
    match call.name:
        case "click" | "tap":
            return gui_call.touched(thought, "Tap", call.point("coordinate"))
        case "long_press":
            return gui_call.touched(thought, "Long_Press", call.point("coordinate"))
        case "swipe" | "scroll":
            return gui_call.swiped(thought, call.point("coordinate"), call.point("coordinate2"))
        case "type":
            return GuiCall(thought, "Type", {"text": call.text("text")})
        case "key":
            return pressed(thought, call.text("text"))
        case "system_button":
            return pressed(thought, call.text("button"))
        case "open" | "open_app":
            return GuiCall(thought, "Open_App", {"app_name": call.filled_text("text")})
        case "wait":
            return GuiCall(thought, "Wait", call.seconds("time"))
    return ended(call, thought)
