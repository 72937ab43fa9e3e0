"""A checkpoint on this machine as a `ChatModel`, in this process."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from PIL import Image
from pydantic import BaseModel

from tapgraph.errors import UsageError
from tapgraph.llm_backend.chat_model import ModelTraits, Reply, ToolSpec, Usage
from tapgraph.llm_backend.json_object import with_object
from tapgraph.llm_backend.local.chat import Chat, ChatRequest, prepare_chat
from tapgraph.llm_backend.local.chat_prompt import ChatTurn
from tapgraph.llm_backend.local.constraints import JsonSchema
from tapgraph.llm_backend.local.engine import Engine
from tapgraph.llm_backend.local.generation import Generation
from tapgraph.llm_backend.local.reply_reader import gather
from tapgraph.llm_backend.local.short_schema import with_usual_limits
from tapgraph.llm_backend.messages import ImagePart, Message, Part, TextPart
from tapgraph.llm_backend.pictures import size_as_sent
from tapgraph.llm_backend.unwanted import whether_unwanted

__all__ = ["LocalModel", "ReplyDefaults"]


@dataclass(frozen=True, slots=True)
class ReplyDefaults:
    """What `ChatModel.reply` does not ask for.

    Attributes:
        temperature: of replies that are asked for without one.
        seed: for replies at a temperature above 0; None for the checkpoint's, else another reply
            each time.
        longest_text: see `JsonSchema.longest_text`; None for those of
            `short_schema.with_usual_limits`.
        timeout_s: how long a reply may take, waiting included; None for no limit.
    """

    temperature: float = 0.0
    seed: int | None = None
    longest_text: int | None = None
    timeout_s: float | None = None


class LocalModel:
    """A `ChatModel` over an engine; replies to a schema always fit it, or are cut.

    `max_tokens` is lowered to what the context leaves after the prompt.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        traits: ModelTraits | None = None,
        defaults: ReplyDefaults = ReplyDefaults(),
    ) -> None:
        """Use an engine, which other models may use too.

        Raises:
            UsageError: the traits promise pictures, and the checkpoint takes none.
        """
        self.engine = engine
        self._traits = replace(
            traits or ModelTraits(engine.checkpoint.name),
            enforces_schemas=True,
            follows_highlights=engine.steering is not None,
        )
        self._defaults = defaults
        if self._traits.sees_images:
            # Loads what is needed for them.
            engine.checkpoint.pictures  # noqa: B018

    @property
    def traits(self) -> ModelTraits:
        """What must be known about it before it is asked."""
        return self._traits

    def close(self) -> None:
        """Finish what runs, and end the engine."""
        self.engine.close()

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
        """Answer the conversation; see `ChatModel.reply`.

        With `schema`, no tools are called.

        Raises:
            UsageError: there are pictures, and the model takes none; or a value cannot be.
            ContextExceeded: the prompt leaves no room for a reply.
            ModelUnavailable: the queue is full, the engine is closed, or the model failed.
        """
        if not self._traits.sees_images and any(message.images for message in messages):
            raise UsageError(
                f"model {self._traits.name!r} takes no pictures; with pictures=all it gets them"
            )
        defaults, started = self._defaults, time.monotonic()
        constraint = None if schema is None else self._constraint(schema)
        chat = prepare_chat(
            self.engine.checkpoint,
            ChatRequest(
                tuple(self._turn(message) for message in messages),
                tuple(tools),
                tool_choice="auto" if schema is None else "none",
                constraint=constraint,
                sampling={
                    "temperature": defaults.temperature if temperature is None else temperature,
                    "seed": defaults.seed,
                },
                stop=tuple(stop),
                timeout_s=defaults.timeout_s,
                longest_text=defaults.longest_text,
            ),
        )
        left = self.engine.room_after(len(chat.request.prompt.tokens))
        wanted = self._traits.max_tokens if max_tokens is None else max_tokens
        request = replace(chat.request, max_tokens=min(wanted, left) if left > 0 else wanted)
        generation = self.engine.submit(request).result(whether_unwanted())
        reply = self._read(chat, generation, time.monotonic() - started)
        return reply if schema is None else with_object(reply, schema)

    def _constraint(self, schema: type[BaseModel]) -> JsonSchema:
        told, longest = schema.model_json_schema(), self._defaults.longest_text
        if longest is None:
            return JsonSchema(with_usual_limits(told))
        return JsonSchema(told, longest_text=longest)

    def _read(self, chat: Chat, generation: Generation, latency_s: float) -> Reply:
        reader = chat.open_reader()
        said = gather([*reader.push(generation.text), *reader.finish()])
        is_cut = generation.finished.reason == "length"
        count = generation.finished.count
        return Reply(
            text=said.text,
            reasoning=said.reasoning,
            tool_calls=said.tool_calls,
            usage=Usage(count.prompt, count.completion, cached_tokens=count.cached),
            latency_s=latency_s,
            finish_reason="length" if is_cut else "tool_calls" if said.tool_calls else "stop",
            model=self._traits.name,
        )

    def _turn(self, message: Message) -> ChatTurn:
        return ChatTurn(message.role, tuple(self._as_sent(part) for part in message.parts))

    def _as_sent(self, part: Part) -> Part:
        if not isinstance(part, ImagePart):
            return part if self._traits.follows_highlights else TextPart(part.text)
        size = size_as_sent(part.image.size, self._traits.image_max_px)
        if size == part.image.size:
            return part
        smaller = part.image.convert("RGB").resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
        return ImagePart(smaller)
