"""Texts of one's own in the place of prompts."""

from pathlib import Path

from tapgraph.llm_backend.prompt import Prompts, prompts_of

MOBILE = "tapgraph.agents.mobile"
FIELDS = {"tips": "Look first."}


def test_a_text_of_ones_own_stands_in_for_a_file() -> None:
    prompts = prompts_of(MOBILE, {"tips_reflector.system": "Known: $tips. Costs $$1."})
    assert prompts.filled("tips_reflector.system", FIELDS) == "Known: Look first.. Costs $1."


def test_all_others_stay_as_they_are() -> None:
    own = prompts_of(MOBILE, {"manager.system": "Plan."})
    default = prompts_of(MOBILE, None)
    name = "tips_reflector.system"
    assert own.filled(name, FIELDS) == default.filled(name, FIELDS)


def test_the_two_parts_of_a_conversation_may_have_different_names() -> None:
    prompts = Prompts(MOBILE, {"tips_reflector.system": "A $tips", "experience.user": "B $ending"})
    rules, question = prompts.conversation(
        "tips_reflector", {"tips": "t"}, {"ending": "e"}, blocks={}, asks="experience"
    )
    assert (rules.role, rules.text) == ("system", "A t")
    assert (question.role, question.text) == ("user", "B e")


def test_a_folder_of_texts_is_read(tmp_path: Path) -> None:
    (tmp_path / "manager.system.md").write_text("\n Plan $actions \n", encoding="utf-8")
    (tmp_path / "notes.txt").write_text("x", encoding="utf-8")
    assert prompts_of(MOBILE, tmp_path).own == {"manager.system": "Plan $actions"}
