"""What README shows is what the examples hold, what the command takes and what is there."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer.main

from tapgraph.cli.main import app, main
from tapgraph.llm_backend.model_spec import open_models
from tapgraph.settings import Settings

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SHOWN = re.findall(
    r"\(examples/(\w+\.py)\)(?:(?!```).)*?```python\n(.*?)```",
    README,
    re.DOTALL,
)
COMMANDS = re.findall(r"^tapgraph .+$", README, re.MULTILINE)
SPECS = re.findall(r"^\| [^|`]+ \| `([^`]+)`", README, re.MULTILINE)
SERVED = [spec for spec in SPECS if spec != "local:PATH"]
"""A checkpoint does its task in tests/cli/test_run_local.py."""
PICTURES_BYTES = 600_000


def test_every_python_block_of_readme_is_of_an_example() -> None:
    assert len(SHOWN) == README.count("```python") >= 3


@pytest.mark.parametrize(("example", "shown"), SHOWN, ids=[name for name, _ in SHOWN])
def test_readme_shows_lines_of_the_example(example: str, shown: str) -> None:
    assert shown in (ROOT / "examples" / example).read_text(encoding="utf-8")


def test_hello_world_has_five_lines_and_two_imports() -> None:
    text = (ROOT / "examples" / "hello_world.py").read_text(encoding="utf-8")
    lines = text.partition('"""\n\n')[2].splitlines()
    assert len(lines) == 5
    assert sum(" import " in line for line in lines) == 2


def test_every_link_of_readme_leads_to_a_file() -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)", README) if "://" not in link]
    assert len(links) >= 12
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_pictures_of_readme_are_light() -> None:
    pictures = re.findall(r"!\[[^]]+\]\(([^)]+)\)", README)
    assert len(pictures) == 2
    assert sum((ROOT / picture).stat().st_size for picture in pictures) < PICTURES_BYTES


def test_every_command_of_readme_is_understood() -> None:
    assert len(COMMANDS) >= 12
    for line in COMMANDS:
        command: Any = typer.main.get_command(app)
        _, *words = shlex.split(line, comments=True)
        while commands := getattr(command, "commands", None):
            named = words.pop(0) if words[0] in commands else next(iter(commands))
            command = commands[named]
        command.make_context(None, words).close()


def test_every_model_of_readme_can_be_named() -> None:
    settings = Settings(home=Path(), openai_api_key="a", model_api_key="b")
    assert len(SPECS) == 8
    for spec in SERVED:
        open_models(spec, settings, roles=["manager"])


@pytest.mark.parametrize("spec", SERVED)
def test_every_model_of_readme_does_a_task_where_a_stand_in_answers(
    spec: str,
    openai_server: Callable[..., Any],
    phone_brain: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    server = openai_server(phone_brain.PhoneBrain())
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    monkeypatch.setenv("OPENAI_API_KEY", "a")
    monkeypatch.setenv("TAPGRAPH_HOME", str(tmp_path / "home"))
    given = re.sub(r"^https?://[^#]+", server.url, spec)
    task = ["run", "Turn on the alarm at 08:30", "--seed", "7"]
    assert main([*task, "--model", given, "--out", str(tmp_path / "run")]) == 0
    assert server.requests


def test_the_demo_of_the_pictures_runs_and_has_its_report(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (line,) = (line for line in COMMANDS if line.startswith("tapgraph demo "))
    monkeypatch.setenv("TAPGRAPH_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    assert main(shlex.split(line, comments=True)[1:]) == 0
    assert (tmp_path / "dinner" / "report.html").exists()
