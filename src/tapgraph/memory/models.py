"""What the memory holds: tips, shortcuts, where they apply, where they came from, how they did."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from tapgraph.errors import UsageError

__all__ = [
    "ActionArguments",
    "Evidence",
    "Provenance",
    "Scope",
    "Shortcut",
    "ShortcutDraft",
    "ShortcutStep",
    "Status",
    "Tip",
    "check_actions",
]

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,63}$")]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
Status = Literal["active", "retired"]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Scope(_Record):
    """Where an entry applies; None means everywhere.

    Attributes:
        agent: the kind of agent.
        app: a package, such as `com.android.settings`.
        app_version: a version of that app.
        screen_size: width and height in pixels.
    """

    agent: Literal["mobile", "api"] = "mobile"
    app: str | None = None
    app_version: str | None = None
    screen_size: tuple[int, int] | None = None


class Provenance(_Record):
    """The run and the step in which an entry was learnt; None for what came with the package."""

    run: str | None = None
    step: int | None = None


class Evidence(_Record):
    """How an entry did so far."""

    uses: int = 0
    successes: int = 0
    failures: int = 0
    last_failure_at: datetime | None = None


class _Entry(_Record):
    """What tips and shortcuts have in common.

    Attributes:
        id: the identity, which never changes.
        version: counts changes of the content, from 1.
    """

    id: str
    version: int
    scope: Scope
    provenance: Provenance
    evidence: Evidence
    status: Status
    created_at: datetime
    updated_at: datetime


class Tip(_Entry):
    """Advice in one or two sentences."""

    text: Words


class ShortcutStep(_Record):
    """One action of a shortcut.

    Attributes:
        action_name: the wire name of an action.
        arguments_map: from the action's arguments to values; a text that is the name of one of the
            shortcut's arguments stands for it, everything else stands for itself.
    """

    action_name: Name
    arguments_map: Mapping[str, str | int | float] = Field(default_factory=dict)


class ShortcutDraft(_Record):
    """A sequence of actions under a name, as an agent proposes it."""

    name: Name
    arguments: tuple[Name, ...]
    description: Words
    precondition: Words
    steps: Annotated[tuple[ShortcutStep, ...], Field(min_length=1, max_length=20)]

    @model_validator(mode="after")
    def _arguments_are_unique_and_used(self) -> "ShortcutDraft":
        if len(set(self.arguments)) < len(self.arguments):
            raise ValueError(f"an argument stands twice in {list(self.arguments)}")
        used = {value for step in self.steps for value in step.arguments_map.values()}
        unused = [name for name in self.arguments if name not in used]
        if unused:
            raise ValueError(f"no step uses the arguments {unused}")
        return self


class Shortcut(_Entry, ShortcutDraft):
    """A sequence of actions that an agent can call by name."""


class ActionArguments(_Record):
    """The names of the arguments that an action must and may be given."""

    required: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()


def check_actions(draft: ShortcutDraft, actions: Mapping[str, ActionArguments]) -> None:
    """Refuse a shortcut that uses what is no action, or an action with wrong arguments.

    The actions are passed in because the memory knows no tools.

    Raises:
        UsageError: the first thing that is wrong.
    """
    if draft.name in actions:
        raise UsageError(f"a shortcut must not be called {draft.name!r}: that is an action")
    for step in draft.steps:
        takes = actions.get(step.action_name)
        if takes is None:
            raise UsageError(
                f"shortcut {draft.name!r} uses {step.action_name!r}, which is no action; "
                f"there are {', '.join(actions)}"
            )
        _check_names(f"{draft.name}: {step.action_name}", step.arguments_map, takes)


def _check_names(place: str, given: Collection[str], takes: ActionArguments) -> None:
    missing = sorted(takes.required - set(given))
    unknown = sorted(set(given) - takes.required - takes.optional)
    if missing or unknown:
        raise UsageError(f"{place} misses the arguments {missing} and does not know {unknown}")
