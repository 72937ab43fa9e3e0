"""What the recall generators promise: lengths, seeds, and gold that is where they say."""

from itertools import pairwise

import pytest

from tapgraph.errors import UsageError
from tapgraph.evals.long_context.recall_tasks import (
    RECALL_TASKS,
    RecallTask,
    recall_context,
    recall_prompts,
    training_sequence,
)
from tapgraph.evals.long_context.recall_vocabulary import BOS, NAMES, TOKENS, decode, encode

every_task = pytest.mark.parametrize("task", RECALL_TASKS)


@every_task
@pytest.mark.parametrize("length", [96, 257, 1024])
def test_prompts_have_exactly_the_length_asked_for(task: RecallTask, length: int) -> None:
    prompts = recall_prompts(task, length=length, count=3, seed=5)
    assert [len(prompt.token_ids) for prompt in prompts] == [length] * 3
    assert all(prompt.token_ids[0] == BOS for prompt in prompts)


@every_task
def test_gold_positions_hold_the_answer(task: RecallTask) -> None:
    for prompt in recall_prompts(task, length=300, count=5, seed=1):
        found = tuple(prompt.token_ids[position] for position in prompt.gold_positions)
        assert found == prompt.answer_ids


@every_task
def test_every_question_of_a_context_has_its_gold_in_it(task: RecallTask) -> None:
    context = recall_context(task, length=600, questions=4, seed=2)
    assert context.questions
    for question in context.questions:
        found = tuple(context.token_ids[position] for position in question.gold_positions)
        assert found == question.answer_ids


@every_task
def test_equal_seeds_give_equal_prompts_and_others_do_not(task: RecallTask) -> None:
    first = recall_prompts(task, length=200, count=2, seed=7)
    assert first == recall_prompts(task, length=200, count=2, seed=7)
    assert first != recall_prompts(task, length=200, count=2, seed=8)
    assert first[0] != first[1]


@every_task
def test_prompts_use_known_tokens_only(task: RecallTask) -> None:
    [prompt] = recall_prompts(task, length=400, count=1, seed=3)
    names = {TOKENS[token] for token in prompt.token_ids}
    assert not names & {"<unk>", "<pad>", "<landmark>"}


@pytest.mark.parametrize("task", ["needle", "multikey"])
def test_a_key_is_stated_once_so_that_its_question_has_one_answer(task: RecallTask) -> None:
    context = recall_context(task, length=2048, questions=20, seed=4)
    text = decode(context.token_ids[1:])
    for question in context.questions:
        assert text.count(decode(question.cue_ids)) == 1


def test_a_multikey_context_is_almost_nothing_but_needles() -> None:
    [prompt] = recall_prompts("multikey", length=1024, count=1, seed=0)
    sentences = decode(prompt.token_ids[1:]).split(".")
    with_key = [sentence for sentence in sentences if sentence.strip().startswith("key ")]
    assert len(with_key) >= 0.9 * len(sentences) - 2


def test_variables_are_asked_in_the_order_of_their_chain() -> None:
    [prompt] = recall_prompts("variables", length=512, count=1, seed=6)
    text = decode(prompt.token_ids[1:])
    names = decode(prompt.answer_ids).split()
    assert all(f"var {later} = var {earlier}." in text for earlier, later in pairwise(names))


@every_task
@pytest.mark.parametrize("length", [64, 200, 512])
def test_training_sequences_ask_only_what_their_context_tells(
    task: RecallTask, length: int
) -> None:
    sequence = training_sequence(task, length=length, seed=9)
    assert len(sequence.token_ids) == length
    assert sequence.answers
    context = set(sequence.token_ids[: sequence.answers[0]])
    assert {sequence.token_ids[position] for position in sequence.answers} <= context | set(
        encode(".")
    )
    assert not set(sequence.answers) & set(sequence.predictable)


@every_task
def test_a_length_without_room_for_one_fact_is_refused(task: RecallTask) -> None:
    with pytest.raises(UsageError, match="needs at least"):
        recall_prompts(task, length=8, count=1, seed=0)


def test_text_of_known_words_survives_encoding() -> None:
    text = f"the special magic number for {NAMES[0]} is: 1234567. var {NAMES[1]} = 12, what?"
    assert decode(encode(text)) == text


def test_every_token_is_there_once_and_the_count_suits_the_hardware() -> None:
    assert len(set(TOKENS)) == len(TOKENS)
    assert len(TOKENS) % 64 == 0
