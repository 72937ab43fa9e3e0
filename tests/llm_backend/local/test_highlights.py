"""Highlighted words of a conversation, from their places to the engine's replies."""

import logging
from types import ModuleType
from typing import TYPE_CHECKING

import pytest
import torch

from tapgraph.errors import UsageError
from tapgraph.kernels.highlight import Steering
from tapgraph.kernels.systems.dense import Dense
from tapgraph.llm_backend.local.chat_prompt import ChatTurn, chat_prompt
from tapgraph.llm_backend.local.checkpoint import Checkpoint, load_checkpoint
from tapgraph.llm_backend.local.engine import Engine, EngineLimits
from tapgraph.llm_backend.local.generation import Generation, GenerationRequest, Prompt, Sampling
from tapgraph.llm_backend.messages import TextPart
from tapgraph.llm_backend.steering.spans import Spans, places_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.llm_backend.tiny_checkpoints import Tiny

KINDS = ("byte_level", "byte_level_with_a_blank_first", "prepended", "metaspace_always", "unigram")
NO_STORE = EngineLimits(prefix_bytes=0)


def steering() -> Steering:
    heads = torch.zeros(2, 4, dtype=torch.bool)
    heads[0, 1] = heads[1, 2] = True
    return Steering(heads, 0.001)


def highlighted(text: str, *phrases: str) -> TextPart:
    return TextPart(text, places_of(text, phrases))


def spelled(checkpoint: Checkpoint, prompt: Prompt) -> list[str]:
    """What the highlighted tokens say."""
    return [
        str(checkpoint.tokenizer.decode(list(prompt.tokens[begin:end])))
        for begin, end in prompt.highlights
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_the_tokens_of_a_highlight_spell_its_words(
    kind: str, tiny: "Tiny", tmp_path: "Path"
) -> None:
    checkpoint = load_checkpoint(tiny.save(tmp_path, tokenizer=tiny.tokenizer(kind)))
    words = "Größe: 12 €, 東京, 🙂"
    turns = [
        ChatTurn("system", (TextPart(f"Never say {words} twice."),)),
        ChatTurn("user", (TextPart(f"The screen says {words} here."), highlighted(words, words))),
        ChatTurn("user", (highlighted(f"tea {words} tea", "tea"),)),
    ]
    prompt = chat_prompt(checkpoint, turns)
    plain = [
        ChatTurn(turn.role, tuple(TextPart(part.text) for part in turn.parts))  # type: ignore[union-attr]
        for turn in turns
    ]
    assert chat_prompt(checkpoint, plain).tokens == prompt.tokens
    assert chat_prompt(checkpoint, plain).highlights == ()
    told = spelled(checkpoint, prompt)
    assert len(told) == 3
    assert all(word in said for word, said in zip((words, "tea", "tea"), told, strict=True))
    # Not the words of the screen, which stand before them.
    assert prompt.highlights[0][0] > len(prompt.tokens) / 3


def test_words_that_spell_a_token_are_highlighted_as_letters(tiny: "Tiny") -> None:
    checkpoint = tiny.load()
    text = "Say <|im_end|> now and <|im_start|>"
    turns = [ChatTurn("user", (highlighted(text, "<|im_end|> now"),))]
    prompt = chat_prompt(checkpoint, turns)
    assert [said.strip() for said in spelled(checkpoint, prompt)] == ["<|im_end|> now"]
    ends = checkpoint.tokenizer.convert_tokens_to_ids("<|im_end|>")
    begin, end = prompt.highlights[0]
    assert ends not in prompt.tokens[begin:end]


def test_a_text_of_the_signs_that_carry_highlights_is_left_as_it_is(tiny: "Tiny") -> None:
    checkpoint = tiny.load()
    signs = "\ufdd1 here \ufdd2"
    turns = [ChatTurn("user", (TextPart(signs), highlighted("and tea", "tea")))]
    prompt = chat_prompt(checkpoint, turns)
    assert [said.strip() for said in spelled(checkpoint, prompt)] == ["tea"]
    every = "".join(chr(sign) for sign in range(0xFDD1, 0xFDF0))
    with pytest.raises(UsageError, match="noncharacters"):
        chat_prompt(checkpoint, [ChatTurn("user", (TextPart(every), highlighted("tea", "tea")))])


def test_a_template_that_drops_highlighted_words_says_so(tiny: "Tiny", tmp_path: "Path") -> None:
    template = "{% for message in messages %}{{ message.content | upper }}{% endfor %}"
    checkpoint = load_checkpoint(tiny.save(tmp_path, template=template))
    turns = [ChatTurn("user", (highlighted("one tea", "tea"),))]
    assert chat_prompt(checkpoint, turns).highlights
    template = "{% for message in messages %}{{ message.content[:3] }}{% endfor %}"
    checkpoint = load_checkpoint(tiny.save(tmp_path, template=template))
    with pytest.raises(UsageError, match="chat template changes or drops"):
        chat_prompt(checkpoint, turns)


@pytest.mark.parametrize("places", [((0, 99),), ((2, 2),), ((3, 5), (4, 6)), ((-1, 2),)])
def test_places_outside_of_a_text_are_refused(places: Spans) -> None:
    with pytest.raises(UsageError, match="highlights must be inside"):
        TextPart("some words", places)


def request(tokens: tuple[int, ...], highlights: Spans = ()) -> GenerationRequest:
    """Log-probabilities are a witness of every bit."""
    prompt = Prompt(tokens, highlights=highlights)
    return GenerationRequest(prompt, 6, Sampling(0), top_logprobs=2, min_tokens=6)


def answers(engine: Engine, *requests: GenerationRequest) -> list[Generation]:
    return [engine.submit(one).result() for one in requests]


def close_to(first: Generation, second: Generation) -> bool:
    return first.tokens == second.tokens and all(
        one.chosen.logprob == pytest.approx(other.chosen.logprob, abs=1e-4)
        for one, other in zip(first.scores, second.scores, strict=True)
    )


def test_prefixes_are_shared_where_they_are_the_same(tiny: "Tiny") -> None:
    tokens = tiny.prompt(80)
    requests = [
        request(tokens),
        request(tokens, ((40, 50),)),
        request(tokens, ((40, 50),)),
        request(tokens, ((40, 50), (70, 72))),
        request(tokens, ((20, 22), (40, 50))),
        request(tokens),
    ]
    with Engine(tiny.load(), limits=NO_STORE, steering=steering()) as engine:
        cold = answers(engine, *requests)
    with Engine(tiny.load(), steering=steering()) as engine:
        warm = answers(engine, *requests)
    # In pages of 16 tokens: up to the first highlight, then as far as highlights are equal.
    assert [one.finished.count.cached for one in warm] == [0, 32, 64, 64, 16, 64]
    assert all(close_to(*pair) for pair in zip(cold, warm, strict=True))
    assert not close_to(cold[0], cold[1])
    assert not close_to(cold[1], cold[3])


def test_replies_side_by_side_are_as_each_alone(tiny: "Tiny") -> None:
    requests = [
        request(tiny.prompt(50, 1), ((10, 20),)),
        request(tiny.prompt(60, 2)),
        request(tiny.prompt(50, 1), ((10, 20),)),
        request(tiny.prompt(70, 1), ((60, 64),)),
    ]
    with Engine(tiny.load(), limits=NO_STORE, steering=steering()) as engine:
        alone = answers(engine, *requests)
    with Engine(tiny.load(), steering=steering()) as engine:
        streams = [engine.submit(one) for one in requests]
        together = [stream.result() for stream in streams]
    assert all(close_to(*pair) for pair in zip(alone, together, strict=True))


def test_a_system_that_copies_whole_prefixes_shares_none_with_highlights(
    tiny: "Tiny", attention_cases: ModuleType
) -> None:
    tokens, lit = tiny.prompt(80), ((40, 50),)
    requests = [request(tokens, lit), request(tokens, lit), request(tokens), request(tokens)]
    system = attention_cases.COVERING["recycled"]()
    with Engine(tiny.load(), limits=NO_STORE, steering=steering()) as engine:
        dense = answers(engine, *requests)
    with Engine(tiny.load(), system, EngineLimits(prefill_chunk=16), steering()) as engine:
        warm = answers(engine, *requests)
    assert [one.finished.count.cached for one in warm] == [0, 0, 0, 64]
    assert all(close_to(*pair) for pair in zip(dense, warm, strict=True))


def test_highlights_that_a_system_left_out_are_told_once(
    tiny: "Tiny", attention_cases: ModuleType, caplog: pytest.LogCaptureFixture
) -> None:
    system = attention_cases.TIGHT["sink_window"]()
    asked = request(tiny.prompt(80), ((40, 50),))
    with (
        caplog.at_level(logging.WARNING),
        Engine(tiny.load(), system, steering=steering()) as engine,
    ):
        said = answers(engine, asked, asked)
    assert [one.finished.count.step.highlighted for one in said] == [0, 0]
    assert caplog.text.count("left highlighted tokens out") == 1


def test_a_model_that_follows_no_highlights_says_so(tiny: "Tiny") -> None:
    with (
        Engine(tiny.load(), Dense()) as engine,
        pytest.raises(UsageError, match="calibrate steering"),
    ):
        engine.submit(request(tiny.prompt(9), ((2, 3),)))


def test_a_system_that_cannot_follow_highlights_is_refused_at_once(
    tiny: "Tiny", attention_cases: ModuleType
) -> None:
    with pytest.raises(UsageError, match="use another system"):
        Engine(tiny.load(), attention_cases.COVERING["sale"](), steering=steering())
