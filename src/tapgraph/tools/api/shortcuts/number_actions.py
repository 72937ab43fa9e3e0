"""Actions on numbers."""

import math
import statistics
from collections.abc import Callable, Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal, InvalidOperation

from tapgraph.errors import ToolError
from tapgraph.tools.api.shortcuts.arithmetic import evaluated
from tapgraph.tools.api.shortcuts.call import ActionCall, Handler
from tapgraph.tools.api.shortcuts.content import Content, to_number, to_text

__all__ = ["NUMBER_ACTIONS"]

_PLACES = {
    "Millions": 6, "Hundred Thousands": 5, "Ten Thousands": 4, "Thousands": 3, "Hundreds Place": 2,
    "Tens Place": 1, "Ones Place": 0, "Tenths": -1, "Hundredths": -2, "Thousandths": -3,
    "Ten Thousandths": -4, "Hundred Thousandths": -5, "Millionths": -6, "Ten Millionths": -7,
    "Hundred Millionths": -8, "Billionths": -9,
}  # fmt: skip
_ROUNDING = {
    "Normal": ROUND_HALF_UP,
    "Always Round Up": ROUND_CEILING,
    "Always Round Down": ROUND_FLOOR,
}
_FUNCTIONS: Mapping[str, Callable[[float], float]] = {
    "x^2": lambda x: x**2,
    "x^3": lambda x: x**3,
    "e^x": math.exp,
    "10^x": lambda x: 10.0**x,
    "ln(x)": math.log,
    "log(x)": math.log10,
    "√x": math.sqrt,
    "∛x": lambda x: math.copysign(abs(x) ** (1 / 3), x),
    "sin(x)": math.sin,
    "cos(x)": math.cos,
    "tan(x)": math.tan,
    "abs(x)": abs,
}
_STATISTICS: Mapping[str, Callable[[list[float]], float]] = {
    "Average": statistics.fmean,
    "Minimum": min,
    "Maximum": max,
    "Sum": math.fsum,
    "Median": statistics.median,
    "Mode": statistics.mode,
    "Range": lambda numbers: max(numbers) - min(numbers),
    "Standard Deviation": statistics.pstdev,
}


def _number(call: ActionCall) -> Content:
    return call.number("WFNumberActionNumber", 0)


def _random(call: ActionCall) -> Content:
    low = math.ceil(call.number("WFRandomNumberMinimum", 0))
    high = math.floor(call.number("WFRandomNumberMaximum", 100))
    if low > high:
        raise ToolError(f"the minimum {low} is above the maximum {high}")
    return call.session.dice.randint(low, high)


def _math(call: ActionCall) -> Content:
    number = to_number(call.input())
    operation = call.text("WFMathOperation", "+")
    try:
        if operation == "…":
            return _scientific(call, number)
        operand = call.number("WFMathOperand", 0)
        return {
            "+": lambda: number + operand,
            "-": lambda: number - operand,
            "\u00d7": lambda: number * operand,
            "\u00f7": lambda: number / operand,
        }[operation]()
    except KeyError as error:
        raise call.refused(f"the operation {operation!r}") from error
    except (ArithmeticError, ValueError) as error:
        raise ToolError(f"{number:g} {operation} cannot be calculated: {error}") from error


def _scientific(call: ActionCall, number: float) -> float:
    operation = call.text("WFScientificMathOperation", "Modulus")
    if operation == "Modulus":
        return math.fmod(number, call.number("WFScientificMathOperand", 1))
    if operation == "x^y":
        return math.pow(number, call.number("WFScientificMathOperand", 1))
    if operation == "x!":
        return math.gamma(number + 1)
    if operation not in _FUNCTIONS:
        raise call.refused(f"the operation {operation!r}")
    return _FUNCTIONS[operation](number)


def _round(call: ActionCall) -> Content:
    chosen = call.text("WFRoundTo", "Ones Place")
    mode = call.text("WFRoundMode", "Normal")
    if mode not in _ROUNDING:
        raise call.refused(f"the mode {mode!r}")
    if chosen == "10 ^":
        power = int(call.number("TenToThePowerOf", 0))
    elif chosen in _PLACES:
        power = _PLACES[chosen]
    else:
        raise call.refused(f"the place {chosen!r}")
    try:
        unit = Decimal(10) ** power
        number = Decimal(str(to_number(call.input())))
        return float((number / unit).quantize(Decimal(1), rounding=_ROUNDING[mode]) * unit)
    except InvalidOperation as error:
        raise ToolError("the number is too large to round") from error


def _statistics(call: ActionCall) -> Content:
    chosen = call.text("WFStatisticsOperation", "Average")
    if chosen not in _STATISTICS:
        raise call.refused(f"the operation {chosen!r}")
    numbers = [to_number(one) for one in call.items("Input")]
    if not numbers:
        raise ToolError("there are no numbers to calculate with")
    return _STATISTICS[chosen](numbers)


def _expression(call: ActionCall) -> Content:
    return evaluated(to_text(call.input("Input")))


def _format(call: ActionCall) -> Content:
    places = int(call.number("WFNumberFormatDecimalPlaces", 2))
    if not 0 <= places <= 30:
        raise ToolError(f"decimal places must be 0 to 30, got {places}")
    return f"{to_number(call.input('WFNumber')):,.{places}f}"


def _count(call: ActionCall) -> Content:
    chosen = call.text("WFCountType", "Items")
    found = call.input("Input")
    text = to_text(found)
    counts: Mapping[str, Callable[[], int]] = {
        "Items": lambda: len(call.items("Input")),
        "Characters": lambda: len(text),
        "Words": lambda: len(text.split()),
        "Lines": lambda: len(text.splitlines()),
        "Sentences": lambda: sum(bool(one.strip()) for one in text.replace("!", ".").split(".")),
    }
    if chosen not in counts:
        raise call.refused(f"counting {chosen!r}")
    return counts[chosen]()


_APPLE = "is.workflow.actions."

NUMBER_ACTIONS: Mapping[str, Handler] = {
    f"{_APPLE}{name}": handler
    for name, handler in {
        "number": _number,
        "number.random": _random,
        "math": _math,
        "round": _round,
        "statistics": _statistics,
        "calculateexpression": _expression,
        "format.number": _format,
        "count": _count,
    }.items()
}
