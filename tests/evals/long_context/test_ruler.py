"""RULER's tasks: generation, sizing, gold positions, scores."""

import random
from itertools import pairwise
from typing import Any

import pytest

from tapgraph.errors import UsageError
from tapgraph.evals.long_context.recall_checkpoint import recall_tokenizer
from tapgraph.evals.long_context.ruler import (
    NEW_TOKENS,
    RULER_TASKS,
    RulerSample,
    RulerTask,
    ruler_samples,
    score_all,
    score_any,
)
from tapgraph.evals.long_context.ruler_words import MadeWords, OwnWords

TASKS = pytest.mark.parametrize("task", RULER_TASKS)


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return recall_tokenizer()


def samples(
    task: RulerTask, tokenizer: Any, tokens: int = 1536, count: int = 3, **chosen: Any
) -> tuple[RulerSample, ...]:
    return ruler_samples(
        task, tokens=tokens, count=count, tokenizer=tokenizer, **{"words": "tokenizer"} | chosen
    )


@TASKS
def test_prompt_and_answer_fill_the_length_and_do_not_exceed_it(
    task: RulerTask, tokenizer: Any
) -> None:
    for sample in samples(task, tokenizer):
        used = len(sample.token_ids) + NEW_TOKENS[task]
        assert 1536 - 200 < used <= 1536


@TASKS
def test_equal_seeds_give_equal_samples_and_a_longer_run_begins_with_them(
    task: RulerTask, tokenizer: Any
) -> None:
    few, more = samples(task, tokenizer, count=1), samples(task, tokenizer, count=2)
    assert more[0] == few[0]
    assert samples(task, tokenizer, count=1, seed=1) != few
    assert more[1].references != more[0].references


@TASKS
def test_an_oracle_scores_one_and_silence_and_foreign_answers_nearly_nothing(
    task: RulerTask, tokenizer: Any
) -> None:
    drawn = samples(task, tokenizer, count=8)
    oracle = [" ".join(sample.references) for sample in drawn]
    shifted = [*oracle[1:], oracle[0]]
    assert all(
        score_all(said, one.references) == 1 for said, one in zip(oracle, drawn, strict=True)
    )
    assert all(score_all("", one.references) == 0 for one in drawn)
    foreign = [score_all(said, one.references) for said, one in zip(shifted, drawn, strict=True)]
    assert sum(foreign) / len(foreign) < 0.2


@TASKS
def test_the_references_stand_in_the_context_and_not_in_the_question(
    task: RulerTask, tokenizer: Any
) -> None:
    for sample in samples(task, tokenizer):
        text = tokenizer.decode(sample.token_ids)
        for reference in sample.references:
            assert reference in text
            assert reference not in tokenizer.decode(sample.token_ids[-12:])


@pytest.mark.parametrize("task", ["niah_single_1", "niah_multikey_2", "niah_multikey_3"])
def test_gold_positions_hold_exactly_the_value(task: RulerTask, tokenizer: Any) -> None:
    for sample in samples(task, tokenizer):
        gold = [sample.token_ids[position] for position in sample.gold_positions]
        assert tokenizer.decode(gold).strip() == sample.references[0]


def test_gold_positions_of_a_chain_are_where_its_variables_are_assigned(tokenizer: Any) -> None:
    [sample] = samples("vt", tokenizer, count=1)
    gold = [tokenizer.decode([sample.token_ids[place]]) for place in sample.gold_positions]
    assert tuple(gold) == sample.references
    before = [tokenizer.decode([sample.token_ids[place - 1]]) for place in sample.gold_positions]
    assert set(before) == {"var"}


def listed_places(sample: Any, tokenizer: Any) -> list[int]:
    """The numbers in the last numbered list at which the first common word stands."""
    words = tokenizer.decode(sample.token_ids).split("memorize the ones")[-1].split()
    return [
        int(number.rstrip("."))
        for number, word in pairwise(words)
        if word == sample.references[0] and number.rstrip(".").isdigit()
    ]


def test_faithful_lists_have_a_rank_in_the_same_places_and_reseeded_ones_have_not(
    tokenizer: Any,
) -> None:
    one, two = samples("cwe", tokenizer, count=2)
    places = listed_places(one, tokenizer)
    assert len(places) == 6
    assert listed_places(two, tokenizer) == places
    one, two = samples("cwe", tokenizer, count=2, mode="reseed-per-sample")
    assert listed_places(one, tokenizer) != listed_places(two, tokenizer)


def test_the_counts_of_coded_words_fall_with_the_square_of_the_rank(tokenizer: Any) -> None:
    [sample] = samples("fwe", tokenizer, tokens=8192, count=1)
    words = tokenizer.decode(sample.token_ids).split()
    counts = [words.count(reference) for reference in sample.references]
    # Of all words 6/pi^2 / rank^2 are of a rank: of ranks 2, 3 and 4 in the ratio 1/4, 1/9, 1/16.
    assert counts[0] == pytest.approx(counts[1] * 9 / 4, rel=0.02)
    assert counts[0] == pytest.approx(counts[2] * 16 / 4, rel=0.02)


def test_made_words_need_no_vocabulary(tiny: Any) -> None:
    tokenizer = tiny.load().tokenizer
    [sample] = ruler_samples("niah_single_1", tokens=1024, count=1, tokenizer=tokenizer)
    gold = tokenizer.decode([sample.token_ids[place] for place in sample.gold_positions])
    assert gold == sample.references[0]


def test_pairs_stand_in_where_single_words_do_not_suffice() -> None:
    source = OwnWords([f"word{index}" for index in range(50)])
    words = source.distinct(random.Random(0), 80)
    assert len(set(words)) == 80
    assert sum(" " in word for word in words) == 30


def test_made_words_differ() -> None:
    assert len(set(MadeWords().distinct(random.Random(0), 5000))) == 5000


def test_part_scores_ask_for_any_reference() -> None:
    assert score_any("it was Rilo.", ["kavu", "rilo"]) == 1
    assert score_any("", ["kavu"]) == 0


def test_bad_requests_are_refused(tokenizer: Any) -> None:
    with pytest.raises(UsageError, match="200 tokens are too few for 'vt'"):
        ruler_samples("vt", tokens=200, count=1, tokenizer=tokenizer)
    with pytest.raises(UsageError, match=r"task must be one of .*, got 'qa_1'"):
        ruler_samples("qa_1", tokens=2048, count=1, tokenizer=tokenizer)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="the tokenizer has 3 words of its own"):
        OwnWords(["a", "b", "c"])
