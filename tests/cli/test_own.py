"""Tools and prompts of one's own from the command line: `--catalog`, `--secret`, `--prompts`."""

import contextlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tapgraph.agents.run.events import ActionDone
from tapgraph.agents.run.run_folder import RunFolder
from tapgraph.cli.main import main

SWITCH = "Turn on the alarm at 08:30"
MODEL = ["--model", "http://127.0.0.1:9/v1#m"]
SERVER = """
import os
from mcp.server import MCPServer

server = MCPServer("sums")

@server.tool()
def add(a: int, b: int) -> int:
    return a + b + int(os.environ["MORE"])

server.run()
"""

Respond = Callable[[dict[str, Any]], str]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAPGRAPH_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def calling(phone_brain: ModuleType) -> Callable[..., Respond]:
    """The demonstrator, whose Operator uses some tools first, each once."""

    def build(**tools: dict[str, Any]) -> Respond:
        def respond(request: dict[str, Any]) -> str:
            if request["response_format"]["json_schema"]["name"] == "OperatorReply":
                prompt = phone_brain.text_of(request["messages"][-1])
                for name, arguments in tools.items():
                    if name not in prompt:
                        call = {"action": name, "arguments": arguments}
                        return json.dumps({"thought": "", "call": call, "description": ""})
            answer: str = phone_brain.PhoneBrain()(request)
            return answer

        return respond

    return build


def calls_in(run: Path) -> list[str]:
    done = [event for event in RunFolder.open(run).events() if isinstance(event, ActionDone)]
    return [str(event.action["name"]) for event in done]


def test_the_operations_of_a_service_are_tools_also_of_a_resumed_run(
    openai_server: Callable[..., Any],
    calling: Callable[..., Respond],
    notes_calendar: ModuleType,
    tmp_path: Path,
) -> None:
    model = openai_server(calling(list_notes={}, list_events={"day": "2026-03-02"}))
    run = tmp_path / "run"
    with notes_calendar.start() as service:
        start = ["run", SWITCH, "--catalog", f"{service.url}/openapi.json"]
        start += ["--model", model.spec(), "--max-steps", "1", "--out", str(run)]
        assert main(start) == 4
        assert main(["run", "--resume", str(run), "--max-steps", "20"]) == 0
        asked = [one for one in service.state.requests if one.startswith("GET /v1")]
    assert [one.partition("?")[0] for one in asked] == ["GET /v1/notes", "GET /v1/events"]
    assert calls_in(run)[:2] == ["list_notes", "list_events"]


def test_the_tools_of_an_mcp_server_are_tools_and_secrets_reach_it(
    openai_server: Callable[..., Any], calling: Callable[..., Respond], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    pytest.importorskip("mcp")
    (tmp_path / "server.py").write_text(SERVER, encoding="utf-8")
    config = {"mcpServers": {"sums": {"command": sys.executable, "args": ["server.py"]}}}
    (tmp_path / "mcp.json").write_text(json.dumps(config), encoding="utf-8")
    monkeypatch.setenv("THE_REST", "100")
    model = openai_server(calling(add={"a": 1, "b": 2}))
    start = ["run", SWITCH, "--catalog", "mcp.json", "--secret", "sums/MORE=THE_REST"]
    with contextlib.redirect_stderr(sys.__stderr__):
        assert main([*start, "--model", model.spec(), "--human", "allow", "--out", "run"]) == 0
    assert calls_in(tmp_path / "run")[0] == "add"
    assert RunFolder.open(tmp_path / "run").load_result(1) == {"result": 103}


def test_texts_of_a_folder_reach_the_model_also_of_a_resumed_run(
    openai_server: Callable[..., Any], phone_brain: ModuleType, tmp_path: Path
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "operator.system.md").write_text("Mind the gap.", encoding="utf-8")
    model = openai_server(phone_brain.PhoneBrain())
    start = ["run", SWITCH, "--prompts", "mine", "--model", model.spec(), "--out", "run"]
    assert main([*start, "--max-steps", "1"]) == 4
    asked_before = len(model.requests)
    assert main(["run", "--resume", "run", "--max-steps", "20"]) == 0
    for requests in (model.requests[:asked_before], model.requests[asked_before:]):
        assert "Mind the gap." in [one["messages"][0]["content"] for one in requests]


def test_highlights_leave_the_requests_of_other_models_as_they_are(
    openai_server: Callable[..., Any], notes_calendar: ModuleType,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    stop = json.dumps({"thought": "", "action": "give_up", "answer": "no way"})
    sent = []
    with notes_calendar.start() as service:
        for more in ([], ["--highlight"]):
            model = openai_server(lambda request: stop)
            catalog = ["--catalog", f"{service.url}/openapi.json", "--model", model.spec()]
            assert main(["api", "Do it", *catalog, *more, "--out", f"run{len(more)}"]) == 1
            told = capsys.readouterr().err
            assert ("--highlight changes nothing" in told) == bool(more)
            sent.append([part["content"] for part in model.requests[0]["messages"]])
    assert sent[0][0] == sent[1][0]
    assert "highlight" not in json.dumps(sent[1][1])


def test_the_api_agent_takes_texts_of_a_folder(
    openai_server: Callable[..., Any], notes_calendar: ModuleType, tmp_path: Path
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "chooser.system.md").write_text("Mind the gap.", encoding="utf-8")
    stop = json.dumps({"thought": "", "action": "give_up", "answer": "no way"})
    model = openai_server(lambda request: stop)
    with notes_calendar.start() as service:
        catalog = ["--catalog", f"{service.url}/openapi.json", "--model", model.spec()]
        assert main(["api", "Do it", *catalog, "--prompts", "mine", "--out", "run"]) == 1
    assert model.requests[0]["messages"][0]["content"] == "Mind the gap."


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", SWITCH, *MODEL, "--catalog", "none.json"], "none.json cannot be read"),
        (["run", SWITCH, *MODEL, "--secret", "sk-4711"], "--secret takes CATALOG/SCHEME=VARIABLE"),
        (["run", SWITCH, *MODEL, "--prompts", "empty"], "'empty' holds no prompt"),
        (["run", SWITCH, *MODEL, "--prompts", "none"], "'none' cannot be read"),
        (["run", SWITCH, *MODEL, "--prompts", "bad"], "no prompt is called 'pilot.user'"),
        (["api", SWITCH, "--catalog", "x", "--prompts", "bad", *MODEL], "no prompt is called"),
        (["run", "--resume", "x", "--catalog", "a.json"], "--resume takes --catalog"),
        (["run", "--resume", "x", "--prompts", "empty"], "--resume takes --prompts"),
    ],
)
def test_what_cannot_work_is_one_sentence_and_leaves_no_run(
    arguments: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "pilot.user.md").write_text("Fly.", encoding="utf-8")
    assert main(arguments) == 2
    told = capsys.readouterr().err.strip().splitlines()
    assert len(told) == 1
    assert words in told[0]
    assert not (tmp_path / "runs").exists()


def test_a_run_of_the_other_command_is_not_resumed(
    openai_server: Callable[..., Any],
    phone_brain: ModuleType,
    capsys: pytest.CaptureFixture[str],
) -> None:
    model = openai_server(phone_brain.PhoneBrain())
    start = ["run", SWITCH, "--model", model.spec(), "--out", "run", "--max-steps", "1"]
    assert main(start) == 4
    capsys.readouterr()
    assert main(["api", "--resume", "run"]) == 2
    assert "cannot be resumed by `tapgraph api`" in capsys.readouterr().err
