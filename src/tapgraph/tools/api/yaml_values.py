"""YAML as JSON would say it, by the core schema of YAML 1.2, read once and by libyaml where it is.

PyYAML's loaders follow YAML 1.1, in which `on`, `no` and `12:30:00` are no texts, and build deep
documents by recursion. Here the events of its parser are put together in a loop: it knows plain
values only, no tags that make objects, and no aliases, through which a small document becomes huge.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

import yaml

__all__ = ["read_yaml"]

_MAX_DEPTH = 100
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
        ValueError: it is not whole YAML, holds an alias, a tag, several documents, or is nested
            deeper than 100 levels.
    """
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return _Builder().built(yaml.parse(text, Loader=loader))
    except yaml.YAMLError as error:
        raise ValueError(f"not whole YAML: {error}") from error


class _Builder:
    """Values put together from events."""

    def __init__(self) -> None:
        self._found: list[object] = []
        self._into: Any = self._found
        self._key: str | None = None
        self._inside: list[tuple[Any, str | None]] = []

    def built(self, events: Iterator[yaml.Event]) -> object:
        # Half of the time goes into this loop: a table by type is the quickest way through it.
        take: dict[type, Callable[[Any], None]] = {
            yaml.ScalarEvent: self._scalar,
            yaml.MappingStartEvent: self._begin,
            yaml.SequenceStartEvent: self._begin,
            yaml.MappingEndEvent: self._end,
            yaml.SequenceEndEvent: self._end,
            yaml.AliasEvent: self._refuse_alias,
        }
        for event in events:
            if (step := take.get(type(event))) is not None:
                step(event)
        if len(self._found) > 1:
            raise ValueError("not whole YAML: it holds several documents")
        return self._found[0] if self._found else None

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        if self._key is None and type(self._into) is dict:
            self._key = event.value
            return
        is_plain, is_text = event.implicit
        if not is_plain and not is_text:
            is_text = _is_text(event.tag or "")
        self._add(event.value if is_text else _plain(event.value))

    def _begin(self, event: yaml.CollectionStartEvent) -> None:
        if self._key is None and type(self._into) is dict:
            raise ValueError("not whole YAML: a key must be a text")
        if event.tag not in _TAGS:
            raise ValueError(f"not whole YAML: the tag {event.tag!r} is not known")
        self._inside.append((self._into, self._key))
        if len(self._inside) > _MAX_DEPTH:
            raise ValueError(f"nested deeper than {_MAX_DEPTH} levels")
        self._into, self._key = ({} if isinstance(event, yaml.MappingStartEvent) else []), None

    def _end(self, _: yaml.CollectionEndEvent) -> None:
        value = self._into
        self._into, self._key = self._inside.pop()
        self._add(value)

    def _refuse_alias(self, _: yaml.AliasEvent) -> None:
        raise ValueError("YAML aliases are not read: write them out")

    def _add(self, value: object) -> None:
        if type(self._into) is dict:
            self._into[self._key] = value
            self._key = None
        else:
            self._into.append(value)


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
