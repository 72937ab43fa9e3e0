"""UI-TARS and UI-TARS-1.5 (ByteDance, arXiv 2501.12326), with the action space for phones."""

from tapgraph.errors import InvalidReply
from tapgraph.llm_backend.chat_model import CoordinateSpace, Reply
from tapgraph.llm_backend.dialects import gui_call
from tapgraph.llm_backend.dialects.call_syntax import read_call
from tapgraph.llm_backend.dialects.found_call import FoundCall
from tapgraph.llm_backend.dialects.gui_call import GuiCall
from tapgraph.llm_backend.dialects.reading import CallForm, read_one
from tapgraph.llm_backend.prompt import load_prompt

__all__ = ["UiTars"]

_TOUCHES = {"click": "Tap", "long_press": "Long_Press"}
_ALONE = {"press_home": "Home", "press_back": "Back", "wait": "Wait"}
_FORM = CallForm(
    # A call begins a line, or follows another one directly.
    start=r"(?:^[ \t`*]*(?P<mark>Action[ \t*]*:[\s`*]*)?|(?<=\))[\s;,]*)(?=[A-Za-z_]\w*\()",
    read=read_call,
    names=(
        "click", "long_press", "type", "scroll", "drag", "open_app", "press_home", "press_back",
        "wait", "finished", "call_user",
    ),
    example="Action: click(start_box='(120,340)')",
    missing_mark="'Action:' was missing",
)  # fmt: skip


class UiTars:
    """`Thought: …` and then `Action: click(start_box='(x,y)')`.

    Version 1.5 writes pixels of the picture as it sees it, each side a multiple of 28; version 1
    writes shares from 0 to 1000. The `direction` of a scroll says what shall be seen. A line break
    at the end of typed text asks for Enter and is kept in the text.
    """

    name = "ui-tars"
    coordinate_space: CoordinateSpace = "pixels"

    @property
    def instructions(self) -> str:
        """How to reply: the end of a system prompt."""
        return load_prompt("tapgraph.llm_backend.dialects", self.name)

    def read(self, reply: Reply) -> GuiCall:
        """The one action of the reply; see `Dialect.read`."""
        return read_one(reply, _FORM, _meaning)


def _meaning(call: FoundCall, thought: str) -> GuiCall:
    if call.name in _TOUCHES:
        return gui_call.touched(thought, _TOUCHES[call.name], _start(call))
    if call.name in _ALONE:
        return GuiCall(thought, _ALONE[call.name], {})
    match call.name:
        case "type":
            return GuiCall(thought, "Type", {"text": call.text("content")})
        case "scroll" | "drag":
            return _moved(call, thought)
        case "open_app":
            return GuiCall(thought, "Open_App", {"app_name": call.filled_text("app_name")})
        case "finished":
            return gui_call.finished(thought, call.text("content", ""))
        case "call_user":
            return gui_call.asked(thought, call.text("content", ""))
    raise ValueError(call.name)


def _start(call: FoundCall) -> tuple[float, float]:
    return call.point("start_box", "point", "start_point")


def _moved(call: FoundCall, thought: str) -> GuiCall:
    has_end = call.has("end_box") or call.has("end_point")
    if call.has("direction") and not has_end:
        has_start = any(call.has(key) for key in ("start_box", "point", "start_point"))
        shown = call.text("direction").strip().lower()
        return gui_call.scrolled(thought, shown, _start(call) if has_start else None)
    if not has_end:
        raise InvalidReply(f"{call.name} needs end_box, or scroll a direction")
    return gui_call.swiped(thought, _start(call), call.point("end_box", "end_point"))
