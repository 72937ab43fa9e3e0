"""The Manager plans, and what becomes of plans that cannot be used."""

from typing import Any

import pytest

from tapgraph.agents.mobile.manager import manager, manager_ahead, manager_beside
from tapgraph.agents.mobile.pipeline import MOBILE_AGENT_E
from tapgraph.agents.mobile.replies import DelegatingManagerReply, ManagerReply
from tapgraph.agents.mobile.state import Plan, Proposal
from tapgraph.agents.run.events import Planned, Warned

REPLY = ManagerReply(thought="so", subgoals=["One", "Two"], current=2, status="working")
PLAN = Plan(("One", "Two"), 1, "working", (), "so")


class Abilities:
    """Stands for an API agent."""

    def abilities(self, task: str) -> str:
        return f"weather, for {task}"


def test_a_plan_holds_at_once_and_trouble_is_over(desk: Any) -> None:
    plans = desk(REPLY)
    update = plans.run(manager, escalation="stuck", missing="the note")
    assert update == {"plan": PLAN, "escalation": "", "missing": ""}


def test_the_plan_that_holds_is_recorded(desk: Any) -> None:
    plans = desk(REPLY)
    plans.run(manager, step=3)
    assert plans.events(Planned) == [Planned(3, "so", ("One", "Two"), "Two", "working")]


def test_a_reply_that_cannot_be_used_leaves_the_plan(desk: Any) -> None:
    mute = desk("Plan: do it")
    update = mute.run(manager, escalation="stuck")
    assert update == {"plan": Plan(("Open it", "Save it")), "escalation": "", "missing": ""}
    assert mute.events(Planned) == []
    assert mute.events(Warned)[0].text.startswith("Manager: ")


def test_without_any_plan_the_task_is_the_only_subgoal(desk: Any) -> None:
    assert desk("no JSON").run(manager, plan=Plan())["plan"] == Plan(("Do the task",))


def test_a_number_past_the_last_subgoal_means_the_last_one(desk: Any) -> None:
    reply = REPLY.model_copy(update={"current": 9})
    assert desk(reply).run(manager)["plan"].current == 1


def test_an_empty_subgoal_stands_for_the_task(desk: Any) -> None:
    reply = '{"thought": "", "subgoals": [" "], "current": 1, "status": "working"}'
    assert desk(reply).run(manager)["plan"].subgoals == ("Do the task",)


def test_an_impossible_task_is_given_up(desk: Any) -> None:
    reply = REPLY.model_copy(update={"status": "impossible"})
    update = desk(reply).run(manager)
    assert update["given_up"] == "the Manager holds the task for impossible"


def test_a_finished_plan_is_not_yet_success(desk: Any) -> None:
    reply = REPLY.model_copy(update={"status": "finished"})
    update = desk(reply).run(manager)
    assert update["plan"].status == "finished"
    assert "done" not in update


def test_in_the_published_pipeline_a_finished_plan_is_success(desk: Any) -> None:
    reply = REPLY.model_copy(update={"status": "finished"})
    update = desk(reply, pipeline=MOBILE_AGENT_E).run(manager)
    assert update["done"] == "the Manager declared the task finished"


def test_in_the_published_pipeline_a_plan_that_goes_on_is_no_success(desk: Any) -> None:
    assert "done" not in desk(REPLY, pipeline=MOBILE_AGENT_E).run(manager)


@pytest.mark.parametrize(("node", "is_foreseen"), [(manager_beside, True), (manager_ahead, False)])
def test_a_plan_made_meanwhile_is_only_proposed(node: Any, is_foreseen: bool, desk: Any) -> None:
    plans = desk(REPLY)
    assert plans.run(node) == {"plan_proposed": Proposal(PLAN, is_foreseen)}
    assert plans.events(Planned) == []


@pytest.mark.parametrize("node", [manager_beside, manager_ahead])
def test_a_plan_made_meanwhile_that_cannot_be_used_is_none(node: Any, desk: Any) -> None:
    assert desk("no JSON").run(node) == {"plan_proposed": None}


def test_the_prompt_holds_plan_progress_notes_trouble_and_screen(desk: Any) -> None:
    plans = desk(REPLY)
    plans.run(manager, progress="opened", notes="12", escalation="stuck", missing="the note")
    for part in (
        "## Task\nDo the task\n",
        "1. Open it (current)\n2. Save it\n",
        "## Progress\nopened\n",
        "## Notes\n12\n",
        "## Trouble\nstuck\nA check of the whole task found this undone: the note\n",
        'button "Save"',
    ):
        assert part in plans.prompt


def test_the_prompt_says_where_there_is_nothing(desk: Any) -> None:
    plans = desk(REPLY)
    plans.run(manager, plan=Plan())
    assert plans.prompt.count("none yet") == 3
    assert "## Trouble\nnone\n" in plans.prompt


def test_in_the_published_pipeline_the_screen_is_not_told(desk: Any) -> None:
    plans = desk(REPLY, pipeline=MOBILE_AGENT_E)
    plans.run(manager)
    assert "<screen>" not in plans.prompt
    assert "Save" not in plans.prompt.replace("Save it", "")


def test_it_is_told_actions_apps_shortcuts_and_tools(desk: Any) -> None:
    def weather() -> str:
        """Tells the weather."""
        return "sunny"

    plans = desk(REPLY, tools=[weather], apps=["Maps"])
    plans.run(manager)
    assert "Ask_User, weather (a tool)" in plans.rules
    assert '"Maps"' in plans.rules
    assert plans.team.run.recall.memory.shortcuts()[0].description in plans.rules


def test_without_an_api_agent_none_is_spoken_of(desk: Any) -> None:
    plans = desk(REPLY)
    plans.run(manager)
    known = {
        "actions": ", ".join(plans.team.offer.actions),
        "apps": "not known",
        "shortcuts": plans.team.run.recall.memory.shortcuts()[0].description,
    }
    prompts = plans.team.run.prompts
    assert plans.rules == prompts.filled("manager.system", known | {"apis": "", "by_api": ""})


def test_unknown_apps_are_said_to_be_unknown(desk: Any) -> None:
    plans = desk(REPLY)
    plans.run(manager)
    assert "not known" in plans.rules


def test_subgoals_for_the_api_agent_are_marked(desk: Any) -> None:
    reply = DelegatingManagerReply(**REPLY.model_dump(), by_api=[2])
    plans = desk(reply, api_agent=Abilities())
    assert plans.run(manager)["plan"].by_api == (2,)
    assert "weather, for Do the task" in plans.rules


def test_the_published_pipeline_has_no_api_agent(desk: Any) -> None:
    plans = desk(REPLY, api_agent=Abilities(), pipeline=MOBILE_AGENT_E)
    assert plans.run(manager)["plan"].by_api == ()
    assert plans.model.requests[0].schema is ManagerReply
    assert "weather" not in plans.rules
