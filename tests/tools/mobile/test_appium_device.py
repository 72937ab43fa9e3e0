"""What is special about a phone behind an Appium server: connecting, losing, scaling, typing."""

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

import pytest
from appium.options.common.base import AppiumOptions
from appium.webdriver.common.appiumby import AppiumBy
from appium.webdriver.webdriver import WebDriver
from PIL import Image
from selenium.common.exceptions import (
    InvalidSelectorException,
    NoSuchElementException,
    UnknownMethodException,
)
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from tapgraph.errors import (
    AppNotFound,
    DeviceLost,
    DeviceUnavailable,
    ToolError,
    TypingFailed,
    UsageError,
)
from tapgraph.tools.mobile.actions import OpenApp, Tap, Type
from tapgraph.tools.mobile.appium_device import AppiumDevice
from tapgraph.tools.mobile.appium_server import session_capabilities
from tapgraph.tools.mobile.geometry import Bounds, Point, Size
from tapgraph.tools.mobile.picture_scale import PictureScale
from tapgraph.tools.mobile.simulator.phone import Phone
from tapgraph.tools.mobile.simulator.server import SimulatorServer
from tapgraph.tools.mobile.text_fields import focused_field
from tapgraph.tools.mobile.ui_tree import parse_ui_tree

if TYPE_CHECKING:
    from tests.tools.mobile.conftest import TrialApp

CLOCK = datetime(2026, 3, 7, 9, 30)  # noqa: DTZ001 - a phone shows local time


@contextmanager
def connected(phone: Phone) -> Iterator[AppiumDevice]:
    with SimulatorServer(phone) as server, AppiumDevice.connect(server.url) as device:
        yield device


def bounds_of(device: AppiumDevice, resource_id: str) -> Bounds:
    nodes = device.ui_tree().walk()
    return next(one.bounds for one in nodes if one.resource_id.endswith(f":id/{resource_id}"))


def tap(device: AppiumDevice, resource_id: str) -> None:
    point = bounds_of(device, resource_id).center
    device.perform(Tap(point.x, point.y))


@pytest.mark.parametrize(
    "url", ["", "phone", "ftp://127.0.0.1", "http://", "http://a:99999", "//x"]
)
def test_address_that_is_none_is_a_usage_error(url: str) -> None:
    with pytest.raises(UsageError, match="http://127"):
        AppiumDevice.connect(url)


def test_password_in_a_wrong_address_is_not_shown() -> None:
    with pytest.raises(UsageError) as caught:
        AppiumDevice.connect("ftp://me:secret@host")
    assert "secret" not in str(caught.value)


def test_silence_at_the_address_names_the_fix() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(DeviceUnavailable, match="tapgraph sim serve"):
            AppiumDevice.connect(f"http://127.0.0.1:{port}")


@pytest.mark.parametrize("body", ["<html>hello</html>", "[]", '{"value": 3}', '{"status": 0}'])
def test_other_servers_are_recognised(body: str) -> None:
    @Request.application
    def hello(request: Request) -> Response:
        return Response(body)

    server = make_server("127.0.0.1", 0, hello)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        with pytest.raises(DeviceUnavailable, match="not as an Appium server"):
            AppiumDevice.connect(f"http://127.0.0.1:{server.port}")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_unknown_phone_is_unavailable(sim_server: SimulatorServer) -> None:
    with pytest.raises(DeviceUnavailable, match="emulator-9999"):
        AppiumDevice.connect(sim_server.url, udid="emulator-9999")


def test_phone_is_named_by_its_udid(sim_server: SimulatorServer) -> None:
    with AppiumDevice.connect(f"{sim_server.url}/wd/hub/", udid="tapgraph-sim") as device:
        assert device.name == "appium:tapgraph-sim"


def test_agents_settings_are_made(sim_server: SimulatorServer) -> None:
    wanted = session_capabilities("abc", None, server_is_local=False)
    assert wanted["appium:newCommandTimeout"] == 0
    assert wanted["appium:noReset"] is True
    assert wanted["appium:udid"] == "abc"


def test_extra_capabilities_win_and_none_removes() -> None:
    wanted = session_capabilities(
        None,
        {"automationName": "Espresso", "appium:noReset": None, "platformName": "android"},
        server_is_local=False,
    )
    assert wanted["appium:automationName"] == "Espresso"
    assert wanted["platformName"] == "android"
    assert "appium:noReset" not in wanted
    assert "appium:udid" not in wanted


def test_each_phone_has_a_system_port_of_its_own() -> None:
    ports = {
        session_capabilities(udid, None, server_is_local=False)["appium:systemPort"]
        for udid in ("emulator-5554", "emulator-5556", "R58M123ABC")
    }
    assert len(ports) == 3
    assert all(isinstance(port, int) and 8200 <= port <= 8299 for port in ports)


def test_taken_system_port_is_passed_over() -> None:
    free = session_capabilities("abc", None, server_is_local=True)["appium:systemPort"]
    assert isinstance(free, int)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", free))
        other = session_capabilities("abc", None, server_is_local=True)["appium:systemPort"]
    assert other != free


def test_stopped_server_is_a_lost_device(phone: Phone) -> None:
    server = SimulatorServer(phone)
    with server:
        device = AppiumDevice.connect(server.url)
    with pytest.raises(DeviceLost, match="session was lost"):
        device.screenshot()
    device.close()


class LossyRelay:
    """Passes requests on to a server; when told to, it closes instead of giving the answer."""

    def __init__(self, server_url: str) -> None:
        host, port = server_url.removeprefix("http://").split(":")
        self._target = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.loses_next_answer_to: bytes | None = None
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._relay, args=(client,))
            self._threads.append(thread)
            thread.start()

    def _relay(self, client: socket.socket) -> None:
        with client, socket.create_connection(self._target) as server:
            while request := self._message(client):
                server.sendall(request)
                answer = self._message(server)
                lost = self.loses_next_answer_to
                if lost is not None and lost in request:
                    self.loses_next_answer_to = None
                    return
                client.sendall(answer)

    @staticmethod
    def _message(source: socket.socket) -> bytes:
        data = b""
        while b"\r\n\r\n" not in data:
            chunk = source.recv(65_536)
            if not chunk:
                return b""
            data += chunk
        head, _, body = data.partition(b"\r\n\r\n")
        length = next(
            (
                int(line.split(b":")[1])
                for line in head.lower().split(b"\r\n")
                if line.startswith(b"content-length:")
            ),
            0,
        )
        while len(body) < length:
            chunk = source.recv(65_536)
            body += chunk
            data += chunk
        return data

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join()


@pytest.fixture
def relay(sim_server: SimulatorServer) -> Iterator[LossyRelay]:
    relay = LossyRelay(sim_server.url)
    yield relay
    relay.close()


def test_action_whose_answer_is_lost_is_not_repeated(
    relay: LossyRelay, trial_app: "TrialApp"
) -> None:
    with AppiumDevice.connect(relay.url) as device:
        device.perform(OpenApp("Trial Counter"))
        point = bounds_of(device, "add").center
        relay.loses_next_answer_to = b"/actions"
        with pytest.raises(ToolError, match="may or may not have happened"):
            device.perform(Tap(point.x, point.y))
        assert trial_app.taps == 1
        device.perform(Tap(point.x, point.y))
        assert trial_app.taps == 2


def test_look_whose_answer_is_lost_is_repeated(relay: LossyRelay) -> None:
    with AppiumDevice.connect(relay.url) as device:
        relay.loses_next_answer_to = b"/screenshot"
        assert device.screenshot().size == (1080, 2400)


class ScaledPhone(Phone):
    """Gives pictures of a third of the window, as some device clouds do."""

    def screenshot(self) -> Image.Image:
        return super().screenshot().resize((360, 800))


def test_picture_of_another_size_moves_touches_and_bounds(trial_app: "TrialApp") -> None:
    with connected(ScaledPhone([trial_app], clock=CLOCK)) as device:
        assert device.size() == Size(360, 800)
        device.perform(OpenApp("Trial Counter"))
        bounds = bounds_of(device, "add")
        assert bounds.bottom < 800
        device.perform(Tap(bounds.left + 1, bounds.center.y))
        assert trial_app.taps == 1
        with pytest.raises(ToolError, match="360x800"):
            device.perform(Tap(500, 1000))


class ProtectedPhone(Phone):
    """Refuses to be photographed."""

    def screenshot(self) -> Image.Image:
        raise ToolError("secure window")


def test_protected_screen_is_black_and_can_still_be_used(trial_app: "TrialApp") -> None:
    with connected(ProtectedPhone([trial_app], clock=CLOCK)) as device:
        picture = device.screenshot()
        assert picture.size == (1080, 2400)
        assert picture.getextrema() == ((0, 0), (0, 0), (0, 0))
        device.perform(OpenApp("Trial Counter"))
        tap(device, "add")
        assert trial_app.taps == 1


class ForgetfulPhone(Phone):
    """Changes what is typed, so many times."""

    spoils = 1
    spoil: Callable[[str], str] = staticmethod(lambda text: text[:-1])

    def type_text(self, text: str) -> None:
        if self.spoils > 0:
            self.spoils -= 1
            text = self.spoil(text)
        super().type_text(text)


@pytest.mark.parametrize("spoil", [lambda text: text[:-1], lambda _: "", lambda text: text * 2])
def test_typing_that_goes_wrong_once_is_put_right(
    trial_app: "TrialApp", spoil: Callable[[str], str]
) -> None:
    phone = ForgetfulPhone([trial_app], clock=CLOCK)
    phone.spoil = spoil
    with connected(phone) as device:
        device.perform(OpenApp("Trial Counter"))
        tap(device, "note")
        phone.spoils = 0
        device.perform(Type("before "))
        phone.spoils = 1
        device.perform(Type("exactly this"))
        assert trial_app.note == "before exactly this"


def test_typing_that_always_goes_wrong_says_what_the_field_holds(trial_app: "TrialApp") -> None:
    phone = ForgetfulPhone([trial_app], clock=CLOCK)
    phone.spoils = 1000
    phone.spoil = staticmethod(lambda text: text[::-1])
    with connected(phone) as device:
        device.perform(OpenApp("Trial Counter"))
        tap(device, "search")
        with pytest.raises(TypingFailed, match=r"'quiet'.*'teiuq'"):
            device.perform(Type("quiet"))


def test_nothing_to_type_is_an_error(sim_server: SimulatorServer) -> None:
    with (
        AppiumDevice.connect(sim_server.url) as device,
        pytest.raises(ToolError, match="no text"),
    ):
        device.perform(Type(""))


def test_phone_without_a_list_of_apps_says_so() -> None:
    with (
        connected(Phone([], clock=CLOCK)) as device,
        pytest.raises(AppNotFound, match="home screen"),
    ):
        device.perform(OpenApp("Maps"))


@pytest.mark.parametrize(
    ("window", "picture"),
    [
        (Size(1080, 2208), Size(1080, 2340)),
        (Size(1080, 2358), Size(1080, 2400)),
        (Size(2352, 1080), Size(2400, 1080)),
        (Size(1080, 2399), Size(1080, 2400)),
        (Size(1080, 2400), Size(1080, 2358)),
    ],
)
def test_bars_outside_of_the_window_are_no_scale(window: Size, picture: Size) -> None:
    scale = PictureScale.between(window, picture)
    assert scale.to_window(Point(1000, 1000)) == Point(1000, 1000)


def test_bars_outside_of_a_scaled_window_do_not_stretch_it() -> None:
    scale = PictureScale.between(Size(540, 1179), Size(1080, 2400))
    assert (scale.x, scale.y) == (2.0, 2.0)


def test_rounded_sides_keep_a_scale_each() -> None:
    scale = PictureScale.between(Size(412, 915), Size(1080, 2400))
    assert (scale.x, scale.y) == (1080 / 412, 2400 / 915)


def test_every_pixel_maps_into_the_window() -> None:
    scale = PictureScale.between(Size(1080, 2400), Size(360, 800))
    assert all(0 <= scale.to_window(Point(x, 0)).x < 1080 for x in range(360))


def test_focused_list_is_no_text_field() -> None:
    tree = parse_ui_tree(
        '<hierarchy rotation="0">'
        '<node class="android.widget.ListView" focused="true" bounds="[0,0][9,9]">'
        '<node class="android.widget.EditText" focused="false" bounds="[0,0][9,9]"/>'
        "</node></hierarchy>"
    )
    assert focused_field(tree) is None


def test_hint_in_the_text_of_an_empty_field_is_not_its_text() -> None:
    tree = parse_ui_tree(
        '<hierarchy rotation="0"><node class="android.widget.EditText" focused="true" '
        'text="Search" hint="Search" bounds="[0,0][9,9]"/></hierarchy>'
    )
    field = focused_field(tree)
    assert field is not None
    assert field.text == ""
    assert field.is_search


@pytest.mark.appium
def test_phone_that_another_client_took_is_taken_back(
    appium_url: str, sim_server: SimulatorServer
) -> None:
    capabilities = {"automationName": "TapgraphSim", "simulatorUrl": sim_server.url}
    with AppiumDevice.connect(appium_url, capabilities=capabilities) as device:
        WebDriver(appium_url, options=_options(capabilities)).quit()
        assert device.screenshot().size == (1080, 2400)


def test_a_phone_that_runs_no_commands_says_so(sim_server: SimulatorServer) -> None:
    with AppiumDevice.connect(sim_server.url) as device, pytest.raises(ToolError, match="shell"):
        device.shell("settings", "get", "global", "zen_mode")


@pytest.mark.appium
def test_errors_of_the_phone_come_through_a_real_server(
    appium_url: str, sim_server: SimulatorServer
) -> None:
    capabilities = {"automationName": "TapgraphSim", "simulatorUrl": sim_server.url}
    driver = WebDriver(appium_url, options=_options(capabilities))
    try:
        with pytest.raises(NoSuchElementException):
            driver.find_element(AppiumBy.ID, "absent")
        with pytest.raises(InvalidSelectorException):
            driver.find_element(AppiumBy.XPATH, "//*[")
        with pytest.raises(UnknownMethodException):
            driver.execute_script("mobile: shell", {"command": "id"})
    finally:
        driver.quit()


@pytest.mark.appium
def test_real_server_without_the_phone_is_unavailable(appium_url: str) -> None:
    with pytest.raises(DeviceUnavailable, match="opens no session"):
        AppiumDevice.connect(
            appium_url,
            capabilities={"automationName": "TapgraphSim", "simulatorUrl": "http://127.0.0.1:9"},
        )


def _options(capabilities: Mapping[str, object]) -> AppiumOptions:
    return AppiumOptions().load_capabilities({"platformName": "Android", **capabilities})
