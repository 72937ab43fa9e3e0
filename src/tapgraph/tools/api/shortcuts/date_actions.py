"""Actions on dates; what time it is says the system's clock."""

import calendar
from collections.abc import Mapping
from datetime import datetime, timedelta

from tapgraph.errors import ToolError
from tapgraph.tools.api.shortcuts.call import ActionCall, Handler
from tapgraph.tools.api.shortcuts.content import Content, to_date, to_number
from tapgraph.tools.api.shortcuts.date_format import formatted_date

__all__ = ["DATE_ACTIONS"]

_SECONDS = {
    "sec": 1, "second": 1, "seconds": 1, "min": 60, "minute": 60, "minutes": 60, "hr": 3600,
    "hour": 3600, "hours": 3600, "day": 86400, "days": 86400, "week": 604800, "weeks": 604800,
}  # fmt: skip
_MONTHS = {"month": 1, "months": 1, "year": 12, "years": 12, "yr": 12}
_UNITS = {
    "Seconds": 1, "Minutes": 60, "Hours": 3600, "Days": 86400, "Weeks": 604800,
    "Months": 2629746, "Years": 31556952,
}  # fmt: skip


def _date(call: ActionCall) -> Content:
    if call.text("WFDateActionMode", "Current Date") == "Current Date":
        return call.system.clock()
    return to_date(call.value("WFDateActionDate"), call.system.clock())


def _format(call: ActionCall) -> Content:
    now = call.system.clock()
    style = {name: call.value(name) for name in call.parameters if name.startswith("WF")}
    return formatted_date(to_date(call.input("WFDate"), now), style, now)


def _adjust(call: ActionCall) -> Content:
    date = to_date(call.input("WFDate"), call.system.clock())
    operation = call.text("WFAdjustOperation", "Add")
    if operation.startswith("Get Start of "):
        return _start_of(call, date, operation.removeprefix("Get Start of "))
    if operation not in {"Add", "Subtract"}:
        raise call.refused(f"the operation {operation!r}")
    amount, unit = _duration(call)
    amount = -amount if operation == "Subtract" else amount
    try:
        if unit in _SECONDS:
            return date + timedelta(seconds=amount * _SECONDS[unit])
        if unit in _MONTHS:
            return _months_later(date, int(amount) * _MONTHS[unit])
    except (OverflowError, ValueError) as error:
        raise ToolError("the date would lie outside the calendar") from error
    raise call.refused(f"the unit {unit!r}")


def _duration(call: ActionCall) -> tuple[float, str]:
    found = call.value("WFDuration")
    if not isinstance(found, dict):
        raise ToolError("the duration must have a Magnitude and a Unit")
    return to_number(found.get("Magnitude")), str(found.get("Unit") or "")


def _months_later(date: datetime, months: int) -> datetime:
    year, month = divmod(date.year * 12 + date.month - 1 + months, 12)
    day = min(date.day, calendar.monthrange(year, month + 1)[1])
    return date.replace(year=year, month=month + 1, day=day)


def _start_of(call: ActionCall, date: datetime, unit: str) -> datetime:
    minute = date.replace(second=0, microsecond=0)
    day = minute.replace(hour=0, minute=0)
    starts = {
        "Minute": minute,
        "Hour": minute.replace(minute=0),
        "Day": day,
        "Week": day - timedelta(days=(date.weekday() + 1) % 7),
        "Month": day.replace(day=1),
        "Year": day.replace(month=1, day=1),
    }
    if unit not in starts:
        raise call.refused(f"the start of {unit!r}")
    return starts[unit]


def _time_between(call: ActionCall) -> Content:
    now = call.system.clock()
    first = (
        to_date(call.value("WFTimeUntilFromDate"), now) if call.has("WFTimeUntilFromDate") else now
    )
    second = to_date(call.input(), now)
    unit = call.text("WFTimeUntilUnit", "Minutes")
    if unit not in _UNITS:
        raise call.refused(f"the unit {unit!r}")
    return (second - first).total_seconds() / _UNITS[unit]


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
