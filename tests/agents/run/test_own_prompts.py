"""Texts of one's own in the place of prompts."""

from pathlib import Path

import pytest

from tapgraph.agents.run.prompts import Prompts, prompts_of
from tapgraph.errors import UsageError

MOBILE = "tapgraph.agents.mobile"
FIELDS = {"tips": "Look first."}


def test_a_text_of_ones_own_stands_in_for_a_file() -> None:
    prompts = prompts_of(MOBILE, {"tips_reflector.system": "Known: $tips. Costs $$1."})
    assert prompts.filled("tips_reflector.system", FIELDS) == "Known: Look first.. Costs $1."


def test_it_may_leave_fields_out() -> None:
    prompts = prompts_of(MOBILE, {"tips_reflector.system": "Say tips."})
    assert prompts.filled("tips_reflector.system", FIELDS) == "Say tips."


def test_all_others_stay_as_they_are() -> None:
    own = prompts_of(MOBILE, {"manager.system": "Plan."})
    default = prompts_of(MOBILE, None)
    name = "tips_reflector.system"
    assert own.filled(name, FIELDS) == default.filled(name, FIELDS)


def test_the_two_parts_of_a_conversation_may_have_different_names() -> None:
    prompts = Prompts(MOBILE, {"tips_reflector.system": "A $tips", "experience.user": "B $ending"})
    rules, question = prompts.conversation(
        "tips_reflector", {"tips": "t"}, {"ending": "e"}, asks="experience"
    )
    assert (rules.role, rules.text) == ("system", "A t")
    assert (question.role, question.text) == ("user", "B e")


def test_a_name_that_no_prompt_has_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(UsageError, match=r"no prompt is called 'x'; there are experience\.user, "):
        prompts_of(MOBILE, {"x": ""})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("$tips and $mood", "has the fields tips, and .* got mood"),
        ("costs $ 1", "got a single"),
    ],
)
def test_a_field_that_the_file_has_not_is_refused(text: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        prompts_of(MOBILE, {"tips_reflector.system": text})


def test_a_folder_of_texts_is_read(tmp_path: Path) -> None:
    (tmp_path / "manager.system.md").write_text("\n Plan $actions \n", encoding="utf-8")
    (tmp_path / "notes.txt").write_text("x", encoding="utf-8")
    assert prompts_of(MOBILE, tmp_path).own == {"manager.system": "Plan $actions"}


def test_a_folder_without_texts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"holds no prompt, such as operator\.system\.md"):
        prompts_of(MOBILE, tmp_path)
    with pytest.raises(UsageError, match="cannot be read: "):
        prompts_of(MOBILE, tmp_path / "nothing")
