"""What an agent knows about a language model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from pydantic import BaseModel

from tapgraph.llm_backend.messages import Message

__all__ = [
    "CallForm",
    "ChatModel",
    "CoordinateSpace",
    "JsonForm",
    "ModelTraits",
    "Pictures",
    "Reply",
    "ToolCall",
    "ToolSpec",
    "Usage",
]

CoordinateSpace = Literal["pixels", "0-1", "0-999", "0-1000"]
"""How a model writes a point: in pixels of the picture that it was sent, or as a share of it."""

JsonForm = Literal["schema", "object", "tools", "none"]
"""How a reply is bound to a form: to a JSON schema, to any JSON object, as the arguments of one
forced call, or not at all. Where the server is not given the schema, the prompt holds it."""

CallForm = Literal["reply", "native"]
"""How a model asks for calls of APIs: in the reply of its role, or as calls of tools."""

Pictures = Literal["none", "operator", "all"]
"""Which roles of an agent show a model pictures."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one or more calls, and what they cost.

    Attributes:
        prompt_tokens: tokens that were sent, cached ones included.
        completion_tokens: tokens that came back, thinking included.
        cost_usd: what they cost.
        cached_tokens: the part of the prompt that the server had read before.
        reasoning_tokens: the part of the reply that was thinking, where the server tells.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: float = 0.0
    cached_tokens: int = 0
    reasoning_tokens: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.cost_usd + other.cost_usd,
            self.cached_tokens + other.cached_tokens,
            self.reasoning_tokens + other.reasoning_tokens,
        )


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool that a model may call; `parameters` is a JSON schema."""

    name: str
    description: str
    parameters: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A model's wish to call a tool; `arguments` is the JSON text as the model wrote it."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model said.

    Attributes:
        text: its words.
        parsed: the object, when a schema was asked for and the words fit it; else None.
        tool_calls: the tools that it wants called.
        usage: tokens and cost of this call.
        latency_s: from sending the request to the last token.
        finish_reason: why it stopped; `length` means that the reply is cut.
        model: the name of the model that answered.
        reasoning: what it thought before, apart from `text`; empty where it tells nothing.
        repairs: what was put right in the words to get `parsed`.
    """

    text: str
    parsed: BaseModel | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    usage: Usage = field(default_factory=Usage)
    latency_s: float = 0.0
    finish_reason: Literal["stop", "length", "tool_calls", "content_filter"] = "stop"
    model: str = ""
    reasoning: str = ""
    repairs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ModelTraits:
    """What must be known about a model before it is asked.

    Attributes:
        name: what to call it in reports.
        pictures: which roles of an agent show it pictures.
        coordinate_space: how it writes points.
        image_max_px: the longer side of a picture as it is sent; None for no limit. Points in
            `pixels` are pixels of that smaller picture.
        is_demonstrator: whether its replies come from reference solutions and not from a model.
        json: how its replies are bound to a form.
        max_tokens: the length of a reply at most, thinking included.
        dialect: the native format of a GUI model; empty for JSON.
        has_known_price: whether the cost of its replies is told with them.
        enforces_schemas: whether it keeps to whatever schema a request holds. Such a model is sent
            a schema for each screen; all others one for each role, as prompt caches need.
        calls: how it asks for calls of APIs.
        follows_highlights: whether it attends more to what `TextPart.highlights` names.
    """

    name: str
    pictures: Pictures = "none"
    coordinate_space: CoordinateSpace = "pixels"
    image_max_px: int | None = None
    is_demonstrator: bool = False
    json: JsonForm = "schema"
    max_tokens: int = 16_384
    dialect: str = ""
    enforces_schemas: bool = False
    calls: CallForm = "reply"
    has_known_price: bool = True
    follows_highlights: bool = False

    @property
    def sees_images(self) -> bool:
        """Whether pictures may be sent to it."""
        return self.pictures != "none"


class ChatModel(Protocol):
    """A language model; `reply` may be called from several threads at once."""

    @property
    def traits(self) -> ModelTraits:
        """What must be known about it before it is asked."""
        ...

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
        """Answer the conversation; without `max_tokens` or `temperature` by the model's own.

        With `schema` the model is asked for JSON of that shape; `parsed` stays None when the words
        do not fit, so that the caller can tell the model why (`structured.ask` does).

        Raises:
            ModelUnavailable: the server does not answer, or refuses the key or the request.
        """
        ...
