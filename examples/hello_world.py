"""A task on a phone in five lines."""

from tapgraph.agents import PhoneAgent
from tapgraph.tools.mobile import AppiumDevice

with AppiumDevice.connect("http://127.0.0.1:4723") as phone:
    print(PhoneAgent(phone, "openai:NAME").run("Turn on the alarm at 08:30").outcome)
