"""Which things are meant: questions about a thing on a page, to which the answer is yes or no."""

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

from tapgraph.tools.mobile.simulator.kit.record import Record, Value
from tapgraph.tools.mobile.simulator.kit.scene import At

__all__ = ["Where", "equals", "has", "lacks", "refers"]

Where: TypeAlias = Callable[[At, Record], bool]
"""Whether a thing is meant on a page."""


def has(column: str) -> Where:
    """Things whose flag is set."""
    return partial(_is_flag, column, True)


def lacks(column: str) -> Where:
    """Things whose flag is not set."""
    return partial(_is_flag, column, False)


def equals(column: str, value: Value) -> Where:
    """Things with this value in a column."""
    return partial(_equals, column, value)


def refers(column: str) -> Where:
    """Things that refer to the one which the page is about."""
    return partial(_refers, column)


def _is_flag(column: str, wanted: bool, at: At, record: Record) -> bool:
    del at
    return record.flag(column) == wanted


def _equals(column: str, value: Value, at: At, record: Record) -> bool:
    del at
    return record.values[column] == value


def _refers(column: str, at: At, record: Record) -> bool:
    return record.number(column) == at.record.id
