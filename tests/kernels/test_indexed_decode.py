import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tapgraph.errors import UsageError
from tapgraph.kernels import compiled
from tapgraph.kernels.indexed_decode import indexed_attention, lists_of
from tapgraph.kernels.token_store import TokenStore

ROUNDING = 1e-12
Inputs = Callable[..., tuple[torch.Tensor, torch.Tensor, torch.Tensor]]
COUNTS = [[5, 0], [1, 11]]


def lists() -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    rows = [torch.randperm(11, generator=generator) for _ in range(4)]
    return torch.stack(rows).view(2, 2, 11)


@pytest.mark.parametrize("q_len", [1, 3])
def test_ragged_lists_equal_loops(naive: Any, random_inputs: Inputs, q_len: int) -> None:
    queries, keys, values = random_inputs(q_len, 11)
    indices = lists()
    expected = naive(
        queries,
        keys,
        values,
        0.4,
        lambda row, head, query: indices[row, head // 4, : COUNTS[row][head // 4]].tolist(),
    )

    result = indexed_attention(queries, keys, values, indices, torch.tensor(COUNTS), scale=0.4)

    torch.testing.assert_close(result.output, expected.output, atol=ROUNDING, rtol=0)
    torch.testing.assert_close(result.log_sum_exp, expected.log_sum_exp, atol=ROUNDING, rtol=0)


def test_an_empty_list_gives_zeros(random_inputs: Inputs) -> None:
    queries, keys, values = random_inputs(1, 11)

    result = indexed_attention(queries, keys, values, lists(), torch.tensor(COUNTS), scale=0.4)

    assert result.output[0, 4:].abs().max() == 0
    assert result.log_sum_exp[0, 4:].max() == -math.inf


def test_what_stands_after_the_valid_part_is_never_read(random_inputs: Inputs) -> None:
    queries, keys, values = random_inputs(1, 11)
    counts = torch.tensor(COUNTS)
    indices = lists()
    spoilt = indices.clone()
    for row in range(2):
        for kv_head in range(2):
            spoilt[row, kv_head, COUNTS[row][kv_head] :] = 10**9

    plain = indexed_attention(queries, keys, values, indices, counts, scale=0.4)
    result = indexed_attention(queries, keys, values, spoilt, counts, scale=0.4)

    assert torch.equal(result.output, plain.output)


def test_another_head_map_is_seen(random_inputs: Inputs) -> None:
    queries, keys, values = random_inputs(1, 11)
    counts = torch.full((2, 2), 4)
    indices = lists()

    right = indexed_attention(queries, keys, values, indices, counts, scale=0.4)
    swapped = indexed_attention(queries, keys, values, indices.flip(1), counts, scale=0.4)

    assert not torch.allclose(right.output, swapped.output, atol=0.01)


def test_bfloat16_stays_close_to_float64(random_inputs: Inputs) -> None:
    queries, keys, values = random_inputs(1, 11, dtype=torch.bfloat16)
    counts = torch.full((2, 2), 11)
    inputs = (queries.double(), keys.double(), values.double())

    result = indexed_attention(queries, keys, values, lists(), counts, scale=0.4)
    exact = indexed_attention(*inputs, indices=lists(), counts=counts, scale=0.4)

    assert result.output.dtype == torch.bfloat16
    assert (result.output.double() - exact.output).abs().max() < 2**-7


@pytest.mark.parametrize(
    ("indices", "counts", "message"),
    [
        (lists()[0], torch.tensor(COUNTS), r"^indices must be \[2, lists, most\], got \[2, 11\]$"),
        (lists()[:, :1], torch.tensor(COUNTS), r"^there must be a list for each of 2 KV heads"),
        (lists().int(), torch.tensor(COUNTS), r"^indices and counts must be int64, got torch.i"),
        (lists(), torch.tensor([1, 2]), r"^counts must be \[2, 2\], got \[2\]$"),
        (lists(), torch.tensor([[1, 2], [3, 12]]), r"^counts must be in 0..11, got 1..12$"),
        (lists(), torch.tensor([[1, 2], [-3, 2]]), r"^counts must be in 0..11, got -3..2$"),
        (lists() + 5, torch.full((2, 2), 11), r"^indices must be in 0..10, got 5..15$"),
    ],
)
def test_lists_that_do_not_fit_are_named(
    random_inputs: Inputs, indices: torch.Tensor, counts: torch.Tensor, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        indexed_attention(*random_inputs(1, 11), indices=indices, counts=counts, scale=1.0)


COMPILED = 2e-6
"""Float32 sums of up to 300 terms in another order, and a polynomial for the exponential."""


@pytest.fixture(params=[True, False], ids=["compiled", "torch"])
def attend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """`indexed_attention` by either path."""
    if request.param:
        assert compiled._library() is not None, "tests need a C compiler"
    else:
        monkeypatch.setattr(compiled, "_library", lambda: None)
    return indexed_attention


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(
    ("heads", "lists", "head_dim", "q_len"),
    [(8, 2, 64, 1), (8, 2, 128, 1), (8, 8, 6, 1), (6, 2, 64, 1), (8, 4, 20, 2), (4, 2, 256, 3)],
)
def test_both_paths_equal_loops_over_the_same_lists(
    attend: Any,
    naive: Any,
    random_inputs: Inputs,
    heads: int,
    lists: int,
    head_dim: int,
    q_len: int,
    dtype: torch.dtype,
) -> None:
    tokens, scale = 90, head_dim**-0.5
    inputs = random_inputs(q_len, tokens, heads=heads, head_dim=head_dim, dtype=dtype)
    generator = torch.Generator().manual_seed(2)
    drawn = [torch.randperm(tokens, generator=generator) for _ in range(2 * lists)]
    indices = torch.stack(drawn).view(2, lists, tokens)
    counts = torch.randint(tokens + 1, (2, lists), generator=generator)
    counts[0, 0] = 0
    expected = naive(
        *inputs,
        scale,
        lambda row, head, query: indices[
            row, head * lists // heads, : counts[row, head * lists // heads]
        ].tolist(),
    )

    result = attend(*inputs, indices, counts, scale=scale)

    rounded = 2**-8 if dtype == torch.bfloat16 else 0.0
    error = (result.output.double() - expected.output).abs()
    assert (error <= COMPILED + rounded * expected.output.abs()).all()
    torch.testing.assert_close(
        result.log_sum_exp.double(), expected.log_sum_exp, atol=1e-5, rtol=1e-6
    )


def test_large_and_small_scores_neither_overflow_nor_vanish(attend: Any) -> None:
    keys = torch.tensor([[-300.0], [0.0], [300.0], [299.0]]).expand(-1, 64)[None, None] / 64
    values = torch.arange(4.0)[None, None, :, None].expand(-1, -1, -1, 64).contiguous()
    result = attend(
        torch.ones(1, 1, 1, 64), keys.contiguous(), values, torch.arange(4)[None, None],
        torch.tensor([[4]]), scale=1.0,
    )  # fmt: skip
    share = 1 / (1 + math.exp(-1))
    assert result.output[0, 0, 0, 0].item() == pytest.approx(2 * share + 3 * (1 - share), rel=1e-5)
    assert result.log_sum_exp.item() == pytest.approx(300 + math.log(1 + math.exp(-1)), rel=1e-6)


def test_tokens_in_a_page_store_are_read_where_they_lie(attend: Any, random_inputs: Inputs) -> None:
    queries, keys, values = random_inputs(1, 300, batch=1, head_dim=64, dtype=torch.float32)
    store = TokenStore()
    store.append(keys, values)
    indices = torch.arange(0, 300, 7).expand(1, 2, -1)
    counts = torch.full((1, 2), indices.shape[2])
    ours = attend(queries, store.keys, store.values, indices, counts, scale=0.2)
    plain = attend(queries, keys, values, indices, counts, scale=0.2)
    assert store.keys.stride() != keys.stride()
    assert torch.equal(ours.output, plain.output)


def test_gaps_in_lists_are_closed() -> None:
    slots = torch.tensor([[[4, -1, 2, 9], [1, 2, 3, 4]]])
    indices, counts = lists_of(slots, (slots >= 0) & (slots < 9))
    assert counts.tolist() == [[2, 4]]
    assert indices[0, 0, :2].tolist() == [4, 2]
    assert indices[0, 1].tolist() == [1, 2, 3, 4]


def test_the_compiled_source_is_built_once_for_a_processor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAPGRAPH_HOME", str(tmp_path))
    for _ in range(2):
        compiled._library.cache_clear()
        assert compiled._library() is not None
    built = list((tmp_path / "compiled").iterdir())
    assert [path.suffix for path in built] == [".so"]
    monkeypatch.setattr(compiled, "COMPILERS", ())
    compiled._library.cache_clear()
    assert compiled._library() is None
    compiled._library.cache_clear()
