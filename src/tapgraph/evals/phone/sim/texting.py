"""Whom to write to in Messages, and what they were told."""

from collections.abc import Sequence

from tapgraph.evals.phone.sim.draw import Draw
from tapgraph.evals.phone.sim.predicates import Fact, all_of, there_are, thing_says
from tapgraph.evals.suite import Rubric
from tapgraph.tools.mobile.simulator.kit import Record

__all__ = ["friends", "only_they_know", "texted"]


def friends(draw: Draw, count: int) -> list[Record]:
    """Conversations with people whose names differ."""
    return draw.some([one for one in draw.all("Messages", "chat") if not one.flag("is_archived")],
                     count)  # fmt: skip


def texted(name: str, friend: Record, *facts: Fact, but_not: Sequence[Fact] = ()) -> Rubric:
    """One message of the user to the friend has all the facts, and none of what would be wrong."""
    return thing_says(
        name, "Messages", "message", "text", *facts, but_not=but_not, chat=friend.id, is_mine=1
    )


def only_they_know(draw: Draw, friend: Record) -> Rubric:
    """The friend got one message from the user, and nobody else got any."""
    mine = [one for one in draw.all("Messages", "message") if one.flag("is_mine")]
    to_friend = sum(one.number("chat") == friend.id for one in mine)
    return all_of(
        f"{friend.title} alone got a message",
        there_are("all of the user", "Messages", "message", len(mine) + 1, is_mine=1),
        there_are("to them", "Messages", "message", to_friend + 1, chat=friend.id, is_mine=1),
    )
