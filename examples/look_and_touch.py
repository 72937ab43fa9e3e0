"""A phone without a model: read the screen as an agent does, touch it, see what changed."""

from tapgraph.tools.mobile.actions import OpenApp, Tap
from tapgraph.tools.mobile.screen_reader import ScreenReader
from tapgraph.tools.mobile.screen_text import describe, describe_difference
from tapgraph.tools.mobile.simulator.builder import build_phone
from tapgraph.tools.mobile.simulator.device import SimulatedDevice

with SimulatedDevice(build_phone(seed=7)) as phone:  # or AppiumDevice.connect(url)
    reader = ScreenReader(phone)
    phone.perform(OpenApp("Settings"))
    before = reader.read()
    print(describe(before))
    row = next(element for element in before.elements if element.text.startswith("Display"))
    phone.perform(Tap(row.bounds.center.x, row.bounds.center.y))
    print(describe_difference(before, reader.read()))
