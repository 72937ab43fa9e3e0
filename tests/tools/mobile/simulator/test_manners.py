"""The simulated phone as unkind as a real one."""

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from lxml import etree

from tapgraph.agents.mobile.agent import PhoneAgent
from tapgraph.agents.run.outcome import Outcome
from tapgraph.llm_backend.roles import RoleModels
from tapgraph.tools.mobile.actions import OpenApp
from tapgraph.tools.mobile.appium_device import AppiumDevice
from tapgraph.tools.mobile.screen_reader import ScreenReader
from tapgraph.tools.mobile.simulator.builder import build_phone
from tapgraph.tools.mobile.simulator.device import SimulatedDevice
from tapgraph.tools.mobile.simulator.phone import Phone
from tapgraph.tools.mobile.simulator.server import AndroidManners, SimulatorServer
from tapgraph.tools.mobile.ui_tree import UiTree, parse_ui_tree


@pytest.fixture
def real_phone() -> Iterator[Phone]:
    with build_phone(seed=7) as phone:
        yield phone


@pytest.fixture
def device(real_phone: Phone) -> Iterator[AppiumDevice]:
    with (
        SimulatorServer(real_phone, manners=AndroidManners()) as server,
        AppiumDevice.connect(server.url) as device,
    ):
        yield device


class Dressed(SimulatedDevice):
    """The phone in process, its trees as Android dresses them."""

    def ui_tree(self) -> UiTree:
        return parse_ui_tree(AndroidManners().source(self.phone))


def test_apps_have_no_labels_and_providers_stand_among_them(device: AppiumDevice) -> None:
    listed = device._session.read(
        "list", lambda driver: driver.execute_script("mobile: listApps", {})
    )
    assert not any("label" in told for told in listed.values())
    assert "com.android.providers.contacts" in listed
    receipt = device.perform(OpenApp("Contacts"))
    assert receipt.detail == "opened Contacts (com.google.android.contacts)"


def test_a_protected_screen_is_black_and_said_to_be(device: AppiumDevice) -> None:
    device.perform(OpenApp("Harbor Bank"))
    screen = ScreenReader(device).read()
    assert screen.warnings
    assert screen.warnings[0].startswith("the picture is black")
    assert screen.elements


def test_an_agent_reads_the_same_elements_from_a_tree_of_android(real_phone: Phone) -> None:
    inside = SimulatedDevice(real_phone)
    for app in ("Contacts", "Settings", "Notes", "Amazon Shopping", "Calculator"):
        inside.perform(OpenApp(app))
        plain = ScreenReader(inside, pictures="when needed").read()
        dressed = ScreenReader(Dressed(real_phone), pictures="when needed").read()
        assert dressed.elements == plain.elements


def test_trees_are_deeper_and_tell_what_android_tells(real_phone: Phone) -> None:
    SimulatedDevice(real_phone).perform(OpenApp("Contacts"))
    plain = etree.fromstring(real_phone.page_source().encode())
    told = etree.fromstring(AndroidManners().source(real_phone).encode())
    depths = [max(len(list(one.iterancestors())) for one in tree.iter()) for tree in (plain, told)]
    assert depths[1] >= depths[0] + 3
    assert all(one.get("a11y-important") for one in told.iterdescendants())
    headings = [one.get("text") for one in told.iter() if one.get("heading") == "true"]
    assert headings == ["Contacts"]


def test_a_whole_task_is_done_on_such_a_phone(
    device: AppiumDevice, real_phone: Phone, known_routes: ModuleType, tmp_path: Path
) -> None:
    agent = PhoneAgent(device, RoleModels(known_routes.KnowsRoutes(real_phone)))
    result = agent.run(known_routes.NOTE, out=tmp_path / "run")
    assert result.outcome is Outcome.SUCCESS
    assert known_routes.is_done(known_routes.NOTE, real_phone)
