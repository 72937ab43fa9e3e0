"""The check of the whole task, and the reflectors on experience."""

from typing import Any

from tapgraph.agents.mobile.ending import verifier
from tapgraph.agents.mobile.replies import VerifierReply
from tapgraph.agents.mobile.state import PhoneStep
from tapgraph.agents.run.events import Verified


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
