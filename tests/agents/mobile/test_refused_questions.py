"""Whole runs on a phone that refuses to tell things: none ends without an outcome."""

import io
import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from tapgraph.agents.run.budget import Budget
from tapgraph.agents.run.outcome import Outcome
from tapgraph.agents.run.run_folder import RunFolder
from tapgraph.llm_backend.chat_model import ChatModel
from tapgraph.tools.mobile.appium_device import AppiumDevice
from tapgraph.tools.mobile.simulator.phone import Phone
from tapgraph.tools.mobile.simulator.server.application import Application

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

Refusal = Callable[[], Response]

_ROOT = "Timed out waiting for the root AccessibilityNodeInfo in the active window"


def _error(code: str, message: str, status: int) -> Refusal:
    value = {"error": code, "message": message, "stacktrace": "io.appium.uiautomator2"}
    return lambda: Response(json.dumps({"value": value}), status, content_type="application/json")


def _value(value: object) -> Refusal:
    return lambda: Response(json.dumps({"value": value}), content_type="application/json")


REFUSALS: Mapping[str, Refusal] = {
    "no root": _error("unknown error", _ROOT, 500),
    "timeout": _error("timeout", "Timed out after 10000ms", 408),
    "stale": _error("stale element reference", "The view is gone from the screen", 404),
    "null": _value(None),
    "empty": _value(""),
    "no JSON": lambda: Response("<html>Bad Gateway</html>", 502, content_type="text/html"),
}
"""How a question is not answered: the driver's errors, values without sense, a proxy's page."""

QUESTIONS = (
    "source",
    "screenshot",
    "window/rect",
    "mobile: getCurrentPackage",
    "mobile: getCurrentActivity",
    "mobile: isKeyboardShown",
    "mobile: getDeviceTime",
    "mobile: listApps",
)
"""What an agent's device asks beside its actions."""


class RefusingServer:
    """Answers like UiAutomator2 on the simulated phone, once it has refused.

    Each question of `refused` is refused once whenever it is asked, or always with `never_answers`.
    """

    def __init__(self, phone: Phone) -> None:
        self._inner = Application(phone)
        self._asked_again: set[str] = set()
        self.refused: frozenset[str] = frozenset()
        self.refusal = REFUSALS["no root"]
        self.never_answers = False
        self.refusals = 0
        self.url = ""

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        body = Request(environ).get_data()
        environ["wsgi.input"] = io.BytesIO(body)
        question = _question(environ["PATH_INFO"], body)
        if question in self.refused and (self.never_answers or question not in self._asked_again):
            self._asked_again.add(question)
            self.refusals += 1
            return self.refusal()(environ, start_response)
        self._asked_again.discard(question)
        return self._inner(environ, start_response)


@pytest.fixture
def refusing(phone: Phone) -> Iterator[RefusingServer]:
    application = RefusingServer(phone)
    server = make_server("127.0.0.1", 0, application, threaded=True)
    application.url = f"http://127.0.0.1:{server.port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield application
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _question(address: str, body: bytes) -> str:
    path = address.split("/", 3)[-1]
    if path != "execute/sync":
        return path
    command: dict[str, Any] = json.loads(body)
    return str(command["script"])


@pytest.fixture
def outcome(
    refusing: RefusingServer, run_task: Any, known_routes: ModuleType, knowing: ChatModel
) -> Callable[..., Outcome]:
    """Writes a note, and says how that ended; the run's folder says the same."""

    def run(**fields: Any) -> Outcome:
        with AppiumDevice.connect(refusing.url) as device:
            result = run_task(known_routes.NOTE, knowing, device=device, **fields)
        assert RunFolder.open(result.folder).header.outcome is result.outcome
        assert result.outcome is not None
        return Outcome(result.outcome)

    return run


@pytest.mark.parametrize("question", QUESTIONS)
def test_question_that_is_refused_once_in_every_step_stops_no_run(
    question: str, refusing: RefusingServer, outcome: Callable[[], Outcome]
) -> None:
    refusing.refused = frozenset({question})
    assert outcome() is Outcome.SUCCESS
    assert refusing.refusals > 0


@pytest.mark.parametrize("refusal", REFUSALS)
def test_all_questions_refused_once_in_every_step_stop_no_run(
    refusal: str, refusing: RefusingServer, outcome: Callable[[], Outcome]
) -> None:
    refusing.refused, refusing.refusal = frozenset(QUESTIONS), REFUSALS[refusal]
    assert outcome() is Outcome.SUCCESS
    assert refusing.refusals > 50


@pytest.mark.parametrize("question", QUESTIONS[1:])
def test_question_that_is_never_answered_stops_no_run(
    question: str, refusing: RefusingServer, outcome: Callable[[], Outcome]
) -> None:
    refusing.refused, refusing.never_answers = frozenset({question}), True
    assert outcome() in set(Outcome) - {Outcome.DEVICE_LOST}


@pytest.mark.parametrize("refusal", ["no root", "null"])
def test_phone_that_tells_only_what_it_shows_can_be_used(
    refusal: str, refusing: RefusingServer, outcome: Callable[[], Outcome]
) -> None:
    refusing.refused = frozenset(QUESTIONS) - {"source", "screenshot", "mobile: listApps"}
    refusing.refusal, refusing.never_answers = REFUSALS[refusal], True
    assert outcome() is Outcome.SUCCESS


@pytest.mark.parametrize("refusal", ["no root", "empty"])
def test_a_tree_that_can_never_be_read_ends_a_run_in_a_known_way(
    refusal: str, refusing: RefusingServer, outcome: Callable[..., Outcome]
) -> None:
    refusing.refused, refusing.refusal = frozenset({"source"}), REFUSALS[refusal]
    refusing.never_answers = True
    ended = outcome(budget=Budget(max_steps=2))
    assert ended in set(Outcome) - {Outcome.SUCCESS, Outcome.DEVICE_LOST}


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_phone_that_tells_nothing_for_ever_ends_a_run_in_a_known_way(
    refusal: str, refusing: RefusingServer, outcome: Callable[[], Outcome]
) -> None:
    refusing.refused, refusing.refusal = frozenset(QUESTIONS), REFUSALS[refusal]
    refusing.never_answers = True
    assert outcome() in set(Outcome) - {Outcome.SUCCESS}
