"""A screen for those who judge and note but do not touch: its words and states, no places."""

import json
import re
from dataclasses import dataclass
from functools import lru_cache

from tapgraph.tools.mobile.screen_text import parse_description, quoted

__all__ = ["ReadElement", "parse_reading", "read_out"]

_LINE = re.compile(r'([a-z]+) ("(?:[^"\\]|\\.)*")((?: [a-z]+)*)')


@dataclass(frozen=True, slots=True)
class ReadElement:
    """An element as a line of `read_out` tells it."""

    role: str
    text: str
    states: frozenset[str] = frozenset()


@lru_cache(maxsize=4)
def read_out(description: str) -> str:
    """What `describe` wrote, without numbers and places: `switch "Wi-Fi" checked`.

    Elements without words are left out; the order and the escapes stay. Several roles are shown the
    same screen, so the last results are kept.
    """
    lines = []
    for element in parse_description(description):
        if element.text:
            states = sorted(state for state in element.states if "=" not in state)
            lines.append(" ".join([element.role, quoted(element.text), *states]))
    last = description.rpartition("\n")[2]
    return "\n".join([*lines, *([last] if last.startswith("...") else [])])


def parse_reading(text: str) -> tuple[ReadElement, ...]:
    """The elements that `read_out` wrote; every line of another form is passed over.

    >>> parse_reading('switch "Wi-Fi" checked')
    (ReadElement(role='switch', text='Wi-Fi', states=frozenset({'checked'})),)
    """
    return tuple(
        ReadElement(match[1], json.loads(match[2]), frozenset(match[3].split()))
        for line in text.split("\n")
        if (match := _LINE.fullmatch(line))
    )
