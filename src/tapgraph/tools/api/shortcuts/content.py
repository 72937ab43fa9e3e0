"""What flows between actions, and how one kind becomes another."""

import json
import plistlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias
from urllib.parse import parse_qsl
from xml.parsers.expat import ExpatError

from tapgraph.errors import ToolError

__all__ = [
    "Content",
    "FileItem",
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


Content: TypeAlias = (
    "bool | int | float | str | datetime | FileItem | list[Content] | dict[str, Content] | None"
)
"""The output of an action; several items are a list, no output is None."""

_NUMBER = re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?")
_DATE_FORMATS = (
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%d",
    "%d %B %Y",
    "%B %d, %Y",
    "%b %d, %Y",
    "%B %d, %Y at %H:%M",
    "%B %d, %Y at %I:%M %p",
    "%b %d, %Y at %I:%M %p",
    "%m/%d/%Y",
    "%m/%d/%y, %I:%M %p",
    "%I:%M %p",
    "%H:%M",
)


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
        return f"{content:%b} {content.day}, {content:%Y} at {content:%H:%M}"
    if isinstance(content, FileItem):
        return content.text
    if isinstance(content, list):
        return "\n".join(to_text(one) for one in content)
    if isinstance(content, dict):
        return json.dumps(to_json(content), ensure_ascii=False)
    return str(content)


def to_number(content: Content) -> float:
    """The number that it is, or the first one in its text.

    Raises:
        ToolError: there is none.
    """
    if isinstance(content, list) and len(content) == 1:
        content = content[0]
    if isinstance(content, bool | int | float):
        return float(content)
    found = _NUMBER.search(to_text(content).replace(",", ""))
    if found is None:
        raise ToolError(f"expected a number, got {to_text(content)[:60]!r}")
    return float(found.group())


def to_boolean(content: Content) -> bool:
    """Whether it says yes: a true value, a number other than 0, or yes/true/on in words."""
    if isinstance(content, bool | int | float):
        return bool(content)
    return to_text(content).strip().casefold() in {"yes", "true", "on", "1"}


def to_dictionary(content: Content) -> dict[str, Content]:
    """The dictionary that it is, or that its text holds as JSON, `a=b&c=d` or an XML plist.

    Raises:
        ToolError: it is none.
    """
    if isinstance(content, list) and len(content) == 1:
        content = content[0]
    if isinstance(content, dict):
        return content
    text = to_text(content).strip()
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = _from_plist(text) if text.startswith("<") else dict(parse_qsl(text))
    if isinstance(found, list) and len(found) == 1:
        found = found[0]
    if not isinstance(found, dict) or (not found and text not in {"{}", ""}):
        raise ToolError(f"expected a dictionary, got {text[:60]!r}")
    return {str(key): value for key, value in found.items()}


def to_date(content: Content, now: datetime) -> datetime:
    """The date that it is or that its text says; a time alone is meant for today.

    Raises:
        ToolError: the text says none in a form that is known here.
    """
    if isinstance(content, list) and len(content) == 1:
        content = content[0]
    if isinstance(content, datetime):
        return content
    text = " ".join(to_text(content).split())
    if text.casefold() in {"now", "today"}:
        return now
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return _in_words(text, now)
    return found if found.tzinfo else found.replace(tzinfo=now.tzinfo)


def to_json(content: Content) -> object:
    """As plain JSON: dates in ISO form, files as their text."""
    if isinstance(content, dict):
        return {key: to_json(value) for key, value in content.items()}
    if isinstance(content, list):
        return [to_json(one) for one in content]
    if isinstance(content, datetime):
        return content.isoformat()
    if isinstance(content, FileItem):
        return content.text
    if isinstance(content, float) and content.is_integer() and abs(content) < 1e15:
        return int(content)
    return content


def value_at(content: Content, path: str) -> Content:
    """What a dictionary holds at a key, or at keys joined by dots; lists count from 1.

    >>> value_at({"beverages": [{"favorite": "soup"}]}, "beverages.1.favorite")
    'soup'
    """
    if not isinstance(content, list):
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


def _in_words(text: str, now: datetime) -> datetime:
    for form in _DATE_FORMATS:
        try:
            found = datetime.strptime(text, form)  # noqa: DTZ007 — the zone is the clock's
        except ValueError:
            continue
        if found.year == 1900 and "%Y" not in form and "%y" not in form:
            found = found.replace(year=now.year, month=now.month, day=now.day)
        return found.replace(tzinfo=now.tzinfo)
    raise ToolError(f"no date is known in {text[:60]!r}; write it like 2026-03-01 14:30")
