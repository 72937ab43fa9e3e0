"""The labels of DHSA's boundary predictor against sums over the whole attention matrix."""

import pytest
import torch
from torch import Tensor

from tapgraph.llm_backend.calibration.boundary_labels import future_mass_ratios, usable_entries


def _naive_ratios(attention: list[list[float]], window: int) -> list[float]:
    tokens = len(attention)
    ratios = []
    for p in range(window - 1, tokens - window):
        later = range(p + window + 1, tokens)
        past = sum(attention[i][j] for i in later for j in range(p - window + 1, p + 1))
        future = sum(attention[i][j] for i in later for j in range(p + 1, p + window + 1))
        ratios.append((max(past, future) + 1e-6) / (min(past, future) + 1e-6))
    return ratios


def _random(heads: int, tokens: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn((heads, tokens, 8), generator=generator, dtype=torch.float64) * 2


def _attention(queries: Tensor, keys: Tensor) -> Tensor:
    scores = queries @ keys.repeat_interleave(3, dim=0).mT * 0.3
    causal = torch.ones(len(scores[0]), len(scores[0]), dtype=torch.bool).tril()
    return scores.masked_fill(~causal, -torch.inf).softmax(dim=-1).mean(dim=0)


@pytest.mark.parametrize(("tokens", "window"), [(8, 4), (9, 4), (40, 4), (41, 1), (50, 7)])
def test_ratios_equal_sums_over_the_attention_matrix(tokens: int, window: int) -> None:
    queries, keys = _random(6, tokens, 0), _random(2, tokens, 1)
    attention = _attention(queries, keys).tolist()
    expected = torch.tensor(_naive_ratios(attention, window), dtype=torch.float64)
    ratios = future_mass_ratios(queries, keys, scale=0.3, window=window)
    assert ratios.shape == (tokens - 2 * window + 1,)
    # Sums of 1e-6 are differences of sums of about 1, with 16 digits.
    assert bool(((ratios / expected - 1).abs() < 1e-8).all())


def test_many_slabs_of_rows_equal_an_integral_image_of_the_whole_matrix() -> None:
    queries, keys = _random(6, 1500, 4), _random(2, 1500, 5)
    image = torch.zeros(1501, 1501, dtype=torch.float64)
    image[1:, 1:] = _attention(queries, keys).cumsum(dim=0).cumsum(dim=1)
    p = torch.arange(3, 1500 - 4)

    def mass(first: Tensor, last: Tensor) -> Tensor:
        rows = p + 5
        return image[-1, last] - image[-1, first] - image[rows, last] + image[rows, first]

    past, future = mass(p - 3, p + 1), mass(p + 1, p + 5)
    expected = (torch.maximum(past, future) + 1e-6) / (torch.minimum(past, future) + 1e-6)
    ratios = future_mass_ratios(queries, keys, scale=0.3, window=4)
    # An integral image of 1500 rows holds numbers up to 1500.
    assert bool(((ratios / expected - 1).abs() < 1e-5).all())


def test_float32_inputs_lose_nothing_by_differences() -> None:
    queries, keys = _random(2, 300, 2).float() * 3, _random(2, 300, 3).float() * 3
    ratios = future_mass_ratios(queries, keys, scale=1.0, window=4)
    precise = future_mass_ratios(queries.double(), keys.double(), scale=1.0, window=4)
    assert torch.equal(ratios, precise)


def test_a_change_of_interest_is_a_high_ratio() -> None:
    # All later queries look at the tokens from 20 on, none at those before.
    keys = torch.zeros(1, 60, 8)
    keys[:, 20:, 0] = 10.0
    queries = torch.zeros(1, 60, 8)
    queries[..., 0] = 1.0
    ratios = future_mass_ratios(queries, keys, scale=1.0, window=4)
    # Entry i is about a boundary between the tokens i + 3 and i + 4.
    assert int(ratios.argmax()) == 20 - 4


def test_entries_near_the_ends_are_not_learnt_from() -> None:
    window, tokens = 4, 40
    entries = list(range(window - 1, tokens - window))
    usable = entries[usable_entries(len(entries), window)]
    assert usable == [p for p in entries if 2 * window <= p < tokens - 2 * window]
