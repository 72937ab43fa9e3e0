"""What each role answers: the schemas that replies are checked against.

The fields are the output sections of Mobile-Agent-E's roles (its paper, section 3); outcomes and
states are enumerations, so that no wording can be mistaken for another.
"""

import dataclasses
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)

from tapgraph.agents.mobile.state import Grade, PlanStatus
from tapgraph.tools.mobile.actions import ACTION_TYPES

__all__ = [
    "ROLES",
    "DelegatingManagerReply",
    "ManagerReply",
    "NotetakerReply",
    "OperatorReply",
    "ReflectorReply",
    "RoleName",
    "ShortcutReply",
    "ShortcutStepReply",
    "TipsReply",
    "VerifierReply",
]

RoleName: TypeAlias = Literal[
    "manager",
    "operator",
    "reflector",
    "notetaker",
    "verifier",
    "shortcut_reflector",
    "tips_reflector",
]
ROLES: tuple[RoleName, ...] = get_args(RoleName)
"""All roles that ask a model."""

Words: TypeAlias = Annotated[str, StringConstraints(strip_whitespace=True)]
Sentence: TypeAlias = Annotated[str, StringConstraints(min_length=1), AfterValidator(str.strip)]
"""Not empty as it is written, which is what a JSON schema can say; blanks alone become ""."""


class _Reply(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ManagerReply(_Reply):
    """The plan, new or revised."""

    thought: Words
    subgoals: Annotated[list[Sentence], Field(min_length=1, max_length=20)]
    """All subgoals, done ones included, in order."""
    current: Annotated[int, Field(ge=1)]
    """Number of the next subgoal to work on, from 1."""
    status: PlanStatus


class DelegatingManagerReply(ManagerReply):
    """The plan of a Manager that has an API agent to hand subgoals to."""

    by_api: list[int] = Field(default_factory=list)
    """Numbers of the subgoals that the API agent is to do, from 1."""


class OperatorReply(_Reply):
    """One action; a model is shown the schema of `offered_reply`, which holds it in a `call`."""

    thought: Words
    action: Sentence
    arguments: dict[str, str | int | float] = Field(default_factory=dict)
    description: Words
    """The action in words and the outcome expected."""
    completes_subgoal: bool = False
    """Whether the current subgoal should be done after this action."""

    @model_validator(mode="before")
    @classmethod
    def _takes_the_call_apart(cls, reply: Any) -> Any:
        if not isinstance(reply, Mapping) or not isinstance(reply.get("call"), Mapping):
            return reply
        return {**reply["call"], **{name: reply[name] for name in reply if name != "call"}}


class ReflectorReply(_Reply):
    """The verdict on the last action."""

    outcome: Grade
    error: Words = ""
    progress: Words = ""
    """The task's progress so far; on failure a copy of what it was."""
    subgoal_done: bool = False


class NotetakerReply(_Reply):
    """The notes, old and new."""

    notes: Words


class VerifierReply(_Reply):
    """Whether the whole task is done."""

    complete: bool
    missing: Words = ""


_ACTION_NAME = {"type": "string", "enum": list(ACTION_TYPES)}
_ACTION_ARGUMENTS = {
    "type": "object",
    "properties": {
        field.name: {"type": ["string", "number"]}
        for kind in ACTION_TYPES.values()
        for field in dataclasses.fields(kind)
    },
    "additionalProperties": False,
}


class ShortcutStepReply(_Reply):
    """One action of a shortcut; a value names an argument of the shortcut or stands for itself."""

    action: Annotated[Sentence, WithJsonSchema(_ACTION_NAME)]
    arguments: Annotated[dict[str, str | int | float], WithJsonSchema(_ACTION_ARGUMENTS)] = Field(
        default_factory=dict
    )


class ShortcutReply(_Reply):
    """At most one new shortcut."""

    worth_keeping: bool
    name: Words = ""
    arguments: list[Sentence] = Field(default_factory=list)
    description: Words = ""
    precondition: Words = ""
    steps: list[ShortcutStepReply] = Field(default_factory=list)


class TipsReply(_Reply):
    """New tips, one sentence each; none when nothing was learnt."""

    tips: Annotated[list[Sentence], Field(max_length=5)]
