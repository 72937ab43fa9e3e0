"""What each role answers: the schemas that replies are checked against."""

from functools import lru_cache
from typing import Annotated, Any, Literal, TypeAlias, get_args

from pydantic import Field, JsonValue, WithJsonSchema, create_model, model_validator

from tapgraph.agents.run.replies import RoleReply, Words

__all__ = ["API_ROLES", "ApiRole", "ChooserReply", "chooser_reply"]

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


@lru_cache(maxsize=64)
def chooser_reply(candidates: tuple[str, ...]) -> type[ChooserReply]:
    """`ChooserReply` with a schema that names these APIs; validation takes any name.

    The same candidates give the same class: what knows replies by their class stays small.
    """
    names = WithJsonSchema({"type": "string", "enum": [*candidates, ""]})
    fields: dict[str, Any] = {"api": (Annotated[Words, names], "")}
    return create_model(ChooserReply.__name__, __base__=ChooserReply, **fields)
