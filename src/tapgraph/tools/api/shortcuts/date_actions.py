"""Actions on dates; what time it is says the system's clock."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from tapgraph.errors import ToolError
from tapgraph.tools.api.shortcuts.calendar_months import months_between, months_later
from tapgraph.tools.api.shortcuts.call import ActionCall, Handler
from tapgraph.tools.api.shortcuts.content import Content, to_date, to_number, to_text
from tapgraph.tools.api.shortcuts.date_format import formatted_date

__all__ = ["DATE_ACTIONS"]

_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800}
_MONTHS = {"month": 1, "year": 12}
_ABBREVIATED = {"sec": "second", "min": "minute", "hr": "hour", "yr": "year"}


def _date(call: ActionCall) -> Content:
    if call.text("WFDateActionMode", "Current Date") == "Current Date":
        return call.system.clock()
    return call.date("WFDateActionDate")


def _format(call: ActionCall) -> Content:
    now = call.system.clock()
    style = {name: call.value(name) for name in call.parameters if name.startswith("WF")}
    return formatted_date(to_date(call.input("WFDate"), now), style, now)


def _adjust(call: ActionCall) -> Content:
    date = to_date(call.input("WFDate"), call.system.clock())
    operation, amount, unit = _adjustment(call)
    if operation.startswith("get start of "):
        return _start_of(call, date, operation.removeprefix("get start of "))
    if operation not in {"add", "subtract"}:
        raise call.refused(f"the operation {operation!r}")
    number = to_number(amount) * (-1 if operation == "subtract" else 1)
    try:
        if unit in _SECONDS:
            return date + timedelta(seconds=number * _SECONDS[unit])
        if unit in _MONTHS:
            return months_later(date, int(number) * _MONTHS[unit])
    except (OverflowError, ValueError) as error:
        raise ToolError("the date would lie outside the calendar") from error
    raise call.refused(f"the unit {unit!r}")


def _adjustment(call: ActionCall) -> tuple[str, Content, str]:
    """Operation, amount and unit, of today's form or of the one before iOS 13."""
    picker = call.parameters.get("WFAdjustOffsetPicker")
    offset = picker.get("Value", picker) if isinstance(picker, Mapping) else None
    if isinstance(offset, Mapping) and not call.has("WFAdjustOperation"):
        operation = to_text(call.session.value(offset.get("Operation"))) or "Add"
        amount, unit = call.session.value(offset.get("Value")), offset.get("Unit")
    else:
        operation = call.text("WFAdjustOperation", "Add")
        duration = call.value("WFDuration")
        if not isinstance(duration, dict):
            duration = {}
        amount, unit = duration.get("Magnitude"), duration.get("Unit")
    if amount is None and not operation.casefold().startswith("get start"):
        raise ToolError("the duration must have a Magnitude and a Unit")
    named = str(unit or "").casefold().removesuffix("s")
    return operation.casefold(), amount, _ABBREVIATED.get(named, named)


def _start_of(call: ActionCall, date: datetime, unit: str) -> datetime:
    minute = date.replace(second=0, microsecond=0)
    day = minute.replace(hour=0, minute=0)
    starts = {
        "minute": minute,
        "hour": minute.replace(minute=0),
        "day": day,
        "week": day - timedelta(days=(date.weekday() + 1) % 7),
        "month": day.replace(day=1),
        "year": day.replace(month=1, day=1),
    }
    if unit not in starts:
        raise call.refused(f"the start of {unit!r}")
    return starts[unit]


def _time_between(call: ActionCall) -> Content:
    """Whole units from the first date to the second, cut towards zero as Apple does."""
    first, second = _first_date(call), to_date(call.input(), call.system.clock())
    chosen = call.text("WFTimeUntilUnit", "Minutes")
    unit = chosen.casefold().removesuffix("s")
    if chosen == "Total Time":
        return second - first
    if unit in _MONTHS:
        return int(months_between(first, second) / _MONTHS[unit])
    if unit not in _SECONDS:
        raise call.refused(f"the unit {chosen!r}")
    return int((second - first) / timedelta(seconds=_SECONDS[unit]))


def _first_date(call: ActionCall) -> datetime:
    """The date to count from: today's parameter, or the two of older shortcuts."""
    if call.has("WFTimeUntilFromDate"):
        return call.date("WFTimeUntilFromDate")
    reference = call.parameters.get("WFTimeUntilReferenceDate")
    if isinstance(reference, Mapping):
        return call.date("WFTimeUntilReferenceDate")
    return call.date("WFTimeUntilCustomDate") if reference == "Other" else call.system.clock()


def _detect(call: ActionCall) -> Content:
    return [to_date(one, call.system.clock()) for one in call.items()]


_APPLE = "is.workflow.actions."

DATE_ACTIONS: Mapping[str, Handler] = {
    f"{_APPLE}date": _date,
    f"{_APPLE}format.date": _format,
    f"{_APPLE}adjustdate": _adjust,
    f"{_APPLE}gettimebetweendates": _time_between,
    f"{_APPLE}detect.date": _detect,
}
