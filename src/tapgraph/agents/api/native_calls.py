"""The Chooser's actions as tools, for models that call tools better than they write JSON.

Each API that is offered is a tool under a name that all servers take; what else can be done
(`search`, `read`, `ask_user`, `finish`, `give_up`) are tools too. Several calls in one reply are
taken where they only read.
"""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tapgraph.agents.api.replies import ChooserReply
from tapgraph.agents.run.replies import RoleReply
from tapgraph.errors import InvalidReply
from tapgraph.llm_backend.chat_model import Reply, ToolCall, ToolSpec
from tapgraph.llm_backend.json_text import find_objects
from tapgraph.tools.api.catalog import Api, ApiCatalog, arguments_schema
from tapgraph.tools.api.json_value import one_line
from tapgraph.tools.token_estimate import estimate_tokens

__all__ = ["NativeReply", "NativeTools"]

_LONGEST_NAME = 64
_LONGEST_SUMMARY = 800
_TOOL_TOKENS = 1200
"""The most that the schema of one API takes; JSON says in three tokens what a signature says in
one."""
_DEPTHS = (4, 3, 2, 1)
_TEXT: Mapping[str, object] = {"type": "string"}
_ACTIONS: Mapping[str, tuple[str, str, Mapping[str, object]]] = {
    "search": ("query", "Looks for more APIs by what they should do.", _TEXT),
    "read": (
        "arguments",
        "Shows parts of earlier results that were cut; each member is a reference.",
        {"type": "object"},
    ),
    "ask_user": ("question", "Asks the user what only the user can know.", _TEXT),
    "finish": ("answer", "Ends the task: all of it is done.", {}),
    "give_up": ("answer", "Ends the task, as it cannot be done; says why.", _TEXT),
}
"""What can be done beside calling an API: the one argument, what it does, and its schema."""


class NativeReply(RoleReply):
    """What a model called: one action, or several calls that only read."""

    replies: tuple[ChooserReply, ...]
    repairs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NativeTools:
    """What is offered as tools.

    Attributes:
        specs: the tools.
        apis: the APIs among them, by the names of the tools.
    """

    specs: tuple[ToolSpec, ...]
    apis: Mapping[str, Api]

    @classmethod
    def of(
        cls, catalog: ApiCatalog, candidates: Sequence[str], brief: Sequence[str]
    ) -> "NativeTools":
        """The candidates with all that they take, the others with the names that they must have."""
        apis: dict[str, Api] = {}
        for one in (*candidates, *brief):
            apis[_free_name(one, {*apis, *_ACTIONS})] = catalog[one]
        specs = [
            _spec(name, api) if api.identifier in candidates else _brief_spec(name, api)
            for name, api in apis.items()
        ]
        specs += [
            ToolSpec(name, words, _object({argument: schema}, [argument]))
            for name, (argument, words, schema) in _ACTIONS.items()
        ]
        return cls(tuple(specs), apis)

    def read(self, reply: Reply, *, most: int) -> NativeReply:
        """The actions of a reply: its first, and with it those of the next that only read as well.

        Raises:
            InvalidReply: nothing is called, or a call is broken.
        """
        if not reply.tool_calls:
            raise InvalidReply("it calls no tool; call one, `finish` when the task is done")
        thought = reply.text.strip() or reply.reasoning.strip()
        taken = [self._action(reply.tool_calls[0], thought)]
        while len(taken) < min(most, len(reply.tool_calls)) and self._reads(taken[-1]):
            following = self._action(reply.tool_calls[len(taken)], thought)
            if not self._reads(following):
                break
            taken.append(following)
        left = len(reply.tool_calls) - len(taken)
        repairs = (f"took {len(taken)} of {len(taken) + left} calls",) if left else ()
        return NativeReply(replies=tuple(taken), repairs=repairs)

    def _reads(self, reply: ChooserReply) -> bool:
        reading = {one.identifier for one in self.apis.values() if one.effect == "reads"}
        return reply.action == "call" and reply.api in reading

    def _action(self, call: ToolCall, thought: str) -> ChooserReply:
        arguments = _arguments(call)
        if call.name not in _ACTIONS:
            api = self.apis.get(call.name)
            name = api.identifier if api is not None else call.name
            return ChooserReply(thought=thought, action="call", api=name, arguments=arguments)
        argument = _ACTIONS[call.name][0]
        if argument not in arguments:
            raise InvalidReply(f"the call of {call.name!r} lacks {argument!r}")
        try:
            return ChooserReply.model_validate({
                "thought": thought,
                "action": call.name,
                argument: arguments[argument],
            })
        except ValueError as error:
            raise InvalidReply(f"the call of {call.name!r} cannot be used: {error}") from error


def _arguments(call: ToolCall) -> dict[str, Any]:
    if not call.arguments.strip():
        return {}
    found = find_objects(call.arguments).objects
    if len(found) != 1:
        raise InvalidReply(f"the arguments of {one_line(call.name, 80)!r} are not one JSON object")
    return dict(found[0])


def _free_name(identifier: str, taken: Collection[str]) -> str:
    """The identifier as a name that all servers take and that nothing else has."""
    plain = re.sub(r"[^A-Za-z0-9_-]+", "_", identifier)[:_LONGEST_NAME] or "api"
    name, number = plain, 2
    while name in taken:
        name = f"{plain[: _LONGEST_NAME - 4]}_{number}"
        number += 1
    return name


def _spec(name: str, api: Api) -> ToolSpec:
    parameters = arguments_schema(api)
    for depth in _DEPTHS:
        if estimate_tokens(json.dumps(parameters)) <= _TOOL_TOKENS:
            break
        parameters = _outlined(parameters, depth)
    summary = one_line(api.summary, _LONGEST_SUMMARY)
    returns = f" Gives {one_line(api.returns, 200)}." if api.returns else ""
    return ToolSpec(name, f"{summary}{returns}", parameters)


def _brief_spec(name: str, api: Api) -> ToolSpec:
    required = [one.name for one in api.parameters if one.required]
    members = {one.name: _outlined(one.value_schema(), 0) for one in api.parameters}
    return ToolSpec(name, api.brief(), {
        "type": "object",
        "properties": {one: members[one] for one in required},
        "required": required,
    })  # fmt: skip


def _object(members: Mapping[str, object], required: Sequence[str]) -> dict[str, object]:
    return {
        "type": "object",
        "properties": dict(members),
        "required": list(required),
        "additionalProperties": False,
    }


def _outlined(schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
    """The schema without words, and without what is deeper inside it."""
    kept = ("type", "enum", "required") if depth else ("type", "enum")
    outline = {name: schema[name] for name in kept if name in schema}
    if not depth:
        return outline
    if "properties" in schema:
        members = schema["properties"].items()
        outline["properties"] = {name: _outlined(one, depth - 1) for name, one in members}
    if "items" in schema:
        outline["items"] = _outlined(schema["items"], depth - 1)
    for key in ("anyOf", "oneOf"):
        if key in schema:
            outline[key] = [_outlined(one, depth - 1) for one in schema[key]]
    return outline
