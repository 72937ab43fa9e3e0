"""What each role answers: the schemas that replies are checked against.

The fields are the output sections of Mobile-Agent-E's roles (its paper, section 3); outcomes and
states are enumerations, so that no wording can be mistaken for another.
"""

import dataclasses
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias, get_args

from pydantic import Field, JsonValue, WithJsonSchema, model_validator
from pydantic.json_schema import SkipJsonSchema

from tapgraph.agents.mobile.state import PlanStatus
from tapgraph.agents.run.history import Verdict
from tapgraph.agents.run.replies import RoleReply, Sentence, TipsReply, VerifierReply, Words
from tapgraph.memory.admission import LONGEST_DESCRIPTION, MOST_STEPS
from tapgraph.tools.mobile.actions import ACTION_TYPES
from tapgraph.tools.mobile.written_calls import repaired_call

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


class ManagerReply(RoleReply):
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


class OperatorReply(RoleReply):
    """One action; a model is shown the schema of `offered_reply`, which holds it in a `call`."""

    thought: Words = ""
    action: Sentence
    arguments: dict[str, JsonValue] = Field(default_factory=dict)
    description: Words = ""
    """The action in words and the outcome expected."""
    completes_subgoal: bool = False
    """Whether the current subgoal should be done after this action."""
    tips: list[Words] = Field(default_factory=list)
    """The learnt tips that the action follows, as the prompt names them."""
    repairs: SkipJsonSchema[tuple[str, ...]] = Field(default=(), exclude=True)
    """What was put right in it without asking again."""

    @model_validator(mode="before")
    @classmethod
    def _takes_the_call_apart(cls, reply: Any) -> Any:
        return repaired_call(reply) if isinstance(reply, Mapping) else reply


class ReflectorReply(RoleReply):
    """The verdict on the last action."""

    verdict: Verdict
    error: Words = ""
    progress: Words = ""
    """The task's progress so far; on failure a copy of what it was."""
    subgoal_done: bool = False


class NotetakerReply(RoleReply):
    """The notes, old and new."""

    notes: Words


_ACTION_NAME = {"type": "string", "enum": list(ACTION_TYPES)}
_ACTION_ARGUMENTS = {
    "type": "object",
    "properties": {
        field.name: {"type": ["string", "number"]}
        for kind in ACTION_TYPES.values()
        for field in dataclasses.fields(kind)
    }
    | {"direction": {"type": "string"}, "target": {"type": "string"}},
    "additionalProperties": False,
}


class ShortcutStepReply(RoleReply):
    """One action of a shortcut; a value names an argument of the shortcut or stands for itself."""

    from_action: int | None = None
    """The number of the action of the run that it repeats, and whose target it has."""

    action: Annotated[Sentence, WithJsonSchema(_ACTION_NAME)]
    arguments: Annotated[dict[str, str | int | float], WithJsonSchema(_ACTION_ARGUMENTS)] = Field(
        default_factory=dict
    )


class ShortcutReply(RoleReply):
    """At most one new shortcut."""

    worth_keeping: bool
    name: Words = ""
    arguments: list[Sentence] = Field(default_factory=list)
    description: Annotated[Words, Field(max_length=LONGEST_DESCRIPTION)] = ""
    precondition: Words = ""
    steps: list[ShortcutStepReply] = Field(default_factory=list, max_length=MOST_STEPS)
    revises: Words = ""
    """The known shortcut that it is a better version of."""
