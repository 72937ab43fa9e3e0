import pytest
import torch

from tapgraph.errors import UsageError
from tapgraph.kernels.head_choice import (
    best_heads,
    heads_to_keep,
    retrieval_kv_heads,
)


def test_shares_are_rounded_up_to_whole_heads() -> None:
    assert [heads_to_keep(share, 100) for share in (0.0, 0.001, 0.01, 0.07, 0.071, 1.0)] == [
        *(0, 1, 1, 7, 8, 100)
    ]
    with pytest.raises(UsageError, match=r"a share of heads must be in 0\.\.1, got 1\.5"):
        heads_to_keep(1.5, 10)


def test_ties_go_to_the_earlier_layer_and_then_to_the_earlier_head() -> None:
    gates = torch.tensor([[0.5, 1.0, 0.5], [1.0, 0.5, 1.0]])
    assert best_heads(gates, 2).tolist() == [[False, True, False], [True, False, False]]
    assert best_heads(gates, 4).tolist() == [[True, True, False], [True, False, True]]
    assert not best_heads(gates, 0).any()
    # Many equal gates are what bfloat16 gives; an unstable sort would show here.
    assert best_heads(torch.ones(32, 8), 100).flatten().tolist() == [True] * 100 + [False] * 156


def test_a_group_is_kept_if_one_of_its_query_heads_is_chosen() -> None:
    echo = torch.tensor([[0.0, 0.0, 0.0, 0.9], [0.0, 0.0, 0.0, 0.0]])
    induction = torch.tensor([[0.0, 0.0, 0.0, 0.0], [0.8, 0.7, 0.0, 0.6]])
    kept = retrieval_kv_heads(
        echo, induction, 2, echo_share=0.125, induction_share=0.25, rule="any"
    )
    assert kept.tolist() == [[False, True], [True, False]]


def test_the_maximum_rule_takes_its_share_of_the_kv_heads() -> None:
    echo = torch.zeros(2, 4)
    induction = torch.tensor([[0.0, 0.0, 0.5, 0.0], [0.8, 0.7, 0.0, 0.6]])
    kept = retrieval_kv_heads(echo, induction, 2, echo_share=0, induction_share=0.5, rule="maximum")
    assert kept.tolist() == [[False, False], [True, True]]
    kept = retrieval_kv_heads(
        echo, induction, 2, echo_share=0, induction_share=0.75, rule="maximum"
    )
    assert kept.tolist() == [[False, True], [True, True]]
    with pytest.raises(UsageError, match="rule must be 'any' or 'maximum', got 'mean'"):
        retrieval_kv_heads(
            echo,
            induction,
            2,
            echo_share=0,
            induction_share=0,
            rule="mean",  # type: ignore[arg-type]
        )
