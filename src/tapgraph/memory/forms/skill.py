"""Shortcuts as skills: a folder with a `SKILL.md`, which Claude Code, Codex and others read.

The name and the description stand first, as those programs show them; then the steps in words, and
then the shortcut itself as JSON, which is read back as the same shortcut.
"""

import json
import re
from collections.abc import Iterable
from pathlib import Path

import yaml
from pydantic import ValidationError

from tapgraph.errors import UsageError
from tapgraph.memory.models import Shortcut, ShortcutDraft, ShortcutStep

__all__ = ["read_skill", "write_skills"]

_FILE = "SKILL.md"
_HEAD = re.compile(r"\A---\n(?P<head>.*?)\n---\n", re.DOTALL)
_BODY = re.compile(r"^```json tapgraph-shortcut\n(?P<shortcut>.*?)\n```$", re.DOTALL | re.MULTILINE)


def write_skills(shortcuts: Iterable[Shortcut], folder: Path) -> tuple[Path, ...]:
    """Write each shortcut into a folder of its own; the files."""
    files = []
    for shortcut in shortcuts:
        name = _skill_name(shortcut.name)
        place = folder / name
        number = 2
        while place.exists() and place / _FILE in files:
            place, number = folder / f"{name}-{number}", number + 1
        place.mkdir(parents=True, exist_ok=True)
        (place / _FILE).write_text(_written(shortcut, place.name), encoding="utf-8")
        files.append(place / _FILE)
    return tuple(files)


def read_skill(file: Path) -> ShortcutDraft:
    """The shortcut that a `SKILL.md` holds.

    Raises:
        UsageError: the file cannot be read, or holds no shortcut.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the skill {str(file)!r} cannot be read: {error}") from error
    head, body = _HEAD.match(text), _BODY.search(text)
    if head is None:
        raise UsageError(f"{str(file)!r} is no skill: it does not begin with its name")
    if body is None:
        raise UsageError(
            f"the skill {str(file)!r} has no steps that a phone agent could carry out: only skills "
            "that tapgraph wrote have them"
        )
    try:
        return ShortcutDraft.model_validate_json(body["shortcut"])
    except ValidationError as error:
        raise UsageError(f"the shortcut in {str(file)!r}: {error.errors()[0]['msg']}") from error


def _skill_name(name: str) -> str:
    """Small letters, digits and hyphens, as the format wants it."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:64] or "shortcut"


def _written(shortcut: Shortcut, name: str) -> str:
    description = f"{shortcut.description} Use it when: {shortcut.precondition}"[:1024]
    head = yaml.safe_dump(
        {"name": name, "description": description}, sort_keys=False, allow_unicode=True, width=100
    )
    steps = "\n".join(f"{number}. {_words(step)}" for number, step in enumerate(shortcut.steps, 1))
    takes = ", ".join(
        f"`{one}` ({shortcut.argument_types.get(one, 'text')})" for one in shortcut.arguments
    )
    fields = set(ShortcutDraft.model_fields) - {"example", "reached_by"}
    draft = json.dumps(
        shortcut.model_dump(mode="json", include=fields), indent=1, ensure_ascii=False
    )
    return (
        f"---\n{head}---\n\n# {shortcut.name}\n\n{shortcut.description}\n\n"
        f"Precondition: {shortcut.precondition}\n\nArguments: {takes or 'none'}\n\n"
        f"Steps on the phone:\n\n{steps}\n\n"
        f"```json tapgraph-shortcut\n{draft}\n```\n"
    )


def _words(step: ShortcutStep) -> str:
    target = step.target
    said = step.action_name
    if target is not None:
        name = f"what `{target.text_argument}` says" if target.text_argument else ""
        name = name or (f'"{target.text}"' if target.text else "")
        name = name or (f"id={target.resource_id}" if target.resource_id else "by its place")
        role = target.role or ("whatever says it" if target.text else "a place")
        said += f" {name} ({role})"
    values = ", ".join(f"{key}={value}" for key, value in step.arguments_map.items())
    return f"{said} {values}".strip()
