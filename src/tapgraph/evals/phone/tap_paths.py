"""How the path of an agent's touches compares with that of the task's known route."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from tapgraph.agents.run.events import ActionDone, Decided, Event, ScreenSeen
from tapgraph.evals.scanpath import (
    Fixation,
    behaviour,
    cells,
    scan_match,
    sequence_score,
    string_edit_distance,
)
from tapgraph.evals.suite import Task
from tapgraph.tools.mobile.actions import DoubleTap, LongPress, Tap, action_from_wire
from tapgraph.tools.mobile.device import Device
from tapgraph.tools.mobile.geometry import Point, Size
from tapgraph.tools.mobile.screen_reader import ScreenReader
from tapgraph.tools.mobile.simulator.device import SimulatedDevice
from tapgraph.tools.mobile.simulator.guide import Move, Route, play
from tapgraph.tools.mobile.target import Target, target_at

__all__ = ["PathMatch", "match", "path_of_events", "path_of_route", "reference_path"]

_Touch: TypeAlias = Tap | LongPress | DoubleTap
_TOUCHES = frozenset({Tap.wire_name, LongPress.wire_name, DoubleTap.wire_name})
_COLUMNS, _ROWS = 8, 12
"""Of the grid for ScanMatch; cells of an upright phone are about square, as in GazeParser."""


@dataclass(frozen=True, slots=True)
class PathMatch:
    """A path of touches beside the reference's.

    Attributes:
        sequence: sequence score over the things touched, 0 to 1.
        edits: string edit distance over the things touched.
        scan_match: ScanMatch over the places touched, 0 to 1.
        revisits: share of touches of a thing that was touched before.
    """

    sequence: float
    edits: int
    scan_match: float
    revisits: float


def match(path: tuple[Fixation, ...], reference: tuple[Fixation, ...], size: Size) -> PathMatch:
    """How alike both are; a path without a touch revisits nothing."""
    things, wanted = ([one.thing for one in stops] for stops in (path, reference))
    ours, theirs = (
        cells(
            stops,
            width_px=size.width_px,
            height_px=size.height_px,
            columns=_COLUMNS,
            rows=_ROWS,
        )
        for stops in (path, reference)
    )
    return PathMatch(
        sequence=sequence_score(things, wanted),
        edits=string_edit_distance(things, wanted),
        scan_match=scan_match(ours, theirs, columns=_COLUMNS),
        revisits=1 - behaviour(things, "").first_visits if things else 0.0,
    )


def path_of_events(events: Iterable[Event]) -> tuple[Fixation, ...]:
    """The touches that a run's device acknowledged."""
    path: list[Fixation] = []
    package = ""
    decided: Decided | None = None
    for event in events:
        if isinstance(event, ScreenSeen):
            package = event.app
        elif isinstance(event, Decided):
            decided = event
        elif isinstance(event, ActionDone) and (place := _touched(event)) is not None:
            is_own = decided is not None and decided.action == event.action
            target = decided.target if decided is not None and is_own else None
            path.append(_fixation(package, place, target))
    return tuple(path)


def path_of_route(device: SimulatedDevice, route: Route) -> tuple[Fixation, ...]:
    """The touches with which the guide follows the route on this phone."""
    reader = ScreenReader(device, source="tree", pictures="when needed")
    path: list[Fixation] = []

    def see(move: Move) -> None:
        if isinstance(move.action, _Touch):
            screen = reader.read()
            target = target_at(screen, Point(move.action.x, move.action.y))
            path.append(_fixation(screen.app.package, move.action, target))

    play(device.phone, route, before_move=see)
    return tuple(path)


def reference_path(device: Device, task: Task) -> tuple[Fixation, ...]:
    """The known way of the task on a fresh phone; empty where none is known."""
    if task.route is None or not isinstance(device, SimulatedDevice):
        return ()
    if task.set_up is not None:
        task.set_up(device)
    return path_of_route(device, task.route)


def _touched(event: ActionDone) -> _Touch | None:
    if event.action["name"] not in _TOUCHES:
        return None
    action = action_from_wire(event.action)
    return action if isinstance(action, _Touch) else None


def _fixation(package: str, place: _Touch, target: Target | None) -> Fixation:
    thing = f"{package} {target.identity}" if target is not None and target.identity else ""
    bare = f"{package} {place.x} {place.y}"
    return Fixation(place.x, place.y, thing=thing or bare)
