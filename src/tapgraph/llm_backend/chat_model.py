"""What an agent knows about a language model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from pydantic import BaseModel

from tapgraph.llm_backend.messages import Message

__all__ = ["ChatModel", "CoordinateSpace", "ModelTraits", "Reply", "ToolCall", "ToolSpec", "Usage"]

CoordinateSpace = Literal["pixels", "0-1", "0-999", "0-1000"]
"""How a model writes a point: in pixels of the picture that it was sent, or as a share of it."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one or more calls, and what they cost."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: float = 0.0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.cost_usd + other.cost_usd,
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
    """

    text: str
    parsed: BaseModel | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    usage: Usage = field(default_factory=Usage)
    latency_s: float = 0.0
    finish_reason: Literal["stop", "length", "tool_calls", "content_filter"] = "stop"
    model: str = ""


@dataclass(frozen=True, slots=True)
class ModelTraits:
    """What must be known about a model before it is asked.

    Attributes:
        name: what to call it in reports.
        sees_images: whether pictures may be sent to it.
        coordinate_space: how it writes points.
        image_max_px: the longer side of a picture as it is sent; None for no limit. Points in
            `pixels` are pixels of that smaller picture.
        is_demonstrator: whether its replies come from reference solutions and not from a model.
    """

    name: str
    pictures: Literal["none", "operator", "all"] = "none"
    coordinate_space: CoordinateSpace = "pixels"
    image_max_px: int | None = None
    is_demonstrator: bool = False
    dialect: str = ""
    enforces_schemas: bool = False

    @property
    def sees_images(self) -> bool:
        """Whether any pictures may be sent to it."""
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
        max_tokens: int = 2048,
        temperature: float = 0.0,
        stop: Sequence[str] = (),
    ) -> Reply:
        """Answer the conversation.

        With `schema` the model is asked for JSON of that shape; `parsed` stays None when the words
        do not fit, so that the caller can tell the model why (`structured.ask` does).

        Raises:
            ModelUnavailable: the server does not answer, or refuses the key or the request.
        """
        ...
