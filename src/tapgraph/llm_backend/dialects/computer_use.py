"""Computer use: OpenAI's `computer_call` and Anthropic's `computer_20250124`, on a phone.

The mouse becomes a finger: a right click is a long press, a wheel is a swipe.
"""

from tapgraph.errors import InvalidReply
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

__all__ = ["ComputerUse"]

_FORM = CallForm(
    start=CALL_START,
    read=read_function_call,
    names=(
        "left_click", "click", "double_click", "right_click", "left_click_drag", "drag", "scroll",
        "type", "key", "keypress", "wait", "screenshot", "answer", "terminate", "call_user",
    ),
    example='{"action": "left_click", "coordinate": [540, 1200]}',
)  # fmt: skip


class ComputerUse:
    """`{"action": "left_click", "coordinate": [x, y]}` or `{"type": "click", "x": …, "y": …}`.

    As text or as a native call, also inside `computer_call` or `tool_use`. What needs a pointer
    that stays (moving it, a button held down, a drag without its start) is refused, and so is a
    chord of keys. How far a wheel turns is not kept.
    """

    name = "computer-use"
    coordinate_space: CoordinateSpace = "pixels"

    @property
    def instructions(self) -> str:
        """How to reply: the end of a system prompt."""
        return load_prompt("tapgraph.llm_backend.dialects", self.name)

    def read(self, reply: Reply) -> GuiCall:
        """The one action of the reply; see `Dialect.read`."""
        return read_one(reply, _FORM, _meaning, native_calls(reply))


def _meaning(call: FoundCall, thought: str) -> GuiCall:
    match call.name:
        case "left_click" | "click":
            return _clicked(call, thought)
        case "double_click":
            return gui_call.touched(thought, "Double_Tap", _place(call))
        case "right_click":
            return gui_call.touched(thought, "Long_Press", _place(call))
        case "left_click_drag" | "drag":
            return _dragged(call, thought)
        case "scroll":
            return _scrolled(call, thought)
        case "type":
            return GuiCall(thought, "Type", {"text": call.text("text")})
        case "key" | "keypress":
            return pressed(thought, _key(call))
        case "wait":
            return GuiCall(thought, "Wait", call.seconds("duration"))
        case "screenshot":
            return GuiCall(thought, "Wait", {})
    return ended(call, thought)


def _place(call: FoundCall) -> tuple[float, float]:
    if not call.has("x"):
        return call.point("coordinate")
    x, y = call.arguments["x"], call.arguments.get("y")
    return FoundCall(call.name, {"x and y": [x, y]}).point("x and y")


def _clicked(call: FoundCall, thought: str) -> GuiCall:
    match call.text("button", "left"):
        case "left" | "":
            return gui_call.touched(thought, "Tap", _place(call))
        case "right":
            return gui_call.touched(thought, "Long_Press", _place(call))
        case "back":
            return GuiCall(thought, "Back", {})
        case other:
            raise InvalidReply(f"a phone has no mouse button {other[:40]!r}; use left or right")


def _dragged(call: FoundCall, thought: str) -> GuiCall:
    path = call.arguments.get("path")
    if not isinstance(path, list):
        end = "coordinate" if call.has("coordinate") else "end_coordinate"
        return gui_call.swiped(thought, call.point("start_coordinate"), call.point(end))
    if len(path) < 2:
        raise InvalidReply(f"{call.name} needs a path of at least two points")
    ends = FoundCall(call.name, {"start of path": path[0], "end of path": path[-1]}, call.repairs)
    return gui_call.swiped(thought, ends.point("start of path"), ends.point("end of path"))


def _scrolled(call: FoundCall, thought: str) -> GuiCall:
    place = _place(call) if call.has("x") or call.has("coordinate") else None
    if call.has("scroll_direction"):
        return gui_call.scrolled(thought, call.text("scroll_direction").lower(), place)
    across, along = call.number("scroll_x"), call.number("scroll_y")
    if bool(across) == bool(along):
        raise InvalidReply("scroll needs scroll_direction, or one of scroll_x and scroll_y")
    if along:
        return gui_call.scrolled(thought, "down" if along > 0 else "up", place)
    return gui_call.scrolled(thought, "right" if across > 0 else "left", place)


def _key(call: FoundCall) -> str:
    keys = call.arguments.get("keys")
    if not isinstance(keys, list):
        return call.text("keys" if call.has("keys") else "text")
    if len(keys) != 1 or not isinstance(keys[0], str):
        raise InvalidReply("a phone has no chords; press one key")
    return keys[0]
