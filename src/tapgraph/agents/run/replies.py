"""What the roles that both agents have answer, and what all replies are made of."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from tapgraph.memory.admission import LONGEST_DESCRIPTION, MOST_STEPS

__all__ = [
    "ChainReply",
    "ChainStepReply",
    "RoleReply",
    "Sentence",
    "TipChange",
    "TipsReply",
    "VerifierReply",
    "Words",
    "closed_object",
]

Words: TypeAlias = Annotated[str, StringConstraints(strip_whitespace=True)]
Sentence: TypeAlias = Annotated[str, StringConstraints(min_length=1), AfterValidator(str.strip)]
"""Not empty as it is written, which is what a JSON schema can say; blanks alone become ""."""


class RoleReply(BaseModel):
    """A reply of a role."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class VerifierReply(RoleReply):
    """Whether the whole task is done."""

    complete: bool
    missing: Words = ""


class TipChange(RoleReply):
    """One change of the tips that are known.

    Attributes:
        of: the known tips that it is about, as the prompt numbers them.
        because: what in the run it stands on.
    """

    change: Literal["add", "revise", "retire", "merge"] = "add"
    tip: Words = ""
    polarity: Literal["do", "avoid"] = "do"
    of: list[Sentence] = Field(default_factory=list)
    because: Words = ""


class ChainStepReply(RoleReply):
    """One call of a chain: which step of the run it repeats, and what later tasks say anew.

    Attributes:
        from_step: the step of the run.
        arguments: parameters of the API, each with the argument of the chain that gives its value.
    """

    from_step: int
    arguments: dict[str, Sentence] = Field(default_factory=dict)


class ChainReply(RoleReply):
    """Calls of a run that later tasks may want again, under a name."""

    name: Sentence
    arguments: list[Sentence] = Field(default_factory=list)
    description: Annotated[Sentence, Field(max_length=LONGEST_DESCRIPTION)]
    steps: Annotated[list[ChainStepReply], Field(max_length=MOST_STEPS)]


class TipsReply(RoleReply):
    """What was learnt: changes, or new tips in a sentence; none when nothing was.

    Attributes:
        chain: calls of APIs that belong together; only the API agent is asked for it.
    """

    tips: Annotated[list[Sentence | TipChange], Field(max_length=100)]
    chain: ChainReply | None = None


def closed_object(values: Mapping[str, Any], optional: Sequence[str] = ()) -> dict[str, Any]:
    """The JSON schema of an object that has these entries and no others.

    >>> closed_object({"x": {"type": "integer"}})["required"]
    ['x']
    """
    return {
        "type": "object",
        "properties": dict(values),
        "required": [name for name in values if name not in optional],
        "additionalProperties": False,
    }
