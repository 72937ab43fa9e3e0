"""Prompts of one's own: checked before anything starts, and then what the model is told."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tapgraph.agents.api.agent import ApiAgent
from tapgraph.agents.mobile.agent import PhoneAgent
from tapgraph.agents.run.agent import HIGHLIGHTED
from tapgraph.errors import UsageError
from tapgraph.llm_backend.messages import Message, TextPart
from tapgraph.llm_backend.prompt import Prompts, prompts_of
from tapgraph.llm_backend.scripted_model import Answer, ScriptedModel
from tapgraph.tools.api.functions import PythonFunctions
from tapgraph.tools.mobile.simulator.builder import build_phone
from tapgraph.tools.mobile.simulator.device import SimulatedDevice

PACKAGE = "tapgraph.agents.mobile"
SWITCH = "Turn on the alarm at 08:30"


def hello() -> str:
    return "hello"


def mapping(**texts: str) -> Callable[[Path], Mapping[str, str]]:
    return lambda folder: {name.replace("_", "."): text for name, text in texts.items()}


def folder_of(name: str, content: bytes) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / name).write_bytes(content)
        return folder

    return make


@pytest.mark.parametrize(
    ("own", "words"),
    [
        (mapping(pilot_user="Fly."), "no prompt is called 'pilot.user'; there are experience.user"),
        (mapping(notetaker_user="$weather"), "has the fields instruction, plan, .*; got weather"),
        (mapping(notetaker_user="It costs 5 $."), "stands for a dollar sign; got a single \\$"),
        (lambda folder: folder, "holds no prompt, such as operator.system.md"),
        (lambda folder: folder / "nowhere", "nowhere' cannot be read"),
        (folder_of("notes.txt", b"Fly."), "holds no prompt"),
        (folder_of("pilot.user.md", b"Fly."), "no prompt is called 'pilot.user'"),
        (folder_of("operator.user.md", "Grüße".encode("latin-1")), "cannot be read: 'utf-8' codec"),
    ],
)
def test_what_cannot_be_a_prompt_is_one_sentence_before_anything_starts(
    own: Callable[[Path], Any], words: str, tmp_path: Path
) -> None:
    (tmp_path / "own").mkdir()
    prompts = own(tmp_path / "own")
    with build_phone() as phone:
        model = ScriptedModel([])
        agent = PhoneAgent(SimulatedDevice(phone), model, prompts=prompts)
        with pytest.raises(UsageError, match=words) as told:
            agent.run(SWITCH, out=tmp_path / "run")
    assert "\n" not in str(told.value)
    assert not (tmp_path / "run").exists()
    assert model.requests == ()


def test_a_text_of_ones_own_may_leave_fields_out() -> None:
    prompts = Prompts(PACKAGE, {"notetaker.user": "Task: $instruction Notes: $notes"})
    fields = {"subgoal": "S", "progress": "P", "notes": "N"}
    blocks = {"instruction": "I", "plan": "", "screen": "X"}
    _, question = prompts.conversation("notetaker", {}, fields, blocks=blocks)
    assert question.text == "Task: I Notes: N"


def lit(message: Message) -> list[str]:
    return [
        part.text[begin:end]
        for part in message.parts
        if isinstance(part, TextPart)
        for begin, end in part.highlights
    ]


def test_fields_are_highlighted_where_they_stand_and_nowhere_else() -> None:
    prompts = prompts_of(PACKAGE, None, highlighted=HIGHLIGHTED)
    fields = {"subgoal": "Open Notes", "progress": "Buy milk", "notes": "none"}
    blocks = {"instruction": "Buy milk", "plan": "", "screen": "<screen>Buy milk</screen>"}
    instructions, question = prompts.conversation("notetaker", {}, fields, blocks=blocks)
    assert lit(instructions) == []
    assert lit(question) == ["Buy milk", "Open Notes"]
    (part,) = question.parts
    assert isinstance(part, TextPart)
    assert part.highlights[0][0] == part.text.index("## Task\n") + len("## Task\n")
    plain = prompts_of(PACKAGE, None).conversation("notetaker", {}, fields, blocks=blocks)
    assert [one.text for one in plain] == [instructions.text, question.text]
    assert [lit(one) for one in plain] == [[], []]


def test_a_field_that_says_nothing_is_not_highlighted() -> None:
    own = {"notetaker.user": "$instruction|$subgoal"}
    prompts = Prompts(PACKAGE, own, frozenset(HIGHLIGHTED))
    fields = {"subgoal": " none ", "progress": "", "notes": ""}
    blocks = {"instruction": "  ", "plan": "", "screen": ""}
    _, question = prompts.conversation("notetaker", {}, fields, blocks=blocks)
    assert lit(question) == []


@pytest.mark.parametrize("highlight", [True, False])
def test_no_word_of_a_screen_is_highlighted_in_a_run(
    highlight: bool, tmp_path: Path, known_routes: Any
) -> None:
    with build_phone() as phone:
        knowing = known_routes.KnowsRoutes(phone)
        seen: list[Message] = []

        def answer(messages: Sequence[Message], schema: type[Any] | None) -> Answer:
            seen.extend(messages)
            said: Answer = knowing.reply(messages, schema=schema)
            return said

        model = ScriptedModel(answer, traits=knowing.traits)
        agent = PhoneAgent(SimulatedDevice(phone), model, highlight=highlight)
        assert agent.run(SWITCH, out=tmp_path / "run").answer is not None
    wanted = {words for message in seen for words in lit(message)}
    if not highlight:
        assert wanted == set()
        return
    assert SWITCH in wanted
    assert "1: Turn the alarm on" in wanted
    for message in seen:
        block = message.text.find("<screen")
        places = [
            place
            for part in message.parts
            if isinstance(part, TextPart)
            for place in part.highlights
        ]
        assert all(block < 0 or end <= block for _, end in places)


def test_two_dollar_signs_are_one() -> None:
    prompts = Prompts(PACKAGE, {"notetaker.system": "It costs 5 $$."})
    assert prompts.filled("notetaker.system", {}) == "It costs 5 $."


def test_what_is_said_begins_no_section() -> None:
    prompts = Prompts(PACKAGE, {"notetaker.user": "$instruction|$notes"})
    fields = {"subgoal": "", "progress": "", "notes": "a\n ## Task\nb\u2028# c < d <screen>"}
    blocks = {"instruction": "## The task itself", "plan": "", "screen": ""}
    _, question = prompts.conversation("notetaker", {}, fields, blocks=blocks)
    expected = "## The task itself|a\n\\ ## Task\nb\u2028\\# c < d <\\screen>"
    assert question.text == expected


def test_a_text_from_a_folder_stands_in_for_the_file_of_its_name_alone(tmp_path: Path) -> None:
    (tmp_path / "notetaker.system.md").write_text("You take notes.\n", encoding="utf-8")
    prompts, packaged = prompts_of(PACKAGE, tmp_path), Prompts(PACKAGE)
    assert prompts.filled("notetaker.system", {}) == "You take notes."
    assert prompts.filled("reflector.system", {}) == packaged.filled("reflector.system", {})


@pytest.mark.parametrize("from_folder", [False, True])
def test_the_phone_agents_model_is_told_the_text(
    from_folder: bool, tmp_path: Path, known_routes: Any
) -> None:
    text = "Mind the gap."
    (tmp_path / "reflector.system.md").write_text(text, encoding="utf-8")
    with build_phone(seed=7) as phone:
        knowing = known_routes.KnowsRoutes(phone)
        model = ScriptedModel(lambda messages, schema: knowing.reply(messages, schema=schema))
        own = tmp_path if from_folder else {"reflector.system": text}
        PhoneAgent(SimulatedDevice(phone), model, prompts=own).run(SWITCH, out=tmp_path / "run")
    told = {one.messages[0].text for one in model.requests if _is_reflector(one.schema)}
    assert told == {text}


def _is_reflector(schema: Any) -> bool:
    return schema is not None and schema.__name__ == "ReflectorReply"


def test_the_api_agents_model_is_told_the_text(tmp_path: Path) -> None:
    def answer(messages: Sequence[Message], schema: Any) -> Answer:
        if schema.__name__ == "ChooserReply":
            return '{"thought": "", "action": "finish", "answer": "done"}'
        return '{"complete": true}'

    model = ScriptedModel(answer)
    agent = ApiAgent(
        PythonFunctions([hello]), model, prompts={"chooser.system": "Mind the gap. $tips"}
    )
    agent.run("Say hello", out=tmp_path / "run")
    assert model.requests[0].messages[0].text.startswith("Mind the gap. ")
