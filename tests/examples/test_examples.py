"""Every example runs as it stands."""

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

EXAMPLES = Path(__file__).parents[2] / "examples"


def run(name: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", str(EXAMPLES / name), *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_graph_runs_on_the_simulated_phone() -> None:
    assert run("simulated_phone.py").startswith("success, ")


def test_a_phone_can_be_read_and_touched_without_a_model() -> None:
    printed = run("look_and_touch.py")
    assert "Network & internet" in printed
    assert "Dark theme" in printed


def test_an_answer_comes_back_as_an_object(openai_server: Callable[..., Any]) -> None:
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
    assert run("typed_answer.py", server.spec()).strip() == "success, percent=87"


def test_the_api_agent_works_with_a_real_service(
    openai_server: Callable[..., Any], meeting: ModuleType
) -> None:
    printed = run("api_agent.py", openai_server(meeting.respond).spec())
    assert "question: Where does the meeting take place?" in printed
    assert f"success, place='{meeting.PLACE}'" in printed
    assert "start='2026-03-02T10:30', end='2026-03-02T11:30'" in printed


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_every_example_says_what_it_shows(example: Path) -> None:
    assert example.read_text("utf-8").startswith('"""')
