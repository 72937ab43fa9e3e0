"""The objects of a conversation: their methods as APIs, and what the calls have left in them."""

import copy
import importlib
import inspect
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache, wraps
from typing import Any

from tapgraph.errors import EnvironmentMissing, ToolError, UsageError
from tapgraph.evals.bfcl.call import Call, call_from_python
from tapgraph.evals.bfcl.dataset import Conversation
from tapgraph.tools.api.catalog import ApiCatalog
from tapgraph.tools.api.functions import PythonFunctions

__all__ = ["World", "fault_of_turns"]

_SOURCES = "bfcl_eval.eval_checker.multi_turn_eval.func_source_code"
_MODULES: Mapping[str, str] = {
    "GorillaFileSystem": "gorilla_file_system",
    "MathAPI": "math_api",
    "MessageAPI": "message_api",
    "TwitterAPI": "posting_api",
    "TicketAPI": "ticket_api",
    "TradingBot": "trading_bot",
    "TravelAPI": "travel_booking",
    "VehicleControlAPI": "vehicle_control",
}
_WITHOUT_STATE = frozenset({"MathAPI"})
_RAISED = (
    *(ArithmeticError, AssertionError, AttributeError, LookupError, OSError),
    *(RecursionError, RuntimeError, TypeError, ValueError),
)


class World:
    """Fresh objects in the state that a conversation begins in."""

    def __init__(self, conversation: Conversation) -> None:
        """Make the objects.

        Raises:
            EnvironmentMissing: the package or what its objects need is not installed.
        """
        self.objects = {one: _object(one, conversation) for one in conversation.classes}
        self._methods = {
            name: method for held in self.objects.values() for name, method in _methods(held)
        }

    @property
    def catalog(self) -> ApiCatalog:
        """The methods as APIs."""
        return _catalog(tuple(self.objects))

    def offered(self, without: Collection[str]) -> ApiCatalog:
        """The methods but for some."""
        return ApiCatalog(api for api in self.catalog if api.identifier not in without)

    def call(self, call: Call) -> str:
        """What a call answers; a failure is an answer too."""
        method = self._methods.get(call.name)
        if method is None:
            return f"Error during execution: there is no function {call.name!r}"
        try:
            value = PythonFunctions([_told(method)]).call(call.name, call.arguments).value
        except ToolError as error:
            return f"Error during execution: {error}"
        return json.dumps(value) if isinstance(value, dict) else str(value)

    def read(self, line: str) -> Call:
        """The call that a line of the data says.

        Raises:
            UsageError: it is none.
        """

        def named(name: str) -> Callable[..., object]:
            if name not in self._methods:
                raise UsageError(f"there is no function {name!r}")
            return self._methods[name]

        return call_from_python(line, named)

    def differing(self, other: "World") -> list[str]:
        """The attributes in which the objects of two worlds differ; private ones do not count."""
        return [
            f"{name}.{attribute}"
            for name, held in other.objects.items()
            for attribute, value in vars(held).items()
            if not attribute.startswith("_") and getattr(self.objects[name], attribute) != value
        ]


def fault_of_turns(conversation: Conversation, turns: Sequence[Sequence[Sequence[Call]]]) -> str:
    """What is wrong with the calls of all turns; empty where they are right.

    The rules are those of `multi_turn_checker.py`: after each turn both worlds are equal, and what
    the right calls of the turn answer has been answered by then. A turn without right calls, in
    which functions or values are missing, is not compared.
    """
    if len(turns) != len(conversation.gold):
        return f"it ended after {len(turns)} of {len(conversation.gold)} turns"
    own, right = World(conversation), World(conversation)
    answered: list[str] = []
    for number, (steps, lines) in enumerate(zip(turns, conversation.gold, strict=True), 1):
        answered += [own.call(one) for step in steps for one in step]
        wanted = [right.call(right.read(line)) for line in lines]
        if not lines:
            continue
        if not any(steps):
            return f"nothing is called in turn {number}"
        if differing := own.differing(right):
            return f"after turn {number} it differs: {', '.join(differing)}"
        left = list(answered)
        for one in wanted:
            if one not in left:
                return f"turn {number} never answers {one[:120]!r}"
            left.remove(one)
    return ""


@cache
def _catalog(classes: tuple[str, ...]) -> ApiCatalog:
    """Reading a method takes milliseconds, and there are thousands of worlds of a few classes."""
    methods = [method for one in classes for _, method in _methods(_class(one)())]
    return PythonFunctions([_told(one) for one in methods]).catalog


def _methods(held: object) -> list[tuple[str, Callable[..., object]]]:
    found = inspect.getmembers(held, inspect.ismethod)
    return [(name, method) for name, method in found if not name.startswith("_")]


def _class(name: str) -> Any:
    try:
        module = importlib.import_module(f"{_SOURCES}.{_MODULES[name]}")
    except ImportError as error:
        raise EnvironmentMissing(
            f"the objects of BFCL cannot be used ({error}): pip install --no-deps bfcl-eval mpmath"
        ) from error
    return getattr(module, name)


def _object(name: str, conversation: Conversation) -> Any:
    held = _class(name)()
    if name not in _WITHOUT_STATE:
        is_long = conversation.category == "multi_turn_long_context"
        start = copy.deepcopy(conversation.start.get(name, {}))
        held._load_scenario(start, long_context=is_long)
    return held


def _told(method: Callable[..., object]) -> Callable[..., object]:
    """The method with all that it raises told to the model, and an answer that JSON can say."""

    @wraps(method)
    def told(*arguments: Any, **named: Any) -> object:
        try:
            answer = method(*arguments, **named)
        except _RAISED as error:
            raise ToolError(str(error)) from error
        try:
            json.dumps(answer)
        except (TypeError, ValueError):
            return str(answer)
        return answer

    return told
