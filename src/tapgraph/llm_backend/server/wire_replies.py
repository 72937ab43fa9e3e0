"""What clients get, as OpenAI documents it."""

from collections.abc import Iterable, Sequence
from typing import Literal, TypeAlias

from pydantic import BaseModel

from tapgraph.llm_backend.chat_model import ToolCall
from tapgraph.llm_backend.local.generation import Finished, ScoredToken, TokenScore

__all__ = [
    "ChatChoice",
    "ChatChunk",
    "ChatCompletion",
    "ChatDelta",
    "ChatMessage",
    "ChunkChoice",
    "Completion",
    "CompletionChoice",
    "CompletionLogprobs",
    "FunctionDelta",
    "Logprobs",
    "ModelCard",
    "ModelList",
    "ToolCallDelta",
    "ToolCallOut",
    "UsageOut",
    "WireFinish",
    "chat_logprobs",
    "usage_of",
]

WireFinish: TypeAlias = Literal["stop", "length", "tool_calls"]


class ModelCard(BaseModel):
    """A model that is served, and the task embeddings that requests to it may name."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str = "tapgraph"
    tasks: list[str] | None = None


class ModelList(BaseModel):
    """All models that are served."""

    object: Literal["list"] = "list"
    data: list[ModelCard]


class _PromptDetails(BaseModel):
    cached_tokens: int


class UsageOut(BaseModel):
    """Tokens of a request, all choices together.

    Beside OpenAI's fields stands what share of the text the last step of a reply attended to, and
    what share of what was highlighted in it.
    """

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: _PromptDetails
    attention_read_share: float
    highlight_read_share: float | None = None


class _TopLogprob(BaseModel):
    token: str
    logprob: float
    bytes: list[int]


class _TokenLogprob(_TopLogprob):
    top_logprobs: list[_TopLogprob]


class Logprobs(BaseModel):
    """One entry for each token."""

    content: list[_TokenLogprob]


class _Function(BaseModel):
    name: str
    arguments: str


class ToolCallOut(BaseModel):
    """A tool that the model wants called."""

    id: str
    type: Literal["function"] = "function"
    function: _Function

    @classmethod
    def of(cls, call: ToolCall) -> "ToolCallOut":
        """As OpenAI writes it."""
        return cls(id=call.id, function=_Function(name=call.name, arguments=call.arguments))


class ChatMessage(BaseModel):
    """What the model said."""

    role: Literal["assistant"] = "assistant"
    content: str | None
    refusal: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[ToolCallOut] | None = None


class ChatChoice(BaseModel):
    """One of `n` replies."""

    index: int
    message: ChatMessage
    logprobs: Logprobs | None
    finish_reason: WireFinish


class ChatCompletion(BaseModel):
    """The reply of `/v1/chat/completions`."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    system_fingerprint: str
    choices: list[ChatChoice]
    usage: UsageOut


class FunctionDelta(BaseModel):
    """The name of a call, or more of its arguments."""

    name: str | None = None
    arguments: str


class ToolCallDelta(BaseModel):
    """The beginning of a call, or more of it."""

    index: int
    id: str | None = None
    type: Literal["function"] | None = None
    function: FunctionDelta


class ChatDelta(BaseModel):
    """More of a reply."""

    role: Literal["assistant"] | None = None
    content: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[ToolCallDelta] | None = None


class ChunkChoice(BaseModel):
    """More of one of `n` replies."""

    index: int
    delta: ChatDelta
    logprobs: Logprobs | None = None
    finish_reason: WireFinish | None = None


class ChatChunk(BaseModel):
    """One event of a stream."""

    id: str
    object: Literal["chat.completion.chunk"] = "chat.completion.chunk"
    created: int
    model: str
    system_fingerprint: str
    choices: list[ChunkChoice]
    usage: UsageOut | None = None


class CompletionLogprobs(BaseModel):
    """In the older form: four lists of equal length."""

    tokens: list[str] = []
    token_logprobs: list[float] = []
    top_logprobs: list[dict[str, float]] = []
    text_offset: list[int] = []

    def add(self, scores: Iterable[TokenScore]) -> "CompletionLogprobs":
        """These tokens after those that it holds."""
        offset = self.text_offset[-1] + len(self.tokens[-1]) if self.tokens else 0
        for score in scores:
            self.tokens.append(score.chosen.text)
            self.token_logprobs.append(score.chosen.logprob)
            self.top_logprobs.append({one.text: one.logprob for one in score.top})
            self.text_offset.append(offset)
            offset += len(score.chosen.text)
        return self


class CompletionChoice(BaseModel):
    """One reply, or more of it in a stream."""

    index: int
    text: str
    logprobs: CompletionLogprobs | None = None
    finish_reason: WireFinish | None


class Completion(BaseModel):
    """The reply of `/v1/completions`, or one event of its stream."""

    id: str
    object: Literal["text_completion"] = "text_completion"
    created: int
    model: str
    system_fingerprint: str
    choices: list[CompletionChoice]
    usage: UsageOut | None = None


def chat_logprobs(scores: Sequence[TokenScore]) -> Logprobs:
    """Scores as OpenAI writes them."""
    return Logprobs(
        content=[
            _TokenLogprob(
                **_scored(score.chosen).model_dump(),
                top_logprobs=[_scored(one) for one in score.top],
            )
            for score in scores
        ]
    )


def usage_of(ends: Sequence[Finished], prompts: int) -> UsageOut:
    """Tokens of a request; the choices of one prompt share it.

    Args:
        ends: of all choices; those of one prompt stand together, equally many for each.
        prompts: how many prompts there are.
    """
    choices = len(ends) // prompts
    lit = [share for end in ends if (share := end.count.step.highlighted) is not None]
    firsts = ends[::choices]
    prompt_tokens = sum(end.count.prompt for end in firsts)
    completion_tokens = sum(end.count.completion for end in ends)
    return UsageOut(
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        total_tokens=prompt_tokens + completion_tokens,
        prompt_tokens_details=_PromptDetails(cached_tokens=sum(end.count.cached for end in firsts)),
        attention_read_share=round(sum(end.count.step.share for end in ends) / len(ends), 4),
        highlight_read_share=round(sum(lit) / len(lit), 4) if lit else None,
    )


def _scored(token: ScoredToken) -> _TopLogprob:
    return _TopLogprob(token=token.text, logprob=token.logprob, bytes=list(token.raw))
