"""The files of Mobile-Agent-E: `tips.txt` and `shortcuts.json` (its code, `persistent_*`)."""

import json
import re
from collections.abc import Iterable, Mapping

from pydantic import BaseModel, ConfigDict, ValidationError

from tapgraph.errors import UsageError
from tapgraph.memory.models import Shortcut, ShortcutDraft, ShortcutStep, Tip, TipDraft, Value

__all__ = ["read_shortcuts", "read_tips", "written_shortcuts", "written_tips"]

_NUMBERED = re.compile(r"(?:^|\s)\d{1,3}\.\s+")
"""Before each tip; its parser removes line ends, so that all tips may stand in one line."""


class _Atomic(BaseModel):
    name: str
    arguments_map: dict[str, Value] | None = None


class _Original(BaseModel):
    """A shortcut as that code has it; other members, which it does not read either, are left."""

    model_config = ConfigDict(extra="ignore")

    name: str
    arguments: list[str] | None = None
    description: str = ""
    precondition: str = ""
    atomic_action_sequence: list[_Atomic]


def read_tips(text: str) -> tuple[TipDraft, ...]:
    """The tips of a numbered list, in lines or in one long line.

    >>> [tip.text for tip in read_tips("0. Look first. 1. Close pop-ups.")]
    ['Look first.', 'Close pop-ups.']
    """
    parts = (part.strip() for part in _NUMBERED.split(text))
    return tuple(TipDraft(text=part[:2000]) for part in parts if part)


def written_tips(tips: Iterable[Tip]) -> str:
    """The list as that code writes its first one, numbered from 0."""
    lines = (
        f"{number}. {'Avoid this: ' if tip.polarity == 'avoid' else ''}{' '.join(tip.text.split())}"
        for number, tip in enumerate(tips)
    )
    return "\n".join(lines) + "\n"


def read_shortcuts(text: str) -> tuple[Mapping[str, ShortcutDraft], Mapping[str, str]]:
    """The shortcuts by name, and why others are none.

    Raises:
        UsageError: it is no object of shortcuts.
    """
    try:
        found = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise UsageError(f"this is no shortcuts.json: {error}") from error
    if not isinstance(found, dict):
        raise UsageError("a shortcuts.json is an object of shortcuts by their names")
    drafts: dict[str, ShortcutDraft] = {}
    rejected: dict[str, str] = {}
    for name, value in found.items():
        try:
            original = _Original.model_validate(value)
            drafts[name] = ShortcutDraft(
                name=original.name,
                arguments=tuple(original.arguments or ()),
                description=original.description,
                precondition=original.precondition or "None.",
                steps=tuple(
                    ShortcutStep(
                        action_name=step.name,
                        arguments_map={
                            key: _number_if_it_is(value)
                            for key, value in (step.arguments_map or {}).items()
                        },
                    )
                    for step in original.atomic_action_sequence
                ),
            )
        except ValidationError as error:
            rejected[str(name)] = error.errors()[0]["msg"].removeprefix("Value error, ")
    return drafts, rejected


def _number_if_it_is(value: Value) -> Value:
    """A literal pixel stands as text there."""
    return int(value) if isinstance(value, str) and value.isdecimal() else value


def written_shortcuts(shortcuts: Iterable[Shortcut]) -> str:
    """The file, indented as that code writes it; what it has no words for is left out.

    A touch that is named by its target has no place in it, so that such shortcuts are not written.
    """
    wire = {
        one.name: {
            "name": one.name,
            "arguments": list(one.arguments),
            "description": one.description,
            "precondition": one.precondition,
            "atomic_action_sequence": [
                {"name": step.action_name, "arguments_map": dict(step.arguments_map)}
                for step in one.steps
            ],
        }
        for one in shortcuts
        if all(step.target is None for step in one.steps)
    }
    return json.dumps(wire, indent=4, ensure_ascii=False) + "\n"
