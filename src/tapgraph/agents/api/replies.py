"""What each role answers: the schemas that replies are checked against."""

from typing import Annotated, Literal, TypeAlias, get_args

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints, model_validator

__all__ = ["API_ROLES", "ApiRole", "ApiTipsReply", "ApiVerifierReply", "ChooserReply"]

ApiRole: TypeAlias = Literal["chooser", "verifier", "tips_reflector"]
API_ROLES: tuple[ApiRole, ...] = get_args(ApiRole)
"""All roles that ask a model."""

Words: TypeAlias = Annotated[str, StringConstraints(strip_whitespace=True)]
Sentence: TypeAlias = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class _Reply(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ChooserReply(_Reply):
    """One action."""

    thought: Words
    action: Literal["call", "read", "search", "ask_user", "finish", "give_up"]
    api: Words = ""
    arguments: dict[str, JsonValue] = Field(default_factory=dict)
    query: Words = ""
    question: Words = ""
    answer: JsonValue = None

    @model_validator(mode="after")
    def _holds_what_its_action_needs(self) -> "ChooserReply":
        needed = {
            "call": ("api", self.api),
            "read": ("arguments", self.arguments),
            "search": ("query", self.query),
            "ask_user": ("question", self.question),
        }
        name, value = needed.get(self.action, ("", "nothing"))
        if not value:
            raise ValueError(f"the action {self.action!r} needs {name!r}")
        return self


class ApiVerifierReply(_Reply):
    """Whether the whole task is done."""

    complete: bool
    missing: Words = ""


class ApiTipsReply(_Reply):
    """New tips, one sentence each; none when nothing was learnt."""

    tips: Annotated[list[Sentence], Field(max_length=5)]
