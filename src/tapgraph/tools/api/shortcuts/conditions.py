"""Whether the condition of an `If` holds."""

from collections.abc import Callable, Mapping

from tapgraph.errors import NotExecutable, ToolError
from tapgraph.tools.api.shortcuts.call import ActionCall
from tapgraph.tools.api.shortcuts.content import Content, items_of, to_date, to_number, to_text

__all__ = ["holds"]

_OLD_NAMES = {
    "Equals": 4,
    "Contains": 99,
    "Is Less Than": 0,
    "Is Greater Than": 2,
    "Begins With": 8,
    "Ends With": 9,
}
_CONTAINS = 99
_HAS_VALUE, _HAS_NO_VALUE = 100, 101
_BETWEEN = 1003
_NUMBER_TESTS: Mapping[int, Callable[[float, float], bool]] = {
    0: lambda value, other: value < other,
    1: lambda value, other: value <= other,
    2: lambda value, other: value > other,
    3: lambda value, other: value >= other,
}
_TEXT_TESTS: Mapping[int, Callable[[str, str], bool]] = {
    4: lambda value, other: value == other,
    5: lambda value, other: value != other,
    8: lambda value, other: value.startswith(other),
    9: lambda value, other: value.endswith(other),
    99: lambda value, other: other in value,
    999: lambda value, other: other not in value,
}


def holds(call: ActionCall) -> bool:
    """The verdict on an `If` marker's parameters; texts compare without regard to case.

    Raises:
        NotExecutable: a condition code that is not known here.
        ToolError: the two sides cannot be compared.
    """
    found = call.input()
    code = _code(call)
    if code in {_HAS_VALUE, _HAS_NO_VALUE}:
        return bool(to_text(found) or items_of(found)) == (code == _HAS_VALUE)
    if code in _NUMBER_TESTS:
        return _NUMBER_TESTS[code](to_number(found), _number(call, "WFNumberValue"))
    if code == _BETWEEN:
        number = to_number(found)
        return _number(call, "WFNumberValue") <= number <= _number(call, "WFAnotherNumber")
    if code in {1000, 1001, 1002}:
        return _date_holds(call, found, code)
    if code in _TEXT_TESTS:
        return _text_holds(call, found, code)
    raise NotExecutable(f"the condition {code!r}")


def _code(call: ActionCall) -> int:
    found = call.parameters.get(
        "WFCondition", _CONTAINS if call.has("WFConditionalActionString") else _HAS_VALUE
    )
    if isinstance(found, str):
        return _OLD_NAMES.get(found, int(found) if found.isdecimal() else -1)
    return int(found) if isinstance(found, int | float) else -1


def _number(call: ActionCall, name: str) -> float:
    if call.has(name):
        return call.number(name)
    return call.number("WFConditionalActionString", 0)


def _text_holds(call: ActionCall, found: Content, code: int) -> bool:
    if call.has("WFNumberValue") and not call.has("WFConditionalActionString"):
        try:
            return (to_number(found) == call.number("WFNumberValue")) == (code == 4)
        except ToolError:
            return code != 4
    other = call.text("WFConditionalActionString").casefold()
    return _TEXT_TESTS[code](to_text(found).casefold(), other)


def _date_holds(call: ActionCall, found: Content, code: int) -> bool:
    now = call.system.clock()
    date, other = to_date(found, now), call.date("WFDate")
    if code == 1002:
        return date.date() == other.date()
    return date < other if code == 1000 else date > other
