"""ShortcutsBench's three files about its APIs, taken apart.

`all_api2info.json` holds a text for each API: a signature, a line for each parameter, what it
returns, a description, and a sentence of the Shortcuts app ("Set volume to ${WFVolume}").
`all_api2paraname2paratype.json` holds types and defaults, `all_api2parasummary.json` the sentences
once more.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tapgraph.errors import UsageError

__all__ = ["Condition", "ParameterRecord", "ShortcutsApiRecord", "read_shortcuts_files"]

_FILES = ("all_api2info.json", "all_api2paraname2paratype.json", "all_api2parasummary.json")
_LARGEST_FILE = 64 * 1024 * 1024
_RETURN = "ThisIsReturnValue:"
_CONDITION = re.compile(
    r"(?: ?This value depends on the value of \"?(?P<depends>[\w.]+)\"?\.)?"
    r" ?This parameter is only valid when the value of \"(?P<name>[^\"]+)\" is (?P<values>.*?)\."
    r"(?=\s|$)"
)
_CHOICES = re.compile(
    r" ?The value of this Enum must be one of the following values"
    r" \(The text in parentheses describes the value\): (?P<choices>.*)",
    re.DOTALL,
)
_CHOICE = re.compile(r'"((?:[^"\\]|\\.)*)"(?:\(((?:[^()]|\([^()]*\))*)\))?')


@dataclass(frozen=True, slots=True)
class Condition:
    """When a parameter counts: only while another one has one of these values."""

    parameter: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ParameterRecord:
    """A parameter as the files describe it.

    Attributes:
        name: its name in a workflow.
        type: the type as written, such as `String`, `Enum`, `Tag(Object)`, `array(String)`.
        default: the default as written, in JSON's spelling for most; empty where there is none.
        description: title and description, without the parts that follow here.
        choices: the values of an enumeration.
        conditions: when it counts.
    """

    name: str
    type: str
    default: str
    description: str
    choices: tuple[str, ...]
    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class ShortcutsApiRecord:
    """An API as the three files describe it.

    Attributes:
        identifier: such as `is.workflow.actions.setvolume`.
        description: title and description.
        parameters: in the order of the type file.
        return_names: what the output is called, and its type.
        sentences: the app's sentences from their own file.
        info_sentences: the sentences in the info text, which are another API's for some.
        info: the whole info text.
    """

    identifier: str
    description: str
    parameters: tuple[ParameterRecord, ...]
    return_names: tuple[tuple[str, str], ...]
    sentences: tuple[str, ...]
    info_sentences: str
    info: str


def read_shortcuts_files(folder: Path) -> tuple[ShortcutsApiRecord, ...]:
    """All APIs that all three files of the folder know, in the order of the info file.

    Raises:
        UsageError: a file is missing, cut off, or not of the expected shape, or the files do not
            hold the same APIs.
    """
    infos, types, sentences = (_read(folder / name) for name in _FILES)
    for other, name in ((types, _FILES[1]), (sentences, _FILES[2])):
        if other.keys() != infos.keys():
            unlike = sorted(other.keys() ^ infos.keys())
            raise UsageError(
                f"{_FILES[0]} and {name} hold different APIs; the first is {unlike[0]!r}"
            )
    return tuple(
        _record(identifier, infos[identifier], types[identifier], sentences[identifier])
        for identifier in infos
    )


def _read(path: Path) -> Mapping[str, object]:
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise UsageError(f"{path} is larger than {_LARGEST_FILE:,} bytes")
        content = json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise UsageError(f"there is no {path}: the folder must hold {', '.join(_FILES)}") from error
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is not whole JSON: {error}") from error
    if not isinstance(content, dict):
        raise UsageError(f"{path} must hold a JSON object of APIs, got {type(content).__name__}")
    return content


def _record(identifier: str, info: object, types: object, sentences: object) -> ShortcutsApiRecord:
    if not isinstance(info, str):
        raise UsageError(f"{_FILES[0]} must hold a text for {identifier!r}")
    kinds = _texts(identifier, types, _FILES[1])
    names = [name for name in kinds if not name.startswith(_RETURN)]
    described = _parameter_texts(info, names)
    return ShortcutsApiRecord(
        identifier=identifier,
        description=_section(info, "Description"),
        parameters=tuple(_parameter(n, kinds[n], described.get(n, "")) for n in names),
        return_names=tuple(
            (name.removeprefix(_RETURN).strip(), kind)
            for name, kind in kinds.items()
            if name.startswith(_RETURN)
        ),
        sentences=tuple(_texts(identifier, sentences, _FILES[2]).values()),
        info_sentences=_section(info, "ParameterSummary"),
        info=info,
    )


def _texts(identifier: str, value: object, file: str) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(one, str) for one in value.values()):
        raise UsageError(f"{file} must hold an object of texts for {identifier!r}")
    return value


_SECTIONS = ("Parameters", "Return Value", "Description", "ParameterSummary")


def _section(info: str, name: str) -> str:
    """The text below or beside a heading at the start of a line, up to the next heading."""
    _, found, after = info.partition(f"\n{name}:")
    if not found:
        return ""
    following = _SECTIONS[_SECTIONS.index(name) + 1 :]
    ends = [after.find(f"\n{later}:") for later in following]
    return after[: min([end for end in ends if end >= 0], default=len(after))].strip()


def _parameter_texts(info: str, names: list[str]) -> dict[str, str]:
    section = f"\n    {_section(info, 'Parameters')}"
    starts = sorted((at, name) for name in names if (at := section.find(f"\n    {name}:")) >= 0)
    ends = [*(at for at, _ in starts), len(section)][1:]
    return {
        name: section[at + len(f"\n    {name}:") : end].strip()
        for (at, name), end in zip(starts, ends, strict=True)
    }


def _parameter(name: str, declared: str, text: str) -> ParameterRecord:
    kind, _, default = declared.partition(" = ")
    conditions = tuple(
        Condition(
            found["name"],
            tuple(re.findall(r'"([^"]*)"', found["values"]))
            or tuple(part.strip() for part in found["values"].split(",")),
        )
        for found in _CONDITION.finditer(text)
    )
    plain = _CONDITION.sub("", text)
    listed = _CHOICES.search(plain)
    choices: tuple[str, ...] = ()
    if listed is not None:
        choices = tuple(dict.fromkeys(value for value, _ in _CHOICE.findall(listed["choices"])))
        plain = plain[: listed.start()]
    return ParameterRecord(
        name=name,
        type=kind.strip(),
        default=default.strip(),
        description=plain.strip().replace("..", "."),
        choices=choices,
        conditions=conditions,
    )
