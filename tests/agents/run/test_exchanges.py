"""What roles were asked and said is kept in the run, and found again by role."""

from pathlib import Path

import pytest

from tapgraph.agents.run.exchanges import EXCHANGES, exchange_line, role_examples
from tapgraph.errors import UsageError
from tapgraph.llm_backend.messages import system, user


def test_a_role_finds_what_it_was_asked_and_said(tmp_path: Path) -> None:
    asked = [system("Judge."), user("Did it\nwork?")]
    lines = [exchange_line(role, asked, f"{role} says é") for role in ("reflector", "manager")]
    (tmp_path / EXCHANGES).write_text("\n".join(lines) + '\n{"role": "refl', encoding="utf-8")
    assert role_examples(tmp_path, "Reflector") == [
        {"system": "Judge.", "input": "Did it\nwork?", "output": "reflector says é"}
    ]


@pytest.mark.parametrize("separator", ["\u2028", "\u0085", "\x0b", "\r\n"])
def test_words_may_hold_any_separator_of_lines(tmp_path: Path, separator: str) -> None:
    said = f"one{{}}{separator}two}}"
    line = exchange_line("reflector", [user(said)], said)
    (tmp_path / EXCHANGES).write_text(f"{line}\n{line}\n", encoding="utf-8")
    assert (
        role_examples(tmp_path, "reflector") == [{"system": "", "input": said, "output": said}] * 2
    )


def test_a_role_that_was_not_asked_is_told_who_was(tmp_path: Path) -> None:
    (tmp_path / EXCHANGES).write_text(exchange_line("manager", [user("?")], "!"), encoding="utf-8")
    with pytest.raises(
        UsageError, match=r"no 'Verifier' was asked in .*; roles that were: manager"
    ):
        role_examples(tmp_path, "Verifier")


def test_a_folder_without_exchanges_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"holds no exchanges\.jsonl"):
        role_examples(tmp_path, "Reflector")
