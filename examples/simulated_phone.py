"""The whole graph on the simulated phone; the demonstrator stands in for a model."""

from tapgraph.agents import PhoneAgent
from tapgraph.evals.phone.demonstrator import Demonstrator
from tapgraph.tools.mobile.simulator import SimulatedDevice, build_phone
from tapgraph.tools.mobile.simulator.guide import Aim, Route

way = Route((
    Aim(words="Turn the alarm on", app="Clock", page="alarms", act="switch", row=("alarms", 2)),
))
with SimulatedDevice(build_phone(seed=7)) as device:
    agent = PhoneAgent(device, Demonstrator(way, device.phone))
    result = agent.run("Turn on the alarm at 08:30")
    print(result.outcome, result.reason, f"{result.spent.steps} steps", sep=", ")
