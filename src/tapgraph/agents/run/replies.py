"""What the roles that both agents have answer, and what all replies are made of."""

from typing import Annotated, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

__all__ = ["RoleReply", "Sentence", "TipsReply", "VerifierReply", "Words"]

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


class TipsReply(RoleReply):
    """New tips, one sentence each; none when nothing was learnt."""

    tips: Annotated[list[Sentence], Field(max_length=5)]
