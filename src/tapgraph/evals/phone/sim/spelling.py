"""Days, times, amounts and counts: as instructions say them, and all ways an answer may."""

import re
from datetime import date, datetime

__all__ = [
    "spelled_count",
    "spelled_day",
    "spelled_money",
    "spelled_phone",
    "spelled_time",
    "told_day",
    "told_money",
    "told_time",
]

_COUNTS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def told_day(day: date) -> str:
    """As a person says it.

    >>> told_day(date(2026, 5, 16))
    'Saturday, May 16'
    """
    return f"{day:%A, %B} {day.day}"


def told_time(moment: datetime) -> str:
    """As a person says it.

    >>> told_time(datetime(2026, 5, 16, 9, 30))
    '9:30'
    """
    return f"{moment.hour}:{moment:%M}"


def told_money(cents: int) -> str:
    """As a person says it.

    >>> told_money(125050)
    '$1,250.50'
    """
    return f"${cents / 100:,.2f}"


def spelled_day(day: date) -> tuple[str, ...]:
    """All usual spellings of a day of the year."""
    names = {f"{day:%B}", f"{day:%b}"}
    last = day.day % 10 if day.day not in {11, 12, 13} else 0
    ordinal = f"{day.day}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(last, 'th') }"
    written = [
        spelling
        for name in sorted(names)
        for number in (str(day.day), f"{day:%d}", ordinal)
        for spelling in (f"{name} {number}", f"{number} {name}", f"{number} of {name}")
    ]
    return (
        *written,
        day.isoformat()[:10],
        f"{day.month}/{day.day}",
        f"{day:%m/%d}",
        f"{day.day}.{day.month}",
        f"{day:%d.%m}",
    )


def spelled_time(moment: datetime) -> tuple[str, ...]:
    """A time by the clock of 24 hours and by that of 12."""
    hour = moment.hour % 12 or 12
    half = "p" if moment.hour >= 12 else "a"
    plain = [f"{hour}:{moment:%M}", *([str(hour)] if moment.minute == 0 else [])]
    marks = [f"{gap}{half}{mark}" for gap in ("", " ") for mark in ("m", ".m", ". m")]
    return (
        f"{moment:%H:%M}",
        f"{moment.hour}:{moment:%M}",
        *(f"{time}{mark}" for time in plain for mark in marks),
    )


def spelled_money(cents: int) -> tuple[str, ...]:
    """An amount with its cents, and shorter where nothing is lost."""
    shorter = {f"{cents / 100:.1f}"} if cents % 10 == 0 else set()
    if cents % 100 == 0:
        shorter.add(str(cents // 100))
    return (f"{cents / 100:.2f}", *sorted(shorter))


def spelled_count(count: int) -> tuple[str, ...]:
    """A number in digits, and a small one also as a word."""
    return (str(count), *_COUNTS[count : count + 1])


def spelled_phone(number: str) -> tuple[str, ...]:
    """An American phone number with other marks between its parts, or none.

    >>> spelled_phone("(217) 555-0123")[:3]
    ('(217) 555-0123', '2175550123', '217-555-0123')
    """
    digits = re.sub(r"\D", "", number)
    area, first, last = digits[:3], digits[3:6], digits[6:]
    return (number, digits, *(mark.join((area, first, last)) for mark in "-. /"))
