"""A model for each role of an agent, and one that steps in when another is away."""

from collections.abc import Mapping, Sequence

from pydantic import BaseModel

from tapgraph.errors import ModelUnavailable, UsageError
from tapgraph.llm_backend.chat_model import ChatModel, ModelTraits, Reply, ToolSpec
from tapgraph.llm_backend.messages import Message

__all__ = ["FallbackModel", "RoleModels"]


class FallbackModel:
    """A `ChatModel` that asks a second model when the first is unavailable.

    Both must see the same pictures, write points alike, speak the same dialect and call APIs alike:
    the conversation is written for one of them, and a point must mean the same in both replies.
    """

    def __init__(self, primary: ChatModel, fallback: ChatModel) -> None:
        first, second = primary.traits, fallback.traits
        if _manner(first) != _manner(second):
            raise UsageError(
                f"the fallback {second.name!r} must take pictures, write points and speak as "
                f"{first.name!r} does: {second} against {first}"
            )
        self._primary = primary
        self._fallback = fallback

    @property
    def traits(self) -> ModelTraits:
        """Those of the first model."""
        return self._primary.traits

    def reply(
        self,
        messages: Sequence[Message],
        *,
        schema: type[BaseModel] | None = None,
        tools: Sequence[ToolSpec] = (),
        max_tokens: int | None = None,
        temperature: float | None = None,
        stop: Sequence[str] = (),
    ) -> Reply:
        """Answer with the first model, or with the second; `Reply.model` tells which.

        Raises:
            ModelUnavailable: both are unavailable; the text holds both reasons.
        """
        try:
            return self._primary.reply(
                messages,
                schema=schema,
                tools=tools,
                max_tokens=max_tokens,
                temperature=temperature,
                stop=stop,
            )
        except ModelUnavailable as first:
            try:
                return self._fallback.reply(
                    messages,
                    schema=schema,
                    tools=tools,
                    max_tokens=max_tokens,
                    temperature=temperature,
                    stop=stop,
                )
            except ModelUnavailable as second:
                raise ModelUnavailable(f"{first}; and the fallback: {second}") from second


def _manner(traits: ModelTraits) -> ModelTraits:
    """The traits that must be alike; the others are a matter of each model's own requests."""
    return ModelTraits(
        "",
        pictures=traits.pictures,
        coordinate_space=traits.coordinate_space,
        image_max_px=traits.image_max_px,
        is_demonstrator=traits.is_demonstrator,
        dialect=traits.dialect,
        calls=traits.calls,
    )


class RoleModels:
    """Which model plays which role.

    >>> from tapgraph.llm_backend.scripted_model import ScriptedModel
    >>> models = RoleModels(ScriptedModel(["a"]), {"manager": ScriptedModel(["b"])})
    >>> models.for_role("manager").reply([]).text, models.for_role("operator").reply([]).text
    ('b', 'a')
    """

    def __init__(
        self,
        default: ChatModel,
        by_role: Mapping[str, ChatModel] | None = None,
        fallback: ChatModel | None = None,
    ) -> None:
        self._fallback = fallback
        self._default = self._backed(default)
        self._by_role = {role: self._backed(model) for role, model in (by_role or {}).items()}

    def _backed(self, model: ChatModel) -> ChatModel:
        return model if self._fallback is None else FallbackModel(model, self._fallback)

    def for_role(self, role: str) -> ChatModel:
        """The model of a role; the default one where the role has none of its own."""
        return self._by_role.get(role, self._default)

    @property
    def all_traits(self) -> tuple[ModelTraits, ...]:
        """Traits of the default model, of those by role and of the fallback, each once."""
        models = [self._default, *self._by_role.values()]
        if self._fallback is not None:
            models.append(self._fallback)
        return tuple(dict.fromkeys(model.traits for model in models))
