"""The simulated phone behind the W3C WebDriver protocol, as an Appium server shows a real one."""

from tapgraph.tools.mobile.simulator.server.manners import AndroidManners, Manners
from tapgraph.tools.mobile.simulator.server.simulator_server import SimulatorServer

__all__ = ["AndroidManners", "Manners", "SimulatorServer"]
