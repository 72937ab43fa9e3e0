"""Every example runs as it stands."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tapgraph.agents.mobile.replies import (
    ManagerReply,
    NotetakerReply,
    OperatorReply,
    ReflectorReply,
    ShortcutReply,
    TipsReply,
    VerifierReply,
)
from tapgraph.tools.mobile.simulator import build_phone
from tapgraph.tools.mobile.simulator.server import SimulatorServer

EXAMPLES = Path(__file__).parents[2] / "examples"


def run(program: Path, folder: Path, *arguments: str, **variables: str) -> str:
    """What it prints, in a folder of its own, where every warning is an error."""
    done = subprocess.run(
        [sys.executable, "-W", "error", str(program), *arguments],
        cwd=folder,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_hello_world_does_its_task_on_a_phone_behind_appium(
    openai_server: Callable[..., Any], phone_brain: ModuleType, tmp_path: Path
) -> None:
    """The lines as they are, but for the port, which may be taken here."""
    model = openai_server(phone_brain.PhoneBrain())
    lines = (EXAMPLES / "hello_world.py").read_text(encoding="utf-8")
    with build_phone(seed=7) as phone, SimulatorServer(phone) as server:
        assert "http://127.0.0.1:4723" in lines
        program = tmp_path / "hello_world.py"
        program.write_text(lines.replace("http://127.0.0.1:4723", server.url), encoding="utf-8")
        printed = run(program, tmp_path, OPENAI_BASE_URL=model.url, OPENAI_API_KEY="none")
        alarms = "SELECT is_on FROM alarms WHERE at = '08:30'"
        clock = phone.database("com.google.android.deskclock")
        assert clock.execute(alarms).fetchone() == (1,)
    assert printed == "success\n"
    assert {request["model"] for request in model.requests} == {"NAME"}


def test_the_graph_runs_on_the_simulated_phone(tmp_path: Path) -> None:
    assert run(EXAMPLES / "simulated_phone.py", tmp_path).startswith("success, ")


def test_a_phone_can_be_read_and_touched_without_a_model(tmp_path: Path) -> None:
    printed = run(EXAMPLES / "look_and_touch.py", tmp_path)
    assert "Network & internet" in printed
    assert "Dark theme" in printed


def test_an_answer_comes_back_as_an_object(
    openai_server: Callable[..., Any], tmp_path: Path
) -> None:
    replies: dict[str, Any] = {
        "ManagerReply": ManagerReply(
            thought="", subgoals=["Read the battery"], current=1, status="working"
        ),
        "OperatorReply": OperatorReply(
            thought="",
            action="Answer",
            arguments={"text": '{"percent": 87}'},
            description="",
            completes_subgoal=True,
        ),
        "ReflectorReply": ReflectorReply(verdict="A"),
        "NotetakerReply": NotetakerReply(notes=""),
        "VerifierReply": VerifierReply(complete=True),
        "ShortcutReply": ShortcutReply(worth_keeping=False),
        "TipsReply": TipsReply(tips=[]),
    }
    server = openai_server(
        lambda request: replies[request["response_format"]["json_schema"]["name"]]
    )
    printed = run(EXAMPLES / "typed_answer.py", tmp_path, server.spec())
    assert printed == "success, percent=87\n"


def test_the_api_agent_works_with_a_real_service(
    openai_server: Callable[..., Any], meeting: ModuleType, tmp_path: Path
) -> None:
    printed = run(EXAMPLES / "api_agent.py", tmp_path, openai_server(meeting.respond).spec())
    assert "question: Where does the meeting take place?" in printed
    assert f"success, place='{meeting.PLACE}'" in printed
    assert "start='2026-03-02T10:30', end='2026-03-02T11:30'" in printed


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_every_example_says_what_it_shows(example: Path) -> None:
    assert example.read_text("utf-8").startswith('"""')
