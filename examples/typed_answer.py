"""A task whose answer is an object, with a model behind any OpenAI-compatible URL.

python examples/typed_answer.py http://localhost:8000/v1#NAME [APPIUM_URL]
"""

import sys

from pydantic import BaseModel

from tapgraph.agents import PhoneAgent
from tapgraph.tools.mobile import AppiumDevice
from tapgraph.tools.mobile.simulator import SimulatedDevice, build_phone

model, *appium = sys.argv[1:]
device = AppiumDevice.connect(appium[0]) if appium else SimulatedDevice(build_phone())


class Battery(BaseModel):
    """What the settings say about the battery."""

    percent: int


with device as phone:
    agent = PhoneAgent(phone, model)
    result = agent.run("How full is the battery?", answer_type=Battery)
    print(result.outcome, result.answer_object, sep=", ")
