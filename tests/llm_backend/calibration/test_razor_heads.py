import pytest
import torch
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from tapgraph.errors import UsageError
from tapgraph.llm_backend.calibration.calibration_file import fingerprint
from tapgraph.llm_backend.calibration.razor_heads import (
    RazorSearch,
    find_razor_heads,
    repetition_scores,
    score_heads,
)

SEARCH = RazorSearch(block_tokens=100, repetitions=3, echo_share=0.125, induction_share=0.125)


def test_scores_are_sums_of_attention_weights() -> None:
    generator = torch.Generator().manual_seed(0)
    first, block, repetitions = 1, 7, 4
    tokens = first + block * repetitions
    queries = torch.randn(1, 6, tokens, 5, generator=generator, dtype=torch.float64)
    keys = torch.randn(1, 2, tokens, 5, generator=generator, dtype=torch.float64)
    scores = repetition_scores(queries, keys, scale=0.6, first=first, block=block)
    for head in range(6):
        logits = queries[0, head] @ keys[0, head // 3].T * 0.6
        future = torch.ones(tokens, tokens, dtype=torch.bool).triu(1)
        weights = logits.masked_fill(future, float("-inf")).softmax(dim=-1)
        echo = induction = 0.0
        for query in range(first + block, tokens):
            for earlier in range(query - block, first - 1, -block):
                echo += float(weights[query, earlier])
                induction += float(weights[query, earlier + 1])
        count = tokens - first - block
        assert scores.echo[head] == pytest.approx(echo / count, abs=1e-12)
        assert scores.induction[head] == pytest.approx(induction / count, abs=1e-12)


def test_the_planted_echo_and_induction_heads_are_found(
    planted_model: LlamaForCausalLM, word_tokenizer: PreTrainedTokenizerFast
) -> None:
    calibration = find_razor_heads(planted_model, word_tokenizer, seed=0, search=SEARCH)
    echo, induction = calibration.tensors["echo"], calibration.tensors["induction"]
    assert echo.argmax() == 4  # layer 1, head 0
    assert echo[1, 0] > 0.5
    assert induction.argmax() == 7  # layer 1, head 3
    assert induction[1, 3] > 0.9
    assert calibration.tensors["retrieval_heads"].tolist() == [[False, False], [True, True]]
    assert calibration.settings["kept_share"] == 0.5
    assert calibration.system == "razor"
    assert calibration.model_fingerprint == fingerprint(planted_model)


def test_another_seed_finds_the_same_heads_in_other_data(
    planted_model: LlamaForCausalLM, word_tokenizer: PreTrainedTokenizerFast
) -> None:
    one, again, other = (
        find_razor_heads(planted_model, word_tokenizer, seed=seed, search=SEARCH)
        for seed in (1, 1, 2)
    )
    assert one.data_sha256 == again.data_sha256 != other.data_sha256
    assert torch.equal(one.tensors["retrieval_heads"], other.tensors["retrieval_heads"])


def test_without_repetition_nothing_scores(planted_model: LlamaForCausalLM) -> None:
    """The negative control: the same heads on tokens that never come back."""
    generator = torch.Generator().manual_seed(0)
    once = torch.randperm(500, generator=generator)[:300] + 4
    scores = score_heads(planted_model, once, first=0, block=100)
    assert scores.echo.max() < 0.05
    assert scores.induction.max() < 0.05


def test_a_block_is_no_longer_than_the_vocabulary(
    planted_model: LlamaForCausalLM, word_tokenizer: PreTrainedTokenizerFast
) -> None:
    search = RazorSearch(block_tokens=2500, repetitions=2)
    calibration = find_razor_heads(planted_model, word_tokenizer, seed=0, search=search)
    assert calibration.settings["block_tokens"] == 512 - 4


def test_wrong_sizes_are_refused() -> None:
    with pytest.raises(UsageError, match="block_tokens must be at least 2, got 1"):
        RazorSearch(block_tokens=1)
    with pytest.raises(UsageError, match="repetitions must be at least 2, got 1"):
        RazorSearch(repetitions=1)
