"""A phone with two small apps, and the three ways to drive it."""

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest
from urllib3 import PoolManager

from tapgraph.tools.mobile.appium_device import AppiumDevice
from tapgraph.tools.mobile.device import Device
from tapgraph.tools.mobile.simulator.app import Activity, App
from tapgraph.tools.mobile.simulator.device import SimulatedDevice
from tapgraph.tools.mobile.simulator.phone import Phone
from tapgraph.tools.mobile.simulator.server import SimulatorServer
from tapgraph.tools.mobile.simulator.views import (
    Button,
    CheckBox,
    Column,
    Field,
    Label,
    ScrollColumn,
    View,
)

APPIUM_FOLDER = Path(__file__).parents[2] / "appium"
APPIUM_VERSION = "3.8.0"
_START_TIMEOUT_S = 60
_STOP_TIMEOUT_S = 10


class TrialApp(App):
    """One page on which every kind of input leaves a trace."""

    package, label, glyph, color = "org.example.trial", "Trial Counter", "flask", "#0B57D0"

    def create(self) -> None:
        self.taps = 0
        self.double_taps = 0
        self.long_presses = 0
        self.submitted = ""
        self.is_ticked = False
        self.note = ""

    def first_activity(self) -> Activity["TrialApp"]:
        return _TrialPage(self)

    def add(self) -> None:
        self.taps += 1

    def add_double(self) -> None:
        self.double_taps += 1

    def add_long(self) -> None:
        self.long_presses += 1

    def submit(self, text: str) -> None:
        self.submitted = text

    def tick(self) -> None:
        self.is_ticked = not self.is_ticked

    def keep_note(self, text: str) -> None:
        self.note = text


class _TrialPage(Activity[TrialApp]):
    def build(self) -> View:
        app = self.app
        return Column([
            Label(f"{app.taps} taps", id="count"),
            Button("Add", id="add", desc="Add one", on_click=app.add, on_long_click=app.add_long),
            Button("Twice", id="twice", on_click=app.add, on_double_click=app.add_double),
            CheckBox("Tick", id="tick", checked=app.is_ticked, on_click=app.tick),
            Button("Rows", id="rows", on_click=lambda: self.open(_RowsPage(app))),
            Field("Search here", id="search", action="search", on_submit=app.submit),
            Label(f"submitted: {app.submitted}", id="submitted"),
            Field("A note", id="note", action="newline", multiline=True, on_change=app.keep_note),
            Field("Password", id="password", password=True),
        ])


class _RowsPage(Activity[TrialApp]):
    def build(self) -> View:
        rows = [Label(f"Row {number}", key=str(number), height=56) for number in range(60)]
        return ScrollColumn([*rows], id="list")


class OtherApp(App):
    """Another app, to switch to."""

    package, label, glyph, color = "org.example.other", "Other Things", "star", "#188038"

    def first_activity(self) -> Activity["OtherApp"]:
        return _OtherPage(self)


class _OtherPage(Activity[OtherApp]):
    def build(self) -> View:
        return Column([Label("Nothing else here", id="words")])


@dataclass(frozen=True)
class Rig:
    """A device under test, the phone behind it, and a way to break its connection."""

    device: Device
    phone: Phone
    trial: TrialApp
    lose_session: Callable[[], None] | None


@pytest.fixture(scope="session")
def phone_cases(shared_data: Path) -> Path:
    """The folder of small inputs whose right values are known; the repository does not hold it."""
    folder = shared_data.parent / "cases" / "phone"
    if not folder.is_dir():
        pytest.skip(f"no cases at {folder}")
    return folder


@pytest.fixture
def trial_app() -> TrialApp:
    return TrialApp()


@pytest.fixture
def phone(trial_app: TrialApp) -> Phone:
    clock = datetime(2026, 3, 7, 9, 30)  # noqa: DTZ001 - a phone shows local time
    return Phone([trial_app, OtherApp()], seed=1, clock=clock)


@pytest.fixture
def sim_server(phone: Phone) -> Iterator[SimulatorServer]:
    with SimulatorServer(phone) as server:
        yield server


@pytest.fixture(scope="session")
def appium_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real Appium server that this test run started itself."""
    node = shutil.which("node")
    main = APPIUM_FOLDER / "node_modules" / "appium" / "index.js"
    if node is None:
        pytest.skip("Node.js is not installed: no real Appium server")
    if not main.is_file():
        pytest.skip("Appium is not installed: run 'npm ci' in tests/appium")
    has_chromium = (APPIUM_FOLDER / "node_modules" / "appium-chromium-driver").is_dir()
    drivers = ["tapgraph-sim", *(["chromium"] if has_chromium else [])]
    log = tmp_path_factory.mktemp("appium") / "server.log"
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    command = [node, str(main), "server", "--address", "127.0.0.1", "--port", str(port)]
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [*command, "--log-no-colors", "--use-drivers", ",".join(drivers)],
            cwd=APPIUM_FOLDER,
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_until_ours(process, log, url)
        yield url
    finally:
        process.terminate()
        try:
            process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture(
    params=[
        "in process",
        "sim serve",
        pytest.param("real appium", marks=pytest.mark.appium),
    ]
)
def rig(request: pytest.FixtureRequest, phone: Phone, trial_app: TrialApp) -> Iterator[Rig]:
    """The same phone in process, behind our server, and behind a real Appium server."""
    if request.param == "in process":
        with SimulatedDevice(phone) as device:
            yield Rig(device, phone, trial_app, lose_session=None)
        return
    server = request.getfixturevalue("sim_server")
    if request.param == "sim serve":
        with AppiumDevice.connect(server.url) as device:
            yield Rig(device, phone, trial_app, lose_session=server.end_session)
        return
    url = request.getfixturevalue("appium_url")
    capabilities = {"automationName": "TapgraphSim", "simulatorUrl": server.url}
    with AppiumDevice.connect(url, capabilities=capabilities) as device:
        yield Rig(device, phone, trial_app, lose_session=server.end_session)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_ours(process: "subprocess.Popen[bytes]", log: Path, url: str) -> None:
    """Wait for the line that our own process writes once it has the port, then ask for a status.

    Something that answers on the port proves nothing: it may be somebody else's server.
    """
    started = f"interface listener started on {url}"
    deadline = time.monotonic() + _START_TIMEOUT_S
    while started not in log.read_text(encoding="utf-8", errors="replace"):
        if process.poll() is not None or time.monotonic() > deadline:
            pytest.fail(f"Appium did not start:\n{log.read_text(encoding='utf-8')[-3000:]}")
        time.sleep(0.05)
    pool = PoolManager()
    build = pool.request("GET", f"{url}/status").json()["value"]["build"]
    pool.clear()
    assert build["version"] == APPIUM_VERSION
