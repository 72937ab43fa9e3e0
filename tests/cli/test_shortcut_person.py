"""Who answers what a shortcut asks."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from tapgraph.cli.main import main
from tapgraph.cli.shortcut_person import TerminalPerson
from tapgraph.tools.api.shortcuts.system import PersonQuestion

MENU = PersonQuestion("menu", "Which [bold]one[/]?", ("Left\x1b[2J", "Right"))
ASK = PersonQuestion("ask", "Your name?", default="Ann")


def answered(
    question: PersonQuestion, typed: str, monkeypatch: pytest.MonkeyPatch
) -> tuple[str | None, str]:
    shown = io.StringIO()
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    return TerminalPerson(Console(file=shown, width=100)).answer(question), shown.getvalue()


@pytest.mark.parametrize(
    ("question", "typed", "answer"),
    [
        (MENU, "2\n", "Right"),
        (MENU, "1\n", "Left\x1b[2J"),
        (MENU, "3\nRight\n2\n", "Right"),
        (MENU, "0\n", None),
        (MENU, "", None),
        (ASK, "Bob\n", "Bob"),
        (ASK, "\n", "Ann"),
        (ASK, "", None),
    ],
)
def test_a_person_chooses_or_writes(
    question: PersonQuestion, typed: str, answer: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert answered(question, typed, monkeypatch)[0] == answer


def test_a_question_is_shown_as_it_is_and_commands_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, shown = answered(MENU, "2\n", monkeypatch)
    assert "Which [bold]one[/]?" in shown
    assert "\x1b" not in shown


@pytest.fixture
def shortcut(tmp_path: Path) -> str:
    """Asks for a name and gives it."""
    action = {
        "WFWorkflowActionIdentifier": "is.workflow.actions.ask",
        "WFWorkflowActionParameters": {
            "WFAskActionPrompt": "Your name?", "WFAskActionDefaultAnswer": "Ann",
        },
    }  # fmt: skip
    place = tmp_path / "ask.json"
    place.write_text(json.dumps({"WFWorkflowActions": [action]}), "utf-8")
    return str(place)


@pytest.mark.parametrize(
    ("human", "typed", "code", "words"),
    [
        (["--human", "ask"], "Bob\n", 0, "Bob\n"),
        (["--human", "assume"], "Bob\n", 0, "Ann\n"),
        ([], "Bob\n", 0, "Ann\n"),
        (["--human", "stop"], "Bob\n", 1, "\n"),
    ],
)
def test_who_answers_is_an_option(
    human: list[str], typed: str, code: int, words: str, shortcut: str,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    assert main(["api", "run-shortcut", shortcut, *human]) == code
    assert capsys.readouterr().out == words
