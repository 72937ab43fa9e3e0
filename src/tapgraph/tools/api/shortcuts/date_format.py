"""Dates and time spans as words: Apple's styles, and patterns of Unicode's dates (UTS 35)."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from tapgraph.errors import NotExecutable
from tapgraph.tools.api.shortcuts.calendar_months import months_between, months_later

__all__ = ["formatted_date", "interval_in_words", "with_pattern"]

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


def interval_in_words(interval: timedelta) -> str:
    """A time span in years to minutes, or in seconds below a minute.

    Years and months are counted from 1 January 2001, where Apple's calendar begins.

    >>> interval_in_words(timedelta(days=32, minutes=1)), interval_in_words(timedelta(seconds=-9))
    ('1 month, 1 day, 1 minute', '-9 seconds')
    """
    length = abs(interval)
    if length < timedelta(minutes=1):
        counts = [(length.seconds, "second")]
    else:
        begin = datetime(2001, 1, 1, tzinfo=UTC)
        months = months_between(begin, begin + length)
        rest = begin + length - months_later(begin, months)
        minutes = rest.seconds // 60
        counts = [
            (months // 12, "year"), (months % 12, "month"), (rest.days, "day"),
            (minutes // 60, "hour"), (minutes % 60, "minute"),
        ]  # fmt: skip
    words = [f"{count} {unit}{'' if count == 1 else 's'}" for count, unit in counts if count]
    return ("-" if interval < timedelta(0) else "") + (", ".join(words) or "0 seconds")


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
