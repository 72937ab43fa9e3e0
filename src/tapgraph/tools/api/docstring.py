"""What a docstring in Google's style says about a function."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Documented", "read_docstring"]

_HEADING = re.compile(r"^(Args|Arguments|Returns|Raises|Yields|Example|Examples|Note):\s*$")
_ARGUMENT = re.compile(r"^ {2,8}\*{0,2}(\w+)(?: \([^)]*\))?: (.*)$")


@dataclass(frozen=True, slots=True)
class Documented:
    """The words above the first section, and those of its arguments and its answer."""

    summary: str
    arguments: Mapping[str, str]
    returns: str


def read_docstring(text: str) -> Documented:
    r"""The parts of a docstring whose indentation is already cleaned.

    >>> read_docstring("Adds.\n\nArgs:\n    a: One\n        number.\n\nReturns:\n    The sum.")
    Documented(summary='Adds.', arguments={'a': 'One number.'}, returns='The sum.')
    """
    sections: dict[str, list[str]] = {"": []}
    current = ""
    for line in text.splitlines():
        heading = _HEADING.match(line)
        if heading:
            current = heading[1]
            sections[current] = []
        else:
            sections[current].append(line)
    arguments: dict[str, str] = {}
    name = ""
    for line in [*sections.get("Args", []), *sections.get("Arguments", [])]:
        found = _ARGUMENT.match(line)
        if found:
            name = found[1]
            arguments[name] = found[2].strip()
        elif name and line.strip():
            arguments[name] = f"{arguments[name]} {line.strip()}"
    return Documented(
        " ".join(" ".join(sections[""]).split()),
        arguments,
        " ".join(" ".join(sections.get("Returns", [])).split()),
    )
