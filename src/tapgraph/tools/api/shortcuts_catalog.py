"""ShortcutsBench's 1,414 APIs as a catalogue, and what is known to be wrong with their texts."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tapgraph.tools.api.catalog import Api, ApiCatalog, ApiParameter, Scalar
from tapgraph.tools.api.json_value import one_line
from tapgraph.tools.api.schema_words import ParameterType
from tapgraph.tools.api.shortcuts_files import (
    Condition,
    ParameterRecord,
    ShortcutsApiRecord,
    read_shortcuts_files,
)

__all__ = ["Defect", "Finding", "check_catalog", "load_shortcuts_catalog"]

ORIGIN = "shortcutsbench"

_LONGEST_SUMMARY = 1000
_LONGEST_DESCRIPTION = 300
_LONG_INFO = 5000
_PLACEHOLDER = re.compile(r"\$\{([^}]+)\}")
_RAW_KEY = re.compile(
    r"[A-Z]{2,}(?:_[A-Z0-9]+){2,}"
    r"|(?i:shortcuts|app_?intents?|intent)\.[\w.]+"
    r"|\w+(?:\.\w+)+\.(?i:title|description)"
)
_TYPES: dict[str, ParameterType] = {
    "String": "text",
    "Bool": "boolean",
    "Integer": "integer",
    "Float": "number",
    "Enum": "enumeration",
    "WFDictionaryParameter(Object)": "dictionary",
}
_INVERTED = frozenset({
    ("is.workflow.actions.downloadurl", "WFHTTPBodyType", "WFHTTPMethod"),
    ("is.workflow.actions.downloadurl", "WFFormValues", "WFHTTPMethod"),
    ("is.workflow.actions.downloadurl", "WFJSONValues", "WFHTTPMethod"),
    ("is.workflow.actions.downloadurl", "WFRequestVariable", "WFHTTPMethod"),
    ("is.workflow.actions.format.date", "WFLocale", "WFDateFormatStyle"),
    ("is.workflow.actions.math", "WFMathOperand", "WFMathOperation"),
    ("is.workflow.actions.todoist.add", "WFTodoistReminderType", "WFTodoistReminder"),
})
"""API, parameter and the one that it depends on, where the text says the opposite of what holds.

Judged by hand among the conditions of `is.workflow.actions`, by what the action does: a request
with GET has no body; RFC 2822 and ISO 8601 are the formats that know no locale; the plain operand
belongs to the plain operations; a reminder has a type when there is one.
"""

Defect = Literal[
    "wrong summary",
    "inverted condition",
    "impossible condition",
    "raw text key",
    "no description",
    "enumeration without values",
    "default not among values",
    "very long text",
]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with the text of one API.

    Attributes:
        identifier: the API.
        defect: what kind it is of.
        parameter: the parameter that it is about; empty when it is about the whole API.
        detail: what stands there.
        repaired: whether `load_shortcuts_catalog` leaves it out or takes another source.
    """

    identifier: str
    defect: Defect
    parameter: str
    detail: str
    repaired: bool


def load_shortcuts_catalog(folder: Path) -> ApiCatalog:
    """The catalogue that the three `all_api2*` files in the folder describe.

    Deviations from the files: long texts are cut; sentences come from their own file, since the
    info texts of some APIs carry another's; conditions that are inverted or can never hold, and raw
    text keys, are left out. No parameter is required: the files do not say which ones are.

    Raises:
        UsageError: a file is missing, cut off or of another shape.
    """
    return ApiCatalog(_api(record) for record in read_shortcuts_files(folder))


def check_catalog(folder: Path) -> list[Finding]:
    """What is wrong with the texts in the folder's three files, in the order of the APIs.

    Raises:
        UsageError: a file is missing, cut off or of another shape.
    """
    return [finding for record in read_shortcuts_files(folder) for finding in _findings(record)]


def _api(record: ShortcutsApiRecord) -> Api:
    description = _without_keys(record.description)
    sentences = [s for s in record.sentences if s and not _foreign_names(record, s)]
    longest = max(sentences, key=len, default="")
    readable = _PLACEHOLDER.sub(lambda found: f"({found[1]})", _without_keys(longest))
    summary = ". ".join(part.rstrip(". ") for part in (description, readable) if part)
    return Api(
        identifier=record.identifier,
        summary=one_line(f"{summary}." if summary else "", _LONGEST_SUMMARY),
        parameters=tuple(_parameter(record, one) for one in record.parameters),
        returns=", ".join(f"{name} ({kind})" for name, kind in record.return_names),
        origin=ORIGIN,
    )


def _without_keys(text: str) -> str:
    return _RAW_KEY.sub("", text).strip(" :.\n") if _RAW_KEY.search(text) else text


def _parameter(record: ShortcutsApiRecord, given: ParameterRecord) -> ApiParameter:
    kind = _type(given)
    described = _without_keys(given.description)
    kept = [c for c in given.conditions if _condition_defect(record, given, c) is None]
    conditions = [
        f"Counts only when {one.parameter} is {' or '.join(map(repr, one.values))}." for one in kept
    ]
    return ApiParameter(
        name=given.name,
        type=kind,
        description=one_line(" ".join([described, *conditions]), _LONGEST_DESCRIPTION),
        choices=given.choices if kind == "enumeration" else (),
        default=_default(given.default),
    )


def _type(given: ParameterRecord) -> ParameterType:
    if _is_enumeration(given):
        return "enumeration" if given.choices else "text"
    if given.type.startswith("array("):
        return "list"
    return _TYPES.get(given.type, "any")


def _is_enumeration(given: ParameterRecord) -> bool:
    return given.type == "Enum" or given.type.endswith("(Enum)")


def _default(written: str) -> Scalar | None:
    try:
        value = json.loads({"True": "true", "False": "false"}.get(written, written))
    except ValueError:
        return None
    return value if isinstance(value, str | int | float) and len(str(value)) <= 200 else None


def _findings(record: ShortcutsApiRecord) -> Iterator[Finding]:
    def finding(defect: Defect, detail: str, *, repaired: bool) -> Finding:
        return Finding(record.identifier, defect, "", one_line(detail, 200), repaired)

    if _foreign_names(record, record.info_sentences):
        yield finding("wrong summary", record.info_sentences, repaired=True)
    if not record.description:
        yield finding("no description", "the text names no purpose", repaired=False)
    elif found := _RAW_KEY.search(record.description):
        yield finding("raw text key", found[0], repaired=True)
    if len(record.info) > _LONG_INFO:
        yield finding("very long text", f"{len(record.info):,} characters", repaired=True)
    for given in record.parameters:
        yield from _parameter_findings(record, given)


def _parameter_findings(record: ShortcutsApiRecord, given: ParameterRecord) -> Iterator[Finding]:
    def finding(defect: Defect, detail: str, *, repaired: bool) -> Finding:
        return Finding(record.identifier, defect, given.name, one_line(detail, 200), repaired)

    if _is_enumeration(given) and not given.choices:
        yield finding("enumeration without values", given.type, repaired=False)
    default = _default(given.default)
    if given.choices and default is not None and str(default) not in given.choices:
        yield finding("default not among values", f"the default is {default!r}", repaired=False)
    for condition in given.conditions:
        if defect := _condition_defect(record, given, condition):
            detail = f"only valid when {condition.parameter} is {', '.join(condition.values)}"
            yield finding(defect, detail, repaired=True)


def _foreign_names(record: ShortcutsApiRecord, sentence: str) -> set[str]:
    own = {one.name for one in record.parameters}
    return {name for name in _PLACEHOLDER.findall(sentence) if name not in own}


def _condition_defect(
    record: ShortcutsApiRecord, given: ParameterRecord, condition: Condition
) -> Defect | None:
    if (record.identifier, given.name, condition.parameter) in _INVERTED:
        return "inverted condition"
    controller = next((p for p in record.parameters if p.name == condition.parameter), None)
    if controller is None:
        return "impossible condition"
    if controller.choices and not set(condition.values) & set(controller.choices):
        return "impossible condition"
    others = (o for o in given.conditions if o.parameter == condition.parameter)
    if any(not set(other.values) & set(condition.values) for other in others):
        return "impossible condition"
    return None
