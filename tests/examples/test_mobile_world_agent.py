"""MobileWorld's adapter in a loop like MobileWorld's, against a stand-in of what it uses of it."""

import importlib.util
import json
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tapgraph.tools.mobile import actions
from tapgraph.tools.mobile.actions import Action
from tapgraph.tools.mobile.simulator import build_phone
from tapgraph.tools.mobile.simulator.device import SimulatedDevice
from tapgraph.tools.mobile.simulator.phone import Phone

ADAPTER = Path(__file__).parents[2] / "examples" / "mobile_world_agent.py"
PHONE = "emulator-5554"
APPS = {"Clock": "com.google.android.deskclock", "Notes": "com.notes"}


@dataclass
class JsonAction:
    action_type: str
    x: int | None = None
    y: int | None = None
    text: str | None = None
    app_name: str | None = None
    start_x: int | None = None
    start_y: int | None = None
    end_x: int | None = None
    end_y: int | None = None

    def on_phone(self) -> Action:
        x, y, text = self.x or 0, self.y or 0, self.text or ""
        ends = (self.start_x or 0, self.start_y or 0, self.end_x or 0, self.end_y or 0)
        made: dict[str, Callable[[], Action]] = {
            "click": lambda: actions.Tap(x, y),
            "double_tap": lambda: actions.DoubleTap(x, y),
            "long_press": lambda: actions.LongPress(x, y),
            "drag": lambda: actions.Swipe(*ends),
            "input_text": lambda: actions.Type(text),
            "open_app": lambda: actions.OpenApp(self.app_name or ""),
            "keyboard_enter": actions.Enter,
            "navigate_back": actions.Back,
            "navigate_home": actions.Home,
            "wait": lambda: actions.Wait(1.0),
        }
        return made[self.action_type]()


class BaseAgent:
    """What MobileWorld gives its agents."""

    def __init__(self, *_: Any, **__: Any) -> None:
        self.instruction: str | None = None

    def initialize(self, instruction: str) -> bool:
        self.instruction = instruction
        self.initialize_hook(instruction)
        return True

    def initialize_hook(self, instruction: str) -> None:
        raise NotImplementedError

    def done(self) -> None:
        self.instruction = None
        self.reset()

    def reset(self) -> None:
        raise NotImplementedError


class Server(ThreadingHTTPServer):
    """MobileWorld's server on a simulated phone."""

    def __init__(self, phone: Phone) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.phone = SimulatedDevice(phone)

    def told(self, address: str) -> dict[str, Any] | None:
        parts = urlsplit(address)
        asked = {name: one for name, (one, *_) in parse_qs(parts.query).items()}
        if asked.pop("device") != PHONE:
            return None
        if parts.path == "/state":
            return {"current_activity": self.phone.current_app().package}
        if parts.path == "/xml" and asked == {"mode": "uia", "return_content": "true"}:
            return {"content": self.phone.ui_tree().xml}
        return None


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        told = self.server.told(self.path)
        body = json.dumps(told).encode()
        self.send_response(200 if told is not None else 500)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def phone() -> Iterator[Phone]:
    with build_phone(seed=7) as built:
        yield built


@pytest.fixture
def server(phone: Phone) -> Iterator[Server]:
    with Server(phone) as served:
        thread = threading.Thread(target=served.serve_forever)
        thread.start()
        yield served
        served.shutdown()
        thread.join()


@pytest.fixture
def adapter(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    stand_ins: dict[str, Any] = {
        "mobile_world": SimpleNamespace(),
        "mobile_world.agents": SimpleNamespace(),
        "mobile_world.agents.base": SimpleNamespace(BaseAgent=BaseAgent),
        "mobile_world.runtime": SimpleNamespace(),
        "mobile_world.runtime.utils": SimpleNamespace(),
        "mobile_world.runtime.utils.models": SimpleNamespace(APP_DICT=APPS, JSONAction=JsonAction),
    }
    for name, module in stand_ins.items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.chdir(tmp_path)
    spec = importlib.util.spec_from_file_location("mobile_world_agent", ADAPTER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def episode(adapter: ModuleType, server: Server) -> Callable[..., list[JsonAction]]:
    """MobileWorld's loop: every action until the agent ends, or the limit does."""

    def run(model: str, task: str, *, limit: int = 30, user: str = "") -> list[JsonAction]:
        url, _, name = model.partition("#")
        env = SimpleNamespace(base_url=f"http://127.0.0.1:{server.server_address[1]}", device=PHONE)
        agent = adapter.TapgraphAgent(model_name=name, llm_base_url=url, api_key="k", env=env)
        agent.initialize(task)
        given: list[JsonAction] = []
        reply = None
        while len(given) < limit:
            seen = {"screenshot": server.phone.screenshot(), "ask_user_response": reply}
            _, action = agent.predict({**seen, "tool_call": None})
            given.append(action)
            reply = user if action.action_type == "ask_user" else None
            if action.action_type in {"answer", "finished", "unknown"}:
                break
            if reply is None:
                server.phone.perform(action.on_phone())
        agent.done()
        return given

    return run


def kinds(given: list[JsonAction]) -> list[str]:
    return [one.action_type for one in given]


def test_a_task_is_done_action_by_action(
    episode: Any, openai_server: Any, phone_brain: ModuleType, phone: Phone
) -> None:
    model = openai_server(phone_brain.PhoneBrain()).spec()
    given = episode(model, "Turn on the alarm at 08:30.")
    assert kinds(given) == ["open_app", "click", "finished"]
    assert asdict(given[0])["app_name"] == "Clock"
    found = phone.database(APPS["Clock"]).execute("SELECT is_on FROM alarms WHERE at = '08:30'")
    assert found.fetchone() == (1,)


def test_an_answer_ends_a_task(episode: Any, openai_server: Any, phone_brain: ModuleType) -> None:
    model = openai_server(phone_brain.PhoneBrain(result="It rings at 08:30.")).spec()
    given = episode(model, "Turn on the alarm at 08:30, and say when it rings.")
    assert (given[-1].action_type, given[-1].text) == ("answer", "It rings at 08:30.")


def test_the_runners_limit_takes_the_phone_away(
    episode: Any, openai_server: Any, phone_brain: ModuleType
) -> None:
    model = openai_server(phone_brain.PhoneBrain()).spec()
    assert kinds(episode(model, "Turn on the alarm at 08:30.", limit=1)) == ["open_app"]


def test_a_question_goes_to_mobileworlds_user(episode: Any, openai_server: Any, clerk: Any) -> None:
    deeds = [("Ask_User", "Which alarm?"), ("Open_App", "Clock")]
    given = episode(
        openai_server(does := clerk(deeds)).spec(), "Turn on the alarm.", user="The one at 08:30."
    )
    assert kinds(given) == ["ask_user", "open_app", "finished"]
    assert given[0].text == "Which alarm?"
    assert "The one at 08:30." in does.shown[1]


def test_what_mobileworld_cannot_do_is_told_and_not_handed_out(
    episode: Any, openai_server: Any, clerk: Any
) -> None:
    deeds = [("Switch_App", ""), ("Home", "")]
    given = episode(openai_server(does := clerk(deeds)).spec(), "Look around.")
    assert kinds(given) == ["navigate_home", "finished"]
    assert "this phone cannot do Switch_App" in does.shown[1]


def test_every_action_has_its_own(adapter: ModuleType) -> None:
    told = [
        actions.Tap(1, 2), actions.DoubleTap(1, 2), actions.LongPress(1, 2),
        actions.Swipe(1, 2, 3, 4), actions.Type("x"), actions.OpenApp("Clock"),
        actions.Enter(), actions.Back(), actions.Home(), actions.Wait(1.0),
    ]  # fmt: skip
    assert [JsonAction(**adapter._as_theirs(one)).on_phone() for one in told] == told
