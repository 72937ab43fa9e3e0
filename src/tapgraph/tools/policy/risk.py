"""The kinds of harm that an action can do, and what is asked before one."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = ["RISKS", "Risk", "RiskyDeed"]

Risk: TypeAlias = Literal["pay", "send", "delete", "grant", "install", "change"]
"""pay: pays, orders, books, transfers; send: sends, publishes, calls; delete: deletes, resets,
cancels, blocks; grant: gives rights or a place away; install: installs or updates; change: what an
API may change in another way."""
RISKS: tuple[Risk, ...] = ("pay", "send", "delete", "grant", "install", "change")


@dataclass(frozen=True, slots=True)
class RiskyDeed:
    """What kind of harm an action could do, as a person should read it.

    Attributes:
        risk: the kind.
        label: the words on what is touched, or the call.
        details: what else the screen says of recipient and amount.
    """

    risk: Risk
    label: str
    details: tuple[str, ...] = ()
