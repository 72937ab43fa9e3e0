"""Apple's regular expressions (ICU), in the words of Python's engine: flags, names, properties."""

import re
from dataclasses import dataclass, field

from tapgraph.errors import NotExecutable

__all__ = ["with_scoped_flags"]

_FLAGS = re.compile(r"\(\?([a-zA-Z]*)(?:-([a-zA-Z]*))?([):])")
_COMMENT = re.compile(r"\(\?#[^)]*\)")
_ESCAPE_OR_SET = re.compile(
    r"\\[pP](?:\{[^{}]*\}|\w)|\\k<\w+>|\\.|\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL
)
_NAMED_GROUP = re.compile(r"\(\?<([A-Za-z]\w*)>")
_PROPERTY = re.compile(r"\\([pP])\{?\s*(\w*)[^}]*\}?")
_PROPERTIES = {
    **dict.fromkeys(("l", "letter", "alphabetic", "alpha"), (r"[^\W\d_]", r"[\W\d_]")),
    **dict.fromkeys(("n", "nd", "number", "digit"), (r"\d", r"\D")),
}
"""How having a property is written, and not having it."""
_ESCAPES = {
    r"\h": "[ \t\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]",
    r"\R": "(?:\r\n|[\n\x0b\f\r\x85\u2028\u2029])",
}
_SPACED_COMMENT = re.compile(r"#[^\n]*\n?")
_KNOWN = frozenset("imsx")


@dataclass(slots=True)
class _Group:
    """What holds at this place of a group.

    Attributes:
        is_spaced: whether spaces and comments mean nothing here.
        opened: the flag groups that end where this group or its alternative ends.
    """

    is_spaced: bool = False
    opened: list[str] = field(default_factory=list)


def with_scoped_flags(pattern: str) -> str:
    r"""The pattern with `(?i)` as a group around what it holds for, and without comments.

    ICU, Apple's engine, takes flags at any place, for the rest of the group; Python takes them at
    the beginning alone. Of the flags i, m and s stay, x is carried out here.

    Groups by name, letters and digits by property, `\h` and `\R` are written as Python has them.

    Raises:
        NotExecutable: a flag or a property that Python's engine has not.

    >>> with_scoped_flags("^(?i)ab|c")
    '^(?i:ab)|(?i:c)'
    >>> with_scoped_flags(r"(?x) \d + # digits")
    '\\d+'
    """
    built: list[str] = []
    groups = [_Group()]
    place = 0
    while place < len(pattern):
        group = groups[-1]
        found = _COMMENT.match(pattern, place)
        if group.is_spaced and found is None:
            found = _SPACED_COMMENT.match(pattern, place)
        if found:
            place = found.end()
            continue
        found = _FLAGS.match(pattern, place)
        if found:
            built.append(_flagged(found, groups))
            place = found.end()
            continue
        found = _NAMED_GROUP.match(pattern, place)
        if found:
            built.append(f"(?P<{found[1]}>")
            groups.append(_Group(group.is_spaced))
            place = found.end()
            continue
        found = _ESCAPE_OR_SET.match(pattern, place)
        element = found.group() if found else pattern[place]
        built.append(_element(element, groups))
        place += len(element)
    built.append(")" * len(groups[-1].opened))
    return "".join(built)


def _flagged(found: re.Match[str], groups: list[_Group]) -> str:
    on, off, end = found[1], found[2] or "", found[3]
    unknown = sorted({*on, *off} - _KNOWN)
    if unknown:
        raise NotExecutable(f"the flag {unknown[0]!r} in a regular expression")
    group = groups[-1]
    is_spaced = ("x" in on or group.is_spaced) and "x" not in off
    on, off = on.replace("x", ""), off.replace("x", "")
    opened = f"(?{on}-{off}:" if off else f"(?{on}:"
    if end == ":":
        groups.append(_Group(is_spaced))
        return opened
    group.is_spaced = is_spaced
    if not on and not off:
        return ""
    group.opened.append(opened)
    return opened


def _element(element: str, groups: list[_Group]) -> str:
    group = groups[-1]
    if element.startswith("\\"):
        return _escaped(element)
    if element.startswith("[") and (found := _PROPERTY.search(element)):
        raise NotExecutable(f"{found[0]} in a set of a regular expression")
    if group.is_spaced and element.isspace():
        return ""
    if element == "(":
        groups.append(_Group(group.is_spaced))
    elif element == ")" and len(groups) > 1:
        groups.pop()
        return ")" * len(group.opened) + element
    elif element == "|":
        return ")" * len(group.opened) + element + "".join(group.opened)
    return element


def _escaped(element: str) -> str:
    if element.startswith(r"\k<"):
        return f"(?P={element[3:-1]})"
    if not (found := _PROPERTY.fullmatch(element)):
        return _ESCAPES.get(element, element)
    written = _PROPERTIES.get(found[2].casefold())
    if written is None:
        raise NotExecutable(f"the property {element} in a regular expression")
    return written[found[1] == "P"]
