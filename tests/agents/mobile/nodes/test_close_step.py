"""What a step leaves: history, notes, progress, plan, trouble, and what was learnt of shortcuts."""

from typing import Any

import pytest

from tapgraph.agents.mobile.close_step import close_step
from tapgraph.agents.mobile.pipeline import MOBILE_AGENT_E
from tapgraph.agents.mobile.state import Decision, Judgement, PhoneStep, Plan, Proposal
from tapgraph.agents.run.events import Escalated, Noted, Planned, Reflected, StepTimed
from tapgraph.memory import MemoryStore
from tapgraph.tools.mobile.geometry import Point, Size
from tapgraph.tools.mobile.target import Target

TAP = Decision("Tap", {"x": 1, "y": 2}, "It is saved.", Target(Point(1, 2), Size(1080, 2400)))
WORKED = Judgement("A", "", "saved")
FAILED = Judgement("C", "nothing happened", "opened")
OLD = Plan(("Open it", "Save it"))
NEW = Plan(("Open it", "Save it", "Check it"), 1)


def closed(desk: Any, judgement: Judgement, **fields: Any) -> dict[str, Any]:
    given = {"decision": TAP, "progress": "opened", "judgement": judgement, **fields}
    update: dict[str, Any] = desk.run(close_step, **given)
    return update


def failure(step: int, verdict: Any = "C") -> PhoneStep:
    return PhoneStep(
        step=step, name="Tap", arguments={"x": step}, verdict=verdict, error=f"error {step}",
        before=f"s{step}", after=f"t{step}", description=f"deed {step}",
    )  # fmt: skip


def test_the_step_goes_into_the_history(desk: Any, screen: Any) -> None:
    at_desk = desk()
    after = at_desk.see(screen("second"))
    (record,) = closed(at_desk, FAILED, screen=after)["history"]
    assert record == PhoneStep(
        step=1,
        name="Tap",
        arguments={"x": 1, "y": 2},
        verdict="C",
        error="nothing happened",
        before="first",
        after="second",
        description="It is saved.",
        target=TAP.target,
        progress="opened",
    )


def test_the_way_of_a_swipe_goes_into_the_history(desk: Any) -> None:
    swipe = Decision("Swipe", {}, direction="up")
    assert closed(desk(), WORKED, decision=swipe)["history"][0].direction == "up"


def test_the_verdict_and_its_source_are_recorded(desk: Any) -> None:
    at_desk = desk()
    closed(at_desk, Judgement("C", "nothing changed", "opened", judged_by="unchanged screen"))
    assert at_desk.events(Reflected) == [
        Reflected(1, "C", "nothing changed", "opened", "unchanged screen")
    ]
    assert [event.step for event in at_desk.events(StepTimed)] == [1]


def test_what_was_proposed_is_gone_after_the_step(desk: Any) -> None:
    update = closed(desk(), WORKED, notes_proposed="12", plan_proposed=Proposal(NEW, True))
    gone = ("decision", "judgement", "notes_proposed", "plan_proposed")
    assert [update[name] for name in gone] == [None] * 4


def test_notes_are_kept_after_success(desk: Any) -> None:
    at_desk = desk()
    assert closed(at_desk, WORKED, notes_proposed="12")["notes"] == "12"
    assert at_desk.events(Noted) == [Noted(1, "12")]


@pytest.mark.parametrize("verdict", ["B", "C"])
def test_notes_are_not_kept_after_failure(verdict: Any, desk: Any) -> None:
    at_desk = desk()
    update = closed(at_desk, Judgement(verdict, "", "opened"), notes_proposed="12", notes="old")
    assert "notes" not in update
    assert at_desk.events(Noted) == []


@pytest.mark.parametrize("proposed", [None, "old"])
def test_notes_that_stay_as_they_were_are_not_recorded(proposed: Any, desk: Any) -> None:
    at_desk = desk()
    assert "notes" not in closed(at_desk, WORKED, notes_proposed=proposed, notes="old")
    assert at_desk.events(Noted) == []


def test_notes_can_be_emptied(desk: Any) -> None:
    assert closed(desk(), WORKED, notes_proposed="", notes="old")["notes"] == ""


def test_progress_is_that_of_the_judgement(desk: Any) -> None:
    assert closed(desk(), WORKED)["progress"] == "saved"
    assert closed(desk(), FAILED)["progress"] == "opened"


@pytest.mark.parametrize("verdict", ["B", "C"])
def test_a_subgoal_is_not_passed_by_a_failure(verdict: Any, desk: Any) -> None:
    update = closed(desk(), Judgement(verdict, "", "", subgoal_done=True))
    assert (update["plan"], update["reviews_plan"]) == (OLD, False)


def test_a_subgoal_that_is_done_is_passed_and_the_plan_reviewed(desk: Any) -> None:
    update = closed(desk(), Judgement("A", "", "", subgoal_done=True))
    assert (update["plan"], update["reviews_plan"]) == (Plan(OLD.subgoals, 1), True)


def test_a_subgoal_that_is_not_done_goes_on(desk: Any) -> None:
    update = closed(desk(), WORKED)
    assert (update["plan"], update["reviews_plan"]) == (OLD, False)


def test_the_last_subgoal_done_means_a_finished_plan(desk: Any) -> None:
    update = closed(desk(), Judgement("A", "", "", subgoal_done=True), plan=Plan(OLD.subgoals, 1))
    assert update["plan"] == Plan(OLD.subgoals, 1, "finished")


def test_what_another_agent_did_is_not_reviewed_on_the_screen(desk: Any) -> None:
    handed_over = Decision("Delegate", {"subgoal": "Open it"})
    update = closed(desk(), Judgement("A", "", "", subgoal_done=True), decision=handed_over)
    assert (update["plan"].current, update["reviews_plan"]) == (1, False)


@pytest.mark.parametrize(
    ("verdict", "is_foreseen", "plan"),
    [("A", True, NEW), ("B", True, OLD), ("C", True, OLD),
     ("A", False, NEW), ("B", False, NEW), ("C", False, NEW)],
)  # fmt: skip
def test_a_foreseen_plan_needs_success_and_one_made_ahead_does_not(
    verdict: Any, is_foreseen: bool, plan: Plan, desk: Any
) -> None:
    at_desk = desk()
    update = closed(at_desk, Judgement(verdict, "", ""), plan_proposed=Proposal(NEW, is_foreseen))
    assert update["plan"] == plan
    assert len(at_desk.events(Planned)) == (plan is NEW)


def test_a_new_plan_that_has_passed_the_subgoal_is_not_moved_on(desk: Any) -> None:
    done = Judgement("A", "", "", subgoal_done=True)
    update = closed(desk(), done, plan_proposed=Proposal(NEW, True))
    assert (update["plan"].current_subgoal, update["reviews_plan"]) == ("Save it", False)


def test_a_new_plan_that_has_not_passed_the_subgoal_is_moved_on(desk: Any) -> None:
    done = Judgement("A", "", "", subgoal_done=True)
    stays = Plan(("Open it", "Check it"))
    update = closed(desk(), done, plan_proposed=Proposal(stays, True))
    assert update["plan"].current_subgoal == "Check it"


def test_a_new_plan_that_is_finished_is_not_moved_on(desk: Any) -> None:
    done = Judgement("A", "", "", subgoal_done=True)
    finished = Plan(("Open it", "Save it"), 0, "finished")
    update = closed(desk(), done, plan_proposed=Proposal(finished, True))
    assert update["plan"] == finished


def test_what_is_recorded_as_planned_is_the_plan_that_holds(desk: Any) -> None:
    at_desk = desk()
    done = Judgement("A", "", "", subgoal_done=True)
    stays = Plan(("Open it", "Check it"), thought="so")
    plan = closed(at_desk, done, plan_proposed=Proposal(stays, True))["plan"]
    (planned,) = at_desk.events(Planned)
    assert (planned.step, planned.thought, planned.subgoals) == (1, "so", plan.subgoals)
    assert (planned.current_subgoal, planned.status) == (plan.current_subgoal, plan.status)
    assert planned.current_subgoal == "Check it"


def test_a_proposed_plan_may_give_the_task_up(desk: Any) -> None:
    impossible = Proposal(Plan(("Open it",), status="impossible"), is_foreseen=False)
    assert "impossible" in closed(desk(), FAILED, plan_proposed=impossible)["given_up"]


def test_a_failure_alone_is_no_trouble(desk: Any) -> None:
    at_desk = desk()
    assert closed(at_desk, FAILED)["escalation"] == ""
    assert at_desk.events(Escalated) == []


def test_the_second_failure_in_a_row_is_trouble(desk: Any) -> None:
    at_desk = desk()
    update = closed(at_desk, FAILED, history=[failure(1)], step=2)
    assert update["escalation"] == (
        "The Operator may be stuck; the last actions failed:\n"
        "- Tap 1: deed 1 -> C, error 1\n"
        "- Tap (1, 2): It is saved. -> C, nothing happened"
    )
    assert at_desk.events(Escalated) == [Escalated(2, 2)]


def test_only_the_latest_failures_are_told(desk: Any) -> None:
    update = closed(desk(), FAILED, history=[failure(1), failure(2, "B")], step=3)
    assert "error 1" not in update["escalation"]
    assert "- Tap 2: deed 2 -> B, error 2\n" in update["escalation"]


def test_failures_before_a_success_are_no_trouble(desk: Any) -> None:
    assert closed(desk(), FAILED, history=[failure(1), failure(2, "A")], step=3)["escalation"] == ""


def test_the_failure_of_another_agent_is_trouble_at_once(desk: Any) -> None:
    handed_over = Decision("Delegate", {"subgoal": "Open it"})
    refused = Judgement("C", "the API agent did not do it", "")
    update = closed(desk(), refused, decision=handed_over)
    assert update["escalation"] == "the API agent did not do it"


def test_the_success_of_another_agent_is_no_trouble(desk: Any) -> None:
    handed_over = Decision("Delegate", {"subgoal": "Open it"})
    assert closed(desk(), WORKED, decision=handed_over)["escalation"] == ""


def stale(count: int) -> list[PhoneStep]:
    return [
        PhoneStep(
            step=n, name="Tap", arguments={"x": n}, verdict="A", before="first", after="first"
        )
        for n in range(1, count + 1)
    ]


def test_going_in_circles_is_trouble_once(desk: Any) -> None:
    told = closed(desk(), WORKED, history=stale(5), step=6)["escalation"]
    assert told == "The last 6 steps led to nothing new: go another way."
    assert closed(desk(), WORKED, history=stale(6), step=7)["escalation"] == ""
    assert closed(desk(), WORKED, history=stale(4), step=5)["escalation"] == ""


@pytest.mark.parametrize(
    ("verdict", "counts"), [("A", (1, 1, 0)), ("B", (1, 0, 1)), ("C", (1, 0, 1))]
)
def test_a_use_of_a_shortcut_counts_as_it_was_judged(
    verdict: Any, counts: tuple[int, int, int], desk: Any, store: MemoryStore
) -> None:
    used = Decision("Tap_Type_and_Enter", {"x": 1, "y": 2, "text": "cafe"})
    closed(desk(), Judgement(verdict, "", ""), decision=used)
    evidence = store.shortcuts()[0].evidence
    assert (evidence.uses, evidence.successes, evidence.failures) == counts


def test_a_step_without_a_shortcut_counts_for_none(desk: Any, store: MemoryStore) -> None:
    closed(desk(), WORKED)
    assert store.shortcuts()[0].evidence.uses == 0


def test_in_the_published_pipeline_a_finished_proposal_is_success(desk: Any) -> None:
    finished = Proposal(Plan(("Open it",), status="finished"), is_foreseen=False)
    assert closed(desk(pipeline=MOBILE_AGENT_E), WORKED, plan_proposed=finished)["done"]


@pytest.mark.parametrize("missing", ["decision", "judgement"])
def test_a_step_cannot_be_closed_before_it_is_judged(missing: str, desk: Any) -> None:
    with pytest.raises(TypeError, match="close_step must run after a judgement"):
        desk().run(close_step, **{"decision": TAP, "judgement": WORKED} | {missing: None})
