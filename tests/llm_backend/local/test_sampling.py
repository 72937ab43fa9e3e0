"""Tokens are drawn from the distribution that was asked for."""

import pytest
import torch

from tapgraph.errors import UsageError
from tapgraph.llm_backend.local.generation import Sampling
from tapgraph.llm_backend.local.sampling import Sampler, score_token

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


def test_the_smallest_top_p_is_greedy() -> None:
    assert shares(Sampling(2.0, top_p=1e-9, seed=3))[4] == 1.0


def test_temperature_zero_takes_the_likeliest() -> None:
    assert Sampler(Sampling(0)).choose(LOGITS) == 4


def test_what_must_not_be_chosen_never_is() -> None:
    only = torch.full((50,), -torch.inf)
    only[[0, 17, 49]] = 0.0
    found = shares(Sampling(1.0, seed=4), only)
    assert set(found.nonzero()[:, 0].tolist()) == {0, 17, 49}


def test_rounding_of_the_logits_does_not_change_the_tokens() -> None:
    generator = torch.Generator().manual_seed(5)
    first, second = Sampler(Sampling(1.0, seed=6)), Sampler(Sampling(1.0, seed=6))
    for _ in range(300):
        logits = torch.randn(1000, generator=generator)
        noise = 1e-6 * torch.randn(1000, generator=generator)
        assert first.choose(logits) == second.choose(logits + noise)


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
        ({"seed": 2**63}, "64-bit"),
    ],
)
def test_values_that_cannot_be_are_refused(values: dict[str, float], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        Sampling(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize("temperature", [5e-324, 1e-300, 1e-30])
def test_a_temperature_next_to_nothing_takes_the_likeliest(temperature: float) -> None:
    logits = torch.tensor([1.0, -torch.inf, 3.0, 2.0, -torch.inf])
    assert Sampler(Sampling(temperature, seed=0)).choose(logits) == 2
