"""A guide through the simulated phone: it looks behind the glass and knows the way to an aim."""

from tapgraph.tools.mobile.simulator.guide.aim import Aim, Move, Route
from tapgraph.tools.mobile.simulator.guide.guide import Guide, LostWay
from tapgraph.tools.mobile.simulator.guide.play import Play, play

__all__ = ["Aim", "Guide", "LostWay", "Move", "Play", "Route", "play"]
