"""The Reflector's word on one action, and how far it is believed."""

from typing import Any

import pytest

from tapgraph.agents.mobile.pipeline import MOBILE_AGENT_E
from tapgraph.agents.mobile.reflector import reflector
from tapgraph.agents.mobile.replies import ReflectorReply
from tapgraph.agents.mobile.state import Decision, Judgement
from tapgraph.agents.run.events import Warned
from tapgraph.llm_backend.chat_model import ModelTraits
from tapgraph.tools.mobile.geometry import Point, Size
from tapgraph.tools.mobile.target import Target

TAP = Decision("Tap", {"x": 540, "y": 600}, "It is saved.")


def judged(desk: Any, **fields: Any) -> Judgement:
    found: Judgement = desk.run(reflector, decision=TAP, **fields)["judgement"]
    return found


def test_a_reply_that_cannot_be_used_is_a_failure(desk: Any) -> None:
    found = judged(desk("It went well, A!"), progress="opened")
    assert found == Judgement("C", "the action could not be judged", "opened")


def test_a_reply_that_cannot_be_used_is_told_to_a_person(desk: Any) -> None:
    mute = desk("no JSON")
    judged(mute)
    (warned,) = mute.events(Warned)
    assert warned.step == 1
    assert warned.text.startswith("Reflector: scripted gave no valid reply in 3 tries")


def test_progress_of_a_success_is_taken(desk: Any) -> None:
    reply = ReflectorReply(verdict="A", progress="saved")
    assert judged(desk(reply), progress="opened").progress == "saved"


def test_a_success_that_says_no_progress_keeps_the_old_one(desk: Any) -> None:
    assert judged(desk(ReflectorReply(verdict="A")), progress="opened").progress == "opened"


@pytest.mark.parametrize("verdict", ["B", "C"])
def test_progress_of_a_failure_is_not_taken(verdict: Any, desk: Any) -> None:
    reply = ReflectorReply(verdict=verdict, progress="all done", error="wrong page")
    found = judged(desk(reply), progress="opened")
    assert (found.progress, found.error) == ("opened", "wrong page")


@pytest.mark.parametrize(("verdict", "is_done"), [("A", True), ("B", False), ("C", False)])
def test_a_subgoal_is_done_by_a_success_only(verdict: Any, is_done: bool, desk: Any) -> None:
    found = judged(desk(ReflectorReply(verdict=verdict, subgoal_done=True)))
    assert (found.verdict, found.subgoal_done) == (verdict, is_done)


def test_a_success_is_not_taken_for_the_end_of_its_subgoal(desk: Any) -> None:
    assert not judged(desk(ReflectorReply(verdict="A"))).subgoal_done


def test_in_the_published_pipeline_the_manager_alone_ends_subgoals(desk: Any) -> None:
    reply = ReflectorReply(verdict="A", subgoal_done=True)
    assert not judged(desk(reply, pipeline=MOBILE_AGENT_E)).subgoal_done


def test_an_error_on_a_success_is_dropped(desk: Any) -> None:
    assert judged(desk(ReflectorReply(verdict="A", error="none"))).error == ""


def test_a_model_judges(desk: Any) -> None:
    assert judged(desk(ReflectorReply(verdict="A"))).judged_by == "model"


def test_what_the_phone_reported_is_told(desk: Any) -> None:
    told = desk(ReflectorReply(verdict="A"))
    judged(told, tool_error="no app is called Nope")
    assert "The phone reported: no app is called Nope\n" in told.prompt


def test_nothing_is_reported_where_all_went_well(desk: Any) -> None:
    told = desk(ReflectorReply(verdict="A"))
    judged(told)
    assert "The phone reported" not in told.prompt


def test_the_prompt_holds_what_the_verdict_needs(desk: Any) -> None:
    told = desk(ReflectorReply(verdict="A"))
    judged(told, progress="opened", notes="the code is 12")
    for part in (
        "## Task\nDo the task\n",
        "## Current subgoal\nOpen it\n",
        "## Progress before\nopened\n",
        "## Notes\nthe code is 12\n",
        '## Last action\nTap {"x": 540, "y": 600}\nExpected: It is saved.\n',
    ):
        assert part in told.prompt


def test_the_prompt_says_where_there_is_nothing(desk: Any) -> None:
    told = desk(ReflectorReply(verdict="A"))
    told.run(reflector, decision=Decision("Back", {}))
    assert "## Progress before\nnone yet\n\n## Notes\nnone yet\n" in told.prompt
    assert "Back\nExpected: not said\n" in told.prompt


def test_it_is_shown_what_changed_and_the_new_screen(desk: Any, screen: Any, button: Any) -> None:
    told = desk(ReflectorReply(verdict="A"))
    after = told.see(screen("second", button("Saved", 500)))
    judged(told, screen=after)
    changes, _, shown = told.prompt.partition("## Changes\n")[2].partition("## After\n")
    assert "Save" in changes
    assert '"Saved"' in shown
    assert "## Before" not in told.prompt


def test_in_the_published_pipeline_it_is_shown_both_screens(
    desk: Any, screen: Any, button: Any
) -> None:
    told = desk(ReflectorReply(verdict="A"), pipeline=MOBILE_AGENT_E)
    after = told.see(screen("second", button("Saved", 500)))
    judged(told, screen=after)
    before, _, shown = told.prompt.partition("## Before\n")[2].partition("## After\n")
    assert '[1] button "Save"' in before
    assert '[1] button "Saved"' in shown
    assert "## Changes" not in told.prompt


def test_an_action_is_told_in_the_models_own_numbers(desk: Any) -> None:
    shares = ModelTraits("shares", coordinate_space="0-1000")
    told = desk(ReflectorReply(verdict="A"), traits=shares)
    target = Target(Point(540, 600), Size(1080, 2400))
    told.run(reflector, decision=Decision("Tap", {"x": 540, "y": 600}, target=target))
    assert "## Last action\nTap (500, 250)\n" in told.prompt


def test_there_is_nothing_to_judge_before_a_decision(desk: Any) -> None:
    with pytest.raises(TypeError, match="reflector must run after operator"):
        desk().run(reflector)
