import math
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from tapgraph.errors import UsageError
from tapgraph.kernels import compiled
from tapgraph.kernels.selection import listed, top_k
from tapgraph.kernels.systems.hip_search import FoundKeys, HipConfig, score_queries, search_tree

Queries = Sequence[Sequence[float]]


def naive_tree(
    queries: Queries, keys: Queries, first: int, end: int, config: HipConfig
) -> tuple[set[int], int]:
    """Slots found for one query block, and how many keys were scored: lists and loops only."""
    block = config.key_block
    leaves = math.ceil(max(0, end - first) / block)
    chunks = config.kept // block
    edges = [math.floor(j * leaves / chunks + 0.5) for j in range(chunks + 1)]
    nodes = [(edges[j], edges[j + 1] - edges[j]) for j in range(chunks)]
    nodes = [node for node in nodes if node[1] > 0]
    evaluations = 0
    while any(length > 1 for _, length in nodes):
        branches = []
        for begin, length in nodes:
            left = math.ceil(length / 2)
            branches.append((begin, left))
            if length > left:
                branches.append((begin + left, length - left))
        scored = []
        for begin, length in branches:
            inner = {"first": 0, "middle": length // 2, "last": length - 1}[config.representative]
            slots = range(first + (begin + inner) * block, first + (begin + inner + 1) * block)
            products = [
                sum(a * b for a, b in zip(query, keys[slot], strict=True))
                for slot in slots[:: config.key_stride]
                if slot < end
                for query in queries
            ]
            evaluations += len(slots[:: config.key_stride])
            scored.append((-max(products), begin, length))
        nodes = sorted((begin, length) for _, begin, length in sorted(scored)[:chunks])
    found = {first + begin * block + inner for begin, _ in nodes for inner in range(block)}
    return {slot for slot in found if slot < end}, evaluations


def whole_numbers(*sizes: int, seed: int = 0, most: int = 3) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(-most, most + 1, sizes, generator=generator).double()


def one_row(found: FoundKeys, head: int = 0, block: int = 0) -> list[int]:
    slots = found.slots[0, head, block]
    return slots[slots >= 0].tolist()


@pytest.mark.parametrize("representative", ["first", "middle", "last"])
@pytest.mark.parametrize(("key_block", "key_stride"), [(1, 1), (2, 1), (2, 2), (4, 3)])
def test_whole_number_vectors_give_the_slots_of_a_tree_in_plain_python(
    representative: str, key_block: int, key_stride: int
) -> None:
    config = HipConfig(
        kept=4 * key_block,
        key_block=key_block,
        key_stride=key_stride,
        representative=representative,  # type: ignore[arg-type]
    )
    ends = [2, 3, 6, 17, 34, 35, 97, 130]
    queries = whole_numbers(2, 4, len(ends), 3, 3)
    keys = whole_numbers(2, 2, 130, 3, seed=1)
    first = torch.full((2, len(ends)), 2)
    found = search_tree(queries, keys, first, torch.tensor([ends, ends]), config)
    for row in range(2):
        for head in range(4):
            for block, end in enumerate(ends):
                slots, evaluations = naive_tree(
                    queries[row, head, block].tolist(),
                    keys[row, head // 2].tolist(),
                    2,
                    end,
                    config,
                )
                listed_slots = found.slots[row, head, block]
                names = listed_slots[listed_slots >= 0].tolist()
                assert len(names) == len(set(names)), "a slot was found twice"
                assert set(names) == slots
                assert found.evaluations[row, head, block] == evaluations


@pytest.mark.parametrize("representative", ["first", "middle", "last"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("head_dim", [3, 64, 128])
@pytest.mark.parametrize("queries_of_block", [1, 16])
def test_the_compiled_search_finds_what_torch_finds(
    representative: str, dtype: torch.dtype, head_dim: int, queries_of_block: int
) -> None:
    assert compiled._library() is not None, "tests need a C compiler"
    config = HipConfig(kept=24, key_block=3, key_stride=2, representative=representative)  # type: ignore[arg-type]
    ends = torch.tensor([[2, 9, 26, 27, 300, 577]])
    first = torch.full_like(ends, 2)
    # Products of whole numbers are exact in every dtype, and many of them are equal.
    queries = whole_numbers(1, 6, ends.shape[1], queries_of_block, head_dim)
    room = whole_numbers(1, 2, 700, head_dim, seed=1)
    keys = room[:, :, :577]
    expected = search_tree(queries, keys, first, ends, config)
    # What lies behind the last token is not looked at.
    room_in_dtype = room.to(dtype)
    room_in_dtype[:, :, 577:] = torch.nan
    found = search_tree(queries.to(dtype), room_in_dtype[:, :, :577], first, ends, config)
    assert torch.equal(found.slots.sort(-1).values, expected.slots.sort(-1).values)
    assert torch.equal(found.evaluations, expected.evaluations)
    assert int(found.evaluations.max()) > 0


def test_the_modulo_head_map_would_find_other_slots() -> None:
    config = HipConfig(kept=8)
    queries, keys = whole_numbers(1, 4, 1, 3, 3), whole_numbers(1, 2, 130, 3, seed=1)
    found = search_tree(queries, keys, torch.tensor([[0]]), torch.tensor([[130]]), config)
    wrong = [
        naive_tree(queries[0, h, 0].tolist(), keys[0, h % 2].tolist(), 0, 130, config)[0]
        for h in range(4)
    ]
    assert [set(one_row(found, head)) for head in range(4)] != wrong


def test_a_range_that_fits_is_found_whole_without_scores() -> None:
    config = HipConfig(kept=16, key_block=2)
    queries, keys = whole_numbers(1, 1, 1, 1, 3), whole_numbers(1, 1, 40, 3)
    for end in range(5, 22):
        found = search_tree(queries, keys, torch.tensor([[5]]), torch.tensor([[end]]), config)
        assert one_row(found) == list(range(5, end))
        assert found.evaluations.item() == 0


@pytest.mark.parametrize("key_block", [1, 2, 4])
def test_twice_the_keys_cost_two_scores_more_for_each_kept_key(key_block: int) -> None:
    config = HipConfig(kept=64, key_block=key_block)
    queries, keys = whole_numbers(1, 1, 1, 2, 3, most=50), whole_numbers(1, 1, 4096, 3, most=50)
    counts = []
    for tokens in (64, 128, 256, 512, 1024, 2048, 4096):
        end = torch.tensor([[tokens]])
        found = search_tree(queries, keys, torch.zeros_like(end), end, config)
        assert len(one_row(found)) == 64
        counts.append(int(found.evaluations))
    assert counts == [
        2 * 64 * math.log2(tokens / 64) for tokens in (64, 128, 256, 512, 1024, 2048, 4096)
    ]


def test_of_equal_scores_the_earlier_branch_wins() -> None:
    config = HipConfig(kept=4, key_block=2)
    queries, keys = torch.ones(1, 1, 1, 1, 2), torch.ones(1, 1, 16, 2)
    found = search_tree(queries, keys, torch.tensor([[0]]), torch.tensor([[16]]), config)
    assert one_row(found) == [0, 1, 2, 3]


def test_a_block_score_is_the_largest_and_not_the_mean() -> None:
    config = HipConfig(kept=2, key_block=2, representative="first")
    queries = torch.ones(1, 1, 1, 1, 1)
    keys = torch.tensor([5.0, 5, 0, 0, 9, -9, 0, 0]).view(1, 1, 8, 1)
    found = search_tree(queries, keys, torch.tensor([[0]]), torch.tensor([[8]]), config)
    assert one_row(found) == [4, 5], "9 beats 5, though the mean of its block is 0"


def test_queries_are_taken_with_a_stride_and_a_short_block_adds_none() -> None:
    queries = torch.arange(11.0).view(1, 1, 11, 1)
    blocks = score_queries(queries, HipConfig(query_block=4, query_stride=2))
    assert blocks[0, 0, :, :, 0].tolist() == [[0, 2], [4, 6], [8, 10]]
    blocks = score_queries(queries[:, :, :10], HipConfig(query_block=4, query_stride=2))
    assert blocks[0, 0, :, :, 0].tolist() == [[0, 2], [4, 6], [8, 8]]


def smooth_logits(tokens: int, correlation: float, heads: int) -> Tensor:
    """Gaussian processes of standard deviation 4 with a squared-exponential correlation."""
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(heads, 1, tokens + 64, generator=generator, dtype=torch.float64)
    if correlation > 1:
        offsets = torch.arange(-32, 33, dtype=torch.float64)
        kernel = torch.exp(-((offsets / correlation) ** 2))
    else:
        kernel = torch.zeros(65, dtype=torch.float64)
        kernel[32] = 1.0
    kernel /= kernel.square().sum().sqrt()
    return 4 * torch.nn.functional.conv1d(noise, kernel.view(1, 1, -1))[:, 0]


def captured_mass(logits: Tensor, kept: int) -> tuple[float, float, float]:
    """Softmax mass of the exact top keys, of the tree's, and of mean-pooled blocks of 64 keys."""
    heads, tokens = logits.shape
    mass = torch.softmax(logits, dim=-1)
    exact = mass.gather(1, top_k(logits, kept)).sum(dim=1)
    found = search_tree(
        torch.ones(1, heads, 1, 1, 1, dtype=torch.float64),
        logits[None, :, :, None],
        torch.tensor([[0]]),
        torch.tensor([[tokens]]),
        HipConfig(kept=kept),
    )
    tree = (mass * listed(found.slots[0, :, 0], tokens)).sum(dim=1)
    best = top_k(logits.view(heads, -1, 64).mean(dim=2), kept // 64)
    pooled = (mass * listed(best, tokens // 64).repeat_interleave(64, dim=1)).sum(dim=1)
    return float(exact.mean()), float(tree.mean()), float(pooled.mean())


def test_the_tree_beats_mean_pooled_blocks_where_neighbours_have_similar_scores() -> None:
    exact, tree, pooled = captured_mass(smooth_logits(8192, 8, heads=16), kept=512)
    assert tree > 0.95 * exact
    assert tree > pooled + 0.2


def test_the_tree_is_blind_where_neighbours_have_nothing_in_common() -> None:
    exact, tree, _ = captured_mass(smooth_logits(8192, 1, heads=16), kept=256)
    assert exact > 0.8
    assert tree < 0.2


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kept": 0}, "kept must be a positive multiple of key_block 2, got 0"),
        ({"kept": 7}, "kept must be a positive multiple of key_block 2, got 7"),
        ({"query_block": 0}, "query_block must be at least 1, got 0"),
        ({"window": 0}, "window must be at least 1, got 0"),
        ({"refresh_every": 0}, "refresh_every must be at least 1, got 0"),
        ({"sink": -1}, "sink must be at least 0, got -1"),
        (
            {"representative": "best"},
            "representative must be 'first', 'middle' or 'last', got 'best'",
        ),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        HipConfig(**settings)  # type: ignore[arg-type]
