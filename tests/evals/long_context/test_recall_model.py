"""The shipped recall model loads offline and recalls; a model whose past is hidden does not."""

from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaForCausalLM

from tapgraph.evals.long_context.recall_checkpoint import (
    HEADS,
    RECALL_MODEL_PATH,
    new_model,
    recall_tokenizer,
)
from tapgraph.evals.long_context.recall_scoring import head_gaze, score_recall
from tapgraph.evals.long_context.recall_start import wire_induction
from tapgraph.evals.long_context.recall_tasks import RecallTask, recall_prompts, training_sequence
from tapgraph.evals.long_context.recall_vocabulary import BOS, NAMES, TOKENS, encode


@pytest.fixture(scope="module")
def model() -> LlamaForCausalLM:
    loaded = AutoModelForCausalLM.from_pretrained(RECALL_MODEL_PATH)
    assert isinstance(loaded, LlamaForCausalLM)
    return loaded


def test_weights_compute_in_float32_by_default(model: LlamaForCausalLM) -> None:
    assert model.dtype is torch.float32


@pytest.mark.parametrize("task", ["needle", "multikey"])
def test_shipped_model_retrieves_at_512_tokens(model: LlamaForCausalLM, task: RecallTask) -> None:
    score = score_recall(model, task, length=512, contexts=2, questions=10, seed=100)
    assert score.rate >= 0.9


def test_scoring_agrees_with_greedy_generation(model: Any) -> None:
    [prompt] = recall_prompts("needle", length=256, count=1, seed=11)
    tokens = torch.tensor([prompt.token_ids])
    said = model.generate(
        input_ids=tokens,
        attention_mask=torch.ones_like(tokens),
        max_new_tokens=len(prompt.answer_ids),
        do_sample=False,
    )
    assert tuple(said[0, len(prompt.token_ids) :].tolist()) == prompt.answer_ids


def test_an_untrained_model_scores_nothing() -> None:
    untrained = new_model(0).eval()
    score = score_recall(untrained, "needle", length=256, contexts=1, questions=5, seed=100)
    assert score.exact == 0


def test_some_heads_look_at_the_gold_and_others_nearby(model: LlamaForCausalLM) -> None:
    gaze = head_gaze(model, recall_prompts("needle", length=512, count=2, seed=3))
    assert gaze.gold.shape == (4, HEADS)
    assert gaze.gold.max() > 0.5
    assert ((gaze.nearby > 0.5) & (gaze.gold < 0.05)).any()


def test_tokenizer_agrees_with_the_generators() -> None:
    text = f"Key {NAMES[3]} is {NAMES[4]} {NAMES[5]}. var {NAMES[6]} = 12345; who? zebra\nhere"
    shipped = AutoTokenizer.from_pretrained(RECALL_MODEL_PATH)
    assert shipped(text)["input_ids"] == [BOS, *encode(text)]
    assert shipped.get_vocab() == recall_tokenizer().get_vocab()
    assert len(shipped) == len(TOKENS)


def test_tokenizer_gives_known_text_back() -> None:
    text = f"the magic number for {NAMES[3]} is: 1234567."
    shipped = AutoTokenizer.from_pretrained(RECALL_MODEL_PATH)
    assert shipped.decode(shipped(text)["input_ids"], skip_special_tokens=True) == text


def test_start_makes_first_layer_heads_look_one_two_and_three_back() -> None:
    started = new_model(0).eval()
    wire_induction(started, seed=0)
    started.set_attn_implementation("eager")
    tokens = torch.tensor([training_sequence("copy", length=64, seed=0).token_ids])
    attention = started(input_ids=tokens, output_attentions=True).attentions[0][0]
    for head in range(3):
        back = attention[head].diagonal(-(head + 1)).mean()
        assert back > 0.6
