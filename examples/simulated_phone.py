"""The whole graph on the simulated phone; the demonstrator stands in for a model."""

from pathlib import Path
from tempfile import mkdtemp

from tapgraph.agents import PhoneAgent
from tapgraph.evals.phone.demonstrator import Demonstrator
from tapgraph.llm_backend.roles import RoleModels
from tapgraph.memory import MemoryStore
from tapgraph.tools.mobile.simulator import SimulatedDevice, build_phone

folder = Path(mkdtemp())
agent = PhoneAgent(
    device=SimulatedDevice(build_phone(seed=7)),
    model=RoleModels(Demonstrator()),
    memory=MemoryStore.open(folder / "memory.db"),
)
result = agent.run("Turn on Do Not Disturb", out=folder / "run")
print(result.outcome, result.reason, f"{result.spent.steps} steps", sep=", ")
