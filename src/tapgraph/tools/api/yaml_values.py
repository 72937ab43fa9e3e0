"""YAML as JSON would say it, by the core schema of YAML 1.2, read once and by libyaml where it is.

PyYAML's loaders follow YAML 1.1, in which `on`, `no` and `12:30:00` are no texts, and build deep
documents by recursion. Here the events of its parser are put together in a loop, without tags that
make objects. An alias is the value that it stands for, within a limit: through aliases of aliases a
small document would become huge. `<<` merges, as YAML 1.1 and nearly all readers of 1.2 have it.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import yaml

__all__ = ["read_yaml"]

_MAX_DEPTH = 100
_MAX_ALIASED = 1_000_000
"""Values that all aliases of a document stand for together."""
_MERGE = "<<"
_CONSTANTS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?[0-9]{1,4000}|0o[0-7]{1,4000}|0x[0-9a-fA-F]{1,4000}", re.ASCII)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
_SPECIAL = {
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}
_NUMBERS = frozenset("+-.0123456789")
_TAGS = frozenset({None, "!", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"})
_STANDARD = "tag:yaml.org,2002:"
_TEXT = f"{_STANDARD}str"
_SCALARS = frozenset({"int", "float", "bool", "null"})


def read_yaml(text: str) -> object:
    """The value of the only document in the text; keys are texts, as they are written.

    Raises:
        ValueError: it is not whole YAML, holds a tag, several documents or aliases of too much, or
            is nested deeper than 100 levels.
    """
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return _Builder().built(yaml.parse(text, Loader=loader))
    except yaml.YAMLError as error:
        raise ValueError(f"not whole YAML: {error}") from error


@dataclass(frozen=True, slots=True)
class _Anchored:
    """A value with a name, how many values it is, and how many levels."""

    value: object
    size: int = 1
    levels: int = 0


@dataclass(slots=True)
class _Open:
    """A list or an object that is being filled.

    Attributes:
        into: itself.
        key: the key whose value comes next.
        anchor: its name.
        below: values inside the lists and objects that it holds.
        levels: lists and objects inside one another below it.
    """

    into: Any
    key: str | None = None
    anchor: str | None = None
    below: int = 0
    levels: int = 0


class _Builder:
    """Values put together from events."""

    def __init__(self) -> None:
        self._found: list[object] = []
        self._top = _Open(self._found)
        self._inside: list[_Open] = []
        self._anchors: dict[str, _Anchored] = {}
        self._aliased = 0

    def built(self, events: Iterator[yaml.Event]) -> object:
        # Half of the time goes into this loop: a table by type is the quickest way through it.
        take: dict[type, Callable[[Any], None]] = {
            yaml.ScalarEvent: self._scalar,
            yaml.MappingStartEvent: self._begin,
            yaml.SequenceStartEvent: self._begin,
            yaml.MappingEndEvent: self._end,
            yaml.SequenceEndEvent: self._end,
            yaml.AliasEvent: self._alias,
        }
        for event in events:
            if (step := take.get(type(event))) is not None:
                step(event)
        if len(self._found) > 1:
            raise ValueError("not whole YAML: it holds several documents")
        return self._found[0] if self._found else None

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        top = self._top
        if top.key is None and type(top.into) is dict:
            if event.anchor:
                self._anchors[event.anchor] = _Anchored(event.value)
            top.key = event.value
            return
        is_plain, is_text = event.implicit
        if not is_plain and not is_text:
            is_text = _is_text(event.tag or "")
        value = event.value if is_text else _plain(event.value)
        if event.anchor:
            self._anchors[event.anchor] = _Anchored(value)
        self._add(value)

    def _begin(self, event: yaml.CollectionStartEvent) -> None:
        if self._top.key is None and type(self._top.into) is dict:
            raise ValueError("not whole YAML: a key must be a text")
        if event.tag not in _TAGS:
            raise ValueError(f"not whole YAML: the tag {event.tag!r} is not known")
        self._inside.append(self._top)
        self._check_levels(0)
        into: object = {} if isinstance(event, yaml.MappingStartEvent) else []
        self._top = _Open(into, anchor=event.anchor)

    def _end(self, _: yaml.CollectionEndEvent) -> None:
        ended, self._top = self._top, self._inside.pop()
        made = _Anchored(ended.into, len(ended.into) + ended.below, ended.levels + 1)
        if ended.anchor:
            self._anchors[ended.anchor] = made
        self._add_below(made)
        self._add(made.value)

    def _alias(self, event: yaml.AliasEvent) -> None:
        meant = self._anchors.get(event.anchor or "")
        if meant is None:
            raise ValueError(
                f"not whole YAML: the alias {event.anchor!r} stands for no whole value"
            )
        if self._top.key is None and type(self._top.into) is dict:
            if not isinstance(meant.value, str):
                raise ValueError("not whole YAML: a key must be a text")
            self._top.key = meant.value
            return
        self._aliased += meant.size
        if self._aliased > _MAX_ALIASED:
            raise ValueError(f"its aliases stand for more than {_MAX_ALIASED:,} values")
        self._check_levels(meant.levels)
        self._add_below(meant)
        self._add(meant.value)

    def _check_levels(self, below: int) -> None:
        if len(self._inside) + below > _MAX_DEPTH:
            raise ValueError(f"nested deeper than {_MAX_DEPTH} levels")

    def _add_below(self, held: _Anchored) -> None:
        self._top.below += held.size
        self._top.levels = max(self._top.levels, held.levels)

    def _add(self, value: object) -> None:
        top = self._top
        if type(top.into) is not dict:
            top.into.append(value)
            return
        if top.key == _MERGE and (merged := _objects_of(value)):
            for one in merged:
                top.into.update({key: one[key] for key in one if key not in top.into})
        else:
            top.into[top.key] = value
        top.key = None


def _objects_of(value: object) -> list[dict[str, object]]:
    """What `<<` merges: an object or a list of objects, the first of which wins; else nothing."""
    held = value if isinstance(value, list) else [value]
    objects = [one for one in held if isinstance(one, dict)]
    return objects if len(objects) == len(held) else []


def _is_text(tag: str) -> bool:
    """Whether a tag that is written out makes a text; else a plain value is read as always."""
    if tag == _TEXT:
        return True
    if tag.startswith(_STANDARD) and tag.removeprefix(_STANDARD) in _SCALARS:
        return False
    raise ValueError(f"not whole YAML: the tag {tag!r} is not known")


def _plain(text: str) -> str | int | float | bool | None:
    """What an unquoted scalar means."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text[0] not in _NUMBERS:
        return text
    if _INTEGER.fullmatch(text):
        return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))
    if _FLOAT.fullmatch(text):
        return float(text)
    return _SPECIAL.get(text, text)
