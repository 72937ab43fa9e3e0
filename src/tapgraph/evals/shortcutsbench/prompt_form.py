r"""Actions as a prompt shows them, and back to the form of Apple's property lists.

In a prompt the text `Hello ￼` with `{"{6, 1}": V}` reads `Hello ${Value1}` with `{"Value1": V}`.
"""

import re
from collections.abc import Mapping

from pydantic import JsonValue

from tapgraph.evals.shortcutsbench.item import Action

__all__ = ["as_executable", "as_shown"]

_HIDDEN = frozenset({"ShowWhenRun", "OpenWhenRun", "AppIntentDescriptor", "WFSerializationType"})
_SHOWN_AGGRANDIZEMENTS = frozenset({
    "WFPropertyVariableAggrandizement",
    "WFDictionaryValueVariableAggrandizement",
})
_LONGEST_TEXT = 300
_PLACE = "\ufffc"
_RANGE = re.compile(r"\{\s*(\d+)\s*,\s*\d+\s*\}")
_VALUE = re.compile(r"\$\{(Value\d+)\}")

_IF_PARTS = {0: "If Begin", 1: "Else", 2: "End If"}
_MENU_PARTS = {0: "Case Begin", 1: "Case", 2: "End Case"}
_PARTS = {
    "is.workflow.actions.conditional": _IF_PARTS,
    "is.workflow.actions.choosefrommenu": _MENU_PARTS,
}
_CONDITIONS = {
    0: "is less than",
    1: "is less than or equal to",
    2: "is greater than",
    3: "is greater than or equal to",
    4: "is",
    5: "is not",
    8: "begins with",
    9: "ends with",
    99: "contains",
    999: "does not contain",
    100: "has any value",
    101: "does not have any value",
}


def as_shown(action: Action, outputs: Mapping[str, str]) -> dict[str, JsonValue]:
    """An action of the history, as the paper shows it.

    Deviations: the variables of one text are numbered (the authors' code calls all of them
    `${Value1}`), and letters that are not ASCII stay letters.
    """
    parameters: dict[str, JsonValue] = {}
    for name, value in action.parameters.items():
        if name not in _HIDDEN:
            parameters[name] = _shown(value)
    parts = _PARTS.get(action.identifier)
    mode, condition = parameters.get("WFControlFlowMode"), parameters.get("WFCondition")
    if parts is not None and isinstance(mode, int) and mode in parts:
        parameters["WFControlFlowMode"] = parts[mode]
    if isinstance(condition, int) and condition in _CONDITIONS:
        parameters["WFCondition"] = _CONDITIONS[condition]
    if "UUID" in parameters:
        given = action.parameters.get("CustomOutputName")
        parameters["OutputName"] = given or outputs.get(action.identifier, "")
    return {
        "WFWorkflowActionIdentifier": action.identifier,
        "WFWorkflowActionParameters": parameters,
    }


def as_executable(action: Action) -> Action:
    """A model's action in the form that the runtime reads."""
    parameters = {name: _executable(value) for name, value in action.parameters.items()}
    parameters.pop("OutputName", None)
    mode, condition = parameters.get("WFControlFlowMode"), parameters.get("WFCondition")
    for code, word in _PARTS.get(action.identifier, {}).items():
        if mode == word:
            parameters["WFControlFlowMode"] = code
    for code, word in _CONDITIONS.items():
        if condition == word:
            parameters["WFCondition"] = code
    return Action(action.identifier, parameters)


def _shown(value: JsonValue) -> JsonValue:
    if isinstance(value, str):
        return value if len(value) <= _LONGEST_TEXT else f"{value[:_LONGEST_TEXT]}..."
    if isinstance(value, list):
        return [_shown(one) for one in value]
    if not isinstance(value, dict):
        return value
    shown = {name: _shown(one) for name, one in value.items() if name not in _HIDDEN}
    attachments, text = value.get("attachmentsByRange"), value.get("string")
    if isinstance(attachments, dict) and isinstance(text, str):
        ordered = sorted(attachments, key=_offset)
        shown["attachmentsByRange"] = {
            f"Value{number}": _shown(attachments[key])
            for number, key in enumerate(ordered, start=1)
        }
        shown["string"] = _shown(_numbered(text))
    aggrandizements = value.get("Aggrandizements")
    if isinstance(aggrandizements, list):
        shown["Aggrandizements"] = [
            one
            for one in aggrandizements
            if isinstance(one, dict) and one.get("Type") in _SHOWN_AGGRANDIZEMENTS
        ]
    return shown


def _numbered(text: str) -> str:
    first, *others = text.split(_PLACE)
    return first + "".join(f"${{Value{n}}}{part}" for n, part in enumerate(others, start=1))


def _offset(key: str) -> int:
    found = _RANGE.fullmatch(key)
    return int(found.group(1)) if found else 0


def _executable(value: JsonValue) -> JsonValue:
    if isinstance(value, list):
        return [_executable(one) for one in value]
    if not isinstance(value, dict):
        return value
    ready = {name: _executable(one) for name, one in value.items()}
    attachments, text = value.get("attachmentsByRange"), value.get("string")
    if isinstance(attachments, dict) and isinstance(text, str) and _VALUE.search(text):
        ready["string"], ready["attachmentsByRange"] = _with_ranges(text, attachments)
    return ready


def _with_ranges(text: str, attachments: dict[str, JsonValue]) -> tuple[str, dict[str, JsonValue]]:
    built = ""
    ranges: dict[str, JsonValue] = {}
    end = 0
    for found in _VALUE.finditer(text):
        if found.group(1) not in attachments:
            continue
        built += text[end : found.start()]
        # Apple counts UTF-16 code units.
        offset = len(built.encode("utf-16-le")) // 2
        ranges[f"{{{offset}, 1}}"] = _executable(attachments[found.group(1)])
        built += _PLACE
        end = found.end()
    return built + text[end:], ranges
