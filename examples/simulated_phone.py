"""The whole graph on the simulated phone; the demonstrator stands in for a model."""

from tapgraph.agents import PhoneAgent
from tapgraph.evals.phone.demonstrator import Demonstrator
from tapgraph.tools.mobile.simulator import SimulatedDevice, build_phone

with SimulatedDevice(build_phone(seed=7)) as phone:
    result = PhoneAgent(phone, Demonstrator()).run("Turn on Do Not Disturb")
    print(result.outcome, result.reason, f"{result.spent.steps} steps", sep=", ")
