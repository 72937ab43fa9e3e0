"""What each role answers: the schemas that replies are checked against."""

from typing import Literal, TypeAlias, get_args

from pydantic import Field, JsonValue, model_validator

from tapgraph.agents.run.replies import RoleReply, Words

__all__ = ["API_ROLES", "ApiRole", "ChooserReply"]

ApiRole: TypeAlias = Literal["chooser", "verifier", "tips_reflector"]
API_ROLES: tuple[ApiRole, ...] = get_args(ApiRole)
"""All roles that ask a model."""


class ChooserReply(RoleReply):
    """One action."""

    thought: Words
    action: Literal["call", "read", "search", "ask_user", "finish", "give_up"]
    api: Words = ""
    arguments: dict[str, JsonValue] = Field(default_factory=dict)
    query: Words = ""
    question: Words = ""
    answer: JsonValue = None
    tips: list[Words] = Field(default_factory=list)
    """The learnt tips that the action follows, as the prompt names them."""

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
