"""Where a finger is between two commands."""

from dataclasses import dataclass, field

from tapgraph.tools.mobile.geometry import Point

__all__ = ["PointerState"]


@dataclass(slots=True)
class PointerState:
    """One input source of kind pointer.

    Attributes:
        position: where it is.
        down_at: where it was put down; None while it is up.
        down_since_ms: how long it has been down.
        has_moved: whether it was elsewhere since it was put down.
    """

    position: Point = field(default_factory=lambda: Point(0, 0))
    down_at: Point | None = None
    down_since_ms: float = 0.0
    has_moved: bool = False
