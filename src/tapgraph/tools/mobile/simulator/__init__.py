"""A simulated Android phone: apps, screens and a system, in this process or behind a server."""

from tapgraph.tools.mobile.simulator.builder import build_phone
from tapgraph.tools.mobile.simulator.device import SimulatedDevice
from tapgraph.tools.mobile.simulator.faults import FaultPlan
from tapgraph.tools.mobile.simulator.phone import Phone
from tapgraph.tools.mobile.simulator.phone_profile import PhoneProfile
from tapgraph.tools.mobile.simulator.phone_snapshot import PhoneSnapshot
from tapgraph.tools.mobile.simulator.state_dump import (
    Change,
    StateDump,
    difference,
    unexpected,
)

__all__ = [
    "Change",
    "FaultPlan",
    "Phone",
    "PhoneProfile",
    "PhoneSnapshot",
    "SimulatedDevice",
    "StateDump",
    "build_phone",
    "difference",
    "unexpected",
]
