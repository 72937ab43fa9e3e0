"""What clients send, as OpenAI documents it.

Fields that would change the reply and are not supported are refused by name; fields that only
describe the caller are taken and ignored.
"""

import json
from dataclasses import fields
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from tapgraph.llm_backend.local.generation import Sampling

__all__ = [
    "AssistantMessage",
    "ChatCompletionRequest",
    "CompletionRequest",
    "ContentPart",
    "Echo",
    "HighlightableText",
    "ImageContent",
    "JsonObject",
    "JsonSchemaFormat",
    "MessageIn",
    "Name",
    "NamedToolChoice",
    "TextContent",
    "Tokens",
    "ToolDefinition",
    "ToolMessage",
    "Wire",
    "sampling_of",
]

MOST_CHOICES = 16


def _encodable(value: dict[str, Any]) -> dict[str, Any]:
    try:
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise ValueError(f"this is not plain JSON: {type(error).__name__}") from error
    return value


JsonObject: TypeAlias = Annotated[dict[str, Any], AfterValidator(_encodable)]
Name: TypeAlias = Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]
Highlights: TypeAlias = Annotated[
    list[Annotated[str, Field(min_length=1)]], Field(min_length=1, max_length=64)
]
Tokens: TypeAlias = Annotated[int, Field(ge=1, le=2**31)]


class Wire(BaseModel):
    """What a client sends: unknown fields are refused by name."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, frozen=True)


class Echo(Wire):
    """What the server has sent itself, and gets back: fields that it does not read are ignored."""

    model_config = ConfigDict(extra="ignore")


class TextContent(Wire):
    """Words."""

    type: Literal["text"]
    text: str


class HighlightableText(TextContent):
    """Words, of which some or all may be highlighted: `true`, or texts that stand in them."""

    highlight: bool | Highlights | None = None


class _ImageUrl(Wire):
    url: str
    detail: Literal["auto", "low", "high"] = "auto"


class ImageContent(Wire):
    """A picture, as a data URL."""

    type: Literal["image_url"]
    image_url: _ImageUrl


ContentPart: TypeAlias = Annotated[HighlightableText | ImageContent, Field(discriminator="type")]


class _FunctionCall(Echo):
    name: Name
    arguments: str


class _ToolCall(Echo):
    id: str
    type: Literal["function"] = "function"
    function: _FunctionCall


class _SaidText(Echo):
    type: Literal["text"]
    text: str


class _SaidRefusal(Echo):
    type: Literal["refusal"]
    refusal: str


class _TextMessage(Wire):
    role: Literal["system", "developer"]
    content: str | list[HighlightableText]
    name: str | None = None


class _UserMessage(Wire):
    role: Literal["user"]
    content: str | list[ContentPart]
    name: str | None = None


class AssistantMessage(Echo):
    """What the model said, or wanted called."""

    role: Literal["assistant"]
    content: str | list[_SaidText | _SaidRefusal] | None = None
    refusal: str | None = None
    tool_calls: list[_ToolCall] | None = None

    @property
    def text(self) -> str:
        """Its words."""
        if isinstance(self.content, list):
            return "".join(
                part.text if isinstance(part, _SaidText) else part.refusal for part in self.content
            )
        return self.content or self.refusal or ""


class ToolMessage(Echo):
    """What a tool gave."""

    role: Literal["tool"]
    content: str | list[TextContent]
    tool_call_id: str


MessageIn: TypeAlias = Annotated[
    _TextMessage | _UserMessage | AssistantMessage | ToolMessage, Field(discriminator="role")
]


class _FunctionDefinition(Wire):
    name: Name
    description: str = ""
    parameters: JsonObject | None = None
    strict: bool | None = None


class ToolDefinition(Wire):
    """A tool that the model may call."""

    type: Literal["function"]
    function: _FunctionDefinition


class _NamedFunction(Wire):
    name: Name


class NamedToolChoice(Wire):
    """The one tool that must be called."""

    type: Literal["function"]
    function: _NamedFunction


class _TextFormat(Wire):
    type: Literal["text"]


class _JsonObjectFormat(Wire):
    type: Literal["json_object"]


class _NamedSchema(Wire):
    name: Name
    description: str | None = None
    schema_: JsonObject = Field(alias="schema")
    strict: bool | None = None


class JsonSchemaFormat(Wire):
    """The reply is JSON of this schema."""

    type: Literal["json_schema"]
    json_schema: _NamedSchema


ResponseFormat: TypeAlias = Annotated[
    _TextFormat | _JsonObjectFormat | JsonSchemaFormat, Field(discriminator="type")
]


class _StreamOptions(Wire):
    include_usage: bool = False
    include_obfuscation: bool | None = None


def sampling_of(asked: Wire) -> dict[str, Any]:
    """What a request says of sampling, by the names of `Sampling`."""
    return {one.name: getattr(asked, one.name, None) for one in fields(Sampling)}


class _Request(Wire):
    """What both kinds of completion take."""

    model: str
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)
    n: int | None = Field(default=None, ge=1, le=MOST_CHOICES)
    stop: str | list[str] | None = None
    seed: int | None = Field(default=None, ge=-(2**63), lt=2**63)
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    frequency_penalty: float | None = Field(default=None, ge=-2, le=2)
    presence_penalty: float | None = Field(default=None, ge=-2, le=2)
    logit_bias: dict[int, Annotated[float, Field(ge=-100, le=100)]] | None = Field(
        default=None, max_length=1024
    )
    top_k: int | None = Field(default=None, ge=0, description="as in vLLM")
    min_p: float | None = Field(default=None, ge=0, le=1, description="as in vLLM")
    repetition_penalty: float | None = Field(default=None, ge=0.1, le=10, description="as in vLLM")
    user: str | None = None
    task: str | None = Field(default=None, description="a task embedding's name; empty for none")

    @property
    def stops(self) -> tuple[str, ...]:
        """The texts that end the reply."""
        return (self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ())


class ChatCompletionRequest(_Request):
    """The body of `/v1/chat/completions`."""

    messages: list[MessageIn] = Field(min_length=1)
    max_tokens: Tokens | None = None
    max_completion_tokens: Tokens | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = Field(default=None, ge=0, le=20)
    response_format: ResponseFormat | None = None
    tools: list[ToolDefinition] | None = Field(default=None, max_length=128)
    tool_choice: Literal["none", "auto", "required"] | NamedToolChoice | None = None
    parallel_tool_calls: bool | None = None
    metadata: dict[str, str] | None = None
    store: bool | None = None
    service_tier: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_options: JsonObject | None = None
    prompt_cache_retention: str | None = None
    reasoning_effort: str | None = None
    verbosity: Literal["medium"] | None = Field(default=None, description="not supported")
    highlight: Highlights | None = Field(
        default=None, description="texts of the last user message that matter most"
    )

    @model_validator(mode="after")
    def _agree(self) -> "ChatCompletionRequest":
        if self.top_logprobs is not None and not self.logprobs:
            raise ValueError("top_logprobs needs logprobs: true")
        if self.tool_choice in {"required"} or isinstance(self.tool_choice, NamedToolChoice):
            names = {tool.function.name for tool in self.tools or ()}
            if not names:
                raise ValueError("tool_choice needs tools")
            if isinstance(self.tool_choice, NamedToolChoice) and (
                self.tool_choice.function.name not in names
            ):
                raise ValueError("tool_choice names a tool that is not among tools")
        return self


class CompletionRequest(_Request):
    """The body of `/v1/completions`."""

    prompt: str | list[str] | list[int] | list[list[int]]
    max_tokens: Tokens | None = 16
    logprobs: int | None = Field(default=None, ge=0, le=5)
    best_of: Literal[1] | None = Field(default=None, description="not supported")
    echo: Literal[False] | None = Field(default=None, description="not supported")
    suffix: Literal[""] | None = Field(default=None, description="not supported")
