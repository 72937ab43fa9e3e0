"""Dates as words, by Apple's styles and by patterns of Unicode's date format (UTS 35)."""

import re
from collections.abc import Mapping
from datetime import datetime

from tapgraph.errors import NotExecutable

__all__ = ["formatted_date", "with_pattern"]

_DATE_STYLES = {
    "Short": "M/d/yy",
    "Medium": "MMM d, y",
    "Long": "MMMM d, y",
    "Full": "EEEE, MMMM d, y",
}
_TIME_STYLES = {"Short": "h:mm a", "Medium": "h:mm:ss a", "Long": "h:mm:ss a Z"}
_TOKEN = re.compile(r"'(?:[^']|'')*'|([A-Za-z])\1*")
_FIELDS = {
    "y": "%Y", "yy": "%y", "yyyy": "%Y", "YYYY": "%G",
    "MM": "%m", "MMM": "%b", "MMMM": "%B",
    "dd": "%d", "DDD": "%j",
    "E": "%a", "EE": "%a", "EEE": "%a", "EEEE": "%A",
    "HH": "%H", "hh": "%I", "mm": "%M", "ss": "%S", "SSS": "%f",
    "a": "%p", "Z": "%z", "ZZZ": "%z", "z": "%Z", "zzz": "%Z", "ww": "%V",
}  # fmt: skip
_PLAIN_NUMBERS = {
    "M": "%m", "d": "%d", "H": "%H", "h": "%I", "m": "%M", "s": "%S", "D": "%j", "w": "%V",
}  # fmt: skip


def formatted_date(date: datetime, style: Mapping[str, object], now: datetime) -> str:
    """The date in the style of `WFDateFormatStyle`, `WFTimeFormatStyle`, `WFDateFormat`.

    Raises:
        NotExecutable: the style is not one of those that are known here.
    """
    chosen = str(style.get("WFDateFormatStyle") or "Short")
    if chosen == "Custom":
        return with_pattern(date, str(style.get("WFDateFormat") or "EEE, dd MMM yyyy HH:mm:ss Z"))
    if chosen == "RFC 2822":
        return with_pattern(date, "EEE, dd MMM yyyy HH:mm:ss Z")
    if chosen == "ISO 8601":
        with_time = bool(style.get("WFISO8601IncludeTime"))
        return date.isoformat(timespec="seconds") if with_time else date.date().isoformat()
    if chosen == "Relative":
        return _relative(date, now)
    time_style = str(style.get("WFTimeFormatStyle") or "Short")
    patterns = [
        known[one]
        for known, one in ((_DATE_STYLES, chosen), (_TIME_STYLES, time_style))
        if one != "None" and _is_known(known, one)
    ]
    joiner = " 'at' " if chosen in {"Long", "Full"} else ", "
    return with_pattern(date, joiner.join(patterns))


def with_pattern(date: datetime, pattern: str) -> str:
    """The date by a Unicode pattern.

    >>> from datetime import UTC
    >>> with_pattern(datetime(2026, 3, 2, 9, 5, tzinfo=UTC), "EEE d MMM yyyy 'at' H:mm")
    'Mon 2 Mar 2026 at 9:05'
    """
    return _TOKEN.sub(lambda token: _field(date, token.group()), pattern)


def _is_known(known: Mapping[str, str], style: str) -> bool:
    if style not in known:
        raise NotExecutable(f"the date style {style!r}")
    return True


def _field(date: datetime, token: str) -> str:
    if token.startswith("'"):
        return token[1:-1].replace("''", "'") or "'"
    if token in _PLAIN_NUMBERS:
        return str(int(date.strftime(_PLAIN_NUMBERS[token])))
    if token not in _FIELDS:
        raise NotExecutable(f"{token!r} in a date's pattern")
    text = date.strftime(_FIELDS[token])
    return text[:3] if token == "SSS" else text


def _relative(date: datetime, now: datetime) -> str:
    days = (date.date() - now.date()).days
    named = {0: "Today", 1: "Tomorrow", -1: "Yesterday"}.get(days)
    return named or (f"in {days} days" if days > 0 else f"{-days} days ago")
