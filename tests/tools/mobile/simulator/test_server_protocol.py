"""What the server answers to requests as they stand on the wire, good and bad."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from urllib3 import PoolManager
from urllib3.response import BaseHTTPResponse

from tapgraph.tools.mobile.simulator.phone import Phone
from tapgraph.tools.mobile.simulator.server import SimulatorServer

CAPABILITIES = {"capabilities": {"alwaysMatch": {"platformName": "Android"}}}


@dataclass(frozen=True)
class Wire:
    """Raw requests to one server."""

    pool: PoolManager
    url: str

    def send(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> BaseHTTPResponse:
        content = body if isinstance(body, bytes) else json.dumps(body if body else {}).encode()
        return self.pool.request(
            method,
            f"{self.url}{path}",
            body=content if method == "POST" else None,
            headers=headers or {},
            retries=False,
        )

    def new_session(self, capabilities: dict[str, object] | None = None) -> str:
        body = {
            "capabilities": {"alwaysMatch": {"platformName": "Android", **(capabilities or {})}}
        }
        answer = self.send("POST", "/session", body)
        assert answer.status == 200, answer.data
        return str(answer.json()["value"]["sessionId"])


@pytest.fixture
def wire(sim_server: SimulatorServer) -> Iterator[Wire]:
    with PoolManager() as pool:
        yield Wire(pool, sim_server.url)


def error_of(answer: BaseHTTPResponse) -> tuple[int, str]:
    value = answer.json()["value"]
    assert set(value) == {"error", "message", "stacktrace"}
    assert value["message"]
    return answer.status, value["error"]


@pytest.mark.parametrize("prefix", ["", "/wd/hub"])
def test_status_is_ready_at_both_base_paths(wire: Wire, prefix: str) -> None:
    value = wire.send("GET", f"{prefix}/status").json()["value"]
    assert value["ready"] is True
    assert value["build"]["name"] == "tapgraph sim"


def test_answers_are_json_and_never_cached(wire: Wire) -> None:
    headers = wire.send("GET", "/status").headers
    assert headers["Content-Type"] == "application/json; charset=utf-8"
    assert headers["Cache-Control"] == "no-cache"


def test_session_answers_at_the_other_base_path_too(wire: Wire) -> None:
    session = wire.new_session()
    assert wire.send("GET", f"/wd/hub/session/{session}/window/rect").json()["value"] == {
        "x": 0,
        "y": 0,
        "width": 1080,
        "height": 2400,
    }


def test_unknown_address_is_an_unknown_command(wire: Wire) -> None:
    assert error_of(wire.send("GET", "/nonsense")) == (404, "unknown command")
    session = wire.new_session()
    assert error_of(wire.send("GET", f"/session/{session}/nonsense")) == (404, "unknown command")


def test_known_address_with_another_method_is_an_unknown_method(wire: Wire) -> None:
    assert error_of(wire.send("POST", "/status")) == (405, "unknown method")
    session = wire.new_session()
    assert error_of(wire.send("DELETE", f"/session/{session}/source")) == (405, "unknown method")


def test_unknown_session_is_an_invalid_session_id(wire: Wire) -> None:
    assert error_of(wire.send("GET", "/session/none/source")) == (404, "invalid session id")
    assert error_of(wire.send("DELETE", "/session/none")) == (404, "invalid session id")


def test_closed_session_is_gone(wire: Wire) -> None:
    session = wire.new_session()
    answer = wire.send("DELETE", f"/session/{session}")
    assert (answer.status, answer.json()) == (200, {"value": None})
    assert error_of(wire.send("GET", f"/session/{session}/source")) == (404, "invalid session id")


def test_new_session_ends_the_one_before(wire: Wire) -> None:
    first, second = wire.new_session(), wire.new_session()
    assert error_of(wire.send("GET", f"/session/{first}/source")) == (404, "invalid session id")
    assert wire.send("GET", f"/session/{second}/source").status == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no json",
        b"[1, 2]",
        b'"text"',
        b"\xff\xfe",
        b'{"a":' * 100_000,
        b'{"capabilities": 3}',
        b'{"capabilities": {"alwaysMatch": []}}',
        b'{"capabilities": {"firstMatch": {}}}',
        b'{"capabilities": {"firstMatch": []}}',
        b'{"capabilities": {"firstMatch": [3]}}',
        b'{"desiredCapabilities": {}}',
        b'{"capabilities": {"alwaysMatch": {"udid": "no prefix"}}}',
        b'{"capabilities": {"alwaysMatch": {"platformName": 3}}}',
        b'{"capabilities": {"alwaysMatch": {"appium:newCommandTimeout": "60"}}}',
        b'{"capabilities": {"alwaysMatch": {"appium:newCommandTimeout": -1}}}',
        b'{"capabilities": {"alwaysMatch": {"appium:newCommandTimeout": NaN}}}',
        b'{"capabilities": {"alwaysMatch": {"appium:newCommandTimeout": 1e999}}}',
        b'{"capabilities": {"alwaysMatch": {"appium:noReset": "yes"}}}',
        b'{"capabilities": {"alwaysMatch": {"timeouts": 3}}}',
        b'{"capabilities": {"alwaysMatch": {"timeouts": {"implicit": -1}}}}',
        b'{"capabilities": {"alwaysMatch": {"platformName": "Android"},'
        b' "firstMatch": [{"platformName": "Android"}]}}',
    ],
)
def test_malformed_session_request_is_an_invalid_argument(wire: Wire, body: bytes) -> None:
    assert error_of(wire.send("POST", "/session", body)) == (400, "invalid argument")


@pytest.mark.parametrize(
    "capabilities",
    [
        {"platformName": "iOS"},
        {"appium:automationName": "XCUITest"},
        {"appium:udid": "another-phone"},
        {"browserName": "Chrome"},
        {"appium:appPackage": "org.example.absent"},
    ],
)
def test_session_that_does_not_fit_is_not_created(
    wire: Wire, capabilities: dict[str, object]
) -> None:
    body = {"capabilities": {"alwaysMatch": capabilities}}
    assert error_of(wire.send("POST", "/session", body)) == (500, "session not created")


def test_first_fitting_alternative_wins(wire: Wire) -> None:
    body = {
        "capabilities": {
            "firstMatch": [{"platformName": "iOS"}, {"platformName": "ANDROID", "appium:a": 1}]
        }
    }
    granted = wire.send("POST", "/session", body).json()["value"]["capabilities"]
    assert granted["appium:a"] == 1
    assert granted["appium:udid"] == "tapgraph-sim"


def test_app_of_the_capabilities_is_started(wire: Wire, sim_server: SimulatorServer) -> None:
    wire.new_session({"appium:appPackage": "org.example.other"})
    assert sim_server.phone.foreground[0] == "org.example.other"
    wire.new_session({"appium:appPackage": "org.example.trial", "appium:autoLaunch": False})
    assert sim_server.phone.foreground[0] == "org.example.other"


def test_huge_body_is_refused_and_the_server_lives_on(wire: Wire) -> None:
    answer = wire.send("POST", "/session", b'{"a": "' + b"x" * 3_000_000 + b'"}')
    assert error_of(answer) == (400, "invalid argument")
    assert wire.send("GET", "/status").status == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/element", {"using": "id"}),
        ("/element", {"using": 3, "value": "x"}),
        ("/element", {"using": "id", "value": ["x"]}),
        ("/actions", {}),
        ("/actions", {"actions": 3}),
        ("/actions", {"actions": [3]}),
        ("/actions", {"actions": [{"type": "pointer", "id": "a"}]}),
        ("/actions", {"actions": [{"type": "laser", "id": "a", "actions": []}]}),
        ("/actions", {"actions": [{"type": "key", "id": "a", "actions": [{"type": "keyDown"}]}]}),
        (
            "/actions",
            {
                "actions": [
                    {"type": "pointer", "id": "a", "actions": [{"type": "pause", "duration": -1}]}
                ]
            },
        ),
        (
            "/actions",
            {
                "actions": [
                    {
                        "type": "pointer",
                        "id": "a",
                        "actions": [{"type": "pointerMove", "x": "1", "y": 2}],
                    }
                ]
            },
        ),
        ("/actions", {"actions": [{"type": "wheel", "id": "w", "actions": [{"type": "scroll"}]}]}),
        (
            "/actions",
            {
                "actions": [
                    {
                        "type": "pointer",
                        "id": "a",
                        "actions": [{"type": "pointerMove", "x": 1, "y": 2, "origin": "moon"}],
                    }
                ]
            },
        ),
        ("/execute/sync", {"script": 3, "args": []}),
        ("/execute/sync", {"script": "mobile: pressKey", "args": [{}]}),
        ("/execute/sync", {"script": "mobile: pressKey", "args": [{"keycode": "four"}]}),
        ("/execute/sync", {"script": "mobile: pressKey", "args": [{"keycode": True}]}),
        ("/execute/sync", {"script": "mobile: pressKey", "args": [{"keycode": 1e999}]}),
        ("/execute/sync", {"script": "mobile: pressKey", "args": [3]}),
        ("/execute/sync", {"script": "mobile: pressKey", "args": [{}, {}]}),
        ("/execute/sync", {"script": "mobile: type", "args": [{"text": None}]}),
        ("/execute/sync", {"script": "mobile: type", "args": [{"text": "half \ud83d"}]}),
        ("/execute/sync", {"script": "mobile: type \ud83d"}),
        ("/element", {"using": "\ud83d", "value": "\ud83d"}),
        ("/execute/sync", {"script": "mobile: setClipboard", "args": [{"content": "%%%"}]}),
        ("/execute/sync", {"script": "mobile: startActivity", "args": [{"intent": "nope"}]}),
        ("/timeouts", {}),
        ("/timeouts", {"implicit": -5}),
        ("/timeouts", {"implicit": "soon"}),
        ("/orientation", {"orientation": "DIAGONAL"}),
        ("/rotation", {"z": 45}),
        ("/appium/settings", {"settings": 3}),
        ("/context", {"name": 3}),
    ],
)
def test_wrong_parameters_are_invalid_arguments(
    wire: Wire, path: str, body: dict[str, object]
) -> None:
    session = wire.new_session()
    content = json.dumps(body).replace("Infinity", "1e999").encode()
    answer = wire.send("POST", f"/session/{session}{path}", content)
    assert error_of(answer) == (400, "invalid argument")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/url", {}),
        ("GET", "/cookie", {}),
        ("POST", "/execute/sync", {"script": "return 1", "args": []}),
        ("POST", "/execute/sync", {"script": "mobile: nonsense", "args": []}),
        ("POST", "/execute/sync", {"script": "mobile: shell", "args": [{"command": "id"}]}),
        ("POST", "/execute/sync", {"script": "mobile: deepLink", "args": [{"url": "a://b"}]}),
    ],
)
def test_what_a_phone_cannot_do_is_an_unsupported_operation(
    wire: Wire, method: str, path: str, body: dict[str, object]
) -> None:
    session = wire.new_session()
    answer = wire.send(method, f"/session/{session}{path}", body)
    assert error_of(answer) == (500, "unsupported operation")


def test_pointer_outside_of_the_screen_is_out_of_bounds(wire: Wire) -> None:
    session = wire.new_session()
    move = {"type": "pointerMove", "x": 1080, "y": 5}
    body = {"actions": [{"type": "pointer", "id": "finger", "actions": [move]}]}
    answer = wire.send("POST", f"/session/{session}/actions", body)
    assert error_of(answer) == (500, "move target out of bounds")


def test_unknown_element_is_no_such_element(wire: Wire) -> None:
    session = wire.new_session()
    answer = wire.send("GET", f"/session/{session}/element/none/text")
    assert error_of(answer) == (404, "no such element")


def test_typing_without_focus_is_an_invalid_element_state(wire: Wire) -> None:
    session = wire.new_session()
    body = {"script": "mobile: type", "args": [{"text": "x"}]}
    answer = wire.send("POST", f"/session/{session}/execute/sync", body)
    assert error_of(answer) == (400, "invalid element state")


@pytest.mark.parametrize(
    ("origin", "status"), [("http://evil.example", 500), ("null", 500), ("http://localhost:9", 200)]
)
def test_web_pages_of_other_hosts_are_refused(wire: Wire, origin: str, status: int) -> None:
    assert wire.send("GET", "/status", headers={"Origin": origin}).status == status


def test_timeouts_are_kept(wire: Wire) -> None:
    session = wire.new_session({"appium:newCommandTimeout": 5})
    wire.send("POST", f"/session/{session}/timeouts", {"implicit": 10})
    kept = wire.send("GET", f"/session/{session}/timeouts").json()["value"]
    assert kept == {"command": 5000, "implicit": 10}


def test_timeouts_of_the_capabilities_are_taken(wire: Wire) -> None:
    session = wire.new_session({"timeouts": {"implicit": 250}})
    kept = wire.send("GET", f"/session/{session}/timeouts").json()["value"]
    assert kept["implicit"] == 250


def test_older_addresses_of_mobile_commands_work(wire: Wire) -> None:
    session = wire.new_session()
    base = f"/session/{session}/appium/device"
    wire.send("POST", f"{base}/activate_app", {"appId": "org.example.other"})
    assert wire.send("GET", f"{base}/current_package").json()["value"] == "org.example.other"
    wire.send("POST", f"{base}/press_keycode", {"keycode": 3})
    assert wire.send("GET", f"{base}/current_package").json()["value"] != "org.example.other"


class SlowClock:
    """A clock that goes only when it is told to."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_idle_session_ends_after_its_command_timeout(phone: Phone) -> None:
    clock = SlowClock()
    with SimulatorServer(phone, clock=clock) as server, PoolManager() as pool:
        wire = Wire(pool, server.url)
        session = wire.new_session({"appium:newCommandTimeout": 10})
        clock.now_s = 9.0
        assert wire.send("GET", f"/session/{session}/source").status == 200
        clock.now_s = 18.0
        assert wire.send("GET", f"/session/{session}/source").status == 200
        clock.now_s = 29.0
        answer = wire.send("GET", f"/session/{session}/source")
        assert error_of(answer) == (404, "invalid session id")
        assert "newCommandTimeout" in answer.json()["value"]["message"]


def test_command_timeout_of_zero_never_ends(phone: Phone) -> None:
    clock = SlowClock()
    with SimulatorServer(phone, clock=clock) as server, PoolManager() as pool:
        wire = Wire(pool, server.url)
        session = wire.new_session({"appium:newCommandTimeout": 0})
        clock.now_s = 1e9
        assert wire.send("GET", f"/session/{session}/source").status == 200
