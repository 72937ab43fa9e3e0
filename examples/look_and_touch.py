"""A phone without a model: read the screen as an agent does, touch it, see what changed."""

from tapgraph.tools.mobile import OpenApp, ScreenReader, Tap, describe, describe_difference
from tapgraph.tools.mobile.simulator import SimulatedDevice, build_phone

with SimulatedDevice(build_phone(seed=7)) as phone:  # or AppiumDevice.connect(url)
    reader = ScreenReader(phone)
    phone.perform(OpenApp("Settings"))
    before = reader.read()
    print(describe(before))
    row = next(element for element in before.elements if element.text.startswith("Display"))
    phone.perform(Tap(row.touch_point.x, row.touch_point.y))
    print(describe_difference(before, reader.read()))
