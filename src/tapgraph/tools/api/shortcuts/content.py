"""What flows between actions, and how one kind becomes another."""

import json
import plistlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias
from urllib.parse import parse_qsl
from xml.parsers.expat import ExpatError

from tapgraph.errors import ToolError
from tapgraph.tools.api.json_value import Json
from tapgraph.tools.api.shortcuts.date_format import interval_in_words
from tapgraph.tools.api.shortcuts.date_text import read_date

__all__ = [
    "Content",
    "FileItem",
    "TextMatch",
    "dictionaries_in",
    "items_of",
    "size_of",
    "to_boolean",
    "to_date",
    "to_dictionary",
    "to_json",
    "to_number",
    "to_text",
    "value_at",
]


@dataclass(frozen=True, slots=True)
class FileItem:
    """A file, or what a server sent."""

    name: str
    data: bytes
    content_type: str = ""

    @property
    def text(self) -> str:
        """Its bytes as UTF-8; others become replacement characters."""
        return self.data.decode("utf-8", errors="replace")


class TextMatch(str):
    """A text that a regular expression found; it remembers its groups."""

    __slots__ = ("groups",)
    groups: tuple[str, ...]

    def __new__(cls, text: str, groups: Sequence[str]) -> "TextMatch":
        """The text with its groups, the first group first."""
        made = super().__new__(cls, text)
        made.groups = tuple(groups)
        return made


Content: TypeAlias = (
    "bool | int | float | str | datetime | timedelta | FileItem | list[Content]"
    "| dict[str, Content] | None"
)
"""The output of an action; several items are a list, no output is None."""

_NUMBER = re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?")


def items_of(content: Content) -> list[Content]:
    """The items of a list, the one item that it is, or none."""
    if content is None:
        return []
    return list(content) if isinstance(content, list) else [content]


def to_text(content: Content) -> str:
    """As Shortcuts shows it inside a text: lists by lines, dictionaries as JSON.

    >>> to_text([1.0, "two", True]).splitlines()
    ['1', 'two', 'Yes']
    """
    if content is None:
        return ""
    if isinstance(content, bool):
        return "Yes" if content else "No"
    if isinstance(content, float):
        return str(int(content)) if content.is_integer() and abs(content) < 1e15 else repr(content)
    if isinstance(content, datetime):
        hour = content.hour % 12 or 12
        return f"{content:%b} {content.day}, {content:%Y} at {hour}:{content:%M %p}"
    if isinstance(content, timedelta):
        return interval_in_words(content)
    if isinstance(content, FileItem):
        return content.text
    if isinstance(content, list):
        return "\n".join(to_text(one) for one in content)
    if isinstance(content, dict):
        return json.dumps(to_json(content), ensure_ascii=False)
    return str(content)


def to_number(content: Content) -> float:
    """The number that it is, or the first one in its text; a time span is its seconds.

    Raises:
        ToolError: there is none.
    """
    if isinstance(content, list) and len(content) == 1:
        content = content[0]
    if isinstance(content, bool | int | float):
        return float(content)
    if isinstance(content, timedelta):
        return content.total_seconds()
    found = _NUMBER.search(to_text(content).replace(",", ""))
    if found is None:
        raise ToolError(f"expected a number, got {to_text(content)[:60]!r}")
    return float(found.group())


def to_boolean(content: Content) -> bool:
    """Whether it says yes: a true value, a number other than 0, or yes/true/on in words."""
    if isinstance(content, bool | int | float):
        return bool(content)
    return to_text(content).strip().casefold() in {"yes", "true", "on", "1"}


def dictionaries_in(content: Content) -> list[Content]:
    """The dictionaries that it is, or that its text holds as JSON, `a=b&c=d` or an XML plist.

    An array is its members one by one; members that are no dictionaries stay what they are.

    Raises:
        ToolError: there is neither a dictionary nor an array.
    """
    if isinstance(content, list):
        return [found for one in content for found in dictionaries_in(one)]
    if isinstance(content, dict):
        return [content]
    text = to_text(content).strip()
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = _from_plist(text) if text.startswith("<") else dict(parse_qsl(text))
    if isinstance(found, list):
        return found
    if not isinstance(found, dict) or (not found and text not in {"{}", ""}):
        raise ToolError(f"expected a dictionary, got {text[:60]!r}")
    return [{str(key): value for key, value in found.items()}]


def to_dictionary(content: Content) -> dict[str, Content]:
    """The first dictionary that it is or holds.

    Raises:
        ToolError: it holds none.
    """
    found = next(iter(dictionaries_in(content)), None)
    if not isinstance(found, dict):
        raise ToolError(f"expected a dictionary, got {to_text(content)[:60]!r}")
    return found


def to_date(content: Content, now: datetime) -> datetime:
    """The date that it is or that its text says (`read_date`).

    Raises:
        ToolError: the text says none in a form that is known here.
    """
    if isinstance(content, list) and len(content) == 1:
        content = content[0]
    if isinstance(content, datetime):
        return content
    return read_date(to_text(content), now)


def to_json(content: Content) -> Json:
    """As plain JSON: dates in ISO form, time spans in seconds, files as their text."""
    if isinstance(content, dict):
        return {key: to_json(value) for key, value in content.items()}
    if isinstance(content, list):
        return [to_json(one) for one in content]
    if isinstance(content, datetime):
        return content.isoformat()
    if isinstance(content, timedelta):
        return content.total_seconds()
    if isinstance(content, FileItem):
        return content.text
    if isinstance(content, float) and content.is_integer() and abs(content) < 1e15:
        return int(content)
    return content


def value_at(content: Content, path: str) -> Content:
    """What a dictionary holds at a key, or at keys joined by dots; lists count from 1.

    Of several dictionaries a key is looked up in the first.

    >>> value_at({"beverages": [{"favorite": "soup"}]}, "beverages.1.favorite")
    'soup'
    """
    if not isinstance(content, list) or not path.partition(".")[0].isdecimal():
        content = to_dictionary(content)
    if isinstance(content, dict) and path in content:
        return content[path]
    for key in path.split("."):
        if isinstance(content, Mapping):
            content = content.get(key)
        elif isinstance(content, list) and key.isdecimal() and 0 < int(key) <= len(content):
            content = content[int(key) - 1]
        else:
            return None
    return content


def size_of(content: Content) -> int:
    """Characters and values that it holds, through all lists and dictionaries."""
    size = 0
    waiting: list[Content] = [content]
    while waiting:
        current = waiting.pop()
        size += 1
        if isinstance(current, str):
            size += len(current)
            size += sum(map(len, current.groups)) if isinstance(current, TextMatch) else 0
        elif isinstance(current, FileItem):
            size += len(current.data)
        elif isinstance(current, list):
            waiting.extend(current)
        elif isinstance(current, dict):
            size += sum(len(key) for key in current)
            waiting.extend(current.values())
    return size


def _from_plist(text: str) -> object:
    if "<!ENTITY" in text:
        return None
    try:
        return plistlib.loads(text.encode(), fmt=plistlib.FMT_XML)
    except (plistlib.InvalidFileException, ExpatError, ValueError, KeyError, TypeError):
        return None
