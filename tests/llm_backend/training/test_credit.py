import math
from typing import Any, get_args

import pytest
import torch
from torch import Tensor

from tapgraph.errors import UsageError
from tapgraph.llm_backend.training.credit import (
    CREDIT_RULES,
    Credit,
    CreditRule,
    ReplyTokens,
    top_tokens,
)

CHOOSING: tuple[CreditRule, ...] = ("local", "global", "random", "entropy")


def reply_of(tokens: int, seed: int = 0) -> ReplyTokens:
    dice = torch.Generator().manual_seed(seed)
    return ReplyTokens(*(torch.rand(tokens, generator=dice) for _ in range(4)))


def reply_with(**known: list[float]) -> ReplyTokens:
    tokens = len(next(iter(known.values())))
    nothing = torch.zeros(tokens)
    given: dict[str, Tensor] = {name: torch.tensor(values) for name, values in known.items()}
    names = ("waad", "fai", "entropy", "dice")
    return ReplyTokens(*(given.get(name, nothing) for name in names))


def test_every_rule_has_a_name() -> None:
    assert set(CREDIT_RULES) == set(get_args(CreditRule))


@pytest.mark.parametrize("rule", CHOOSING)
@pytest.mark.parametrize("tokens", [1, 4, 5, 10, 11, 37])
def test_two_fifths_of_the_tokens_are_chosen_rounded_up(rule: CreditRule, tokens: int) -> None:
    weights = Credit(rule).weights(reply_of(tokens))
    assert sorted(set(weights.tolist())) in ([1.0, 1.5], [1.5])
    # In whole numbers, for 0.4 * 5 is no exact 2.
    assert int((weights == 1.5).sum()) == math.ceil(4 * tokens / 10)


def test_local_credit_goes_to_tokens_before_a_change() -> None:
    # Changes are 0, 9, 9, 0 and nothing after the last token: two of five are chosen.
    reply = reply_with(waad=[1.0, 1.0, 10.0, 1.0, 1.0])
    assert Credit("local").weights(reply).tolist() == [1.0, 1.5, 1.5, 1.0, 1.0]


def test_global_credit_goes_to_tokens_of_influence() -> None:
    reply = reply_with(fai=[0.1, 0.9, 0.0, 0.5, 0.2])
    assert Credit("global").weights(reply).tolist() == [1.0, 1.5, 1.0, 1.5, 1.0]


def test_an_anchor_inside_a_chunk_shares_with_what_began_the_chunk() -> None:
    # Anchors are tokens 3 and 7. Token 3 goes on with what token 1 began; token 7 looks far
    # itself, so nothing introduces it.
    reply = reply_with(
        waad=[1.0, 1.0, 9.0, 1.0, 1.0, 1.0, 1.0, 9.0], fai=[0, 0, 0, 1.0, 0, 0, 0, 1.0]
    )
    weights = Credit("coupled", share=0.25).weights(reply)
    assert weights.tolist() == [1.0, 1.25, 1.0, 1.25, 1.0, 1.0, 1.0, 1.5]


@pytest.mark.parametrize("reach", [1, 2, 3])
@pytest.mark.parametrize("moved", [0.0, 0.3, 1.0])
def test_sharing_never_changes_the_sum(reach: int, moved: float) -> None:
    coupled = Credit("coupled", reach=reach, moved=moved)
    has_moved = False
    for seed in range(20):
        reply = reply_of(30, seed)
        weights, plain = coupled.weights(reply), Credit("global").weights(reply)
        assert weights.sum().item() == pytest.approx(plain.sum().item(), abs=1e-4)
        has_moved |= not torch.equal(weights, plain)
    assert has_moved == (moved > 0)


def test_all_alike_has_the_sum_of_the_chosen() -> None:
    reply = reply_of(40)
    assert Credit("uniform").weights(reply).tolist() == pytest.approx([1.2] * 40)
    assert Credit("uniform").weights(reply).sum() == pytest.approx(
        Credit("random").weights(reply).sum().item()
    )


@pytest.mark.parametrize("rule", get_args(CreditRule))
def test_no_amplification_is_exactly_one(rule: CreditRule) -> None:
    weights = Credit(rule, amplify=1).weights(reply_of(25))
    assert torch.equal(weights, torch.ones(25))


def test_equal_scores_go_to_the_earlier_token() -> None:
    assert top_tokens(torch.ones(5), 0.4).tolist() == [True, True, False, False, False]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"rule": "best"}, "rule must be one of plain, local"),
        ({"amplify": 0.5}, "amplify must be at least 1, got 0.5"),
        ({"share": 0}, "share must be above 0 and at most 1, got 0"),
        ({"reach": 0}, "reach must be at least 1, got 0"),
        ({"moved": 2}, "moved must be from 0 to 1, got 2"),
    ],
)
def test_numbers_that_cannot_be_are_refused(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        Credit(**changes)
