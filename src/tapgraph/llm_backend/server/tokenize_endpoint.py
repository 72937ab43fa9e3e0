"""`/v1/tokenize`: the tokens of a text or of a conversation, as other local servers tell them."""

import anyio.to_thread
from pydantic import BaseModel, Field, model_validator

from tapgraph.llm_backend.local.chat import ChatRequest
from tapgraph.llm_backend.local.chat_prompt import text_prompt
from tapgraph.llm_backend.server.chat_in import tools_of, turns_of
from tapgraph.llm_backend.server.replies import ChatRunner
from tapgraph.llm_backend.server.wire_requests import MessageIn, ToolDefinition, Wire

__all__ = ["TokenizeEndpoint", "TokenizeRequest", "Tokens"]


class TokenizeRequest(Wire):
    """The body of `/v1/tokenize`: `prompt` as `/v1/completions` reads it, or `messages`."""

    model: str
    prompt: str | None = None
    messages: list[MessageIn] | None = Field(default=None, min_length=1)
    tools: list[ToolDefinition] | None = Field(default=None, max_length=128)

    @model_validator(mode="after")
    def _one_of_both(self) -> "TokenizeRequest":
        if (self.prompt is None) == (self.messages is None):
            raise ValueError("give either prompt or messages")
        return self


class Tokens(BaseModel):
    """The reply.

    Attributes:
        tokens: ids, in order.
        count: how many.
        max_model_len: tokens that a prompt and its reply may have.
    """

    tokens: list[int]
    count: int
    max_model_len: int


class TokenizeEndpoint:
    """Answers with the very tokens that the model would read."""

    def __init__(self, runner: ChatRunner) -> None:
        self._runner = runner

    async def answer(self, asked: TokenizeRequest) -> Tokens:
        """The tokens; raises `Refusal` or `TapgraphError`."""
        engine = self._runner.engine
        if asked.prompt is not None:
            prompt = await anyio.to_thread.run_sync(text_prompt, engine.checkpoint, asked.prompt)
        else:
            chat = await self._runner.prepare(
                lambda pictures: ChatRequest(
                    turns_of(asked.messages or (), pictures), tools_of(asked.tools)
                )
            )
            prompt = chat.request.prompt
        return Tokens(
            tokens=list(prompt.tokens),
            count=len(prompt.tokens),
            max_model_len=engine.context_tokens,
        )
