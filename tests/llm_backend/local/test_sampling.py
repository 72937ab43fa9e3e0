"""Tokens are drawn from the distribution that was asked for."""

from typing import Any

import pytest
import torch
from transformers import (
    LogitsProcessor,
    MinPLogitsWarper,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from tapgraph.errors import UsageError
from tapgraph.llm_backend.local.generation import Sampling
from tapgraph.llm_backend.local.sampling import Sampler, candidates, score_token

LOGITS = torch.tensor([0.0, 2.0, -torch.inf, 1.0, 2.5, -1.0])
DRAWS = 4000
FOUR_SIGMA = 4 * (0.25 / DRAWS) ** 0.5
"""Four standard deviations at most of a share that is counted over so many draws."""


def shares(sampling: Sampling, logits: torch.Tensor = LOGITS) -> torch.Tensor:
    sampler = Sampler(sampling)
    counts = torch.zeros(len(logits))
    for _ in range(DRAWS):
        counts[sampler.choose(logits)] += 1
    return counts / DRAWS


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_shares_follow_the_temperature(temperature: float) -> None:
    weights = (LOGITS.double() / temperature).exp()
    expected = weights / weights.sum()
    found = shares(Sampling(temperature, seed=1)).double()
    assert torch.allclose(found, expected, atol=FOUR_SIGMA)


def test_top_p_keeps_the_fewest_likeliest_tokens_that_hold_the_share() -> None:
    logits = torch.tensor([0.1, 0.4, 0.2, 0.3]).log()
    found = shares(Sampling(1.0, top_p=0.6, seed=2), logits)
    # 0.4 alone is less than 0.6, with 0.3 it is more.
    expected = torch.tensor([0.0, 4 / 7, 0.0, 3 / 7])
    assert torch.allclose(found, expected, atol=FOUR_SIGMA)


def test_of_equal_tokens_top_p_keeps_the_first() -> None:
    found = distribution(torch.zeros(5000), Sampling(1.0, top_p=0.5))
    assert found.nonzero()[:, 0].tolist() == list(range(2500))


def test_the_smallest_top_p_is_greedy() -> None:
    assert shares(Sampling(2.0, top_p=1e-9, seed=3))[4] == 1.0


def test_temperature_zero_takes_the_likeliest() -> None:
    assert Sampler(Sampling(0)).choose(LOGITS) == 4


def test_what_must_not_be_chosen_never_is() -> None:
    only = torch.full((50,), -torch.inf)
    only[[0, 17, 49]] = 0.0
    found = shares(Sampling(1.0, seed=4), only)
    assert set(found.nonzero()[:, 0].tolist()) == {0, 17, 49}


@pytest.mark.parametrize("wrong", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize(
    "sampling",
    [Sampling(0), Sampling(1.0), Sampling(0.8, top_p=0.9), Sampling(1.0, top_k=9, top_p=0.9)],
    ids=str,
)
def test_of_no_numbers_nothing_is_chosen(sampling: Sampling, wrong: float) -> None:
    with pytest.raises(FloatingPointError, match="no numbers"):
        Sampler(sampling).choose(torch.full((3000,), wrong))


def test_rounding_of_the_logits_does_not_change_the_tokens() -> None:
    generator = torch.Generator().manual_seed(5)
    first, second = Sampler(Sampling(1.0, seed=6)), Sampler(Sampling(1.0, seed=6))
    for _ in range(300):
        logits = torch.randn(1000, generator=generator)
        noise = 1e-6 * torch.randn(1000, generator=generator)
        assert first.choose(logits) == second.choose(logits + noise)


def distribution(logits: torch.Tensor, sampling: Sampling) -> torch.Tensor:
    """What `candidates` gives, over the whole vocabulary."""
    tokens, weights = candidates(logits, sampling)
    whole = torch.zeros(len(logits), dtype=torch.float64)
    whole[slice(None) if tokens is None else tokens] = weights.double()
    return whole / whole.sum()


@pytest.mark.parametrize("spread", [0.1, 1.0, 3.0, 8.0])
@pytest.mark.parametrize(
    "sampling",
    [
        Sampling(0.7),
        Sampling(1.0, top_p=0.9),
        Sampling(1.3, top_p=0.999),
        Sampling(1.0, top_k=7),
        Sampling(0.7, top_k=20, top_p=0.8),
        Sampling(1.0, min_p=0.05),
        Sampling(0.6, top_k=50, top_p=0.95, min_p=0.1),
        Sampling(1.0, top_p=0.5, min_p=0.2),
        Sampling(1.0, top_k=5000),
    ],
    ids=str,
)
def test_the_distribution_is_that_of_transformers(sampling: Sampling, spread: float) -> None:
    logits = spread * torch.randn(4000, generator=torch.Generator().manual_seed(8))
    logits[::7] = -torch.inf
    warpers: list[LogitsProcessor] = [TemperatureLogitsWarper(sampling.temperature)]
    if sampling.top_k:
        warpers.append(TopKLogitsWarper(sampling.top_k))
    if sampling.top_p < 1:
        warpers.append(TopPLogitsWarper(sampling.top_p))
    if sampling.min_p:
        warpers.append(MinPLogitsWarper(sampling.min_p))
    scores = logits[None].double()
    for warper in warpers:
        scores = warper(torch.tensor([[0]]), scores)
    expected = scores[0].softmax(dim=-1)
    assert torch.allclose(distribution(logits, sampling), expected, atol=1e-6)


def test_repetition_is_punished_as_in_transformers() -> None:
    logits = torch.tensor([3.0, 2.9, 2.8, -1.0])
    sampler = Sampler(Sampling(0, repetition_penalty=1.05), prompt=[0])
    expected = RepetitionPenaltyLogitsProcessor(1.05)(torch.tensor([[0]]), logits[None])
    assert sampler.choose(logits) == int(expected.argmax()) == 1
    sampler.note(1)
    assert sampler.choose(logits) == 0  # 3 / 1.05 is more than 2.8


def test_frequency_counts_and_presence_does_not() -> None:
    logits = torch.tensor([1.0, 0.5])
    often = Sampler(Sampling(0, frequency_penalty=0.2))
    once = Sampler(Sampling(0, presence_penalty=0.2))
    for _ in range(3):
        often.note(0)
        once.note(0)
    # 1 - 3 * 0.2 is less than 0.5, and 1 - 0.2 is not.
    assert (often.choose(logits), once.choose(logits)) == (1, 0)


def test_a_prompt_is_not_punished_for_frequency() -> None:
    logits = torch.tensor([1.0, 0.9])
    assert Sampler(Sampling(0, frequency_penalty=2.0), prompt=[0, 0]).choose(logits) == 0


def test_a_bias_moves_a_token() -> None:
    logits = torch.tensor([1.0, 0.5, -torch.inf])
    assert Sampler(Sampling(0, logit_bias={1: 0.6})).choose(logits) == 1
    assert Sampler(Sampling(0, logit_bias={0: -100.0})).choose(logits) == 1
    assert Sampler(Sampling(0, logit_bias={2: 100.0})).choose(logits) == 0


def test_scores_are_of_the_distribution_as_it_is() -> None:
    spelled = [b"a", b"b", b"\xc3", b"c", b"d", b"e"]
    score = score_token(LOGITS, 0, 2, spelled)
    total = LOGITS.double().exp().sum().log()
    assert score.chosen.logprob == pytest.approx(float(0.0 - total), abs=1e-6)
    assert [(one.token, one.text) for one in score.top] == [(4, "d"), (1, "b")]


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"temperature": -0.1}, "temperature must be from 0 to 2, got -0.1"),
        ({"temperature": float("nan")}, "temperature must be from 0 to 2, got nan"),
        ({"top_p": 0.0}, "top_p must be above 0"),
        ({"top_p": 1.1}, "top_p must be above 0 and at most 1"),
        ({"top_k": -1}, "top_k must be at least 0"),
        ({"min_p": 1.5}, "min_p must be from 0 to 1"),
        ({"repetition_penalty": 0.0}, r"repetition_penalty must be from 0\.1 to 10"),
        ({"repetition_penalty": 5e-324}, r"repetition_penalty must be from 0\.1 to 10"),
        ({"frequency_penalty": 2.5}, "frequency_penalty must be from -2 to 2"),
        ({"presence_penalty": float("nan")}, "presence_penalty must be from -2 to 2"),
        ({"logit_bias": {1: 101.0}}, "each logit_bias must be from -100 to 100"),
        ({"seed": 2**63}, "64-bit"),
    ],
)
def test_values_that_cannot_be_are_refused(values: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        Sampling(**values)


@pytest.mark.parametrize("temperature", [5e-324, 1e-300, 1e-30])
def test_a_temperature_next_to_nothing_takes_the_likeliest(temperature: float) -> None:
    logits = torch.tensor([1.0, -torch.inf, 3.0, 2.0, -torch.inf])
    assert Sampler(Sampling(temperature, seed=0)).choose(logits) == 2
