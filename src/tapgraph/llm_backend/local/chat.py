"""A chat request as one generation: the same for `LocalModel` and for the server."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from tapgraph.errors import UsageError
from tapgraph.llm_backend.chat_model import ToolSpec
from tapgraph.llm_backend.local.chat_prompt import (
    NEXT_SPEAKERS,
    ChatTurn,
    chat_prompt,
    opens_thought,
    uses_call_tags,
)
from tapgraph.llm_backend.local.checkpoint import Checkpoint
from tapgraph.llm_backend.local.constraints import Choice, Constraint, JsonSchema, OneOf
from tapgraph.llm_backend.local.generation import GenerationRequest, Sampling
from tapgraph.llm_backend.local.reply_reader import ReplyReader
from tapgraph.llm_backend.local.tool_calls import forced_call

__all__ = ["Chat", "ChatRequest", "NamedTool", "ToolChoice", "prepare_chat"]


@dataclass(frozen=True, slots=True)
class NamedTool:
    """The one tool that must be called."""

    name: str


ToolChoice: TypeAlias = Literal["auto", "none", "required"] | NamedTool


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A conversation and the reply that is wanted.

    Attributes:
        turns: the conversation.
        tools: what may be called.
        tool_choice: `auto`: words or calls as the model likes; `none`: words; `required` or a named
            tool: exactly one call, which the grammar sees to.
        parallel_calls: whether a reply may hold more than one call.
        thinks: whether the model may think first, if it does at all.
        constraint: what the words must look like; with tools, a reply is such words or one call.
        max_tokens: tokens of the reply at most; None for what is left of the context.
        sampling: how tokens are chosen; or values of `Sampling` by name, where the checkpoint's own
            stand for those that are absent or None.
        stop: texts that end the reply.
        top_logprobs: as in `GenerationRequest`.
        timeout_s: as in `GenerationRequest`.
        longest_text: limit for what a forced call may hold; see `JsonSchema.longest_text`.
        task: as in `GenerationRequest`.
    """

    turns: tuple[ChatTurn, ...]
    tools: tuple[ToolSpec, ...] = ()
    tool_choice: ToolChoice = "auto"
    parallel_calls: bool = True
    thinks: bool = True
    constraint: JsonSchema | Choice | None = None
    max_tokens: int | None = None
    sampling: Sampling | Mapping[str, Any] = field(default_factory=dict)
    stop: tuple[str, ...] = ()
    top_logprobs: int | None = None
    timeout_s: float | None = None
    longest_text: int | None = None
    task: str | None = None

    def __post_init__(self) -> None:
        names = [tool.name for tool in self.tools]
        if len(set(names)) < len(names):
            raise UsageError(f"two tools have the same name in {names!r}")
        if isinstance(self.tool_choice, NamedTool) and self.tool_choice.name not in names:
            raise UsageError(f"no tool is called {self.tool_choice.name!r}; there are {names!r}")
        if self.tool_choice == "required" and not self.tools:
            raise UsageError("tool_choice is 'required', and there are no tools")

    @property
    def callable_tools(self) -> tuple[ToolSpec, ...]:
        """The tools that this reply may call."""
        if isinstance(self.tool_choice, NamedTool):
            return tuple(tool for tool in self.tools if tool.name == self.tool_choice.name)
        return () if self.tool_choice == "none" else self.tools


@dataclass(frozen=True, slots=True)
class Chat:
    """What to submit, and how to read what comes.

    Attributes:
        request: for `Engine.submit`; for several replies with a seed of its own each.
        tools: those that the reply may call.
        most_calls: how many calls of a reply count; None for all.
        is_in_thought: whether the prompt has opened the thoughts.
        drops_first_blank: whether the tokenizer puts a blank before words.
    """

    request: GenerationRequest
    tools: tuple[ToolSpec, ...]
    most_calls: int | None
    is_in_thought: bool
    drops_first_blank: bool

    def open_reader(self) -> ReplyReader:
        """Parts the thoughts, words and calls of one reply."""
        return ReplyReader(
            {tool.name: tool.parameters for tool in self.tools},
            most_calls=self.most_calls,
            is_in_thought=self.is_in_thought,
            drops_first_blank=self.drops_first_blank,
        )


def prepare_chat(checkpoint: Checkpoint, request: ChatRequest) -> Chat:
    """The generation that answers a chat request.

    A reply that must keep to a schema or call a tool begins with it at once, so there is no
    reasoning part.

    Raises:
        UsageError: from `chat_prompt`, or from a value that cannot be.
    """
    constraint = _constraint(checkpoint, request)
    prompt = chat_prompt(
        checkpoint,
        request.turns,
        request.tools if request.tool_choice != "none" else (),
        thinks=constraint is None and request.thinks,
    )
    generation = GenerationRequest(
        prompt,
        request.max_tokens,
        _sampling(checkpoint, request),
        request.stop,
        constraint,
        request.top_logprobs,
        timeout_s=request.timeout_s,
        next_speakers=() if checkpoint.chat_template else NEXT_SPEAKERS,
        task=request.task,
    )
    return Chat(
        generation,
        request.callable_tools,
        most_calls=None if request.parallel_calls else 1,
        is_in_thought=opens_thought(checkpoint, prompt),
        drops_first_blank=checkpoint.puts_blank_first,
    )


def _constraint(checkpoint: Checkpoint, request: ChatRequest) -> Constraint | None:
    is_forced = request.tool_choice == "required" or isinstance(request.tool_choice, NamedTool)
    if not is_forced and (request.constraint is None or not request.callable_tools):
        return request.constraint
    call = forced_call(
        request.callable_tools,
        with_tags=uses_call_tags(checkpoint),
        longest_text=request.longest_text,
        line_break="\n" if b"\n" in checkpoint.token_bytes else "",
    )
    if is_forced or request.constraint is None:
        return call
    return OneOf((request.constraint, call))


def _sampling(checkpoint: Checkpoint, request: ChatRequest) -> Sampling:
    asked = request.sampling
    return asked if isinstance(asked, Sampling) else Sampling.of(asked, checkpoint.sampling)
