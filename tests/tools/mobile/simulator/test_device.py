from collections.abc import Iterator
from datetime import datetime

import pytest

from tapgraph.errors import AppNotFound, DeviceLost, ToolError, TypingFailed
from tapgraph.tools.mobile.actions import (
    Action,
    Answer,
    AskUser,
    Back,
    ClearText,
    Enter,
    Home,
    OpenApp,
    Swipe,
    SwitchApp,
    Tap,
    Type,
    Wait,
)
from tapgraph.tools.mobile.device import AppInfo, Capability
from tapgraph.tools.mobile.geometry import Point
from tapgraph.tools.mobile.simulator.app import Activity, App
from tapgraph.tools.mobile.simulator.device import SimulatedDevice
from tapgraph.tools.mobile.simulator.faults import FaultPlan
from tapgraph.tools.mobile.simulator.phone import Phone
from tapgraph.tools.mobile.simulator.views import Button, Column, Field, Label, View

CLOCK = datetime(2026, 5, 14, 10, 24)  # noqa: DTZ001 - a phone shows local time


class PadApp(App):
    package, label, glyph, color = "org.example.pad", "Note Pad", "note", "#0B57D0"

    def first_activity(self) -> "PadPage":
        return PadPage(self)


class PadPage(Activity[PadApp]):
    name = ".Pad"

    def __init__(self, app: PadApp) -> None:
        super().__init__(app)
        self.sent = ""
        self.digits = ""

    def keep_digits(self, text: str) -> None:
        self.digits = "".join(character for character in text if character.isdigit())

    def send(self, text: str) -> None:
        self.sent = text

    def build(self) -> View:
        return Column([
            Field("Note", id="note", on_submit=self.send),
            Field("Number", id="number", value=self.digits, on_change=self.keep_digits),
            Label(f"Sent: {self.sent}", id="sent"),
            Button("Plain", id="plain"),
        ])


@pytest.fixture
def device() -> Iterator[SimulatedDevice]:
    with Phone([PadApp()], clock=CLOCK) as phone, SimulatedDevice(phone) as device:
        device.perform(OpenApp("note pad"))
        yield device


def center(device: SimulatedDevice, name: str) -> Point:
    return next(
        node.bounds.center
        for node in device.ui_tree().walk()
        if node.resource_id.endswith(f"/{name}")
    )


def tap(device: SimulatedDevice, name: str) -> None:
    point = center(device, name)
    device.perform(Tap(point.x, point.y))


def text(device: SimulatedDevice, name: str) -> str:
    return next(
        node.text for node in device.ui_tree().walk() if node.resource_id.endswith(f"/{name}")
    )


def test_device_tells_what_it_is(device: SimulatedDevice) -> None:
    assert device.name == "simulated phone"
    assert device.capabilities == frozenset(Capability)
    assert list(device.installed_apps()) == [AppInfo("org.example.pad", "Note Pad")]
    assert device.current_app() == AppInfo("org.example.pad", "Note Pad", ".Pad")
    assert device.screenshot().size == (device.size().width_px, device.size().height_px)


def test_open_app_says_which_it_chose_and_refuses_others(device: SimulatedDevice) -> None:
    device.perform(Home())
    assert device.current_app().label == "Home screen"
    assert device.perform(OpenApp("notepad")).detail == "opened Note Pad (org.example.pad)"
    with pytest.raises(AppNotFound, match="'Note Pad'"):
        device.perform(OpenApp("Spotify"))


def test_type_enter_and_clear(device: SimulatedDevice) -> None:
    with pytest.raises(ToolError, match="no text field has the focus; tap one first"):
        device.perform(Type("lost"))
    with pytest.raises(ToolError, match="no text field has the focus"):
        device.perform(ClearText())
    tap(device, "note")
    assert device.keyboard_shown()
    device.perform(Type("one "))
    device.perform(Type("two 🎧"))
    assert text(device, "note") == "one two 🎧"
    device.perform(Enter())
    assert text(device, "sent") == "Sent: one two 🎧"
    device.perform(ClearText())
    assert text(device, "note") == "Note"


def test_field_that_changes_what_is_typed_is_reported(device: SimulatedDevice) -> None:
    tap(device, "number")
    with pytest.raises(TypingFailed, match="the field holds '12'"):
        device.perform(Type("1a2b"))


@pytest.mark.parametrize("action", [Tap(-1, 5), Tap(1080, 5), Swipe(5, 5, 5, 2400)])
def test_point_outside_of_the_screen_is_refused(device: SimulatedDevice, action: Action) -> None:
    with pytest.raises(ToolError, match="1080x2400"):
        device.perform(action)


@pytest.mark.parametrize("seconds", [-1.0, float("nan"), 1e9])
def test_impossible_wait_is_refused(device: SimulatedDevice, seconds: float) -> None:
    with pytest.raises(ToolError, match="seconds must be"):
        device.perform(Wait(seconds))


def test_keys_and_words_for_the_user(device: SimulatedDevice) -> None:
    device.perform(SwitchApp())
    assert device.current_app().activity.endswith("RecentsActivity")
    device.perform(Back())
    assert device.current_app().package == "org.example.pad"
    before = device.phone.inputs
    device.perform(Answer("42"))
    device.perform(AskUser("Which one?"))
    assert device.phone.inputs == before


def test_closed_device_is_lost_and_leaves_the_phone(device: SimulatedDevice) -> None:
    phone = device.phone
    device.close()
    with pytest.raises(DeviceLost):
        device.screenshot()
    assert phone.foreground[0] == "org.example.pad"


def test_replay_brings_a_fresh_phone_to_the_same_screen() -> None:
    faults = FaultPlan.parse("tap@1,slow@1,popup@4")
    actions: list[Action] = []
    with Phone([PadApp()], clock=CLOCK, faults=faults) as first:
        device = SimulatedDevice(first)
        actions.append(OpenApp("Note Pad"))
        device.perform(actions[-1])
        device.screenshot()
        device.perform(Wait(9))
        actions.append(Wait(9))
        point = center(device, "note")
        for action in (Tap(point.x, point.y), Tap(point.x, point.y), Type("x"), Back(), Type("y")):
            actions.append(action)
            try:
                device.perform(action)
            except ToolError:
                continue
        seen = first.page_source()
    with Phone([PadApp()], clock=CLOCK, faults=faults) as second:
        SimulatedDevice(second).replay(actions)
        assert second.page_source() == seen
