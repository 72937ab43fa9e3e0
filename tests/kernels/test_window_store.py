import pytest
import torch
from torch import Tensor

from tapgraph.errors import UsageError
from tapgraph.kernels.token_store import PAGE_TOKENS
from tapgraph.kernels.window_store import WindowStore


def numbered(first: int, count: int) -> Tensor:
    """Keys `[2, 1, count, 1]` that hold their slot, the second row's negative."""
    slots = torch.arange(first, first + count, dtype=torch.float64)
    return torch.stack((slots, -slots))[:, None, :, None]


def filled(slots: int) -> WindowStore:
    store = WindowStore()
    store.append(numbered(0, slots), numbered(0, slots) + 0.5)
    return store


def test_it_holds_exactly_the_slots_between_first_and_end() -> None:
    store = filled(10)
    for slot in range(10, 2000):
        store.append(numbered(slot, 1), numbered(slot, 1) + 0.5)
        store.drop_before(slot - 99)
    assert (store.first, store.end) == (1900, 2000)
    assert torch.equal(store.keys, numbered(1900, 100))
    assert torch.equal(store.values, numbered(1900, 100) + 0.5)


def test_its_memory_is_less_than_its_tokens_and_three_pages() -> None:
    store = filled(10)
    for slot in range(10, 3000):
        store.append(numbered(slot, 1), numbered(slot, 1))
        store.drop_before(slot - 99)
        held = store.end - store.first
        capacity = store.bytes_held() / (2 * 2 * 8)
        assert capacity % PAGE_TOKENS == 0
        assert capacity < held + 3 * PAGE_TOKENS


def test_dropping_much_at_once_frees_it_at_once() -> None:
    store = filled(10_000)
    store.drop_before(9_900)
    assert store.bytes_held() == 2 * 2 * 8 * 2 * PAGE_TOKENS
    assert torch.equal(store.keys, numbered(9_900, 100))


def test_a_snapshot_survives_appending_and_dropping() -> None:
    store = filled(400)
    point = store.snapshot()
    for _ in range(2):
        store.append(numbered(7000, 300), numbered(7000, 300))
        store.drop_before(650)
        store = point.snapshot()
        assert (store.first, store.end) == (0, 400)
        assert torch.equal(store.keys, numbered(0, 400))


def test_a_fork_has_memory_of_its_own() -> None:
    store = filled(400)
    store.drop_before(390)
    twin = store.fork()
    twin.append(numbered(7000, 1), numbered(7000, 1))
    store.append(numbered(400, 1), numbered(400, 1))
    assert torch.equal(store.keys, numbered(390, 11))
    assert twin.keys[0, 0, :, 0].tolist() == [*range(390, 400), 7000]


def test_an_empty_one_has_no_keys() -> None:
    assert WindowStore().bytes_held() == 0
    with pytest.raises(UsageError, match="nothing was stored yet"):
        _ = WindowStore().keys


def test_vectors_put_behind_are_beside_what_is_held_and_change_nothing() -> None:
    store = filled(PAGE_TOKENS)
    store.drop_before(200)
    point = store.snapshot()
    for few in (2, 3 * PAGE_TOKENS):
        extra = numbered(9000, few)
        keys, values = store.with_behind(extra, extra + 0.25)
        assert torch.equal(keys, torch.cat((numbered(200, 56), extra), dim=2))
        assert torch.equal(values, torch.cat((numbered(200, 56) + 0.5, extra + 0.25), dim=2))
        assert (store.first, store.end) == (200, PAGE_TOKENS)
        assert torch.equal(store.keys, numbered(200, 56))
    store.append(numbered(PAGE_TOKENS, 1), numbered(PAGE_TOKENS, 1))
    assert torch.equal(store.keys, numbered(200, 57))
    store = point.snapshot()
    assert torch.equal(store.keys, numbered(200, 56))
