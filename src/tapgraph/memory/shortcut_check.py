"""Whether a shortcut can be carried out at all: its actions, its arguments, what they are for."""

from collections.abc import Collection, Mapping

from pydantic import Field

from tapgraph.errors import UsageError
from tapgraph.memory.models import OF_RESULT, ArgumentType, Record, ShortcutDraft, ShortcutStep

__all__ = ["ActionArguments", "checked_draft"]


class ActionArguments(Record):
    """The names of the arguments that an action must and may be given.

    Attributes:
        types: what is no text.
        is_touch: whether it takes a point `x`, `y`, which a target can stand for.
    """

    required: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()
    types: Mapping[str, ArgumentType] = Field(default_factory=dict)

    @property
    def is_touch(self) -> bool:
        """Whether a target can stand for its point."""
        return {"x", "y"} <= self.required


def checked_draft(draft: ShortcutDraft, actions: Mapping[str, ActionArguments]) -> ShortcutDraft:
    """The shortcut with the types of its arguments.

    The actions are passed in because the memory knows no tools.

    Raises:
        UsageError: the first thing that is wrong: a step that is no action, has wrong arguments,
            repeats the one before it, or gives an action a value of another type; an argument used
            as text and as a number.
    """
    if draft.name in actions:
        raise UsageError(f"a shortcut must not be called {draft.name!r}: that is an action")
    types: dict[str, ArgumentType] = {}
    for step in draft.steps:
        takes = actions.get(step.action_name)
        if takes is None:
            raise UsageError(
                f"shortcut {draft.name!r} uses {step.action_name!r}, which is no action; "
                f"there are {', '.join(actions)}"
            )
        _check_names(f"{draft.name}: {step.action_name}", step, takes)
        _find_types(draft, step, takes, types)
    _check_no_repetition(draft, actions)
    return draft.model_copy(update={"argument_types": types})


def _check_names(place: str, step: ShortcutStep, takes: ActionArguments) -> None:
    given: Collection[str] = set(step.arguments_map)
    if step.target is not None:
        if not takes.is_touch:
            raise UsageError(f"{place} touches nothing, and has a target")
        given = {*given, "x", "y"}
    missing = sorted(takes.required - set(given))
    unknown = sorted(set(given) - takes.required - takes.optional)
    if missing or unknown:
        raise UsageError(f"{place} misses the arguments {missing} and does not know {unknown}")


def _find_types(
    draft: ShortcutDraft,
    step: ShortcutStep,
    takes: ActionArguments,
    types: dict[str, ArgumentType],
) -> None:
    wanted = {name: takes.types.get(name, "text") for name in step.arguments_map}
    uses = [(value, wanted[name]) for name, value in step.arguments_map.items()]
    if step.target is not None and step.target.text_argument is not None:
        uses.append((step.target.text_argument, "text"))
    for value, kind in uses:
        if value in draft.arguments:
            name = str(value)
            if types.setdefault(name, kind) != kind:
                raise UsageError(f"{draft.name}: {name!r} is used as a text and as a number")
        elif kind == "number" and isinstance(value, str) and not value.startswith(OF_RESULT):
            raise UsageError(
                f"{draft.name}: {step.action_name} is given {value!r}, which is neither an "
                "argument nor a number"
            )


def _check_no_repetition(draft: ShortcutDraft, actions: Mapping[str, ActionArguments]) -> None:
    for before, step in zip(draft.steps, draft.steps[1:], strict=False):
        if step == before and actions[step.action_name].is_touch:
            raise UsageError(
                f"{draft.name}: {step.action_name} touches the same thing twice in a row"
            )
