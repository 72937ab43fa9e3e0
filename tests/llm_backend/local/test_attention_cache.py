"""The cache that the adapter gives a model: going back, splitting, stacking, foreign caches."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import DynamicCache, StaticCache

from tapgraph.errors import UsageError
from tapgraph.kernels.attention_system import LayerAttention
from tapgraph.kernels.in_models.attention import AttentionCache, use_attention
from tapgraph.kernels.systems.dense import Dense

MakeModel = Callable[..., Any]
MakePrompts = Callable[..., dict[str, Tensor]]
Generate = Callable[..., tuple[Tensor, Tensor]]

TOLERANCE = 1e-10
"""Float64; norms inside the models round to float32, which hides smaller differences."""
NEW_TOKENS = 6


@pytest.mark.parametrize("family", ["llama", "gemma3"])
def test_several_questions_on_one_context_equal_fresh_runs(
    family: str, tiny_model: MakeModel, prompts: MakePrompts, generated: Generate
) -> None:
    model = tiny_model(family)
    context = prompts()["input_ids"][2:]
    generator = torch.Generator().manual_seed(3)
    questions = [torch.randint(3, 96, (1, length), generator=generator) for length in (1, 5, 9)]
    with use_attention(model, Dense()) as attention:
        cache = attention.new_cache()
        model(context, past_key_values=cache, logits_to_keep=1)
        after_context = cache.snapshot()
        answers = []
        for question in questions:
            both = torch.cat((context, question), dim=1)
            answers.append(generated(model, input_ids=both, past_key_values=cache))
            cache.restore(after_context)
    assert cache.tokens_seen == context.shape[1]
    for question, (tokens, logits) in zip(questions, answers, strict=True):
        fresh, fresh_logits = generated(model, input_ids=torch.cat((context, question), dim=1))
        assert torch.equal(tokens, fresh)
        assert (logits - fresh_logits).abs().max() <= TOLERANCE


def test_a_later_turn_without_mask_keeps_the_padding_of_the_first(
    tiny_model: MakeModel, prompts: MakePrompts
) -> None:
    model, inputs = tiny_model("llama"), prompts()
    turn = torch.randint(3, 96, (3, 2), generator=torch.Generator().manual_seed(3))
    both = torch.cat((inputs["input_ids"], turn), dim=1)
    mask = torch.cat((inputs["attention_mask"], torch.ones_like(turn)), dim=1)
    positions = (mask.cumsum(1) - 1).clamp(min=0)
    wanted = model(both, attention_mask=mask, position_ids=positions).logits
    with use_attention(model, Dense()) as attention:
        cache = attention.new_cache()
        model(**inputs, past_key_values=cache, position_ids=positions[:, :-2])
        ours = model(turn, past_key_values=cache, position_ids=positions[:, -2:]).logits
    assert (ours - wanted[:, -2:]).abs().max() <= TOLERANCE


@pytest.mark.parametrize("counts", [(1, 1, 1), (3, 3, 3), (1, 12, 4)])
@pytest.mark.parametrize("family", ["llama", "gemma3", "qwen2_5_vl"])
def test_stacked_sequences_of_different_lengths_equal_each_alone(
    family: str, counts: tuple[int, ...], tiny_model: MakeModel
) -> None:
    model = tiny_model(family)
    generator = torch.Generator().manual_seed(5)
    pasts = [torch.randint(3, 96, (1, length), generator=generator) for length in (3, 17, 30)]
    news = [torch.randint(3, 96, (1, count), generator=generator) for count in counts]
    with use_attention(model, Dense()) as attention:
        caches = [attention.new_cache() for _ in pasts]
        for past, cache in zip(pasts, caches, strict=True):
            model(past, past_key_values=cache)
        stacked = attention.stack(caches, counts)
        positions = stacked.next_positions(model.device)
        together = model.get_decoder()(
            torch.cat(news, dim=1), past_key_values=stacked, position_ids=positions
        )
        states = together.last_hidden_state.split(counts, dim=1)
    lengths = [3 + counts[0], 17 + counts[1], 30 + counts[2]]
    assert [cache.tokens_seen for cache in caches] == lengths
    for own, past, new in zip(states, pasts, news, strict=True):
        alone = model.get_decoder()(torch.cat((past, new), dim=1)).last_hidden_state
        assert (own[0] - alone[0, -new.shape[1] :]).abs().max() <= TOLERANCE


def test_neighbours_that_read_one_token_equal_each_alone(tiny_model: MakeModel) -> None:
    model = tiny_model("llama").float()
    counts = (1, 1, 2, 1, 1, 1)
    generator = torch.Generator().manual_seed(5)
    texts = [torch.randint(3, 96, (1, 9 + 3 * place), generator=generator) for place in range(6)]
    with use_attention(model, Dense()) as attention:
        caches = [attention.new_cache() for _ in texts]
        for text, count, cache in zip(texts, counts, caches, strict=True):
            model(text[:, :-count], past_key_values=cache)
        news = [text[:, -count:] for text, count in zip(texts, counts, strict=True)]
        stacked = attention.stack(caches, counts)
        logits = model(torch.cat(news, dim=1), past_key_values=stacked).logits
    for text, count, own in zip(texts, counts, logits.split(counts, dim=1), strict=True):
        torch.testing.assert_close(own, model(text).logits[:, -count:], atol=1e-5, rtol=0)


def test_stacked_sequences_go_on_from_their_own_positions(
    tiny_model: MakeModel, prompts: MakePrompts
) -> None:
    model = tiny_model("llama")
    pasts = [prompts((0,), length)["input_ids"] for length in (5, 12)]
    new = torch.tensor([[7, 8]])
    with use_attention(model, Dense()) as attention:
        caches = [attention.new_cache() for _ in pasts]
        for past, cache in zip(pasts, caches, strict=True):
            model(past, past_key_values=cache)
        logits = model(new, past_key_values=attention.stack(caches, [1, 1])).logits
    for place, past in enumerate(pasts):
        alone = model(torch.cat((past, new[:, place : place + 1]), dim=1)).logits
        assert (logits[0, place] - alone[0, -1]).abs().max() <= TOLERANCE


def test_stacking_accepts_no_mask_and_no_wrong_number_of_tokens(
    tiny_model: MakeModel, prompts: MakePrompts
) -> None:
    model = tiny_model("llama")
    with use_attention(model, Dense()) as attention:
        cache = attention.new_cache()
        model(prompts((0,))["input_ids"], past_key_values=cache)
        with pytest.raises(UsageError, match="pass no attention_mask"):
            model(
                torch.tensor([[5]]),
                past_key_values=attention.stack([cache], [1]),
                attention_mask=torch.tensor([[0] + [1] * 40]),
            )
        with pytest.raises(UsageError, match="1 tokens in one row were told, got 2 rows of 1"):
            model(torch.tensor([[5], [6]]), past_key_values=attention.stack([cache], [1]))
        with pytest.raises(UsageError, match="0 caches cannot take"):
            attention.stack([], [])


@pytest.mark.parametrize("copied", [AttentionCache.fork, copy.deepcopy])
def test_a_copy_goes_its_own_way(
    copied: Callable[[AttentionCache], AttentionCache], tiny_model: MakeModel, prompts: MakePrompts
) -> None:
    model, ids = tiny_model("llama"), prompts((0,))["input_ids"]
    with use_attention(model, Dense()) as attention:
        cache = attention.new_cache()
        model(ids, past_key_values=cache)
        twin = copied(cache)
        model(torch.tensor([[5, 6, 7]]), past_key_values=twin)
        logits = model(torch.tensor([[9]]), past_key_values=cache).logits
    alone = model(torch.cat((ids, torch.tensor([[9]])), dim=1)).logits
    assert (twin.tokens_seen, cache.tokens_seen) == (43, 41)
    assert (logits[0, -1] - alone[0, -1]).abs().max() <= TOLERANCE


def test_crop_keeps_the_first_or_drops_the_last_tokens(
    tiny_model: MakeModel, prompts: MakePrompts
) -> None:
    model, ids = tiny_model("llama"), prompts((0,))["input_ids"]
    with use_attention(model, Dense()) as attention:
        cache = attention.new_cache()
        model(ids, past_key_values=cache)
        cache.crop(30)
        assert cache.tokens_seen == 30
        cache.crop(-10)
        assert cache.tokens_seen == 20
        cache.crop(0)
        logits = model(ids[:, 20:], past_key_values=cache).logits
        with pytest.raises(UsageError, match="can keep 0 to 40 tokens, got 41"):
            cache.crop(41)
    assert cache.is_croppable
    assert cache.croppable
    assert (logits[0, -1] - model(ids).logits[0, -1]).abs().max() <= TOLERANCE


def test_rows_can_be_repeated_chosen_and_forgotten(
    tiny_model: MakeModel, prompts: MakePrompts
) -> None:
    model, inputs = tiny_model("llama"), prompts()
    with use_attention(model, Dense()) as attention:
        cache = attention.new_cache()
        model(**inputs, past_key_values=cache)
        cache.batch_repeat_interleave(2)
        assert [row.padding for row in cache.rows] == [11, 11, 3, 3, 0, 0]
        cache.batch_select_indices(torch.tensor([2, 4]))
        assert [row.padding for row in cache.rows] == [3, 0]
        assert cache.layers[1].get_seq_length() == 40
        cache.reset()
        assert (cache.tokens_seen, cache.bytes_held()) == (0, 0)


def test_the_cache_tells_what_it_holds_and_read(
    tiny_model: MakeModel, prompts: MakePrompts
) -> None:
    model = tiny_model("llama")
    with use_attention(model, Dense()) as attention:
        cache = attention.new_cache()
        model(**prompts(), past_key_values=cache)
    # 2 layers, keys and values, 3 rows, 2 KV heads, one page of 256 tokens, 16 channels, 8 bytes.
    assert cache.bytes_held() == 2 * 2 * 3 * 2 * 256 * 16 * 8
    assert cache.reading.attended == pytest.approx((29 + 37 + 40) / 3)
    assert cache.reading.scored == 0


def test_an_empty_cache_that_the_caller_holds_becomes_ours(
    tiny_model: MakeModel, prompts: MakePrompts
) -> None:
    model, held = tiny_model("llama"), DynamicCache()
    with use_attention(model, Dense()):
        model(**prompts(), past_key_values=held)
    assert held.get_seq_length() == 40
    assert isinstance(held.rows[0].layers[0], LayerAttention)  # type: ignore[attr-defined]


def test_padding_that_changes_between_calls_is_refused(
    tiny_model: MakeModel, prompts: MakePrompts
) -> None:
    model, inputs = tiny_model("llama"), prompts()
    with use_attention(model, Dense()) as attention:
        cache = attention.new_cache()
        model(**inputs, past_key_values=cache)
        other = torch.cat((inputs["attention_mask"], torch.ones(3, 1, dtype=torch.int64)), dim=1)
        other[0, 11] = 0
        with pytest.raises(UsageError, match=r"started at \[11, 3, 0\], now at \[12, 3, 0\]"):
            model(torch.full((3, 1), 5), attention_mask=other, past_key_values=cache)
        with pytest.raises(UsageError, match="holds 3 sequences, got new tokens for 2"):
            model(torch.full((2, 1), 5), past_key_values=cache)


def test_caches_of_others_are_refused(tiny_model: MakeModel, prompts: MakePrompts) -> None:
    model, ids = tiny_model("llama"), prompts((0,))["input_ids"]
    filled = model(ids, use_cache=True).past_key_values
    with use_attention(model, Dense()) as attention:
        foreign = attention.new_cache()
    with use_attention(model, Dense()) as attention:
        for cache in (
            filled,
            StaticCache(config=model.config, max_cache_len=64),
            DynamicCache(offloading=True),
        ):
            with pytest.raises(UsageError, match=f"got a {type(cache).__name__}"):
                model(ids, past_key_values=cache)
        with pytest.raises(UsageError, match="belongs to another 'dense' system"):
            model(ids, past_key_values=foreign)
        with pytest.raises(UsageError, match="belongs to another 'dense' system"):
            attention.stack([foreign], [1])


def test_beams_follow_their_rows(tiny_model: MakeModel, prompts: MakePrompts) -> None:
    model = tiny_model("llama")
    wanted = model.generate(**prompts(), max_new_tokens=8, num_beams=3, do_sample=False)
    with use_attention(model, Dense()):
        ours = model.generate(**prompts(), max_new_tokens=8, num_beams=3, do_sample=False)
    assert torch.equal(ours, wanted)


def test_assisted_generation_crops_the_cache(
    tiny_model: MakeModel, prompts: MakePrompts, generated: Generate
) -> None:
    model = tiny_model("llama")
    repetitive = {"input_ids": prompts((0,), 8)["input_ids"].repeat(1, 4)}
    wanted, _ = generated(model, **repetitive)
    with use_attention(model, Dense()):
        ours = model.generate(
            **repetitive, max_new_tokens=NEW_TOKENS, do_sample=False, prompt_lookup_num_tokens=3
        )
    assert torch.equal(ours, wanted)
