"""DHSA's boundary predictor and the choice of boundaries, against loops over tokens."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from tapgraph.errors import UsageError
from tapgraph.kernels.systems.dhsa_boundaries import (
    BoundaryPredictor,
    choose_boundaries,
    fixed_boundaries,
    suppress_neighbours,
)


def _predictor(seed: int = 0) -> BoundaryPredictor:
    torch.manual_seed(seed)
    return BoundaryPredictor(8, window=3, heads=2, hidden=16)


def _naive_suppression(scores: list[float], distance: int) -> list[int]:
    alive = {place for place, score in enumerate(scores) if score > -float("inf")}
    kept = []
    while alive:
        best = min(alive, key=lambda place: (-scores[place], place))
        kept.append(best)
        alive -= set(range(best - distance, best + distance + 1))
    return sorted(kept)


@pytest.mark.parametrize("distance", [0, 1, 3, 8])
@pytest.mark.parametrize("tokens", [1, 2, 17, 100])
def test_suppression_equals_the_greedy_loop(tokens: int, distance: int) -> None:
    generator = torch.Generator().manual_seed(tokens)
    # Few different numbers, so that there are ties.
    scores = torch.randint(-3, 6, (tokens,), generator=generator).to(torch.float32)
    scores = scores.masked_fill(scores < 0, -torch.inf)
    kept = suppress_neighbours(scores, distance).nonzero()[:, 0].tolist()
    assert kept == _naive_suppression(scores.tolist(), distance)


def test_a_boundary_lies_behind_the_token_whose_logit_is_high() -> None:
    logits = torch.full((20 - 2 * 4 + 1,), -5.0)
    logits[[2, 9]] = 4.0
    chosen = choose_boundaries(logits, 20, least_logit=1.1, distance=2, most=9)
    # Entry i is about a cut between the tokens i + 3 and i + 4.
    assert chosen.tolist() == [0, 6, 13, 20]


def test_only_the_best_boundaries_are_kept_and_one_is_forced() -> None:
    logits = torch.full((93,), -5.0)
    logits[[10, 30, 50, 70]] = torch.tensor([2.0, 5.0, 1.0, 3.0])
    chosen = choose_boundaries(
        logits, 100, least_logit=1.1, distance=8, most=2, forced_before_end=64
    )
    assert chosen.tolist() == [0, 30 + 4, 36, 70 + 4, 100]


@pytest.mark.parametrize("tokens", [0, 1, 5, 7])
def test_a_text_too_short_for_the_predictor_is_one_chunk(tokens: int) -> None:
    logits = _predictor()(torch.ones(1, tokens, 8)[:, : min(tokens, 5)])[0]
    chosen = choose_boundaries(
        logits, tokens, least_logit=0, distance=1, most=9, forced_before_end=64
    )
    assert chosen.tolist() == ([0, tokens] if tokens else [0])


def test_logits_equal_a_loop_over_windows() -> None:
    predictor = _predictor()
    keys = torch.randn((2, 13, 8), generator=torch.Generator().manual_seed(1))

    def encode(window: Tensor) -> Tensor:
        attended, _ = predictor.attention(window[None], window[None], window[None])
        encoded: Tensor = predictor.norm(window + attended[0])
        return encoded.mean(dim=0)

    logits = predictor(keys)
    assert logits.shape == (2, 13 - 6 + 1)
    for row in range(2):
        for token in range(2, 10):
            left = encode(keys[row, token - 2 : token + 1])
            right = encode(keys[row, token + 1 : token + 4])
            cosine = functional.cosine_similarity(left, right, dim=0)[None]
            features = torch.cat((left, right, (left - right).abs(), left * right, cosine))
            expected = predictor.judge(features)[0]
            assert float((logits[row, token - 2] - expected).abs().detach()) < 1e-5


def test_long_texts_are_encoded_in_slabs_that_join_without_a_seam() -> None:
    predictor = _predictor()
    keys = torch.randn((1, 4200, 8), generator=torch.Generator().manual_seed(2))
    whole = predictor(keys)
    part = predictor(keys[:, 4000:])
    assert whole.shape == (1, 4195)
    assert float((whole[:, 4000:] - part).abs().max().detach()) < 1e-5


def test_weights_make_the_same_predictor_again() -> None:
    predictor = _predictor()
    twin = BoundaryPredictor.from_weights(predictor.state_dict(), window=3, heads=2)
    keys = torch.randn((1, 20, 8), generator=torch.Generator().manual_seed(3))
    assert torch.equal(twin(keys), predictor(keys))


def test_other_weights_are_refused() -> None:
    with pytest.raises(UsageError, match="not the weights of a boundary predictor"):
        BoundaryPredictor.from_weights({"gates": torch.ones(2)}, window=4, heads=4)
    with pytest.raises(UsageError, match=r"^heads must divide channels 10, got 4$"):
        BoundaryPredictor(10)
    with pytest.raises(UsageError, match=r"^window must be at least 1, got 0$"):
        BoundaryPredictor(8, window=0)


def test_fixed_boundaries_end_with_the_text() -> None:
    assert fixed_boundaries(64, 32).tolist() == [0, 32, 64]
    assert fixed_boundaries(65, 32).tolist() == [0, 32, 64, 65]
