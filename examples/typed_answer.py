"""A task whose answer is an object, with a model behind any OpenAI-compatible URL.

python examples/typed_answer.py http://localhost:8000/v1#NAME [APPIUM_URL]
"""

import sys
from pathlib import Path
from tempfile import mkdtemp

from pydantic import BaseModel

from tapgraph.agents import PhoneAgent
from tapgraph.agents.mobile.replies import ROLES
from tapgraph.llm_backend.model_spec import open_models
from tapgraph.memory import MemoryStore
from tapgraph.settings import Settings
from tapgraph.tools.mobile import AppiumDevice
from tapgraph.tools.mobile.simulator import SimulatedDevice, build_phone


class Battery(BaseModel):
    """What the settings say about the battery."""

    percent: int


folder = Path(mkdtemp())
on_appium = len(sys.argv) > 2
device = AppiumDevice.connect(sys.argv[2]) if on_appium else SimulatedDevice(build_phone())
agent = PhoneAgent(
    device=device,
    model=open_models(sys.argv[1], Settings.from_environment(), roles=ROLES),
    memory=MemoryStore.open(folder / "memory.db"),
)
result = agent.run("How full is the battery?", out=folder / "run", answer_type=Battery)
print(result.outcome, result.answer_object, sep=", ")
