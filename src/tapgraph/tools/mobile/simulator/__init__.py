"""A simulated Android phone: apps, screens and a system, in this process or behind a server."""

from tapgraph.tools.mobile.simulator.builder import build_phone
from tapgraph.tools.mobile.simulator.device import SimulatedDevice
from tapgraph.tools.mobile.simulator.faults import FaultPlan
from tapgraph.tools.mobile.simulator.phone import Phone

__all__ = ["FaultPlan", "Phone", "SimulatedDevice", "build_phone"]
