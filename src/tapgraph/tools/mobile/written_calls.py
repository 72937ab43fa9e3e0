"""What is certain in an Operator's reply, put right without asking the model again."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from tapgraph.tools.mobile.actions import ACTION_TYPES

__all__ = ["repaired_call", "repaired_name"]

_SYNONYMS = {
    "click": "Tap",
    "touch": "Tap",
    "press": "Tap",
    "tapelement": "Tap",
    "longclick": "Long_Press",
    "longtap": "Long_Press",
    "presshold": "Long_Press",
    "doubleclick": "Double_Tap",
    "scroll": "Swipe",
    "drag": "Swipe",
    "inputtext": "Type",
    "typetext": "Type",
    "entertext": "Type",
    "input": "Type",
    "settext": "Type",
    "cleartextfield": "Clear_Text",
    "clear": "Clear_Text",
    "pressenter": "Enter",
    "launch": "Open_App",
    "launchapp": "Open_App",
    "startapp": "Open_App",
    "goback": "Back",
    "navigateback": "Back",
    "pressback": "Back",
    "gohome": "Home",
    "navigatehome": "Home",
    "presshome": "Home",
    "recentapps": "Switch_App",
    "sleep": "Wait",
    "respond": "Answer",
    "reply": "Answer",
    "askuser": "Ask_User",
    "ask": "Ask_User",
}
"""What models call actions that they know under another name."""

_ARGUMENTS = {
    "app": "app_name",
    "name": "app_name",
    "package": "app_name",
    "index": "element",
    "id": "element",
    "element_id": "element",
    "value": "text",
    "content": "text",
    "message": "text",
    "duration": "seconds",
    "time": "seconds",
}
"""What models call arguments; taken only where the action has the one and not the other."""

_NUMBER = re.compile(r"\[?\s*(-?\d+(?:\.\d+)?)\s*\]?")


def repaired_name(name: str) -> str:
    """The action's name as tapgraph spells it; the name itself where it is no action's.

    >>> repaired_name("tap"), repaired_name("input_text"), repaired_name("Weather")
    ('Tap', 'Type', 'Weather')
    """
    plain = re.sub(r"[^a-z]", "", name.lower())
    known = {re.sub(r"[^a-z]", "", one.lower()): one for one in ACTION_TYPES}
    return known.get(plain) or _SYNONYMS.get(plain) or name


def repaired_call(reply: Mapping[str, Any]) -> dict[str, Any]:
    """The reply with its call taken apart, and what was put right in it as `repairs`.

    Names are left alone where they are no action's: they may be a shortcut's or a tool's.
    """
    repairs: list[str] = []
    fields = {key: value for key, value in reply.items() if key not in {"call", "repairs"}}
    call = reply.get("call")
    if isinstance(call, Mapping):
        fields = {**call, **fields}
    if "action" not in fields and isinstance(fields.get("name"), str):
        fields["action"] = fields.pop("name")
        repairs.append("name for action")
    action = fields.get("action")
    if isinstance(action, Mapping) and isinstance(action.get("name"), str):
        fields["arguments"] = action.get("arguments", fields.get("arguments"))
        action = fields["action"] = action["name"]
        repairs.append("action as an object")
    if not isinstance(action, str):
        return fields
    if repaired_name(action) != action:
        fields["action"] = repaired_name(action)
        repairs.append(f"{action} for {fields['action']}")
    if fields.get("arguments", {}) is None:
        fields["arguments"] = {}
        repairs.append("null for no arguments")
    if "description" not in fields:
        repairs.append("no description")
    arguments = fields.get("arguments", {})
    if isinstance(arguments, Mapping) and fields["action"] in ACTION_TYPES:
        fields["arguments"] = _repaired_arguments(fields["action"], arguments, repairs.append)
    return fields | {"repairs": tuple(repairs)}


def _repaired_arguments(
    action: str, arguments: Mapping[str, Any], note: Callable[[str], object]
) -> dict[str, Any]:
    takes = set(ACTION_TYPES[action].__annotations__)
    known = takes | ({"element", "direction"} if takes & {"x", "x1"} else set())
    fields: dict[str, Any] = {}
    for name, value in arguments.items():
        if value is None:
            note(f"null for no {name}")
            continue
        meant = _ARGUMENTS.get(name, name)
        if name not in known and meant in known and meant not in arguments:
            note(f"{name} for {meant}")
        else:
            meant = name
        fields[meant] = _repaired_number(meant, value, note)
    pair = next((one for one in ("coordinate", "coordinates", "point") if one in fields), None)
    if pair is not None and {"x", "y"} <= takes and _is_pair(fields[pair]):
        fields["x"], fields["y"] = fields.pop(pair)
        note(f"{pair} for x and y")
    return fields


def _is_pair(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2


def _repaired_number(name: str, value: Any, note: Callable[[str], object]) -> Any:
    if name not in {"element", "x", "y", "x1", "y1", "x2", "y2", "seconds"}:
        return value
    if isinstance(value, str) and (found := _NUMBER.fullmatch(value.strip())):
        note(f"{value!r} for a number")
        value = float(found[1])
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
