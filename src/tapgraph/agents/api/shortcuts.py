"""Chains of calls that were learnt: offered to the Chooser as APIs, and made of steps of a run.

A step of such a shortcut is a call of an API. A text `result:N/POINTER` among its values is a part
of what the chain's own step N gave (RFC 6901). The whole chain is one call: a chain that holds a
risky call needs the user's yes as a whole before it begins.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from tapgraph.agents.api.state import ApiStep
from tapgraph.agents.run.replies import ChainReply
from tapgraph.errors import ToolError
from tapgraph.memory import Shortcut, ShortcutDraft, ShortcutStep
from tapgraph.memory.models import OF_RESULT, ArgumentType, Value
from tapgraph.memory.shortcut_check import ActionArguments
from tapgraph.tools.api.calls import ApiRunner, CallResult, checked_arguments, result_text
from tapgraph.tools.api.catalog import Api, ApiCatalog, ApiParameter
from tapgraph.tools.api.json_pointer import value_at
from tapgraph.tools.api.json_value import Json
from tapgraph.tools.api.policy import assess_call

__all__ = ["ShortcutRunner", "call_arguments", "chain_from"]

_RESULT = re.compile(OF_RESULT + r"(?P<step>\d{1,3})(?P<pointer>(?:/.*)?)", re.DOTALL)
_NUMBERS = {"number", "integer"}


class ShortcutRunner:
    """An `ApiRunner` whose APIs are chains of calls of another one."""

    def __init__(self, runner: ApiRunner, shortcuts: Sequence[Shortcut]) -> None:
        """Offer those shortcuts whose APIs the runner has, and whose names it has not."""
        known = {api.identifier for api in runner.catalog}
        self._runner = runner
        self._shortcuts = {
            one.name: one
            for one in shortcuts
            if one.name not in known and all(step.action_name in known for step in one.steps)
        }
        self.catalog = ApiCatalog([self._as_api(one) for one in self._shortcuts.values()])

    def call(self, identifier: str, arguments: Mapping[str, Json]) -> CallResult:
        """Make the calls in order; what the last one gave.

        Raises:
            ToolError: a call failed; the text says how far the chain came.
            EnvironmentMissing: from the runner.
        """
        shortcut = self._shortcuts[self.catalog[identifier].identifier]
        results: list[CallResult] = []
        for number, step in enumerate(shortcut.steps, 1):
            try:
                api = self._runner.catalog[step.action_name]
                given = {
                    name: _filled(value, arguments, results)
                    for name, value in step.arguments_map.items()
                }
                results.append(self._runner.call(step.action_name, checked_arguments(api, given)))
            except ToolError as error:
                raise ToolError(
                    f"{shortcut.name} stopped at its call {number} of {len(shortcut.steps)} "
                    f"({step.action_name}): {error}; the {number - 1} calls before it were made"
                ) from error
        value = results[-1].value
        return CallResult(value, result_text(value), sum(one.elapsed_s for one in results))

    def _as_api(self, shortcut: Shortcut) -> Api:
        apis = [self._runner.catalog[step.action_name] for step in shortcut.steps]
        is_risky = any(assess_call(api, {}) is not None for api in apis)
        only_reads = all(api.effect == "reads" for api in apis)
        called = ", then ".join(one.identifier for one in apis)
        return Api(
            identifier=shortcut.name,
            summary=f"{shortcut.description} Calls {called}.",
            parameters=tuple(
                ApiParameter(
                    name,
                    "number" if shortcut.argument_types.get(name) == "number" else "text",
                    required=True,
                )
                for name in shortcut.arguments
            ),
            origin="memory",
            effect="destroys" if is_risky else "reads" if only_reads else "changes",
        )


def _filled(value: Value, arguments: Mapping[str, Json], results: Sequence[CallResult]) -> Json:
    if not isinstance(value, str):
        return value
    if value in arguments:
        return arguments[value]
    found = _RESULT.fullmatch(value)
    if found is None:
        return value
    number = int(found["step"])
    if not 1 <= number <= len(results):
        raise ToolError(f"there is no call {number} before it")
    return value_at(results[number - 1].value, found["pointer"])


def call_arguments(catalog: Iterable[Api]) -> Mapping[str, ActionArguments]:
    """What each API takes, for whoever checks shortcuts."""
    return {
        api.identifier: ActionArguments(
            required=frozenset(one.name for one in api.parameters if one.required),
            optional=frozenset(one.name for one in api.parameters if not one.required),
            types={one.name: _type_of(one) for one in api.parameters},
        )
        for api in catalog
    }


def _type_of(parameter: ApiParameter) -> ArgumentType:
    return "number" if parameter.type in _NUMBERS else "text"


def chain_from(reply: ChainReply, history: Sequence[ApiStep]) -> ShortcutDraft:
    """The shortcut that a reply means by calls of the run.

    Raises:
        ToolError: a step is none of the run's calls, did not work, stands out of order, or has a
            value that a chain cannot keep.
    """
    numbers = [step.from_step for step in reply.steps]
    if any(later <= earlier for earlier, later in pairwise(numbers)):
        raise ToolError("the steps of a chain stand in the order of the run, each once")
    calls = {record.step: record for record in history if record.name == "call"}
    places = {number: place for place, number in enumerate(numbers, 1)}
    example: dict[str, Value] = {}
    steps = []
    for step in reply.steps:
        record = calls.get(step.from_step)
        if record is None or record.error:
            raise ToolError(f"step {step.from_step} is no call that worked")
        values = {name: _kept(name, value, places) for name, value in record.arguments.items()}
        for parameter, argument in step.arguments.items():
            if parameter not in values:
                raise ToolError(f"step {step.from_step} gave no {parameter!r}")
            if not str(values[parameter]).startswith(OF_RESULT):
                example[argument] = values[parameter]
            values[parameter] = argument
        steps.append(ShortcutStep(action_name=record.subject, arguments_map=values))
    return ShortcutDraft(
        name=reply.name,
        arguments=tuple(reply.arguments),
        description=reply.description,
        precondition="None.",
        steps=tuple(steps),
        example=example,
    )


def _kept(name: str, written: object, places: Mapping[int, int]) -> Value:
    """A value as a chain keeps it; a reference to a call of the chain by its place there."""
    if isinstance(written, str | int | float):
        return written
    if isinstance(written, Mapping) and set(written) <= {"from_call", "pointer"}:
        place = places.get(written.get("from_call", 0))
        if place is not None:
            return f"{OF_RESULT}{place}{written.get('pointer', '')}"
        raise ToolError(f"{name!r} comes from a call that the chain does not make")
    raise ToolError(f"{name!r} has a value that a chain cannot keep: {written!r}")
