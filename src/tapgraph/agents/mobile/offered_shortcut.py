"""The shortcut reflector's reply as a JSON schema that holds only what may be kept of this run.

For an engine that keeps a model to the schema of every request: a weak model cannot name an action
that the run has not, nor leave out an argument. Validation stays that of `ShortcutReply` and of
`memory.admission`, so that all models hear from them what is wrong.
"""

import json
import string
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

from pydantic import model_validator

from tapgraph.agents.mobile.action_arguments import ACTION_ARGUMENTS
from tapgraph.agents.mobile.learnt_shortcut import PastRun, path_to, repeated
from tapgraph.agents.mobile.replies import ShortcutReply
from tapgraph.agents.mobile.state import PhoneStep
from tapgraph.agents.run.replies import closed_object
from tapgraph.memory import ShortcutStep
from tapgraph.memory.admission import LONGEST_DESCRIPTION, MOST_STEPS, private_part
from tapgraph.tools.mobile.actions import ACTION_TYPES

__all__ = ["offered_shortcut"]

JsonSchema: TypeAlias = dict[str, Any]

_MOST_ACTIONS = 40
"""The last ones that worked; each may come after each, so the schema grows by the square."""

_INSIDE = f"{string.ascii_letters}{string.digits}_"
_LONGEST_NAME = 32
_ARGUMENT_NAME: JsonSchema = {"type": "string", "pattern": r"^[A-Za-z][A-Za-z0-9_]{0,31}$"}
_POINT = frozenset({"x", "y"})


def offered_shortcut(past: PastRun, known: Sequence[str]) -> type[ShortcutReply]:
    """`ShortcutReply` with the schema of what this run can teach.

    Each step repeats an action that worked; a text of an action becomes an argument by a name in
    its place, and must where it is private or of this task only. The names in steps are the
    shortcut's arguments, which are not listed again.

    Args:
        past: the run.
        known: names of shortcuts that the new one may be a better version of.
    """
    steps = _steps(past)
    begins = [
        _list_of(first, followers)
        for first, (action, _) in steps.items()
        if not any(private_part(text) for one in path_to(action, past) for text in _texts(one))
        if (followers := [name for name in steps if name != first])
    ]
    nothing = closed_object({"worth_keeping": {"const": False}})
    if not begins:
        return _reply_with(json.dumps(nothing))
    teaches = {
        "worth_keeping": {"const": True},
        "name": {"type": "string", "pattern": _name_other_than(ACTION_ARGUMENTS)},
        "description": {"type": "string", "pattern": rf"^\w.{{0,{LONGEST_DESCRIPTION - 1}}}$"},
        "precondition": {"type": "string"},
        "steps": {"anyOf": begins},
        "revises": {"type": "string", "enum": ["", *known]},
    }
    shortcut = closed_object(teaches, optional=["revises"])
    definitions = {
        "any_step": {"anyOf": [_reference(name) for name in steps]},
        **{name: _step(*one, past.instruction) for name, one in steps.items()},
    }
    whole = {"$defs": definitions, "anyOf": [nothing, shortcut]}
    return _reply_with(json.dumps(whole))


def _steps(past: PastRun) -> Mapping[str, tuple[PhoneStep, ShortcutStep]]:
    """The actions that can be done again on other screens, by names for the schema.

    Of touches of one thing, or at one place, the last: two in a row are not admitted.
    """
    found: dict[object, tuple[PhoneStep, ShortcutStep]] = {}
    for action in past.history:
        made = repeated(action) if action.verdict == "A" and action.name in ACTION_TYPES else None
        if made is not None and _fits_other_screens(made):
            touched = made.target and made.target.model_copy(update={"text": ""})
            key = (made.action_name, str(touched)) if touched else action.step
            found.pop(key, None)
            found[key] = action, made
    return {f"action_{one[0].step}": one for one in list(found.values())[-_MOST_ACTIONS:]}


def _fits_other_screens(made: ShortcutStep) -> bool:
    return made.action_name in ACTION_ARGUMENTS and not _POINT & set(made.arguments_map)


def _texts(made: ShortcutStep) -> Iterator[str]:
    yield from (value for value in made.arguments_map.values() if isinstance(value, str))
    if made.target is not None:
        yield made.target.text


def _step(action: PhoneStep, made: ShortcutStep, instruction: str) -> JsonSchema:
    """One action again, texts of it replaced by names where they may or must be."""
    given: JsonSchema = {"action": {"const": action.name}, "from_action": {"const": action.step}}
    texts = {name: one for name, one in made.arguments_map.items() if isinstance(one, str)}
    if made.target is not None and made.target.text:
        texts["target"] = made.target.text
    if not texts or action.name == "Swipe":
        return closed_object(given)
    kept = [
        name
        for name, text in texts.items()
        if not private_part(text) and not (action.name == "Type" and text in instruction)
    ]
    given["arguments"] = closed_object(dict.fromkeys(texts, _ARGUMENT_NAME), optional=kept)
    return closed_object(given, optional=["arguments"] if len(kept) == len(texts) else [])


def _list_of(first: str, followers: Sequence[str]) -> JsonSchema:
    return {
        "type": "array",
        "prefixItems": [_reference(first), {"anyOf": [_reference(name) for name in followers]}],
        "items": _reference("any_step"),
        "minItems": 2,
        "maxItems": MOST_STEPS,
    }


def _reference(name: str) -> JsonSchema:
    return {"$ref": f"#/$defs/{name}"}


def _name_other_than(taken: Collection[str]) -> str:
    """A pattern of names that are none of these; patterns of schemas have no look-ahead."""
    return f"^{_rest_other_than(taken, 0)}$"


def _rest_other_than(taken: Collection[str], depth: int) -> str:
    """What may follow the `depth` first letters that these names have in common."""
    letters = _INSIDE if depth else string.ascii_letters
    following = sorted({name[depth] for name in taken if len(name) > depth})
    others = "".join(letter for letter in letters if letter not in following)
    rest = [f"[{others}][A-Za-z0-9_]{{0,{_LONGEST_NAME - 1 - depth}}}"]
    for letter in following:
        alike = [name for name in taken if name[depth : depth + 1] == letter]
        rest.append(letter + _rest_other_than(alike, depth + 1))
    may_end = depth > 0 and all(len(name) != depth for name in taken)
    return f"(?:{'|'.join(rest)}){'?' if may_end else ''}"


@lru_cache(maxsize=16)
def _reply_with(schema: str) -> type[ShortcutReply]:
    class OfferedShortcut(ShortcutReply):
        """Nothing, or what the run can teach."""

        @classmethod
        def model_json_schema(cls, *_: Any, **__: Any) -> JsonSchema:
            """The schema as it is: pydantic's own hook would lose its definitions."""
            return {"title": cls.__name__, **json.loads(schema)}

        @model_validator(mode="before")
        @classmethod
        def _lists_the_arguments(cls, reply: Any) -> Any:
            if not isinstance(reply, Mapping) or "arguments" in reply:
                return reply
            steps = [one for one in reply.get("steps", ()) if isinstance(one, Mapping)]
            given = [one["arguments"] for one in steps if isinstance(one.get("arguments"), Mapping)]
            names = [name for values in given for name in values.values() if isinstance(name, str)]
            return {**reply, "arguments": list(dict.fromkeys(names))}

    OfferedShortcut.__name__ = ShortcutReply.__name__
    return OfferedShortcut
