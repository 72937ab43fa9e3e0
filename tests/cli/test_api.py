"""`tapgraph api` as a process, against the example's service and a scripted model over HTTP."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tapgraph.agents.run.events import (
    ActionDone,
    ActionFailed,
    Event,
    HumanAnswered,
    HumanAsked,
    LearntTips,
)
from tapgraph.agents.run.run_folder import RunFolder
from tapgraph.cli.main import main

TAPGRAPH = [sys.executable, "-m", "tapgraph.cli.main"]


def tapgraph_api(*arguments: str, home: Path, said: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*TAPGRAPH, "api", *arguments],
        capture_output=True,
        text=True,
        check=False,
        input=said,
        timeout=120,
        env={**os.environ, "TAPGRAPH_HOME": str(home)},
    )


def events_of(folder: Path, kind: type[Event]) -> list[Any]:
    return [event for event in RunFolder.open(folder).events() if type(event) is kind]


def test_a_task_with_a_question_and_an_error_of_the_server(
    openai_server: Callable[..., Any],
    notes_calendar: ModuleType,
    meeting: ModuleType,
    tmp_path: Path,
) -> None:
    model = openai_server(meeting.respond)
    run = tmp_path / "run"
    policy = tmp_path / "policy.toml"
    policy.write_text('[[rule]]\nthen = "allow"\ntool = "add_*"\n')
    with notes_calendar.start() as service:
        ended = tapgraph_api(
            meeting.INSTRUCTION,
            *("--catalog", f"{service.url}/openapi.json", "--model", model.spec()),
            *("--human", "ask", "--policy", str(policy), "--out", str(run), "--json"),
            home=tmp_path,
            said=f"{meeting.PLACE}\n",
        )
        assert ended.returncode == 0, ended.stderr
        assert meeting.is_done(service.state), service.state
        assert service.state.requests.count("POST /v1/events") == 2
    result = json.loads(ended.stdout)
    assert result["outcome"] == "success"
    assert json.loads(result["answer"]) == {"place": meeting.PLACE}
    assert "Where does the meeting take place?" in ended.stderr
    assert [event.text for event in events_of(run, HumanAnswered)] == [meeting.PLACE]
    assert [event.kind_of_question for event in events_of(run, HumanAsked)] == ["question"]
    failures = events_of(run, ActionFailed)
    assert [event.action["name"] for event in failures] == ["add_event"]
    assert "503" in failures[0].error
    assert [event.action["name"] for event in events_of(run, ActionDone)] == [
        "list_events", "add_event", "add_note",
    ]  # fmt: skip
    assert len(events_of(run, LearntTips)) == 1
    assert (run / "report.html").is_file()


def test_a_run_that_used_its_budget_is_resumed_with_more(
    openai_server: Callable[..., Any],
    notes_calendar: ModuleType,
    meeting: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("TAPGRAPH_HOME", str(tmp_path))
    model = openai_server(meeting.respond)
    run = str(tmp_path / "run")
    with notes_calendar.start() as service:
        start = ["api", "List my events", "--catalog", f"{service.url}/openapi.json"]
        start += ["--model", model.spec(), "--max-steps", "2", "--out", run, "--json"]
        start += ["--human", "allow"]
        assert main(start) == 4
        assert json.loads(capsys.readouterr().out)["outcome"] == "budget"
        assert main(["api", "--resume", run, "--max-steps", "9", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["outcome"], result["steps"]) == ("success", 6)
    assert main(["run", "--resume", run]) == 2
    assert "cannot be resumed" in capsys.readouterr().err


def test_a_secret_is_taken_from_the_environment_and_kept_nowhere(
    openai_server: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = {
        "openapi": "3.1.0",
        "info": {"title": "Locked", "version": "1"},
        "servers": [{"url": "http://127.0.0.1:9"}],
        "paths": {"/door": {"get": {"operationId": "door", "security": [{"key": []}]}}},
        "components": {
            "securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "X-Key"}}
        },
    }
    catalog = tmp_path / "locked.json"
    catalog.write_text(json.dumps(document), encoding="utf-8")
    monkeypatch.setenv("TAPGRAPH_HOME", str(tmp_path))
    monkeypatch.setenv("DOOR_KEY", "open-sesame-4711")
    call = json.dumps({"thought": "", "action": "call", "api": "door"})
    model = openai_server(lambda request: call)
    arguments = ["api", "Open the door", "--catalog", str(catalog), "--model", model.spec()]
    arguments += ["--secret", "key=DOOR_KEY", "--out", str(tmp_path / "run")]
    assert main(arguments) == 1
    written = [path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()]
    assert any(b"key=DOOR_KEY" in content for content in written)
    assert not any(b"open-sesame-4711" in content for content in written)
    assert "open-sesame-4711" not in json.dumps(model.requests)


MODEL = ["--model", "http://127.0.0.1:9/v1#m"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["Do it"], 2, "name the APIs with --catalog"),
        (["Do it", "--catalog", "a.json"], 2, "needs a model"),
        (["  ", "--catalog", "a.json", *MODEL], 2, "the instruction is empty"),
        (["Do it", "--catalog", "a.json", *MODEL], 2, "a.json cannot be read"),
        (["Do it", "--catalog", "{tmp}/text.txt", *MODEL], 2, "must hold an object"),
        (["Do it", "--catalog", "{tmp}", *MODEL], 2, "of shortcuts, and mcp.json is none"),
        (["Do it", "--catalog", "{tmp}/empty", *MODEL], 2, "a folder without shortcuts"),
        (["Do it", "--catalog", "{tmp}/shortcuts", *MODEL], 2, "cannot be called from here"),
        (["Do it", "--catalog", "{tmp}/mcp.json", *MODEL], 2, "either a command or a url"),
        (["Do it", "--catalog", "http://127.0.0.1:9/openapi.json", *MODEL], 3, "no server answers"),
        (["Do it", "--catalog", "a.json", "--model", "gpt"], 2, "a model is openai:NAME"),
        (
            ["Do it", "--catalog", "a.json", *MODEL, "--secret", "sk-4711"],
            2,
            "--secret takes CATALOG/SCHEME=VARIABLE",
        ),
        (["Do it", "--catalog", "a.json", *MODEL, "--max-steps", "0"], 2, "max_steps must be"),
        (["--resume", "no-such-run"], 2, "is not a run folder"),
        (["Do it", "--resume", "no-such-run"], 2, "--resume takes instruction"),
    ],
)
def test_what_cannot_work_is_one_sentence(
    arguments: list[str],
    code: int,
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("TAPGRAPH_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text("Dear Sir", encoding="utf-8")
    (tmp_path / "mcp.json").write_text('{"mcpServers": {"a": {}}}', encoding="utf-8")
    (tmp_path / "empty").mkdir()
    (tmp_path / "shortcuts").mkdir()
    (tmp_path / "shortcuts" / "all_api2info.json").write_text("{}", encoding="utf-8")
    given = [one.replace("{tmp}", str(tmp_path)) for one in arguments]
    assert main(["api", *given]) == code
    told = capsys.readouterr().err
    assert words in told
    assert told.count("error:") == 1
    assert "Traceback" not in told


def test_tools_of_an_mcp_server_are_called(
    openai_server: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("mcp")
    server = tmp_path / "server.py"
    server.write_text(
        "import os\n"
        "from mcp.server import MCPServer\n"
        "server = MCPServer('sums')\n"
        "@server.tool()\n"
        "def add(a: int, b: int) -> int:\n"
        "    return a + b + int(os.environ['MORE'])\n"
        "server.run()\n",
        encoding="utf-8",
    )
    config = {"mcpServers": {"sums": {"command": sys.executable, "args": [str(server)]}}}
    (tmp_path / "mcp.json").write_text(json.dumps(config), encoding="utf-8")
    monkeypatch.setenv("TAPGRAPH_HOME", str(tmp_path))
    monkeypatch.setenv("THE_REST", "100")
    actions = [
        {"action": "call", "api": "add", "arguments": {"a": 1, "b": 2}},
        {"action": "finish", "answer": {"from_call": 1}},
    ]

    def respond(request: dict[str, Any]) -> str:
        if request["response_format"]["json_schema"]["name"] == "ChooserReply":
            return json.dumps({"thought": "", **actions.pop(0)})
        return json.dumps({"complete": True})

    model = openai_server(respond)
    run = tmp_path / "run"
    arguments = ["api", "Add", "--catalog", str(tmp_path / "mcp.json"), "--model", model.spec()]
    arguments += ["--secret", "sums/MORE=THE_REST", "--out", str(run), "--human", "allow"]
    with contextlib.redirect_stderr(sys.__stderr__):
        assert main(arguments) == 0
    assert "103" in RunFolder.open(run).header.answer


def test_keys_in_the_configuration_of_a_server_are_kept_nowhere(
    openai_server: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("mcp")
    server = tmp_path / "server.py"
    server.write_text(
        "import os\n"
        "from mcp.server import MCPServer\n"
        "server = MCPServer('keys')\n"
        "@server.tool()\n"
        "def show() -> str:\n"
        "    return os.environ['SOME_TOKEN'] + ' in ' + os.environ['PLACE']\n"
        "server.run()\n",
        encoding="utf-8",
    )
    program = {"command": sys.executable, "args": [str(server)]}
    program["env"] = {"SOME_TOKEN": "plain-4711-token", "PLACE": "Bonn"}  # type: ignore[assignment]
    (tmp_path / "mcp.json").write_text(json.dumps({"mcpServers": {"k": program}}), "utf-8")
    monkeypatch.setenv("TAPGRAPH_HOME", str(tmp_path))
    actions = [{"action": "call", "api": "show"}, {"action": "finish", "answer": "done"}]

    def respond(request: dict[str, Any]) -> str:
        if request["response_format"]["json_schema"]["name"] == "ChooserReply":
            return json.dumps({"thought": "", **actions.pop(0)})
        return json.dumps({"complete": True})

    model = openai_server(respond)
    run = tmp_path / "run"
    arguments = ["api", "Show", "--catalog", str(tmp_path / "mcp.json"), "--model", model.spec()]
    with contextlib.redirect_stderr(sys.__stderr__):
        assert main([*arguments, "--out", str(run)]) == 0
    written = [path.read_bytes() for path in run.rglob("*") if path.is_file()]
    assert any(b"[secret] in Bonn" in content for content in written)
    assert not any(b"plain-4711-token" in content for content in written)
    assert "plain-4711-token" not in json.dumps(model.requests)


@pytest.mark.parametrize("url", ["http://[", "http://a.example:99999/mcp"])
def test_an_address_of_a_server_that_is_none_is_refused(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TAPGRAPH_HOME", str(tmp_path))
    (tmp_path / "mcp.json").write_text(json.dumps({"mcpServers": {"a": {"url": url}}}), "utf-8")
    assert main(["api", "Do it", "--catalog", str(tmp_path / "mcp.json"), *MODEL]) == 2
    assert "is no MCP config" in capsys.readouterr().err
