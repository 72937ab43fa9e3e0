"""A person at the terminal."""

import io

import pytest
from rich.console import Console

from tapgraph.agents.run.human import HumanRequest
from tapgraph.cli.terminal_human import TerminalHuman

QUESTION = HumanRequest("question", "Which [bold]day[/]?")
DELETE = HumanRequest("confirmation", "delete: touch 'Delete note' in Notes")


def ask(
    request: HumanRequest, typed: str, monkeypatch: pytest.MonkeyPatch
) -> tuple[str | None, str]:
    """What the person at the keyboard says, and what the terminal showed."""
    shown = io.StringIO()
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    return TerminalHuman(Console(file=shown, width=100)).answer(request), shown.getvalue()


def test_a_question_is_shown_as_it_is_and_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    said, shown = ask(QUESTION, "Monday [sic]\n", monkeypatch)
    assert said == "Monday [sic]"
    assert "Which [bold]day[/]?" in shown


@pytest.mark.parametrize(("typed", "said"), [("y\n", "yes"), ("n\n", "no"), ("what\nn\n", "no")])
def test_only_a_yes_is_a_yes(typed: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ask(DELETE, typed, monkeypatch)[0] == said


@pytest.mark.parametrize("request_", [QUESTION, DELETE])
def test_the_end_of_the_input_is_nobody(
    request_: HumanRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ask(request_, "", monkeypatch)[0] is None


def test_a_question_cannot_command_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    hostile = HumanRequest("question", "Go on?\x1b[2J\x1b]0;title\x07\u202e")
    _, shown = ask(hostile, "no\n", monkeypatch)
    assert not {"\x1b", "\x07", "\u202e"} & set(shown)
