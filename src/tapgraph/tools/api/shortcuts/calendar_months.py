"""Steps of the calendar that are no fixed number of seconds."""

import calendar
from datetime import datetime

__all__ = ["months_between", "months_later"]


def months_later(date: datetime, months: int) -> datetime:
    """The same day so many months later, or that month's last day where it is shorter.

    Raises:
        ValueError: it would lie outside the calendar.

    >>> months_later(datetime(2026, 1, 31), 1)
    datetime.datetime(2026, 2, 28, 0, 0)
    """
    year, month = divmod(date.year * 12 + date.month - 1 + months, 12)
    if not 1 <= year <= 9999:
        raise ValueError(f"the year {year} is outside the calendar")
    day = min(date.day, calendar.monthrange(year, month + 1)[1])
    return date.replace(year=year, month=month + 1, day=day)


def months_between(first: datetime, second: datetime) -> int:
    """Whole months from the first date to the second, cut towards zero.

    >>> months_between(datetime(2026, 1, 31), datetime(2026, 3, 30))
    1
    >>> months_between(datetime(2026, 3, 30), datetime(2026, 1, 31))
    -1
    """
    months = (second.year - first.year) * 12 + second.month - first.month
    reached = months_later(first, months)
    if months > 0 and reached > second:
        return months - 1
    return months + 1 if months < 0 and reached < second else months
