"""The check of the whole task, and the reflectors on experience."""

from typing import Any

import pytest

from tapgraph.agents.mobile.ending import shortcut_reflector, tips_reflector, verifier
from tapgraph.agents.mobile.replies import ShortcutReply, TipsReply, VerifierReply
from tapgraph.agents.mobile.state import PhoneStep
from tapgraph.agents.run.budget import Budget
from tapgraph.agents.run.events import LearntShortcut, LearntTips, ModelCalled, Verified, Warned

STEPS = [{"action": "Tap", "arguments": {"x": "x", "y": "y"}}, {"action": "Back"}]
NEW = {
    "worth_keeping": True,
    "name": "Tap_and_Back",
    "arguments": ["x", "y"],
    "description": "d",
    "precondition": "p",
    "steps": STEPS,
}


def past(step: int) -> PhoneStep:
    return PhoneStep(step=step, name="Tap", verdict="A", description=f"deed {step}")


def test_a_complete_task_is_done(desk: Any) -> None:
    checks = desk(VerifierReply(complete=True, missing="nothing"))
    assert checks.run(verifier, missing="the note") == {
        "done": "the whole task was verified",
        "missing": "",
    }
    assert checks.events(Verified) == [Verified(1, True, "")]


def test_an_incomplete_task_is_one_more_failed_check(desk: Any) -> None:
    checks = desk(VerifierReply(complete=False, missing="the\n note"))
    assert checks.run(verifier, verifications=1) == {"verifications": 2, "missing": "the note"}
    assert checks.events(Verified) == [Verified(1, False, "the note")]


def test_a_check_without_a_reason_says_so(desk: Any) -> None:
    update = desk(VerifierReply(complete=False)).run(verifier)
    assert update["missing"] == "the check gave no reason"


def test_a_check_that_cannot_be_used_is_no_success(desk: Any) -> None:
    checks = desk("Yes, it is complete.")
    update = checks.run(verifier)
    assert "done" not in update
    assert update["verifications"] == 1
    assert update["missing"].startswith("the check itself failed: scripted gave no valid reply")
    assert not checks.events(Verified)[0].complete


def test_the_check_sees_the_state_and_the_latest_actions(desk: Any) -> None:
    checks = desk(VerifierReply(complete=True))
    checks.run(
        verifier, progress="saved", notes="12", answer="It is 12.",
        history=[past(n) for n in range(1, 8)],
    )  # fmt: skip
    for part in (
        "## Task\nDo the task\n",
        "1. Open it (current)\n",
        "## Progress\nsaved\n",
        "## Notes\n12\n",
        "## Answer given to the user\nIt is 12.\n",
        'button "Save"',
        "## Last actions\n- Tap: deed 3 -> A\n",
    ):
        assert part in checks.prompt
    assert "deed 2" not in checks.prompt


def test_the_check_is_told_where_there_is_nothing(desk: Any) -> None:
    checks = desk(VerifierReply(complete=True))
    checks.run(verifier)
    assert "## Progress\nnone yet\n\n## Notes\nnone yet\n" in checks.prompt
    assert "## Answer given to the user\nnone\n" in checks.prompt


def test_a_shortcut_that_is_worth_it_is_recorded(desk: Any) -> None:
    learns = desk(ShortcutReply.model_validate(NEW))
    assert learns.run(shortcut_reflector) == {}
    (learnt,) = learns.events(LearntShortcut)
    assert learnt.shortcut["name"] == "Tap_and_Back"
    assert learnt.shortcut["steps"][0] == {"action": "Tap", "arguments": {"x": "x", "y": "y"}}
    assert "worth_keeping" not in learnt.shortcut


@pytest.mark.parametrize(
    "fields",
    [
        {"worth_keeping": False},
        {"name": "Tap"},
        {"name": "Tap_Type_and_Enter"},
        {"steps": STEPS[:1]},
        {"steps": [*STEPS, {"action": "Fly"}]},
    ],
    ids=["not worth it", "an action", "a shortcut", "one step", "no action"],
)
def test_a_shortcut_that_cannot_be_used_is_not_kept(fields: Any, desk: Any) -> None:
    learns = desk(ShortcutReply.model_validate(NEW | fields))
    learns.run(shortcut_reflector)
    assert learns.events(LearntShortcut) == [LearntShortcut(1, None)]


@pytest.mark.parametrize("node", [shortcut_reflector, tips_reflector])
def test_a_reflector_that_cannot_be_used_is_a_warning_only(node: Any, desk: Any) -> None:
    learns = desk("no JSON")
    assert learns.run(node) == {}
    assert learns.events(Warned)[0].text.partition(":")[0] in {
        "Shortcut reflector",
        "Tips reflector",
    }
    assert learns.events(LearntShortcut) == learns.events(LearntTips) == []


def test_a_used_up_budget_is_a_warning_only(desk: Any) -> None:
    learns = desk(TipsReply(tips=["x"]), budget=Budget(max_steps=1))
    assert learns.run(tips_reflector, step=2) == {}
    assert "1 of 1 steps" in learns.events(Warned)[0].text
    assert learns.events(ModelCalled) == []


def test_tips_are_recorded_without_empty_ones(desk: Any) -> None:
    learns = desk('{"tips": ["Look first.", " "]}')
    assert learns.run(tips_reflector) == {}
    assert learns.events(LearntTips) == [LearntTips(1, ("Look first.",))]


@pytest.mark.parametrize(
    ("node", "says"),
    [
        (shortcut_reflector, ShortcutReply(worth_keeping=False)),
        (tips_reflector, TipsReply(tips=[])),
    ],
)
def test_the_reflectors_see_all_actions_and_how_it_ended(node: Any, says: Any, desk: Any) -> None:
    learns = desk(says)
    learns.run(node, history=[past(n) for n in range(1, 8)], done="verified", progress="saved")
    for part in (
        "## Task\nDo the task\n",
        "1. Open it (current)\n",
        "## Progress\nsaved\n",
        "- Tap: deed 1 -> A\n",
        "## How it ended\nsuccess: verified",
    ):
        assert part in learns.prompt


def test_a_run_that_was_stopped_is_told_as_such(desk: Any) -> None:
    learns = desk(TipsReply(tips=[]))
    learns.run(tips_reflector)
    assert "## Progress\nnone\n" in learns.prompt
    assert "## How it ended\nit was stopped" in learns.prompt


def test_the_shortcut_reflector_is_told_what_there_is(desk: Any) -> None:
    learns = desk(ShortcutReply(worth_keeping=False))
    learns.run(shortcut_reflector)
    assert "Tap_Type_and_Enter(" in learns.rules
    assert "Open_App, " in learns.rules
