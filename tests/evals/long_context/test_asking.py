"""Many questions about a context that was read once."""

from typing import Any

import pytest
from transformers import LlamaForCausalLM

from tapgraph.errors import UsageError
from tapgraph.evals.long_context.asking import ask_contexts
from tapgraph.evals.long_context.budgets import (
    DEFAULT_SHARES,
    Learnt,
    learnt_of,
    random_heads,
    with_budget,
)
from tapgraph.evals.long_context.recall_checkpoint import RECALL_MODEL_PATH, new_model
from tapgraph.evals.long_context.recall_scoring import exact_answers
from tapgraph.evals.long_context.recall_tasks import recall_context
from tapgraph.kernels.systems.dense import Dense

LEARNT = random_heads(Learnt((4, 2)), seed=0)


def contexts(length: int = 300, questions: int = 4) -> list[Any]:
    return [
        recall_context("multikey", length=length, questions=questions, seed=seed)
        for seed in range(2)
    ]


@pytest.fixture(scope="module")
def shipped() -> Any:
    return LlamaForCausalLM.from_pretrained(RECALL_MODEL_PATH).eval()


@pytest.fixture(scope="module")
def untrained() -> Any:
    return new_model(seed=0).eval()


def test_dense_answers_are_those_of_another_way_of_asking(shipped: Any) -> None:
    asked = contexts()
    answers = ask_contexts(shipped, Dense(), asked)
    assert answers.exact == tuple(tuple(exact_answers(shipped, one)) for one in asked)
    assert sum(map(sum, answers.exact)) >= 6, "the recall model does not recall"


def test_where_the_question_is_read_does_not_matter_to_dense_attention(shipped: Any) -> None:
    asked = contexts()
    one = ask_contexts(shipped, Dense(), asked, question_in="decode")
    other = ask_contexts(shipped, Dense(), asked, question_in="prefill")
    assert one.exact == other.exact
    assert one.kv_bytes == other.kv_bytes


def test_a_window_that_is_too_small_forgets_what_dense_attention_recalls(shipped: Any) -> None:
    system = with_budget("sink_window", 1 / 8, context=300, learnt=LEARNT)
    answers = ask_contexts(shipped, system, contexts())
    assert sum(map(sum, answers.exact)) <= 3
    assert answers.kv_bytes < ask_contexts(shipped, Dense(), contexts()).kv_bytes / 2


@pytest.mark.parametrize("name", [name for name in DEFAULT_SHARES if name != "sale"])
def test_every_system_answers_at_its_smallest_budget(name: str, untrained: Any) -> None:
    system = with_budget(name, min(DEFAULT_SHARES[name]), context=300, learnt=LEARNT)
    answers = ask_contexts(untrained, system, contexts(questions=2))
    assert [len(one) for one in answers.exact] == [2, 2]
    assert 0 < answers.decode_reading.attended <= 400
    assert answers.kv_bytes > 0


def test_budgets_that_cannot_be_are_refused() -> None:
    with pytest.raises(UsageError, match="a budget must be above 0 and at most 1, got 2"):
        with_budget("duo", 2, context=100, learnt=LEARNT)
    with pytest.raises(UsageError, match="duo needs calibration"):
        with_budget("duo", 0.5, context=100, learnt=Learnt((4, 2)))
    with pytest.raises(UsageError, match="no system is called 'streaming'"):
        with_budget("streaming", 0.5, context=100, learnt=LEARNT)


def test_the_shipped_calibrations_are_of_the_shipped_model(shipped: Any) -> None:
    learnt = learnt_of(shipped, RECALL_MODEL_PATH)
    assert learnt.kv_heads == (4, 2)
    assert learnt.duo_gates is not None
    assert learnt.razor_scores is not None


def test_contexts_that_do_not_fit_together_are_refused(untrained: Any) -> None:
    with pytest.raises(UsageError, match="contexts must have equal lengths"):
        ask_contexts(untrained, Dense(), [*contexts(300), *contexts(400)])
