"""A route carried out on a phone in this process, without an agent and a model."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from tapgraph.errors import ToolError
from tapgraph.tools.mobile.simulator.device import SimulatedDevice
from tapgraph.tools.mobile.simulator.guide.aim import Aim, Move, Route
from tapgraph.tools.mobile.simulator.guide.guide import Guide, LostWay
from tapgraph.tools.mobile.simulator.phone import Phone

__all__ = ["Play", "PlayedMove", "play"]


@dataclass(frozen=True, slots=True)
class PlayedMove:
    """One action and the aim that it served."""

    aim: Aim
    move: Move


@dataclass(frozen=True, slots=True)
class Play:
    """All moves, and whether every aim was reached."""

    moves: tuple[PlayedMove, ...]
    is_complete: bool
    trouble: str = ""


def play(
    phone: Phone,
    route: Route,
    *,
    max_steps: int = 200,
    before_move: Callable[[Move], object] | None = None,
) -> Play:
    """Follow a route until its aims are reached, the way is lost or the steps are used up.

    `before_move` is told of each move while the phone is still as it was.
    """
    device, guide = SimulatedDevice(phone), Guide(phone)
    moves: list[PlayedMove] = []
    try:
        for place, aim in enumerate(route.aims):
            while not guide.is_reached(aim, route.times(place)):
                if len(moves) == max_steps:
                    return Play(tuple(moves), False, f"too many steps for {aim.words!r}")
                move = guide.move(aim)
                moves.append(PlayedMove(aim, move))
                if before_move is not None:
                    before_move(move)
                with suppress(ToolError):  # what came between shows on the next look
                    device.perform(move.action)
                if aim.answer or aim.question:
                    break
    except LostWay as error:
        return Play(tuple(moves), False, str(error))
    return Play(tuple(moves), True)
