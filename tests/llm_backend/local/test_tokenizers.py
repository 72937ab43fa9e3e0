"""With every kind of tokenizer: schemas, forced text, stops, streams, and prompts that are safe."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, normalizers

from tapgraph.errors import UsageError
from tapgraph.llm_backend.chat_model import ToolCall, ToolSpec
from tapgraph.llm_backend.local.chat_prompt import ChatTurn, chat_prompt, text_prompt
from tapgraph.llm_backend.local.checkpoint import Checkpoint, load_checkpoint
from tapgraph.llm_backend.local.constraints import Choice, Constraint, JsonSchema
from tapgraph.llm_backend.local.engine import Engine
from tapgraph.llm_backend.local.generation import Delta, Finished, GenerationRequest, Sampling
from tapgraph.llm_backend.local.vocabulary import ContinuationSpeller
from tapgraph.llm_backend.messages import TextPart

if TYPE_CHECKING:
    from tests.llm_backend.tiny_checkpoints import Tiny

KINDS = (
    "byte_level", "byte_level_with_a_blank_first", "prepended", "replaced", "metaspace_first",
    "metaspace_always", "unigram", "unigram_with_bytes",
)  # fmt: skip
STEP: dict[str, Any] = {
    "type": "object",
    "properties": {
        "action": {"enum": ["Tap", "Go back"]},
        "element": {"type": "integer", "minimum": 0, "maximum": 99},
        "text": {"type": "string", "maxLength": 6},
    },
    "required": ["action", "element", "text"],
    "additionalProperties": False,
}
ADDED = ("<tool_call>", "<think>", "[TOOL_RESULTS]", "<unused7>", "   ")
SAYS_ALL = (
    "{% for tool in tools or [] %}{{ tool | tojson }}{% endfor %}"
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}"
    "{% for call in message.tool_calls or [] %}{{ call | tojson }}{% endfor %}"
    "{{ message.tool_call_id }}<|im_end|>\n{% endfor %}"
)


@pytest.fixture(scope="module", params=KINDS)
def checkpoint(
    request: pytest.FixtureRequest, tiny: "Tiny", tmp_path_factory: pytest.TempPathFactory
) -> Checkpoint:
    added = [AddedToken(text, special=False, normalized=False) for text in ADDED]
    tokenizer = tiny.tokenizer(request.param, added, SAYS_ALL)
    folder = tmp_path_factory.mktemp(request.param)
    return load_checkpoint(tiny.save(folder, tokenizer=tokenizer), device="cpu", dtype="float32")


@pytest.fixture(scope="module")
def engine(checkpoint: Checkpoint) -> Iterator[Engine]:
    with Engine(checkpoint) as running:
        yield running


def ask(engine: Engine, seed: int, constraint: Constraint | None, **more: Any) -> Any:
    prompt = text_prompt(engine.checkpoint, "Go on.")
    sampling = Sampling(more.pop("temperature", 1), seed=seed)
    request = GenerationRequest(
        prompt, more.pop("max_tokens", 200), sampling, constraint=constraint, **more
    )
    return engine.submit(request)


@pytest.mark.parametrize("temperature", [0, 1, 2])
def test_every_reply_keeps_to_its_schema(engine: Engine, temperature: float) -> None:
    for seed in range(6):
        reply = ask(engine, seed, JsonSchema(STEP), temperature=temperature).result()
        assert reply.finished.reason == "stop"
        said = json.loads(reply.text)
        assert said["action"] in {"Tap", "Go back"}
        assert 0 <= said["element"] <= 99


def test_forced_text_is_literal(engine: Engine) -> None:
    around = JsonSchema({"type": "boolean"}, prefix="<tool_call> ", suffix=" </tool_call>")
    found = {ask(engine, seed, around).result().text for seed in range(4)}
    assert found <= {f"<tool_call> {value} </tool_call>" for value in ("true", "false")}
    chosen = {ask(engine, seed, Choice((" two words", "one"))).result().text for seed in range(4)}
    assert chosen <= {" two words", "one"}


def test_text_that_the_vocabulary_cannot_spell_is_refused(engine: Engine) -> None:
    checkpoint = engine.checkpoint
    spell = ContinuationSpeller(checkpoint.tokenizer, checkpoint.token_bytes)
    if spell("\u732b"):
        assert ask(engine, 1, Choice(("\u732b",))).result().text == "\u732b"
    else:
        with pytest.raises(UsageError, match="no tokens for '\u732b'"):
            ask(engine, 1, Choice(("\u732b",)))


CATS: dict[str, dict[str, Any]] = {
    "name": {"type": "object", "properties": {"\u732b": {"const": 1}}, "required": ["\u732b"]},
    "value": {"enum": ["\u732b"]},
    "inside": {"const": {"cats": ["\u732b"]}},
    "referred": {"$defs": {"cat": {"const": "\u732b"}}, "anyOf": [{"$ref": "#/$defs/cat"}]},
    "pattern": {"type": "string", "pattern": "^\u732b$"},
}


@pytest.mark.parametrize("place", CATS)
def test_a_schema_that_the_vocabulary_cannot_spell_is_refused(engine: Engine, place: str) -> None:
    checkpoint = engine.checkpoint
    spell = ContinuationSpeller(checkpoint.tokenizer, checkpoint.token_bytes)
    if spell.can_spell("\u732b"):
        said = json.loads(ask(engine, 1, JsonSchema(CATS[place])).result().text)
        assert "\u732b" in json.dumps(said, ensure_ascii=False)
    else:
        why = "cannot be held to" if place == "pattern" else "no tokens for"
        with pytest.raises(UsageError, match=why):
            ask(engine, 1, JsonSchema(CATS[place])).result()


def test_a_text_is_spelled_if_any_tokens_spell_it(checkpoint: Checkpoint) -> None:
    spelled = (b"", b"ab", b"a", b"bc", *(byte for byte in (b"\xe2", b"\x82\xac")))
    spell = ContinuationSpeller(checkpoint.tokenizer, spelled)
    assert [spell.can_spell(text) for text in ("abc", "aab", "\u20ac", "", "c", "abb")] == [
        True, True, True, True, False, False,
    ]  # fmt: skip


def test_a_stream_says_what_the_bytes_of_its_tokens_say(engine: Engine) -> None:
    events = list(ask(engine, 3, None, max_tokens=40))
    text = "".join(event.text for event in events if isinstance(event, Delta))
    tokens = [token for event in events if isinstance(event, Delta) for token in event.tokens]
    spelled = b"".join(engine.checkpoint.token_bytes[token] for token in tokens)
    assert spelled.decode(errors="replace").startswith(text)
    assert isinstance(events[-1], Finished)


def test_a_stop_string_with_a_blank_ends_the_reply(engine: Engine) -> None:
    constraint = JsonSchema(STEP)
    whole = ask(engine, 1, Choice(("tap the milk and the bread",))).result().text
    cut = ask(engine, 1, Choice((whole,)), stop=(" and",)).result()
    assert (cut.text, cut.finished.stop) == ("tap the milk", " and")
    value = ask(engine, 1, constraint, stop=('", "element',)).result()
    assert value.text in {'{"action": "Tap', '{"action": "Go back'}


def test_what_is_encoded_is_spelled_by_the_bytes_of_its_tokens(checkpoint: Checkpoint) -> None:
    text = 'Tap "milk", then go back.\n{"element": 3}'
    tokens = text_prompt(checkpoint, text).tokens
    spelled = b"".join(checkpoint.token_bytes[token] for token in tokens)
    blank, _, rest = spelled.decode().partition("Tap")
    assert blank in {"", " "}
    # Unigram without bytes has no letter for a line break.
    assert f"Tap{rest}".replace(" ", "") in {
        kept.replace(" ", "") for kept in (text, text.replace("\n", ""))
    }


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(text=st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=24))
def test_a_continuation_is_spelled_exactly(checkpoint: Checkpoint, text: str) -> None:
    spell = ContinuationSpeller(checkpoint.tokenizer, checkpoint.token_bytes)
    assert b"".join(checkpoint.token_bytes[token] for token in spell(text)) == text.encode()


@pytest.mark.parametrize(
    "spelled",
    ["<|im_end|>", "<tool_call>", "<think>", "[TOOL_RESULTS]", "<unused7>", "<0x41>", "<unk>"],
)
def test_no_words_spell_a_token_that_was_added_or_reserved(
    checkpoint: Checkpoint, spelled: str
) -> None:
    hostile = f"a{spelled}b {spelled[0]}{spelled}{spelled[1:]}"
    call = ToolCall(hostile, hostile, json.dumps({hostile: [hostile]}))
    tool = ToolSpec(hostile, hostile, {"type": "object", "description": hostile})
    turns = [
        ChatTurn("user", (TextPart(hostile),)),
        ChatTurn("assistant", (TextPart(hostile),), (call,)),
        ChatTurn("tool", (TextPart(hostile),), tool_call_id=hostile),
    ]
    tokens = chat_prompt(checkpoint, turns, [tool]).tokens
    named = checkpoint.tokenizer.convert_tokens_to_ids(spelled)
    expected = 3 if spelled == "<|im_end|>" else 0
    if spelled != "<unk>":
        assert tokens.count(named) == expected
    assert not set(tokens) & checkpoint.special_tokens - {1, 2}
    assert hostile.replace(" ", "") in str(checkpoint.tokenizer.decode(list(tokens))).replace(
        " ", ""
    )


def test_blanks_that_were_added_stay_one_token(checkpoint: Checkpoint) -> None:
    tokens = chat_prompt(checkpoint, [ChatTurn("user", (TextPart("a   b"),))]).tokens
    assert tokens.count(checkpoint.tokenizer.convert_tokens_to_ids("   ")) == 1


def test_a_normalizer_makes_no_token_of_words(tiny: "Tiny", tmp_path: Path) -> None:
    tokenizer = tiny.tokenizer("byte_level", [AddedToken("<think>", special=False)])
    backend: Any = tokenizer
    backend.backend_tokenizer.normalizer = normalizers.NFKC()
    checkpoint = load_checkpoint(tiny.save(tmp_path, tokenizer=tokenizer))
    think = checkpoint.tokenizer.get_vocab()["<think>"]
    assert think in text_prompt(checkpoint, "<think>").tokens
    wide = "\uff1cthink\uff1e"
    assert think in backend.backend_tokenizer.encode(wide).ids
    assert think not in chat_prompt(checkpoint, [ChatTurn("user", (TextPart(wide),))]).tokens
