"""A checkpoint on this machine as a `ChatModel`."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest
import torch
from PIL import Image
from pydantic import BaseModel

from tapgraph.errors import ContextExceeded, ModelUnavailable, UsageError
from tapgraph.llm_backend.chat_model import ModelTraits, ToolSpec
from tapgraph.llm_backend.local.chat import Chat, ChatRequest, NamedTool, prepare_chat
from tapgraph.llm_backend.local.chat_prompt import ChatTurn
from tapgraph.llm_backend.local.checkpoint import load_checkpoint
from tapgraph.llm_backend.local.constraints import Choice, JsonSchema
from tapgraph.llm_backend.local.engine import Engine, EngineLimits
from tapgraph.llm_backend.local.generation import Sampling
from tapgraph.llm_backend.local.local_model import LocalModel, ReplyDefaults
from tapgraph.llm_backend.local.reply_reader import ReadReply, gather
from tapgraph.llm_backend.local.short_schema import USUAL_TEXT
from tapgraph.llm_backend.messages import TextPart, assistant, system, user
from tapgraph.llm_backend.model_spec import open_model, open_models
from tapgraph.settings import Settings

if TYPE_CHECKING:
    from tests.llm_backend.tiny_checkpoints import Tiny


class Verdict(BaseModel):
    done: bool
    grade: Literal["A", "B", "C"]


TAP = ToolSpec(
    "tap",
    "Taps.",
    {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]},
)
WAIT = ToolSpec("wait", "Waits.", {"type": "object", "properties": {}})


@pytest.fixture
def model(tiny: "Tiny") -> Iterator[LocalModel]:
    with Engine(tiny.load("qwen3"), limits=EngineLimits(prefill_chunk=16)) as engine:
        yield LocalModel(engine, defaults=ReplyDefaults(seed=3, longest_text=12))


def test_a_reply_to_a_schema_is_an_object_of_it(model: LocalModel) -> None:
    for temperature in (0.0, 1.0, 2.0):
        reply = model.reply([user("Done?")], schema=Verdict, temperature=temperature)
        assert isinstance(reply.parsed, Verdict)
        assert reply.finish_reason == "stop"


class Note(BaseModel):
    words: str


@pytest.mark.slow
def test_a_text_without_a_limit_ends_by_itself(tiny: "Tiny") -> None:
    with Engine(tiny.load("qwen3")) as engine:
        model = LocalModel(engine, defaults=ReplyDefaults(seed=3))
        reply = model.reply([user("Write on.")], schema=Note, max_tokens=3000)
    assert isinstance(reply.parsed, Note)
    assert len(reply.parsed.words) == USUAL_TEXT


def test_json_is_spaced_as_the_examples_of_prompts_are(model: LocalModel) -> None:
    reply = model.reply([user("Done?")], schema=Verdict)
    assert reply.text == json.dumps(json.loads(reply.text))
    assert ", " in reply.text


def test_without_a_template_the_next_speaker_ends_a_reply(tiny: "Tiny", tmp_path: Path) -> None:
    checkpoint = load_checkpoint(tiny.save(tmp_path / "plain", template=None), device="cpu")
    request = ChatRequest(
        (ChatTurn("user", (TextPart("Hi"),)),), constraint=Choice(("Hello.\n\nuser: And now?",))
    )
    prepared = prepare_chat(checkpoint, request).request
    with Engine(checkpoint) as engine:
        reply = engine.submit(prepared).result()
    assert (reply.text, reply.finished.reason) == ("Hello.", "stop")


def test_with_a_template_another_speaker_may_be_quoted(tiny: "Tiny") -> None:
    request = ChatRequest((ChatTurn("user", (TextPart("Hi"),)),))
    assert prepare_chat(tiny.load("qwen3"), request).request.next_speakers == ()


def test_a_cut_reply_is_told_to_be_cut_and_not_parsed(model: LocalModel) -> None:
    reply = model.reply([user("Done?")], schema=Verdict, max_tokens=3)
    assert (reply.finish_reason, reply.parsed) == ("length", None)
    assert reply.usage.completion_tokens == 3


def test_usage_latency_and_name_are_told(model: LocalModel) -> None:
    reply = model.reply(
        [system("Be brief."), user("Hi."), assistant("Yo."), user("?")], max_tokens=9
    )
    assert reply.usage.prompt_tokens > 10
    assert reply.latency_s > 0
    assert reply.model == model.traits.name


def test_equal_seeds_give_equal_replies(model: LocalModel, tiny: "Tiny") -> None:
    first, second = (model.reply([user("Go.")], temperature=1, max_tokens=30) for _ in range(2))
    other = LocalModel(model.engine, defaults=ReplyDefaults(seed=4))
    assert first.text == second.text
    assert other.reply([user("Go.")], temperature=1, max_tokens=30).text != first.text


def test_max_tokens_is_lowered_to_what_the_context_leaves(tiny: "Tiny") -> None:
    with Engine(tiny.load(), limits=EngineLimits(context_tokens=60)) as engine:
        model = LocalModel(engine)
        usage = model.reply([user("Hi.")]).usage
        assert usage.prompt_tokens + usage.completion_tokens <= 60
        with pytest.raises(ContextExceeded, match="is 60 tokens"):
            model.reply([user("word " * 60)])


def test_without_max_tokens_the_models_own_limit_holds(model: LocalModel) -> None:
    limited = LocalModel(model.engine, traits=ModelTraits("m", max_tokens=3))
    reply = limited.reply([user("Done?")], schema=Verdict)
    assert (reply.usage.completion_tokens, reply.finish_reason) == (3, "length")


def test_without_a_temperature_the_models_own_holds(model: LocalModel) -> None:
    warm = LocalModel(model.engine, defaults=ReplyDefaults(temperature=1.0, seed=3))
    said = warm.reply([user("Go.")], max_tokens=30).text
    assert said == model.reply([user("Go.")], temperature=1.0, max_tokens=30).text
    assert said != model.reply([user("Go.")], max_tokens=30).text


def test_it_says_that_it_keeps_to_every_schema(model: LocalModel) -> None:
    assert model.traits.enforces_schemas
    assert LocalModel(model.engine, traits=ModelTraits("m")).traits.enforces_schemas


def test_tokens_of_a_kept_prompt_are_told(model: LocalModel) -> None:
    prompt = [user("word " * 40)]
    assert model.reply(prompt, max_tokens=2).usage.cached_tokens == 0
    assert model.reply(prompt, max_tokens=2).usage.cached_tokens >= 16


def chat(*tools: ToolSpec, **more: Any) -> ChatRequest:
    return ChatRequest((ChatTurn("user", (TextPart("Go."),)),), tools, longest_text=8, **more)


@pytest.mark.parametrize("choice", ["required", NamedTool("tap")])
@pytest.mark.parametrize("temperature", [0, 1, 2])
def test_a_forced_call_is_a_call(choice: Any, temperature: float, model: LocalModel) -> None:
    for seed in range(4):
        request = chat(
            TAP, WAIT, tool_choice=choice, max_tokens=200, sampling=Sampling(temperature, seed=seed)
        )
        prepared = prepare_chat(model.engine.checkpoint, request)
        read = said(prepared, model)
        (call,) = read.tool_calls
        assert read.text == ""
        assert call.name in ({"tap"} if choice != "required" else {"tap", "wait"})
        if call.name == "tap":
            assert isinstance(json.loads(call.arguments)["x"], int)


def said(prepared: Chat, model: LocalModel) -> ReadReply:
    reader = prepared.open_reader()
    text = model.engine.submit(prepared.request).result().text
    return gather([*reader.push(text), *reader.finish()])


def test_with_tools_and_a_schema_a_reply_is_either(model: LocalModel) -> None:
    schema = JsonSchema({"type": "object", "properties": {"done": {"type": "boolean"}},
                         "required": ["done"], "additionalProperties": False})  # fmt: skip
    found = set()
    for seed in range(24):
        sampling = Sampling(2, seed=seed)
        request = chat(TAP, WAIT, constraint=schema, max_tokens=200, sampling=sampling)
        read = said(prepare_chat(model.engine.checkpoint, request), model)
        found.add("call" if read.tool_calls else "words")
        assert len(read.tool_calls) == 1 or set(json.loads(read.text)) == {"done"}
        assert not (read.tool_calls and read.text)
    assert found == {"call", "words"}


def test_a_reply_that_must_be_json_has_no_room_for_thoughts(tiny: "Tiny", tmp_path: Path) -> None:
    template = "{{ messages[0].content }}\n<think>\n"
    checkpoint = load_checkpoint(tiny.save(tmp_path, template=template))
    free = prepare_chat(checkpoint, chat())
    bound = prepare_chat(checkpoint, chat(constraint=JsonSchema({"type": "boolean"})))
    told = [
        str(checkpoint.tokenizer.decode(list(one.request.prompt.tokens))) for one in (free, bound)
    ]
    assert told == ["Go.\n<think>", "Go.\n<think>\n</think>\n\n"]
    assert (free.is_in_thought, bound.is_in_thought) == (True, False)


def test_tools_that_may_be_called_leave_words_as_they_are(model: LocalModel) -> None:
    reply = model.reply([user("Go.")], tools=[TAP], max_tokens=8)
    assert reply.tool_calls == ()
    assert reply.finish_reason == "length"


@pytest.mark.parametrize(
    ("tools", "more", "told"),
    [
        ((), {"tool_choice": "required"}, "there are no tools"),
        ((TAP,), {"tool_choice": NamedTool("dance")}, "no tool is called 'dance'"),
        ((TAP, TAP), {}, "two tools have the same name"),
    ],
)
def test_wishes_that_contradict_each_other_are_refused(
    tools: tuple[ToolSpec, ...], more: dict[str, Any], told: str
) -> None:
    with pytest.raises(UsageError, match=told):
        chat(*tools, **more)


def test_pictures_need_eyes(model: LocalModel) -> None:
    with pytest.raises(UsageError, match="with pictures=all it gets them"):
        model.reply([user("?", Image.new("RGB", (40, 40)))])
    with pytest.raises(UsageError, match="takes no pictures: it is no image-text model"):
        LocalModel(model.engine, traits=ModelTraits("m", pictures="all"))


@pytest.mark.parametrize("family", ["qwen2_5_vl", "qwen3_vl"])
def test_with_pictures_the_tokens_are_those_of_generate(family: str, tiny: "Tiny") -> None:
    checkpoint = tiny.load(family)
    picture = Image.effect_noise((140, 84), 80).convert("RGB")
    turns = (
        ChatTurn("system", (TextPart("Look at the screen and say what there is. " * 3),)),
        ChatTurn("user", user("What?", picture).parts),
    )
    request = prepare_chat(checkpoint, ChatRequest(turns, max_tokens=10, sampling=Sampling(0)))
    ids = torch.tensor([request.request.prompt.tokens])
    pictures = request.request.prompt.pictures
    assert pictures is not None
    generated = checkpoint.model.generate(  # type: ignore[operator]
        ids, attention_mask=torch.ones_like(ids), max_new_tokens=10, do_sample=False,
        suppress_tokens=list(tiny.nameless), **pictures.inputs,
    )  # fmt: skip
    said = generated[0, ids.shape[1] :].tolist()
    expected = [token for token in said if token not in checkpoint.end_tokens]
    with Engine(checkpoint, limits=EngineLimits(prefill_chunk=16)) as engine:
        cold, warm = (engine.submit(request.request).result() for _ in range(2))
        beside = [engine.submit(one) for one in (request.request, tiny.greedy((8, 9)))]
        together = beside[0].result()
    assert list(cold.tokens) == expected
    assert warm.tokens == together.tokens == cold.tokens
    # The prompt is used again in whole pages, the picture with it.
    assert warm.finished.count.cached == (len(ids[0]) - 1) // 16 * 16 >= pictures.end_token


def test_another_picture_gives_another_reply(tiny: "Tiny") -> None:
    traits = ModelTraits("m", pictures="all", image_max_px=100)
    with Engine(tiny.load("qwen3_vl")) as engine:
        model = LocalModel(engine, traits=traits)
        replies = {
            model.reply([user("?", Image.new("RGB", (64, 64), colour))], max_tokens=12).text
            for colour in ("red", "blue", "white")
        }
        large, small = (
            model.reply([user("?", Image.new("RGB", (64 * scale, 64 * scale)))], max_tokens=1).usage
            for scale in (8, 1)
        )
    assert len(replies) == 3
    assert large.prompt_tokens < small.prompt_tokens + 10, "the picture was not made smaller"


def settings() -> Settings:
    return Settings(home=Path("/nowhere"))


def open_local(spec: str) -> LocalModel:
    model = open_model(spec, settings())
    assert isinstance(model, LocalModel)
    return model


def test_a_spec_opens_a_checkpoint(tiny: "Tiny") -> None:
    spec = (
        f"local:{tiny.folder()}?device=cpu&dtype=float32&seed=1&context_tokens=200&longest_text=9"
        "&max_tokens=90&temperature=0.5"
    )
    model = open_model(f"{spec}&coordinates=0-1000", settings())
    assert isinstance(model, LocalModel)
    try:
        assert model.traits.coordinate_space == "0-1000"
        assert model.engine.context_tokens == 200
        assert model.traits.max_tokens == 90
        assert isinstance(model.reply([user("Done?")], schema=Verdict).parsed, Verdict)
    finally:
        model.close()


def test_a_spec_names_the_attention_system_and_its_options(tiny: "Tiny") -> None:
    options = "device=cpu&attention=sink_window&recent_tokens=32"
    model = open_model(f"local:{tiny.folder()}?{options}", settings())
    assert isinstance(model, LocalModel)
    try:
        assert model.engine.system.name == "sink_window"
        assert model.engine.system.config.recent_tokens == 32  # type: ignore[attr-defined]
        assert model.reply([user("word " * 60)], max_tokens=5).usage.completion_tokens
    finally:
        model.close()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("attention=magic", "no attention system is called 'magic'"),
        ("attention=sink_window&sight=1", "has no option 'sight'"),
        ("budget=64", "no option of a local model or of dense attention is called budget"),
        ("pictures=all", "takes no pictures: it is no image-text model"),
        ("dtype=int4", "dtype must be one of"),
        ("context_tokens=9999", "is 4096 tokens, got 9999"),
        ("longest_text=0", "longest_text cannot be '0'"),
    ],
)
def test_wrong_options_are_one_sentence(options: str, told: str, tiny: "Tiny") -> None:
    with pytest.raises(UsageError, match=told):
        open_model(f"local:{tiny.folder()}?{options}", settings())


def test_options_of_sampling_reach_the_model(tiny: "Tiny") -> None:
    plain = open_local(f"local:{tiny.folder()}?device=cpu&max_tokens=12")
    first = plain.reply([user("Go on.")])
    token = plain.engine.checkpoint.tokenizer.encode(first.text)[0]
    bias = json.dumps({token: -100})
    for options in (f"logit_bias={bias}", "repetition_penalty=9", "presence_penalty=2&top_k=3"):
        other = open_local(f"local:{tiny.folder()}?device=cpu&max_tokens=12&{options}")
        sampling = other.engine.checkpoint.sampling
        assert set(sampling) == {option.split("=")[0] for option in options.split("&")}
        assert other.reply([user("Go on.")]).text != first.text or "presence" in options
        other.close()
    plain.close()


def test_a_local_reply_may_take_only_so_long(tiny: "Tiny", tmp_path: Path) -> None:
    folder = tiny.save(tmp_path / "tiny", max_position_embeddings=1_000_000)
    model = open_local(f"local:{folder}?device=cpu&timeout_s=0.2&max_tokens=500000")
    with pytest.raises(ModelUnavailable, match=r"it took longer than 0.2 s"):
        model.reply([user("Go on.")])
    model.close()


def test_roles_with_equal_specs_share_one_engine(tiny: "Tiny") -> None:
    spec = f"local:{tiny.folder()}?device=cpu"
    models = open_models(f"{spec},manager={spec}", settings(), roles=("manager", "operator"))
    manager, operator = models.for_role("manager"), models.for_role("operator")
    assert manager is operator
    assert isinstance(manager, LocalModel)
    manager.close()
