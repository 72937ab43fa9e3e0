"""AutoGLM-Phone (zai-org/Open-AutoGLM)."""

import dataclasses

from tapgraph.llm_backend.chat_model import CoordinateSpace, Reply
from tapgraph.llm_backend.dialects import call_syntax, gui_call
from tapgraph.llm_backend.dialects.found_call import FoundCall
from tapgraph.llm_backend.dialects.gui_call import GuiCall
from tapgraph.llm_backend.dialects.reading import CallForm, read_one
from tapgraph.llm_backend.prompt import load_prompt

__all__ = ["AutoGlm"]


def _read_call(text: str, position: int) -> tuple[FoundCall, int]:
    call, end = call_syntax.read_call(text, position)
    if call.name.lower() == "do":
        call = dataclasses.replace(call, name=call.filled_text("action"))
    return call, end


_TOUCHES = {"Tap": "Tap", "Long Press": "Long_Press", "Double Tap": "Double_Tap"}
_FORM = CallForm(
    start=r"(?P<mark><answer>[\s`]*)?\b(?=(?:[Dd]o|DO)\(\s*action\b|[Ff](?:inish|INISH)\()",
    read=_read_call,
    names=(
        "Launch", "Tap", "Type", "Type_Name", "Swipe", "Long Press", "Double Tap", "Back", "Home",
        "Wait", "Interact", "Take_over", "Note", "Call_API", "finish",
    ),
    example='<answer>do(action="Tap", element=[500,120])</answer>',
    end="</answer>",
)  # fmt: skip


class AutoGlm:
    """`<think>…</think><answer>do(action="Tap", element=[x,y])</answer>`, or the call alone.

    Where AutoGLM's own program differs: it empties the field before it types; it asks the user
    before a `Tap` with a `message` (tapgraph judges by itself what needs the user's leave); and it
    lets one step pass at `Note` and `Call_API`, which here is a short wait.
    """

    name = "autoglm"
    coordinate_space: CoordinateSpace = "0-999"

    @property
    def instructions(self) -> str:
        """How to reply: the end of a system prompt."""
        return load_prompt("tapgraph.llm_backend.dialects", self.name)

    def read(self, reply: Reply) -> GuiCall:
        """The one action of the reply; see `Dialect.read`."""
        return read_one(reply, _FORM, _meaning)


def _meaning(call: FoundCall, thought: str) -> GuiCall:
    if call.name in _TOUCHES:
        return gui_call.touched(thought, _TOUCHES[call.name], call.point("element"))
    match call.name:
        case "Launch":
            return GuiCall(thought, "Open_App", {"app_name": call.filled_text("app")})
        case "Type" | "Type_Name":
            return GuiCall(thought, "Type", {"text": call.text("text")})
        case "Swipe":
            return gui_call.swiped(thought, call.point("start"), call.point("end"))
        case "Back" | "Home":
            return GuiCall(thought, call.name, {})
        case "Wait":
            return GuiCall(thought, "Wait", call.seconds("duration"))
        case "Interact" | "Take_over":
            return gui_call.asked(thought, call.text("message", ""))
        case "Note" | "Call_API":
            repairs = (f"{call.name} has no counterpart and became a wait",)
            return GuiCall(thought, "Wait", {"seconds": 1}, repairs=repairs)
        case "finish":
            return gui_call.finished(thought, call.text("message", ""))
    raise ValueError(call.name)
