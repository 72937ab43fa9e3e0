"""What is certain in an Operator's reply, put right without asking the model again."""

import dataclasses
import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
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

_NUMBER = re.compile(r"\[?\s*(-?\d+(?:\.\d+)?)\s*\]?(?:\s*s(?:ec(?:onds?)?)?)?")
_PAIR = re.compile(r"[\[(]\s*(-?\d+(?:\.\d+)?)\s*,\s*(-?\d+(?:\.\d+)?)\s*[\])]")
_DIRECTED = re.compile(r"(swipe|scroll)[ _-]?(?:to[ _-]?)?(up|down|left|right)")
_OPPOSITE = {"up": "down", "down": "up", "left": "right", "right": "left"}
_POINTS = ("coordinate", "coordinates", "point", "position")
_REPLY = frozenset({"thought", "action", "arguments", "description", "completes_subgoal", "tips"})


def repaired_name(name: str) -> str:
    """The action's name as tapgraph spells it; the name itself where it is no action's.

    >>> repaired_name("tap"), repaired_name("input_text"), repaired_name("Weather")
    ('Tap', 'Type', 'Weather')
    """
    if re.search(r"[^A-Za-z _.-]", name):
        return name
    plain = re.sub(r"[^a-z]", "", name.lower())
    known = {re.sub(r"[^a-z]", "", one.lower()): one for one in ACTION_TYPES}
    return known.get(plain) or _SYNONYMS.get(plain) or name


def repaired_call(reply: Mapping[str, Any]) -> dict[str, Any]:
    """The reply with its call taken apart, and what was put right in it as `repairs`.

    Names are left alone where they are no action's: they may be a shortcut's or a tool's. A scroll
    is said by where the text lies and a swipe by the finger's way, so a scroll down is a swipe up.
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
    arguments = _as_object(fields.get("arguments", {}), repairs.append)
    if (directed := _DIRECTED.fullmatch(action.strip().lower())) and not arguments:
        action, arguments = directed[1], {"direction": directed[2]}
    name = repaired_name(action)
    if name != fields["action"]:
        repairs.append(f"{fields['action']} for {name}")
    fields |= {"action": name, "arguments": arguments}
    if "description" not in fields:
        repairs.append("no description")
    if isinstance(arguments, Mapping) and name in ACTION_TYPES:
        fields = _with_strays(fields, arguments, name, repairs.append)
        is_scroll = "scroll" in action.lower()
        fields["arguments"] = _repaired_arguments(name, fields["arguments"], repairs.append)
        direction = str(fields["arguments"].get("direction", "")).lower()
        if is_scroll and direction in _OPPOSITE:
            fields["arguments"]["direction"] = _OPPOSITE[direction]
            repairs.append(f"a scroll {direction} for a swipe {_OPPOSITE[direction]}")
    return fields | {"repairs": tuple(repairs)}


def _as_object(arguments: object, note: Callable[[str], object]) -> Any:
    if arguments is None:
        note("null for no arguments")
        return {}
    if isinstance(arguments, list) and _pair(arguments):
        note("a point for arguments")
        return {"point": arguments}
    if isinstance(arguments, str):
        with suppress(ValueError, RecursionError):
            read = json.loads(arguments)
            if isinstance(read, dict):
                note("arguments as text")
                return read
    return arguments


def _takes(action: str) -> frozenset[str]:
    takes = frozenset(field.name for field in dataclasses.fields(ACTION_TYPES[action]))
    return takes | ({"element", "direction"} if takes & {"x", "x1"} else frozenset())


def _with_strays(
    fields: dict[str, Any],
    arguments: Mapping[str, Any],
    action: str,
    note: Callable[[str], object],
) -> dict[str, Any]:
    """The reply in which arguments that stood beside the call are in it; others are left out."""
    strays = {name: value for name, value in fields.items() if name not in _REPLY}
    for name in strays:
        note(f"{name} beside the arguments")
    moved = {name: value for name, value in strays.items() if name in _takes(action)}
    kept = {name: value for name, value in fields.items() if name in _REPLY}
    return kept | {"arguments": {**moved, **arguments}}


def _repaired_arguments(
    action: str, arguments: Mapping[str, Any], note: Callable[[str], object]
) -> dict[str, Any]:
    takes = _takes(action)
    fields: dict[str, Any] = {}
    for name, value in arguments.items():
        if value is None:
            note(f"null for no {name}")
            continue
        meant = _ARGUMENTS.get(name, name)
        if name not in takes and meant in takes and meant not in arguments:
            note(f"{name} for {meant}")
        else:
            meant = name
        fields[meant] = _repaired_value(meant, value, note)
    stray = next((one for one in _POINTS if one in fields and one not in takes), None)
    if stray is not None and {"x", "y"} <= takes and (point := _pair(fields[stray])):
        del fields[stray]
        fields["x"], fields["y"] = point
        note(f"{stray} for x and y")
    return fields


def _pair(value: object) -> tuple[float, float] | None:
    """Two numbers, also where they are written as one text."""
    if isinstance(value, str) and (found := _PAIR.fullmatch(value.strip())):
        return _whole(float(found[1])), _whole(float(found[2]))
    if isinstance(value, list) and len(value) == 2:
        x, y = value
        if type(x) in {int, float} and type(y) in {int, float}:
            return x, y
    return None


def _repaired_value(name: str, value: Any, note: Callable[[str], object]) -> Any:
    if name in {"text", "question", "app_name"} and type(value) in {int, float}:
        note(f"{value!r} for a text")
        return str(value)
    if name not in {"element", "x", "y", "x1", "y1", "x2", "y2", "seconds"}:
        return value
    if isinstance(value, str) and (found := _NUMBER.fullmatch(value.strip())):
        note(f"{value!r} for a number")
        return _whole(float(found[1]))
    if isinstance(value, float) and value.is_integer() and name != "seconds":
        note(f"{value} for {int(value)}")
    return _whole(value)


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value
