"""Whole tasks with GUI models as Operators, each in its own words and numbers, over HTTP."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pytest
from pydantic import BaseModel

from tapgraph.agents.mobile.replies import ManagerReply, OperatorReply, ReflectorReply
from tapgraph.agents.run.budget import Budget
from tapgraph.agents.run.events import ActionDone, Decided, ModelCalled, Reflected, Verified
from tapgraph.agents.run.human import CallbackHuman
from tapgraph.agents.run.outcome import Outcome
from tapgraph.llm_backend.chat_model import ModelTraits, Reply
from tapgraph.llm_backend.messages import Message
from tapgraph.llm_backend.scripted_model import ScriptedModel
from tapgraph.tools.mobile.actions import (
    ACTION_TYPES,
    Answer,
    AskUser,
    Back,
    DoubleTap,
    Home,
    LongPress,
    Swipe,
    SwitchApp,
    Type,
    Wait,
)
from tapgraph.tools.mobile.simulator.phone import Phone

CAFE = "Find the highest-rated cafe on Maps and save its name and phone number in a note."
NOTE = 'Write a note called "Shop" with the text "Milk // 2 l # fresh".'
SWITCH = "Turn on the alarm at 08:30"

Words = str | dict[str, Any]
Say = Callable[[OperatorReply], Words]


def ui_tars(reply: OperatorReply) -> str:
    """`Thought:` and `Action:`; Enter is a line break at the end of what is typed."""
    of = reply.arguments
    match reply.action:
        case "Tap":
            call = f"click(start_box='({of['x']},{of['y']})')"
        case "Long_Press":
            call = f"long_press(start_box='<|box_start|>({of['x']},{of['y']})<|box_end|>')"
        case "Swipe":
            call = f"scroll(start_box='({of['x1']},{of['y1']})', direction='down')"
        case "Type":
            text = str(of["text"]).replace("\n", "\\n").replace("'", "\\'")
            call = f"type(content='{text}')"
        case "Enter":
            call = r"type(content='\n')"
        case "Open_App":
            call = f"open_app(app_name='{of['app_name']}')"
        case "Ask_User":
            return f"Thought: {of['question']}\nAction: call_user()"
        case "Answer":
            call = f"finished(content='{of['text']}')"
        case other:
            call = {"Back": "press_back()", "Home": "press_home()", "Wait": "wait()"}[other]
    return f"Thought: {reply.thought}\nAction: {call}"


def autoglm(reply: OperatorReply) -> str:
    """Thoughts and one operation; its own program has no Enter, so it taps the keyboard's key."""
    of = reply.arguments
    match reply.action:
        case "Tap" | "Long_Press" | "Double_Tap":
            name = reply.action.replace("_", " ")
            call = f'do(action="{name}", element=[{of["x"]},{of["y"]}])'
        case "Swipe":
            start, end = [of["x1"], of["y1"]], [of["x2"], of["y2"]]
            call = f'do(action="Swipe", start={start}, end={end})'
        case "Type":
            call = f'do(action="Type", text={json.dumps(of["text"])})'
        case "Enter":
            call = 'do(action="Tap", element=[916,930])'
        case "Open_App":
            call = f'do(action="Launch", app="{of["app_name"]}")'
        case "Ask_User":
            call = f'do(action="Take_over", message="{of["question"]}")'
        case "Answer":
            call = f'finish(message="{of["text"]}")'
        case "Wait":
            call = f'do(action="Wait", duration="{of["seconds"]} seconds")'
        case other:
            call = f'do(action="{other}")'
    return f"<think>{reply.thought}</think>\n<answer>{call}</answer>"


def mobile_use(reply: OperatorReply) -> dict[str, Any]:
    """The arguments of the function that GUI-Owl and Qwen-VL call."""
    of = reply.arguments
    match reply.action:
        case "Tap" | "Long_Press":
            name = "click" if reply.action == "Tap" else "long_press"
            return {"action": name, "coordinate": [of["x"], of["y"]]}
        case "Swipe":
            ends = {"coordinate": [of["x1"], of["y1"]], "coordinate2": [of["x2"], of["y2"]]}
            return {"action": "swipe", **ends}
        case "Type":
            return {"action": "type", "text": of["text"]}
        case "Clear_Text":
            return {"action": "key", "text": "clear"}
        case "Open_App":
            return {"action": "open", "text": of["app_name"]}
        case "Wait":
            return {"action": "wait", "time": of["seconds"]}
        case "Ask_User":
            return {"action": "call_user", "text": of["question"]}
        case "Answer":
            return {"action": "answer", "text": of["text"]}
    button = "Menu" if reply.action == "Switch_App" else reply.action
    return {"action": "system_button", "button": button}


def gui_owl(reply: OperatorReply) -> str:
    """Action and call."""
    call = json.dumps({"name": "mobile_use", "arguments": mobile_use(reply)})
    return f"Action: {reply.description}\n<tool_call>\n{call}\n</tool_call>"


def qwen_vl(reply: OperatorReply) -> str:
    """Thought, action and call."""
    return f"Thought: {reply.thought}\n{gui_owl(reply)}"


def native_call(reply: OperatorReply) -> dict[str, Any]:
    """The call as servers give it that read it themselves."""
    function = {"name": "mobile_use", "arguments": json.dumps(mobile_use(reply))}
    call = {"id": "call_1", "type": "function", "function": function}
    message = {"role": "assistant", "content": reply.thought, "tool_calls": [call]}
    return {"choices": [{"message": message, "finish_reason": "tool_calls"}]}


def computer_use(reply: OperatorReply) -> str:
    """A sentence and an object; a wheel scrolls, and keys stand for buttons."""
    of = reply.arguments
    action: dict[str, Any]
    match reply.action:
        case "Tap" | "Long_Press" | "Double_Tap":
            clicks = {"Tap": "left_click", "Long_Press": "right_click"}
            name = clicks.get(reply.action, "double_click")
            action = {"action": name, "coordinate": [of["x"], of["y"]]}
        case "Swipe":
            place = [of["x1"], of["y1"]]
            action = {"action": "scroll", "coordinate": place, "scroll_direction": "down"}
        case "Type":
            action = {"action": "type", "text": of["text"]}
        case "Wait":
            action = {"action": "wait", "duration": of["seconds"]}
        case "Ask_User":
            action = {"action": "call_user", "text": of["question"]}
        case "Answer":
            action = {"action": "answer", "text": of["text"]}
        case other:
            keys = {"Enter": "Return", "Switch_App": "App_Switch"}
            action = {"action": "key", "text": keys.get(other, other)}
    return f"{reply.thought} {json.dumps(action)}"


@dataclass(frozen=True)
class _Model:
    """How it speaks, and the size of the screen in the numbers in which it writes points."""

    options: str
    say: Say
    seen: str


MODELS = {
    "ui-tars": _Model("dialect=ui-tars&max_image_px=1280", ui_tars, "576x1280"),
    "autoglm": _Model("dialect=autoglm", autoglm, "999x999"),
    "gui-owl": _Model("dialect=gui-owl", gui_owl, "1000x1000"),
    "qwen-vl": _Model("dialect=qwen-vl", qwen_vl, "999x999"),
    "native calls": _Model("dialect=qwen-vl", native_call, "999x999"),
    "computer-use": _Model("dialect=computer-use&max_image_px=1200", computer_use, "540x1200"),
}
OPENING = (
    Swipe(540, 1600, 540, 900),
    LongPress(540, 1250),
    Wait(1.0),
    DoubleTap(540, 1250),
    AskUser("Any cafe?"),
    SwitchApp(),
    Back(),
    Home(),
)
HAS_NO = {
    "ui-tars": {"Double_Tap", "Switch_App", "Enter"},
    "autoglm": {"Switch_App", "Enter"},
    "gui-owl": {"Double_Tap"},
    "qwen-vl": {"Double_Tap"},
    "native calls": {"Double_Tap"},
    "computer-use": {"Open_App"},
}
"""UI-TARS ends what it types with a line break, and AutoGLM taps the keyboard's own key."""


@pytest.mark.parametrize("name", MODELS)
def test_gui_model_operates_a_whole_task_beside_a_plain_model(
    knowing: Any,
    name: str,
    openai_server: Any,
    phone_brain: ModuleType,
    stage: Any,
    events: Any,
) -> None:
    model = MODELS[name]
    brain = phone_brain.PhoneBrain(
        knowing,
        say=model.say,
        opens_apps=name != "computer-use",
        points_only=True,
        opening=[one for one in OPENING if one.wire_name not in HAS_NO[name]],
        result="The note is written.",
    )
    gui, plain = openai_server(brain), openai_server(brain)
    spec = f"{plain.spec('plain')},operator={gui.spec('gui', f'pictures=operator&{model.options}')}"
    human = CallbackHuman(
        lambda request: "yes" if request.kind == "confirmation" else "One in town."
    )
    result = stage.run(spec, CAFE, human=human)
    assert result.outcome is Outcome.SUCCESS
    assert stage.is_done(CAFE)
    assert result.answer == "The note is written."
    decided = [event.action for event in events(Decided)]
    assert {action["name"] for action in decided} == set(ACTION_TYPES) - HAS_NO[name] - {
        "Clear_Text",
        "Show_Rest",
    }
    calls = [call for call in events(ModelCalled) if call.role == "operator"]
    assert all((call.valid, call.attempt, call.images) == (True, 1, 1) for call in calls)
    for request in gui.requests:
        assert f", {model.seen}, keyboard " in phone_brain.text_of(request["messages"][1])


@pytest.mark.parametrize("name", MODELS)
def test_one_server_plays_all_roles_and_only_the_operator_speaks_the_dialect(
    knowing: Any, name: str, openai_server: Any, phone_brain: ModuleType, stage: Any
) -> None:
    model = MODELS[name]
    brain = phone_brain.PhoneBrain(
        knowing,
        say=model.say,
        opens_apps=name != "computer-use",
        points_only=True,
        result="It is on.",
    )
    server = openai_server(brain)
    result = stage.run(server.spec("gui", f"pictures=all&{model.options}"), SWITCH)
    assert result.outcome is Outcome.SUCCESS
    assert stage.is_done(SWITCH)
    assert result.answer == "It is on."
    for request in server.requests:
        is_operator = phone_brain.role_of(request) is OperatorReply
        assert ("response_format" in request) != is_operator


def test_each_role_is_told_of_points_in_its_own_numbers(
    knowing: Any, openai_server: Any, phone_brain: ModuleType, stage: Any
) -> None:
    brain = phone_brain.PhoneBrain(
        knowing, say=qwen_vl, points_only=True, opening=[Swipe(540, 1600, 540, 900)]
    )
    gui, plain = openai_server(brain), openai_server(brain)
    stage.run(f"{plain.spec()},operator={gui.spec('gui', 'dialect=qwen-vl')}", SWITCH)
    assert "Swipe from (500, 666) to (500, 375)" in phone_brain.text_of(
        gui.requests[1]["messages"][1]
    )
    assert "Swipe from (540, 1599) to (540, 901)" in phone_brain.text_of(
        plain.requests[-1]["messages"][1]
    )


def test_line_break_at_the_end_of_typed_text_is_enter(
    knowing: Any,
    openai_server: Any,
    phone_brain: ModuleType,
    stage: Any,
    events: Any,
) -> None:
    def submit(reply: OperatorReply) -> str:
        if reply.arguments == {"text": "cafe"}:
            reply = reply.model_copy(update={"arguments": {"text": "cafe\n"}})
        return ui_tars(reply)

    server = openai_server(phone_brain.PhoneBrain(knowing, say=submit, points_only=True))
    result = stage.run(server.spec("gui", "dialect=ui-tars"), CAFE)
    assert result.outcome is Outcome.SUCCESS
    (typed,) = [one for one in events(Decided) if one.action["arguments"] == {"text": "cafe\n"}]
    done = [(one.part, one.action["name"]) for one in events(ActionDone) if one.step == typed.step]
    assert done == [(0, "Type"), (1, "Enter")]


@pytest.mark.parametrize("words", ["", "I have looked."], ids=["nothing", "some words"])
def test_end_of_a_subgoal_that_others_follow_is_no_answer(
    knowing: Any,
    words: str,
    openai_server: Any,
    phone_brain: ModuleType,
    stage: Any,
) -> None:
    brain = phone_brain.PhoneBrain(knowing, say=gui_owl, points_only=True, opening=[Answer(words)])
    two = iter([["Look around", "Go on"]])

    def answer(request: dict[str, Any]) -> object:
        reply = brain(request)
        subgoals = next(two, None) if isinstance(reply, ManagerReply) else None
        return reply if subgoals is None else reply.model_copy(update={"subgoals": subgoals})

    result = stage.run(openai_server(answer).spec("gui", "dialect=gui-owl"), SWITCH)
    assert result.outcome is Outcome.SUCCESS
    assert stage.is_done(SWITCH)
    assert result.answer == ""
    assert result.notes == words


def test_task_that_is_called_finished_at_once_is_still_done(
    knowing: Any,
    openai_server: Any,
    phone_brain: ModuleType,
    stage: Any,
    events: Any,
) -> None:
    brain = phone_brain.PhoneBrain(knowing, say=ui_tars, points_only=True, opening=[Answer("")])
    server = openai_server(brain)
    result = stage.run(server.spec("gui", "dialect=ui-tars"), SWITCH)
    assert result.outcome is Outcome.SUCCESS
    assert stage.is_done(SWITCH)
    assert result.answer == ""
    assert [check.complete for check in events(Verified)] == [False, True]


def test_subgoal_that_is_given_up_is_not_done_and_the_manager_hears_why(
    knowing: Any,
    openai_server: Any,
    phone_brain: ModuleType,
    stage: Any,
    events: Any,
) -> None:
    turns = iter(range(99))

    def despair(reply: OperatorReply) -> str:
        if next(turns) < 2:
            return '{"action": "terminate", "status": "failure", "text": "no such page"}'
        return computer_use(reply)

    brain = phone_brain.PhoneBrain(knowing, say=despair, opens_apps=False, points_only=True)
    server = openai_server(brain)
    result = stage.run(server.spec("gui", "dialect=computer-use"), SWITCH)
    assert result.outcome is Outcome.SUCCESS
    assert stage.is_done(SWITCH)
    assert result.answer == ""
    first = events(Reflected)[:2]
    assert {(one.verdict, one.error) for one in first} == {("C", "Not done: no such page")}
    plans = [one for one in server.requests if phone_brain.role_of(one) is ManagerReply]
    assert "Not done: no such page" in phone_brain.text_of(plans[1]["messages"][1])


def test_text_without_a_focused_field_is_refused_and_the_task_goes_on(
    knowing: Any,
    openai_server: Any,
    phone_brain: ModuleType,
    stage: Any,
    events: Any,
) -> None:
    brain = phone_brain.PhoneBrain(knowing, say=autoglm, points_only=True, opening=[Type("Milk")])
    server = openai_server(brain)
    result = stage.run(server.spec("gui", "dialect=autoglm"), NOTE)
    assert result.outcome is Outcome.SUCCESS
    assert stage.is_done(NOTE)
    assert "no text field has the focus" in events(Reflected)[0].error


def test_gui_model_is_told_the_type_of_the_answer(
    knowing: Any, openai_server: Any, phone_brain: ModuleType, stage: Any
) -> None:
    class State(BaseModel):
        is_on: bool

    brain = phone_brain.PhoneBrain(knowing, say=gui_owl, points_only=True, result='{"is_on": true}')
    server = openai_server(brain)
    result = stage.run(server.spec("gui", "dialect=gui-owl"), SWITCH, answer_type=State)
    assert result.outcome is Outcome.SUCCESS
    assert result.answer_object == State(is_on=True)
    acted = [one for one in server.requests if phone_brain.role_of(one) is OperatorReply]
    assert '"is_on": {"title": "Is On", "type": "boolean"}' in phone_brain.text_of(
        acted[0]["messages"][0]
    )


def test_long_thought_is_told_to_others_by_its_end(
    knowing: Any,
    openai_server: Any,
    phone_brain: ModuleType,
    stand_in: ModuleType,
    stage: Any,
    events: Any,
) -> None:
    """AutoGLM thinks in front of its call, where servers tell thoughts apart from words."""

    def ponder(reply: OperatorReply) -> str:
        thought = f"{'I wonder. ' * 2000}So I act: {reply.thought}"
        return autoglm(reply.model_copy(update={"thought": thought}))

    server = openai_server(phone_brain.PhoneBrain(knowing, say=ponder, points_only=True))
    result = stage.run(server.spec("gui", "dialect=autoglm"), SWITCH)
    assert result.outcome is Outcome.SUCCESS
    expected = events(Decided)[0].description
    assert expected.startswith("…")
    assert expected.endswith("So I act: Clock is not in front, so I open it.")
    assert len(expected) == 400
    judged = [one for one in server.requests if phone_brain.role_of(one) is ReflectorReply]
    assert f"Expected: {expected}\n" in phone_brain.text_of(judged[0]["messages"][1])


def test_gui_model_sees_the_screen_without_marks(run_task: Any, phone: Phone, knowing: Any) -> None:
    shown: list[bool] = []

    def look(messages: Sequence[Message], schema: type[BaseModel] | None) -> str | Reply:
        if schema is not None:
            reply: Reply = knowing.reply(messages, schema=schema)
            return reply
        (picture,) = messages[-1].images
        shown.append(picture.tobytes() == phone.screenshot().tobytes())
        return gui_owl(OperatorReply(action="Back"))

    traits = ModelTraits("gui", pictures="operator", dialect="gui-owl", coordinate_space="0-1000")
    run_task(SWITCH, ScriptedModel(look, traits=traits), budget=Budget(max_steps=1))
    assert shown == [True]
