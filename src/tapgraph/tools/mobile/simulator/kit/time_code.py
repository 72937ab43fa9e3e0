"""Codes of six digits that change with the clock, as an authenticator shows them."""

from datetime import datetime
from random import Random
from typing import Final

__all__ = ["CODE_PERIOD_S", "is_time_code", "time_code"]

CODE_PERIOD_S: Final = 30


def time_code(account: str, at: datetime, *, periods_ago: int = 0) -> str:
    """The code of an account at a moment, such as `481 920`."""
    seconds = int((at - datetime.min).total_seconds())  # noqa: DTZ901 - only a distance is meant
    digits = f"{Random(f'{account}/{seconds // CODE_PERIOD_S - periods_ago}').randrange(10**6):06}"
    return f"{digits[:3]} {digits[3:]}"


def is_time_code(account: str, typed: str, at: datetime) -> bool:
    """Whether it is the account's present code, or the one before, which servers accept too.

    >>> moment = datetime(2026, 5, 14, 10, 24)
    >>> is_time_code("Bank", time_code("Bank", moment), moment), is_time_code("Bank", "1", moment)
    (True, False)
    """
    known = {time_code(account, at, periods_ago=ago).replace(" ", "") for ago in (0, 1)}
    return typed.replace(" ", "") in known
