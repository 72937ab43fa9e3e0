"""`tapgraph api` as a process, against the example's service and a scripted model over HTTP."""

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
    with notes_calendar.start() as service:
        ended = tapgraph_api(
            meeting.INSTRUCTION,
            *("--catalog", f"{service.url}/openapi.json", "--model", model.spec()),
            *("--human", "ask", "--out", str(run), "--json"),
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
