"""Every program in docs/custom.md runs as it stands, in an empty folder."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

TEXT = (Path(__file__).parents[2] / "docs" / "custom.md").read_text(encoding="utf-8")
PROGRAMS = dict(re.findall(r"^## (.+?)\n(?:(?!^## ).)*?```python\n(.*?)```", TEXT, re.M | re.S))

PRINTED = {
    "A task": ["success: (1.0|100.0)", "false completion: 0.0", "side effects: 0.0"],
    "A tool": ["success", "2.40 euros", r'price_of \{"item": "bread"\} gave: 2.4'],
    "A model": ["success Hello."],
    "A role": ["success"],
    "A memory": [
        "'Turn on the alarm at 08:30': 5 of kind tip",
        "success",
        r"\('shown', 'Turn on the alarm at 08:30'\)",
        r"\{'drink': 'green tea'\}",
    ],
    "An app": ["1 so far", r"\(1,\)"],
    "Prompts": ["success"],
}
"""What each prints, by hand: expressions that stand in its output in this order."""


def run(program: str, folder: Path, **variables: str) -> str:
    (folder / "program.py").write_text(program, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error", "program.py"],
        cwd=folder,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def pricing(request: dict[str, Any]) -> str | None:
    """Asks for the price of bread, then answers; None for other tasks."""
    prompt = str(request["messages"][-1]["content"])
    if "What does bread cost" not in prompt:
        return None
    call = {"action": "price_of", "arguments": {"item": "bread"}}
    if "gave: 2.4" in prompt:
        call = {"action": "Answer", "arguments": {"text": "2.40 euros"}}
    replies: dict[str, dict[str, Any]] = {
        "ManagerReply": {"thought": "", "subgoals": ["Ask"], "current": 1, "status": "working"},
        "OperatorReply": {"thought": "", "call": call, "description": ""},
        "VerifierReply": {"complete": True},
    }
    return json.dumps(replies[request["response_format"]["json_schema"]["name"]])


def test_there_is_a_program_for_each_thing() -> None:
    assert list(PROGRAMS) == list(PRINTED)
    assert TEXT.count("```python") == len(PROGRAMS)


@pytest.mark.parametrize("name", PRINTED)
def test_a_program_is_under_forty_lines(name: str) -> None:
    assert len(PROGRAMS[name].splitlines()) < 40


@pytest.mark.parametrize("name", PRINTED)
def test_a_program_does_what_the_text_says(
    name: str, openai_server: Callable[..., Any], phone_brain: ModuleType, tmp_path: Path
) -> None:
    def respond(request: dict[str, Any]) -> Any:
        if request["model"] == "OTHER":
            return '{"words": "none"}'
        return pricing(request) or phone_brain.PhoneBrain()(request)

    server = openai_server(respond)
    printed = run(PROGRAMS[name], tmp_path, OPENAI_BASE_URL=server.url, OPENAI_API_KEY="none")
    assert re.search(".*".join(PRINTED[name]), printed, re.DOTALL), printed
    models = {request["model"] for request in server.requests}
    assert models == {"A tool": {"NAME"}, "A role": {"NAME", "OTHER"}}.get(name, set())
