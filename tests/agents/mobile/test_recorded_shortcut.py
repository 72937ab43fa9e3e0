import pytest

from tapgraph.agents.mobile.action_arguments import ACTION_ARGUMENTS
from tapgraph.agents.mobile.recorded_shortcut import draft_of, name_of
from tapgraph.errors import UsageError
from tapgraph.memory import Condition, StepTarget
from tapgraph.memory.admission import admit_shortcut
from tapgraph.tools.mobile.perception.recorded_actions import RecordedAction, RecordedDeed

DEED = RecordedDeed(
    actions=(
        RecordedAction("open", "Notes", place=(0.4, 0.8)),
        RecordedAction("tap", "Title", index=2, equals=2, place=(0.5, 0.2)),
        RecordedAction("type", "Shopping"),
        RecordedAction("scroll", direction="up"),
        RecordedAction("back"),
    ),
    begins=("Thursday", "Notes"),
    ends=("Notes", "12", "Shopping", "+49 30 1234567", "All notes"),
)


def test_a_draft_does_what_was_recorded_with_what_was_typed_as_an_argument() -> None:
    draft = admit_shortcut(draft_of(DEED, "Write a note"), ACTION_ARGUMENTS).draft
    assert draft.name == "Write_a_note"
    assert draft.arguments == ("text",)
    assert draft.example == {"text": "Shopping"}
    assert [one.action_name for one in draft.steps] == ["Open_App", "Tap", "Type", "Swipe", "Back"]
    assert draft.steps[0].arguments_map == {"app_name": "Notes"}
    assert draft.steps[1].target == StepTarget(text="Title", index=2, equals=2, place=(0.5, 0.2))
    assert draft.steps[3].arguments_map == {"direction": "up"}
    assert draft.requires is None


def test_a_field_is_emptied_before_what_replaces_its_words_is_typed() -> None:
    typed = RecordedAction("type", "Shopping", replaces=True)
    deed = RecordedDeed((*DEED.actions[:2], typed), DEED.begins, DEED.ends)
    draft = admit_shortcut(draft_of(deed, "Rename a note"), ACTION_ARGUMENTS).draft
    assert [one.action_name for one in draft.steps] == ["Open_App", "Tap", "Clear_Text", "Type"]


def test_it_ensures_words_that_are_new_and_no_number_nor_typed_nor_private() -> None:
    assert draft_of(DEED, "Write").ensures == Condition(shows=(StepTarget(text="All notes"),))


def test_a_draft_that_begins_with_a_touch_requires_what_is_touched() -> None:
    deed = RecordedDeed(DEED.actions[1:], DEED.begins, DEED.begins)
    draft = draft_of(deed, "Write")
    assert draft.requires is not None
    assert draft.requires.shows == (draft.steps[0].target,)
    assert draft.ensures is None


def test_what_is_private_passes_no_gate() -> None:
    tap = RecordedAction("tap", "Call +49 30 1234567", place=(0.5, 0.5))
    deed = RecordedDeed((DEED.actions[0], tap), (), ())
    with pytest.raises(UsageError, match="a phone number"):
        admit_shortcut(draft_of(deed, "Call"), ACTION_ARGUMENTS)
    typed = RecordedAction("type", "me@example.org")
    deed = RecordedDeed((DEED.actions[0], typed), (), ())
    assert admit_shortcut(draft_of(deed, "Sign in"), ACTION_ARGUMENTS).draft.example == {}


def test_a_long_description_makes_a_name_that_may_be() -> None:
    assert len(name_of("word " * 40)) <= 64
    draft_of(DEED, "Wörter, die länger sind: " + "x" * 100)
