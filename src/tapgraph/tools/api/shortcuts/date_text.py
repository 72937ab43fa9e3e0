"""Dates in words, read: ISO 8601, US English, and every form that this runtime writes."""

import re
from datetime import datetime, timedelta

from tapgraph.errors import ToolError

__all__ = ["read_date"]

_TIME = re.compile(
    r"(?:^|,? at |,? )(?=\d+(?::\d| ?[AP]\.?M))(?P<hour>\d{1,2})"
    r"(?::(?P<minute>\d\d)(?::(?P<second>\d\d))?)?(?: ?(?P<half>[AP])\.?M\.?)?"
    r"(?: (?P<zone>UTC|GMT|Z|[+-]\d\d:?\d\d))?$",
    re.IGNORECASE,
)
_WEEKDAY = re.compile(r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? (?=.)", re.IGNORECASE)
_DAYS_FROM_NOW = re.compile(r"in (\d{1,6}) days?|(\d{1,6}) days? ago", re.IGNORECASE)
_NAMED_DAYS = {"today": 0, "tomorrow": 1, "yesterday": -1}
_DAY_FORMS = (
    "%Y-%m-%d", "%Y/%m/%d", "%m/%d/%y", "%m/%d/%Y",
    "%B %d, %Y", "%b %d, %Y", "%d %B %Y", "%d %b %Y",
)  # fmt: skip


def read_date(text: str, now: datetime) -> datetime:
    """The date that a text says.

    A day without a time is its midnight; a time without a day is meant for today, and a day
    without a year for this year. Without a zone it is in the zone of `now`.

    Raises:
        ToolError: it says none in a form that is known here.

    >>> read_date("3/1/26, 2:30 PM", datetime(2026, 3, 2, 12))
    datetime.datetime(2026, 3, 1, 14, 30)
    >>> read_date("tomorrow at 9 am", datetime(2026, 3, 2, 12))
    datetime.datetime(2026, 3, 3, 9, 0)
    """
    words = " ".join(text.split())
    if words.casefold() == "now":
        return now
    try:
        found = datetime.fromisoformat(words)
    except ValueError:
        try:
            return _in_words(words, now)
        except (ValueError, OverflowError) as error:
            raise ToolError(
                f"no date is known in {words[:60]!r}; write it like 2026-03-01 14:30"
            ) from error
    return found if found.tzinfo else found.replace(tzinfo=now.tzinfo)


def _in_words(words: str, now: datetime) -> datetime:
    time = _TIME.search(words)
    day = words[: time.start()] if time else words
    found = _relative_day(day, now) if day or not time else now
    if found is None:
        found = _named_day(_WEEKDAY.sub("", day, count=1), now)
    if time is None:
        return found
    hour = int(time["hour"])
    if time["half"]:
        if not 1 <= hour <= 12:
            raise ValueError(f"no hour {hour}")
        hour = hour % 12 + (12 if time["half"] in "Pp" else 0)
    found = found.replace(
        hour=hour,
        minute=int(time["minute"] or 0),
        second=int(time["second"] or 0),
        microsecond=0,
    )
    zone = time["zone"]
    if zone is None:
        return found
    offset = "+0000" if zone.isalpha() else zone
    return found.replace(tzinfo=datetime.strptime(offset, "%z").tzinfo)


def _relative_day(day: str, now: datetime) -> datetime | None:
    days = _NAMED_DAYS.get(day.casefold())
    if days is None:
        counted = _DAYS_FROM_NOW.fullmatch(day)
        if counted is None:
            return None
        days = int(counted[1]) if counted[1] else -int(counted[2])
    return now + timedelta(days=days)


def _named_day(day: str, now: datetime) -> datetime:
    for written in (day, f"{day}, {now.year}"):
        for form in _DAY_FORMS:
            try:
                found = datetime.strptime(written, form)  # noqa: DTZ007 — the zone is the clock's
            except ValueError:
                continue
            return found.replace(tzinfo=now.tzinfo)
    raise ValueError(f"no day in {day[:60]!r}")
