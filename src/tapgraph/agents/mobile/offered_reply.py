"""The Operator's reply as a JSON schema that holds only calls that are offered.

Where an engine keeps a model to the schema of every request, it is the step's own: it gives no
reply that `ground` refuses. Other servers are sent one that is the same in every step, so that what
they have read of a prompt stays of use. Validation is that of `OperatorReply`, so that all models
hear from `ground` what is wrong.
"""

import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

from pydantic import create_model

from tapgraph.agents.mobile.grounding import last_point
from tapgraph.agents.mobile.offer import Offer
from tapgraph.agents.mobile.replies import OperatorReply
from tapgraph.agents.run.replies import closed_object
from tapgraph.llm_backend.chat_model import ModelTraits
from tapgraph.memory import Shortcut
from tapgraph.tools.api.catalog import arguments_schema
from tapgraph.tools.mobile.actions import STEP_TYPES, Action
from tapgraph.tools.mobile.screen import Screen
from tapgraph.tools.mobile.swipes import DIRECTIONS

__all__ = ["offered_reply"]

JsonSchema: TypeAlias = dict[str, Any]


def offered_reply(offer: Offer, traits: ModelTraits, screen: Screen | None) -> type[OperatorReply]:
    """`OperatorReply` with the schema of what is offered, on one screen or on any.

    The same offer gives the same class: what knows replies by their class stays small.
    """
    number = "number" if traits.coordinate_space == "0-1" else "integer"
    across: JsonSchema
    down: JsonSchema
    element: JsonSchema
    if screen is None:
        across, down, element = {"type": "number"}, {"type": "number"}, {"type": "integer"}
    else:
        last = last_point(screen.size, traits)
        across = {"type": number, "minimum": 0, "maximum": last.x}
        down = {"type": number, "minimum": 0, "maximum": last.y}
        element = {"type": "integer", "minimum": 1, "maximum": len(screen.elements)}
    places = _Places(across, down, element, offer.apps if screen is not None else ())
    names_by_arguments: dict[str, list[str]] = {}
    for name, arguments in _calls(offer, places):
        names_by_arguments.setdefault(json.dumps(arguments), []).append(name)
    calls = [
        closed_object({
            "action": {"type": "string", "enum": names},
            "arguments": json.loads(arguments),
        })
        for arguments, names in names_by_arguments.items()
    ]
    return _reply_with(json.dumps({"anyOf": calls}))


@dataclasses.dataclass(frozen=True, slots=True)
class _Places:
    """The values that name a place on the screen, or an app."""

    across: JsonSchema
    down: JsonSchema
    element: JsonSchema
    apps: Sequence[str]

    def arguments(self, types: Mapping[str, Any], optional: Sequence[str] = ()) -> JsonSchema:
        """The object of arguments of these types; an element may stand for `x` and `y`."""
        values = {name: self._value(name, kind) for name, kind in types.items()}
        objects = [closed_object(values, optional)]
        if {"x", "y"} <= set(values) and self.has_elements:
            rest = {name: value for name, value in values.items() if name not in {"x", "y"}}
            objects.insert(0, closed_object({"element": self.element, **rest}, optional))
        return {"anyOf": objects} if len(objects) > 1 else objects[0]

    def swipe(self) -> JsonSchema:
        """A direction, on the whole screen or inside an element, or two points."""
        direction = {"type": "string", "enum": list(DIRECTIONS)}
        objects = [closed_object({"direction": direction})]
        if self.has_elements:
            objects.append(closed_object({"element": self.element, "direction": direction}))
        points = self.arguments(dict.fromkeys(("x1", "y1", "x2", "y2"), int))
        return {"anyOf": [*objects, points]}

    @property
    def has_elements(self) -> bool:
        """Whether there is an element to name."""
        return self.element.get("maximum") != 0

    def _value(self, name: str, kind: object) -> JsonSchema:
        if name in {"x", "x1", "x2"}:
            return self.across
        if name in {"y", "y1", "y2"}:
            return self.down
        if name == "app_name" and self.apps:
            return {"type": "string", "enum": list(dict.fromkeys(self.apps))}
        return {"type": "string" if kind is str else "number"}


def _calls(offer: Offer, places: _Places) -> Iterator[tuple[str, JsonSchema]]:
    """Each name that may be called, with its arguments."""
    for name, kind in offer.actions.items():
        if name == "Swipe":
            yield name, places.swipe()
        else:
            fields = dataclasses.fields(kind)
            optional = [one.name for one in fields if one.default is not dataclasses.MISSING]
            yield name, places.arguments(_types_of(kind), optional)
    for shortcut in offer.shortcuts:
        yield shortcut.name, places.arguments(_argument_types(shortcut))
    for api in offer.tools.catalog if offer.tools is not None else ():
        yield api.identifier, arguments_schema(api)


def _types_of(kind: type[Action]) -> dict[str, Any]:
    return {field.name: field.type for field in dataclasses.fields(kind)}


def _argument_types(shortcut: Shortcut) -> dict[str, Any]:
    """The types of a shortcut's arguments, as the actions that they are passed on to say them."""
    types: dict[str, Any] = dict.fromkeys(shortcut.arguments, str)
    for step in shortcut.steps:
        fields = _types_of(STEP_TYPES[step.action_name])
        for name, value in step.arguments_map.items():
            if isinstance(value, str) and value in types:
                types[value] = fields[name]
    return types


@lru_cache(maxsize=64)
def _reply_with(call: str) -> type[OperatorReply]:
    def narrow(schema: JsonSchema) -> None:
        free = schema["properties"]
        schema["properties"] = {
            "thought": free["thought"],
            "call": json.loads(call),
            "description": free["description"],
            "completes_subgoal": free["completes_subgoal"],
            "tips": free["tips"],
        }
        schema["required"] = ["thought", "call", "description"]

    return create_model(
        OperatorReply.__name__, __base__=OperatorReply, __cls_kwargs__={"json_schema_extra": narrow}
    )
