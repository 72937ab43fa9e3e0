"""Questions and confirmations: interrupts that a callback or a policy answers."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from pydantic import BaseModel

from tapgraph.agents.mobile.replies import (
    ManagerReply,
    OperatorReply,
    ReflectorReply,
    VerifierReply,
)
from tapgraph.agents.run.events import ActionDone, HumanAnswered, HumanAsked, Reflected
from tapgraph.agents.run.human import NO_ONE, AbsentHuman, CallbackHuman, HumanRequest
from tapgraph.agents.run.outcome import Outcome
from tapgraph.llm_backend.messages import Message
from tapgraph.llm_backend.scripted_model import Answer
from tapgraph.tools.mobile.screen_reader import ScreenReader
from tapgraph.tools.mobile.simulator.device import SimulatedDevice
from tapgraph.tools.mobile.simulator.phone import Phone

NOTE = 'Write a note that says "call the plumber"'
SWITCH = "Turn on the alarm at 08:30"

Events = Callable[[Any], list[Any]]


def asking_first(question: str) -> Callable[..., Answer | None]:
    """Asks the user once, then lets the demonstrator go on."""
    asked: list[bool] = []

    def override(messages: Sequence[Message], schema: type[BaseModel] | None) -> Answer | None:
        if schema and issubclass(schema, OperatorReply) and not asked:
            asked.append(True)
            return OperatorReply(
                thought="", action="Ask_User", arguments={"question": question}, description=""
            )
        return None

    return override


def test_the_callback_answers_and_the_answer_reaches_the_notes(
    run_task: Any, demonstrator_but: Any, events: Events
) -> None:
    requests: list[HumanRequest] = []

    def answer(request: HumanRequest) -> str:
        requests.append(request)
        return "at noon"

    result = run_task(NOTE, demonstrator_but(asking_first("When?")), human=CallbackHuman(answer))
    assert result.outcome is Outcome.SUCCESS
    assert requests == [HumanRequest("question", "When?")]
    assert "said: at noon" in result.notes
    assert [event.text for event in events(HumanAnswered)] == ["at noon"]
    assert events(Reflected)[0].judged_by == "tool"


def test_headless_a_question_is_left_to_the_agent(run_task: Any, demonstrator_but: Any) -> None:
    result = run_task(NOTE, demonstrator_but(asking_first("When?")), human=AbsentHuman("assume"))
    assert NO_ONE in result.notes


def test_a_question_that_nobody_may_answer_ends_the_run(
    run_task: Any, demonstrator_but: Any
) -> None:
    result = run_task(NOTE, demonstrator_but(asking_first("When?")), human=AbsentHuman("stop"))
    assert result.outcome is Outcome.NEEDS_HUMAN
    assert "When?" in result.reason


def deleting_a_note(phone: Phone) -> Callable[..., Answer | None]:
    """Opens the first note, presses delete and then the dialog's delete button, over and over."""

    def override(messages: Sequence[Message], schema: type[BaseModel] | None) -> Answer | None:
        if schema is ReflectorReply:
            return ReflectorReply(verdict="A")
        if not schema or not issubclass(schema, OperatorReply):
            return None
        screen = messages[-1].text.rpartition("<screen>")[2]
        for wanted in ('button "Delete"', 'button "Delete note"'):
            for line in screen.split("\n"):
                if wanted in line:
                    number = line[1 : line.index("]")]
                    return OperatorReply(
                        thought="", action="Tap", arguments={"element": number}, description=""
                    )
        return None

    return override


@pytest.mark.parametrize(("policy", "is_deleted"), [("assume", False), ("allow", True)])
def test_a_button_that_deletes_is_pressed_only_with_leave(
    policy: Any,
    is_deleted: bool,
    run_task: Any,
    demonstrator_but: Any,
    phone: Phone,
    events: Events,
) -> None:
    notes = "SELECT count(*) FROM notes"
    package = next(app.package for app in phone.apps if app.label == "Notes")
    before = phone.database(package).execute(notes).fetchone()[0]
    phone.open_app(package)
    _open_first_note(phone)
    run_task(NOTE, demonstrator_but(deleting_a_note(phone)), human=AbsentHuman(policy))
    asked = [event for event in events(HumanAsked) if event.kind_of_question == "confirmation"]
    assert asked
    assert asked[0].text == "delete: touch 'Delete note' in Notes"
    deleted = phone.database(package).execute(notes).fetchone()[0] < before
    assert deleted is is_deleted


def _open_first_note(phone: Phone) -> None:
    screen = ScreenReader(SimulatedDevice(phone), pictures="when needed").read()
    card = next(
        one for one in screen.elements if one.role == "button" and one.bounds.height > 150
        and "note" not in one.text.lower()
    )  # fmt: skip
    phone.tap(card.bounds.center.x, card.bounds.center.y)


class Phrase(BaseModel):
    words: str
    count: int


def answering(text: str) -> Callable[..., Answer | None]:
    def override(messages: Sequence[Message], schema: type[BaseModel] | None) -> Answer | None:
        if schema and issubclass(schema, OperatorReply):
            return OperatorReply(
                thought="", action="Answer", arguments={"text": text}, description=""
            )
        return None

    return override


def test_an_answer_of_the_wanted_type_comes_back_as_an_object(
    run_task: Any, demonstrator_but: Any, events: Events
) -> None:
    text = '{"words": "a // b # c", "count": 2}'
    result = run_task(SWITCH, demonstrator_but(answering(text)), answer_type=Phrase)
    assert result.answer == text
    assert result.answer_object == Phrase(words="a // b # c", count=2)
    assert events(ActionDone) == []


def test_an_answer_ends_its_subgoal_and_is_given_once(
    run_task: Any, demonstrator_but: Any, events: Events
) -> None:
    answer = answering("It is 42 %.")

    def override(messages: Sequence[Message], schema: type[BaseModel] | None) -> Answer | None:
        if schema is ManagerReply:
            return ManagerReply(thought="", subgoals=["Answer"], current=1, status="working")
        if schema is VerifierReply:
            return VerifierReply(complete=True)
        return answer(messages, schema)

    result = run_task("How full is the battery?", demonstrator_but(override))
    assert (result.outcome, result.answer) == (Outcome.SUCCESS, "It is 42 %.")
    assert len(events(Reflected)) == 1


def test_an_answer_of_another_type_is_a_failed_action(
    run_task: Any, demonstrator_but: Any, events: Events
) -> None:
    result = run_task(SWITCH, demonstrator_but(answering("two of them")), answer_type=Phrase)
    assert result.answer == ""
    assert result.answer_object is None
    assert all(event.verdict == "C" for event in events(Reflected))
    assert "JSON for Phrase" in events(Reflected)[0].error
