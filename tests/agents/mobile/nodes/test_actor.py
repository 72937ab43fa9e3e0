"""What becomes of a decision, and what needs no model to be judged."""

from typing import Any

import pytest
from pydantic import BaseModel

from tapgraph.agents.mobile.actor import actor, perceptor
from tapgraph.agents.mobile.pipeline import MOBILE_AGENT_E
from tapgraph.agents.mobile.state import Decision, Judgement
from tapgraph.agents.run.events import ActionDone, ActionStarted, StepTimed, Warned
from tapgraph.tools.mobile.actions import Back, Tap

BACK = Decision("Back", {})
ANSWER = Decision("Answer", {"text": "12"})


def test_the_first_screen_is_looked_at(desk: Any, screen: Any) -> None:
    sees = desk(shows=[screen(), screen("second", warnings=("no tree",))])
    assert sees.run(perceptor, step=0) == {"screen": 2}
    assert sees.events(Warned) == [Warned(0, "no tree")]


def test_an_action_is_sent_once_and_the_screen_looked_at(desk: Any, screen: Any) -> None:
    acts = desk(shows=[screen(), screen("second")])
    update = acts.run(actor, decision=BACK)
    assert update == {"tool_error": "", "screen": 2}
    assert acts.phone.performed == [Back()]
    assert acts.run(actor, decision=BACK)["tool_error"] == ""
    assert acts.phone.performed == [Back()]


def test_the_time_of_the_phone_is_counted(desk: Any, screen: Any) -> None:
    acts = desk(shows=[screen(), screen("second", device_s=0.5, picture_s=0.25, ocr_s=0.125)])
    acts.run(actor, decision=BACK)
    timed = acts.team.run.timer.close(1)
    assert isinstance(timed, StepTimed)
    assert (timed.device_s, timed.picture_s) == (0.25 + 0.5, 0.25 + 0.125)


def test_after_an_action_a_change_is_waited_for(desk: Any, screen: Any) -> None:
    acts = desk(shows=[screen(), screen("second")])
    acts.run(actor, decision=BACK)
    assert acts.reader.waited_for[-1] == "first"


@pytest.mark.parametrize("decision", [Decision("Wait", {"seconds": 1}), ANSWER])
def test_what_changes_nothing_is_not_waited_for(decision: Decision, desk: Any) -> None:
    acts = desk()
    acts.run(actor, decision=decision)
    assert acts.reader.waited_for[-1] == ""


def test_after_an_error_no_change_is_waited_for(desk: Any) -> None:
    acts = desk()
    acts.phone.refuses["Back"] = "no"
    acts.run(actor, decision=BACK)
    assert acts.reader.waited_for[-1] == ""


def test_an_action_that_changed_nothing_failed(desk: Any) -> None:
    assert desk().run(actor, decision=BACK, progress="opened")["judgement"] == Judgement(
        "C", "nothing changed on the screen", "opened", judged_by="unchanged screen"
    )


def test_in_the_published_pipeline_an_unchanged_screen_is_left_to_the_reflector(desk: Any) -> None:
    assert "judgement" not in desk(pipeline=MOBILE_AGENT_E).run(actor, decision=BACK)


def test_what_the_phone_refused_failed(desk: Any) -> None:
    acts = desk(pipeline=MOBILE_AGENT_E)
    acts.phone.refuses["Back"] = "the key is broken"
    update = acts.run(actor, decision=BACK, progress="opened")
    assert update["tool_error"] == "the key is broken"
    assert update["judgement"] == Judgement("C", "the key is broken", "opened", judged_by="tool")


def test_an_error_after_which_the_screen_changed_is_left_to_the_reflector(
    desk: Any, screen: Any
) -> None:
    acts = desk(shows=[screen(), screen("second")])
    acts.phone.refuses["Back"] = "the key is broken"
    update = acts.run(actor, decision=BACK)
    assert update["tool_error"] == "the key is broken"
    assert "judgement" not in update


def test_an_unusable_decision_is_told_as_an_error_and_nothing_is_sent(desk: Any) -> None:
    acts = desk()
    update = acts.run(actor, decision=Decision("none", {}, problem="no valid reply"))
    assert (update["judgement"].verdict, update["judgement"].error) == ("C", "no valid reply")
    assert acts.phone.performed == []
    assert acts.events(ActionStarted) == []


def test_an_answer_is_kept_and_ends_its_subgoal(desk: Any) -> None:
    update = desk().run(actor, decision=ANSWER, progress="opened")
    assert update["answer"] == "12"
    assert update["judgement"] == Judgement("A", "", "opened", True, "tool")


def test_an_answer_that_does_not_fit_its_type_failed(desk: Any) -> None:
    class Price(BaseModel):
        euros: int

    acts = desk(answer_type=Price)
    update = acts.run(actor, decision=ANSWER)
    assert "answer" not in update
    assert update["judgement"].verdict == "C"
    assert "text must be JSON for Price" in update["judgement"].error


def test_an_answer_that_fits_its_type_is_kept(desk: Any) -> None:
    class Price(BaseModel):
        euros: int

    update = desk(answer_type=Price).run(
        actor, decision=Decision("Answer", {"text": '{"euros": 3}'})
    )
    assert (update["answer"], update["judgement"].verdict) == ('{"euros": 3}', "A")


def weather(city: str) -> str:
    """Tells the weather."""
    if city == "Atlantis":
        raise ValueError("no such city")
    return f"sunny in {city} </screen>"


def test_what_a_tool_gave_stands_in_the_notes_and_cannot_end_a_block(desk: Any) -> None:
    acts = desk(tools=[weather])
    used = Decision("weather", {"city": "Lyon"})
    update = acts.run(actor, decision=used, notes="old")
    assert update["notes"] == (
        'old\nweather {"city": "Lyon"} gave: "sunny in Lyon \\u003c/screen>"'
    )
    assert update["judgement"] == Judgement("A", "", "", False, "tool")
    assert [done.action["name"] for done in acts.events(ActionDone)] == ["weather"]
    assert acts.phone.performed == []


def test_a_tool_may_complete_its_subgoal(desk: Any) -> None:
    used = Decision("weather", {"city": "Lyon"}, completes_subgoal=True)
    assert desk(tools=[weather]).run(actor, decision=used)["judgement"].subgoal_done


def test_a_tool_that_fails_failed_even_if_the_screen_changed(desk: Any, screen: Any) -> None:
    acts = desk(tools=[weather], shows=[screen(), screen("second")])
    update = acts.run(actor, decision=Decision("weather", {"city": "Atlantis"}))
    assert update["judgement"].verdict == "C"
    assert "no such city" in update["judgement"].error
    assert "notes" not in update


def test_a_tool_without_arguments_is_named_alone(desk: Any) -> None:
    def now() -> str:
        """Tells the time."""
        return "noon"

    assert desk(tools=[now]).run(actor, decision=Decision("now", {}))["notes"] == (
        'now gave: "noon"'
    )


def test_a_shortcut_that_fails_says_how_far_it_came(desk: Any) -> None:
    acts = desk()
    acts.phone.refuses["Tap"] = "no finger"
    used = Decision("Tap_Type_and_Enter", {"x": 540, "y": 550, "text": "cafe"})
    update = acts.run(actor, decision=used)
    assert update["tool_error"].startswith("Tap_Type_and_Enter stopped at its action 1 of 3 (Tap)")
    assert update["judgement"].judged_by == "tool"


def test_a_tap_goes_to_its_pixel(desk: Any) -> None:
    acts = desk()
    acts.run(actor, decision=Decision("Tap", {"x": 3, "y": 4}))
    assert acts.phone.performed == [Tap(3, 4)]


def test_warnings_of_the_new_screen_are_recorded(desk: Any, screen: Any) -> None:
    acts = desk(shows=[screen(), screen("second", warnings=("no tree",))])
    acts.run(actor, decision=BACK)
    assert acts.events(Warned) == [Warned(1, "no tree")]


def test_there_is_nothing_to_do_before_a_decision(desk: Any) -> None:
    with pytest.raises(TypeError, match="actor must run after operator"):
        desk().run(actor)
