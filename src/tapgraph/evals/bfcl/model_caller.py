"""A language model that calls functions."""

import json
import re
from collections.abc import Callable, Sequence

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from tapgraph.errors import InvalidReply
from tapgraph.evals.bfcl.call import Call, Transcript
from tapgraph.evals.bfcl.callers import withheld
from tapgraph.evals.bfcl.dataset import Conversation, Question
from tapgraph.evals.bfcl.function_docs import catalog_of
from tapgraph.evals.bfcl.world import World
from tapgraph.llm_backend.chat_model import ChatModel, Reply, ToolSpec, Usage
from tapgraph.llm_backend.json_text import find_objects
from tapgraph.llm_backend.messages import Message, assistant, system, user
from tapgraph.llm_backend.prompt import fill, load_prompt
from tapgraph.llm_backend.structured import ask
from tapgraph.tools.api.catalog import ApiCatalog, arguments_schema

__all__ = ["ModelCaller"]

_MOST_STEPS = 20
_NEW_FUNCTIONS = "I have updated some more functions you can choose from. What about now?"
"""What the benchmark says where functions that were held back are handed in."""
_SIGNATURE_TOKENS = 600


class _CallReply(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    arguments: dict[str, JsonValue] = Field(default_factory=dict)


class CallsReply(BaseModel):
    """The calls to make now; none when nothing is to be called."""

    model_config = ConfigDict(extra="forbid")

    thought: str = ""
    calls: list[_CallReply]


class ModelCaller:
    """A language model behind `ChatModel`; with `calls=native` the functions are its tools."""

    def __init__(self, model: ChatModel) -> None:
        self._model = model
        self._is_native = model.traits.calls == "native"

    @property
    def name(self) -> str:
        """The model's name, and how it calls."""
        return self._model.traits.name + (" (native)" if self._is_native else "")

    def answer(self, question: Question) -> Transcript:
        """The calls of one reply.

        Raises:
            ModelUnavailable: the server does not answer, or refuses the request.
        """
        asked = _Asking(self._model, catalog_of(question.functions, question.language))
        made = asked.calls_for(question.messages)
        return asked.transcript([[made]])

    def talk(self, conversation: Conversation) -> Transcript:
        """The calls of each turn, until a reply calls nothing or 20 steps are done.

        Raises:
            ModelUnavailable: the server does not answer, or refuses the request.
        """
        world = World(conversation)
        turns: list[list[tuple[Call, ...]]] = []
        said: list[Message] = []
        asked = _Asking(self._model, world.catalog)
        for number, messages in enumerate(conversation.turns):
            asked.catalog = world.offered(withheld(conversation, number))
            said += messages or [user(_NEW_FUNCTIONS)]
            turns.append([])
            while made := asked.calls_for(said):
                turns[-1].append(made)
                answers = [{"called": one.name, "answer": world.call(one)} for one in made]
                written = [{"name": one.name, "arguments": one.arguments} for one in made]
                said.append(assistant(json.dumps({"calls": written}, ensure_ascii=False)))
                said.append(user(json.dumps(answers, ensure_ascii=False)))
                if len(turns[-1]) >= _MOST_STEPS:
                    fault = f"turn {number + 1} had no end after {_MOST_STEPS} steps"
                    return asked.transcript(turns, fault=fault)
            said.append(assistant("Done."))
        return asked.transcript(turns)


class _Asking:
    """What is asked for one task, and what it costs."""

    def __init__(self, model: ChatModel, catalog: ApiCatalog) -> None:
        self.catalog = catalog
        self._model = model
        self._usage = Usage()
        self._replies = 0

    def calls_for(self, said: Sequence[Message]) -> tuple[Call, ...]:
        """What one reply calls; nothing where it cannot be read."""
        is_native = self._model.traits.calls == "native"
        read: Callable[[Reply], CallsReply] | None = self._read if is_native else None
        try:
            asked = ask(
                self._model,
                [system(self._rules(is_native)), *said],
                CallsReply,
                tools=self._tools() if is_native else (),
                read=read,
                retries=0,
            )
        except InvalidReply as error:
            self._usage += Usage(error.prompt_tokens, error.completion_tokens, error.cost_usd)
            self._replies += len(error.replies)
            return ()
        self._usage += asked.usage
        self._replies += len(asked.replies)
        return tuple(Call(one.name, one.arguments) for one in asked.answer.calls)

    def transcript(
        self, turns: Sequence[Sequence[tuple[Call, ...]]], *, fault: str = ""
    ) -> Transcript:
        """What was called, and what it cost."""
        return Transcript(
            turns=tuple(tuple(steps) for steps in turns),
            fault=fault,
            calls=self._replies,
            prompt_tokens=self._usage.prompt_tokens,
            completion_tokens=self._usage.completion_tokens,
            cost_usd=self._usage.cost_usd,
        )

    def _rules(self, is_native: bool) -> str:
        if is_native:
            return load_prompt("tapgraph.evals.bfcl", "native_system")
        functions = "\n".join(
            api.signature(budget_tokens=_SIGNATURE_TOKENS) for api in self.catalog
        )
        return fill(load_prompt("tapgraph.evals.bfcl", "reply_system"), functions=functions)

    def _tools(self) -> tuple[ToolSpec, ...]:
        return tuple(
            ToolSpec(_tool_name(api.identifier), api.summary, arguments_schema(api))
            for api in self.catalog
        )

    def _read(self, reply: Reply) -> CallsReply:
        names = {_tool_name(api.identifier): api.identifier for api in self.catalog}
        calls = []
        for one in reply.tool_calls:
            found = find_objects(one.arguments or "{}").objects
            if len(found) != 1:
                raise InvalidReply(f"the arguments of {one.name!r} are not one JSON object")
            calls.append({"name": names.get(one.name, one.name), "arguments": found[0]})
        return CallsReply.model_validate({"thought": reply.text, "calls": calls})


def _tool_name(identifier: str) -> str:
    """The name without the signs that servers refuse; the benchmark itself writes dots so."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", identifier)[:64]
