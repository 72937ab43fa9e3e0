"""Calls that are JSON: native tool calls, `<tool_call>` blocks, or an object in the text."""

import re
from collections.abc import Mapping

from tapgraph.errors import InvalidReply
from tapgraph.llm_backend.chat_model import Reply
from tapgraph.llm_backend.dialects import gui_call
from tapgraph.llm_backend.dialects.found_call import FoundCall
from tapgraph.llm_backend.dialects.gui_call import GuiCall
from tapgraph.llm_backend.dialects.json_syntax import read_object

__all__ = ["CALL_START", "ended", "native_calls", "pressed", "read_function_call"]

CALL_START = r"(?P<mark><tool_call>\s*(?:```\w*\s*)?)?(?=\{\s*[\"'\u201c\u201d}])"
"""For `CallForm.start`."""

_KEYS = {
    "enter": "Enter", "return": "Enter", "kpenter": "Enter", "back": "Back", "escape": "Back",
    "esc": "Back", "home": "Home", "menu": "Switch_App", "appswitch": "Switch_App",
    "clear": "Clear_Text",
}  # fmt: skip
_WRAPPERS = ("arguments", "input", "parameters", "action")
_OBJECT = re.compile(r"\s*(?=\{)")


def read_function_call(text: str, position: int) -> tuple[FoundCall, int]:
    """The call whose JSON starts at the position, and where it ends.

    The action is named by `action` or `type` inside all wrappings: `{"name": …, "arguments": …}`
    and its kin, also with the inner object as text, and `{"type": "computer_call", "action": …}`.

    Raises:
        InvalidReply: the JSON cannot be read, names no action, or several.
    """
    found, end, repairs = read_object(text, position)
    return _unwrapped(found, repairs), end


def native_calls(reply: Reply) -> tuple[FoundCall, ...]:
    """The calls that came beside the text.

    Raises:
        InvalidReply: the arguments of one cannot be read.
    """
    calls = []
    for native in reply.tool_calls:
        found, _, repairs = read_object(native.arguments, _start(native.arguments))
        calls.append(_unwrapped({"name": native.name, "arguments": found}, repairs))
    return tuple(calls)


def pressed(thought: str, key: str) -> GuiCall:
    """The action of a key or button, by the names of xdotool, of Android and of `mobile_use`.

    Escape is Back, as Android itself takes it.

    Raises:
        InvalidReply: tapgraph has no action for the key.
    """
    folded = re.sub(r"[\s_]", "", key).casefold().removeprefix("keycode")
    if folded not in _KEYS:
        raise InvalidReply(
            f"the key {key[:40]!r} cannot be pressed; Enter, Back, Home, App_Switch and Clear can"
        )
    return GuiCall(thought, _KEYS[folded], {})


def ended(call: FoundCall, thought: str) -> GuiCall:
    """The actions that touch nothing: `answer`, `terminate`, and those that ask the user.

    Raises:
        InvalidReply: `terminate` does not say how it went.
    """
    if call.name == "answer":
        return gui_call.finished(thought, call.text("text"))
    if call.name in {"interact", "call_user"}:
        return gui_call.asked(thought, call.text("text", ""))
    if call.name != "terminate":
        raise ValueError(call.name)
    match call.text("status").lower():
        case "success":
            return gui_call.finished(thought, call.text("text", ""))
        case "failure" | "fail" | "failed":
            return gui_call.given_up(thought, call.text("text", ""))
    raise InvalidReply("terminate needs status, which is success or failure")


def _unwrapped(outer: Mapping[str, object], repairs: tuple[str, ...]) -> FoundCall:
    name = outer.get("name")
    found = outer
    while True:
        inner = next((found[key] for key in _WRAPPERS if _is_object(found.get(key))), None)
        actions = found.get("actions")
        if isinstance(actions, list) and len(actions) == 1:
            inner = actions[0]
        elif actions:
            raise InvalidReply("it holds several actions; give one action at a time")
        if inner is None:
            break
        if isinstance(inner, str):
            inner, _, mended = read_object(inner, _start(inner))
            repairs = (*repairs, *mended, "the arguments were written as text")
        if not isinstance(inner, dict):
            raise InvalidReply("an action must be a JSON object")
        found = inner
    return _named(found, name, repairs)


def _named(found: Mapping[str, object], function: object, repairs: tuple[str, ...]) -> FoundCall:
    for key in ("action", "type"):
        action = found.get(key)
        if isinstance(action, str) and action:
            return FoundCall(action, found, repairs)
    if isinstance(function, str) and function:
        # Some models take the action for the function; what is no action is refused by its name.
        return FoundCall(function, found, (*repairs, "the action stood in place of the function"))
    raise InvalidReply("the JSON object names no action")


def _is_object(value: object) -> bool:
    return isinstance(value, dict) or (isinstance(value, str) and _OBJECT.match(value) is not None)


def _start(text: str) -> int:
    start = _OBJECT.match(text)
    if start is None:
        raise InvalidReply("the arguments of the call are no JSON object")
    return start.end()
