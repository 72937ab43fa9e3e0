"""Devices by name: registered ones, ones of one's own, recordings, and what reaches a server."""

from collections.abc import Callable
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tapgraph.agents.mobile.agent import PhoneAgent
from tapgraph.agents.run.budget import Budget
from tapgraph.agents.run.ledger import answered_actions
from tapgraph.agents.run.outcome import Outcome
from tapgraph.agents.run.run_folder import RunFolder
from tapgraph.cli import open_device as opening
from tapgraph.cli.device_spec import DeviceSpec
from tapgraph.cli.open_device import DEVICE_GROUP, open_device
from tapgraph.cli.run_options import RunOptions
from tapgraph.errors import DeviceUnavailable, ToolError, UsageError
from tapgraph.llm_backend.roles import RoleModels
from tapgraph.tools.mobile.actions import OpenApp, Tap, Wait
from tapgraph.tools.mobile.simulator.builder import build_phone
from tapgraph.tools.mobile.simulator.device import SimulatedDevice
from tapgraph.tools.mobile.simulator.server import SimulatorServer


@pytest.fixture
def own_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module `my_phones` as somebody would write it."""
    (tmp_path / "my_phones.py").write_text(
        "from tapgraph.tools.mobile.simulator.builder import build_phone\n"
        "from tapgraph.tools.mobile.simulator.device import SimulatedDevice\n"
        "class Own(SimulatedDevice):\n"
        "    name = 'my phone'\n"
        "def make(seed: int = 0) -> Own:\n"
        "    return Own(build_phone(seed=seed))\n"
        "nothing = dict\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))


@pytest.mark.usefixtures("own_module")
def test_a_factory_makes_a_device_with_its_settings() -> None:
    with open_device(DeviceSpec(device="my_phones:make", settings=("seed=3",))) as device:
        assert device.name == "my phone"


@pytest.mark.usefixtures("own_module")
def test_an_installed_package_registers_a_device(monkeypatch: pytest.MonkeyPatch) -> None:
    registered = EntryPoints([EntryPoint("lab", "my_phones:make", DEVICE_GROUP)])
    monkeypatch.setattr(opening, "entry_points", lambda group: registered.select(group=group))
    with open_device(DeviceSpec(device="lab")) as device:
        assert device.name == "my phone"
    with pytest.raises(UsageError, match="use one of sim, appium, web, replay:RUN, lab, or"):
        open_device(DeviceSpec(device="fridge"))


@pytest.mark.usefixtures("own_module")
@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (DeviceSpec(device="my_phones:take"), "no attribute 'take'"),
        (DeviceSpec(device="no_such_module:make"), "cannot be loaded"),
        (DeviceSpec(device="my_phones:make", settings=("sed=1",)), "unexpected keyword"),
        (DeviceSpec(device="my_phones:nothing"), "and no Device"),
        (DeviceSpec(device="my_phones:make", udid="x"), "--udid is for --device appium"),
        (DeviceSpec(device="web"), "add --web-url"),
        (DeviceSpec(device="web", web_url="no such page"), "a page is an address"),
        (DeviceSpec(device="appium", capabilities=("displayId",)), "the value is no JSON"),
        (DeviceSpec(device="appium", settings=("=2",)), "--setting is KEY=JSON"),
        (DeviceSpec(device="replay:nowhere"), "is not a run folder"),
        (
            DeviceSpec(device="sim", web_url="x"),
            "--web-url is for --device web or mobilegym, not for sim",
        ),
    ],
)
def test_what_cannot_be_opened_is_one_sentence(spec: DeviceSpec, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        open_device(spec)


def test_capabilities_and_settings_reach_the_server() -> None:
    with build_phone(seed=1) as phone, SimulatorServer(phone) as server:
        spec = DeviceSpec(
            device="appium",
            appium_url=server.url,
            capabilities=("displayId=2", 'automationName="TapgraphSim"'),
            settings=("waitForIdleTimeout=7",),
        )
        with open_device(spec) as device:
            session = device._session  # type: ignore[attr-defined]
            assert session.capabilities["appium:displayId"] == 2
            assert session.capabilities["appium:automationName"] == "TapgraphSim"
            told = session.read("look", lambda driver: driver.get_settings())
            assert told["waitForIdleTimeout"] == 7
            assert told["enableMultiWindows"] is True
        wrong = DeviceSpec(
            device="appium", appium_url=server.url, capabilities=('automationName="XCUITest"',)
        )
        with pytest.raises(DeviceUnavailable, match="XCUITest"):
            open_device(wrong)


def test_a_run_keeps_its_device_in_its_header() -> None:
    options = RunOptions(
        device="web", web_url="https://example.org", capabilities=("a=1", 'b="x"'), settings=()
    )
    assert RunOptions.from_header(options.to_header(), Budget()) == options


@pytest.fixture
def recorded(known_routes: ModuleType, tmp_path: Path) -> Callable[[], Any]:
    """Does a task, and opens its recording."""
    with build_phone(seed=7) as phone, SimulatedDevice(phone) as device:
        agent = PhoneAgent(device, RoleModels(known_routes.KnowsRoutes(phone)))
        result = agent.run(known_routes.SWITCH, out=tmp_path / "run")
    assert result.outcome is Outcome.SUCCESS
    return lambda: open_device(DeviceSpec(device=f"replay:{tmp_path / 'run'}"))


def test_a_recording_goes_on_when_the_same_is_done(recorded: Callable[[], Any]) -> None:
    with recorded() as device:
        assert device.current_app().label == "Home screen"
        assert device.local_time().isoformat() == "2026-05-14T10:24:00"
        device.perform(Wait(1))
        with pytest.raises(ToolError, match=r"in the recording comes .*'Clock'"):
            device.perform(Tap(5, 5))
        device.perform(OpenApp("Clock"))
        assert device.current_app().label == "Clock"
        assert "08:30" in device.ui_tree().xml
        assert device.screenshot().size == (1080, 2400)
        moment = device.moment
        touched = moment.screen.element_at(moment.action)
        device.perform(Tap(touched.bounds.left + 3, touched.bounds.top + 3))
        assert device.moment.screen.fingerprint != moment.screen.fingerprint


def test_all_that_was_done_leads_to_the_end_of_a_recording(
    recorded: Callable[[], Any], tmp_path: Path
) -> None:
    done = answered_actions(RunFolder.open(tmp_path / "run").timeline())
    with recorded() as device:
        for action in done:
            device.perform(action)
        assert device.moment.action is None
        with pytest.raises(ToolError, match="the recording ends here"):
            device.perform(done[0])
