"""The Notetaker proposes notes; it never keeps them itself."""

from typing import Any

from tapgraph.agents.mobile.notetaker import notetaker
from tapgraph.agents.mobile.pipeline import MOBILE_AGENT_E
from tapgraph.agents.mobile.replies import NotetakerReply
from tapgraph.agents.mobile.state import Judgement
from tapgraph.agents.run.events import Noted, Warned


def test_what_it_says_is_only_proposed(desk: Any) -> None:
    writes = desk(NotetakerReply(notes="The code is 12."))
    assert writes.run(notetaker) == {"notes_proposed": "The code is 12."}
    assert writes.events(Noted) == []


def test_a_reply_that_cannot_be_used_proposes_nothing(desk: Any) -> None:
    mute = desk("The code is 12.")
    assert mute.run(notetaker, notes="old") == {"notes_proposed": None}
    assert mute.events(Warned)[0].text.startswith("Notetaker: ")


def test_the_prompt_holds_what_is_known(desk: Any) -> None:
    writes = desk(NotetakerReply(notes=""))
    writes.run(notetaker, notes="old", progress="opened")
    for part in (
        "## Task\nDo the task\n",
        "## Current subgoal\nOpen it\n",
        "## Progress\nopened\n",
        "## Notes so far\nold\n",
        'button "Save"',
    ):
        assert part in writes.prompt
    assert "## Plan" not in writes.prompt


def test_the_prompt_says_where_there_is_nothing(desk: Any) -> None:
    writes = desk(NotetakerReply(notes=""))
    writes.run(notetaker)
    assert "## Progress\nnone yet\n\n## Notes so far\nnone yet\n" in writes.prompt


def test_the_screen_is_told_without_numbers(desk: Any) -> None:
    writes = desk(NotetakerReply(notes=""))
    writes.run(notetaker)
    assert "[1] button" not in writes.prompt


def test_in_the_published_pipeline_it_reads_the_plan_the_judgement_and_all_of_the_screen(
    desk: Any,
) -> None:
    writes = desk(NotetakerReply(notes=""), pipeline=MOBILE_AGENT_E)
    writes.run(notetaker, progress="opened", judgement=Judgement("A", "", "saved"))
    assert "## Plan\n1. Open it (current)\n2. Save it\n\n## Current subgoal" in writes.prompt
    assert "## Progress\nsaved\n" in writes.prompt
    assert '[1] button "Save"' in writes.prompt
