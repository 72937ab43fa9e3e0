"""Frozen dataclasses of settings, from options given in text."""

import dataclasses
from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from tapgraph.errors import UsageError

__all__ = ["check_option_names", "settings_from_text"]

Settings = TypeVar("Settings")


def settings_from_text(
    settings_class: type[Settings], options: Mapping[str, str], **defaults: object
) -> Settings:
    """Settings with the values that options name; fields they do not name stay as they are.

    Args:
        settings_class: a dataclass; its fields are of type int, float, bool, str, a `Literal`, or
            one of these or None.
        options: texts by field name; others than the fields' names are not looked at.
        defaults: for fields that options do not name, in the place of the class's own.

    Raises:
        UsageError: a text is not of its field's type, or the class refuses a value.

    >>> @dataclasses.dataclass(frozen=True)
    ... class Window:
    ...     tokens: int = 256
    ...     kind: Literal["ring", "list"] = "ring"
    >>> settings_from_text(Window, {"tokens": "8"}, kind="list")
    Window(tokens=8, kind='list')
    """
    hints = get_type_hints(settings_class)
    fields: Any = settings_class
    values = {
        field.name: _value(field.name, options[field.name], hints[field.name])
        for field in dataclasses.fields(fields)
        if field.name in options
    }
    return settings_class(**(defaults | values))


def check_option_names(owner: str, options: Mapping[str, str], *known: type[Any]) -> None:
    """Raise unless every option is a field of one of the dataclasses `known`.

    Args:
        owner: whose options they are, as the beginning of a sentence.
        options: by name.
        known: dataclasses of settings.

    Raises:
        UsageError: an option is none of theirs.
    """
    names = [field.name for settings in known for field in dataclasses.fields(settings)]
    for option in options:
        if option not in names:
            there = f"it has {', '.join(names)}" if names else "it has none"
            raise UsageError(f"{owner} has no option {option!r}; {there}")


def _value(option: str, text: str, wanted: Any) -> object:
    """The value of a field of type `wanted`."""
    if get_origin(wanted) in {Union, UnionType}:
        kinds = [kind for kind in get_args(wanted) if kind is not NoneType]
        if text.lower() == "none" and len(kinds) < len(get_args(wanted)):
            return None
        wanted = kinds[0]
    if get_origin(wanted) is Literal:
        choices = {str(choice): choice for choice in get_args(wanted)}
        if text not in choices:
            raise UsageError(f"{option} must be one of {', '.join(choices)}, got {text!r}")
        return choices[text]
    if wanted is bool:
        if text.lower() not in {"true", "false"}:
            raise UsageError(f"{option} must be true or false, got {text!r}")
        return text.lower() == "true"
    if wanted in {int, float}:
        try:
            return wanted(text)
        except ValueError:
            kind = "an integer" if wanted is int else "a number"
            raise UsageError(f"{option} must be {kind}, got {text!r}") from None
    if wanted is not str:
        raise UsageError(f"{option} cannot be given as text, only in Python")
    return text
