import pytest
import torch

from tapgraph.errors import UsageError
from tapgraph.kernels.token_store import PAGE_TOKENS, TokenStore, VectorStore


def tokens(first: int, last: int) -> tuple[torch.Tensor, torch.Tensor]:
    keys = torch.arange(first, last, dtype=torch.float64).view(1, 1, -1, 1)
    keys = keys.expand(2, 3, -1, 4) + torch.tensor([0.0, 0.5]).view(2, 1, 1, 1)
    return keys, -keys


@pytest.mark.parametrize("chunk", [1, 7, PAGE_TOKENS, 600])
def test_it_returns_what_was_appended_in_any_chunks(chunk: int) -> None:
    store = TokenStore()
    for first in range(0, 600, chunk):
        store.append(*tokens(first, min(first + chunk, 600)))

    keys, values = tokens(0, 600)

    assert store.tokens == 600
    assert torch.equal(store.keys, keys)
    assert torch.equal(store.values, values)


@pytest.mark.parametrize("count", [1, PAGE_TOKENS, PAGE_TOKENS + 1])
def test_memory_is_the_next_whole_page(count: int) -> None:
    store = TokenStore()
    store.append(*tokens(0, count))
    pages = -(-count // PAGE_TOKENS)

    assert store.bytes_held() == 2 * 2 * 3 * pages * PAGE_TOKENS * 4 * 8
    assert TokenStore().bytes_held() == 0


def test_after_a_crop_new_tokens_follow_the_kept_ones() -> None:
    store = TokenStore()
    store.append(*tokens(0, 10))

    store.crop(4)
    store.append(*tokens(20, 22))

    assert store.keys[0, 0, :, 0].tolist() == [0, 1, 2, 3, 20, 21]


@pytest.mark.parametrize("length", [1, 5])
def test_runs_are_neighbouring_tokens_of_one_head(length: int) -> None:
    store = TokenStore()
    keys = torch.randn((1, 6, 300, 4), generator=torch.Generator().manual_seed(0))
    store.append(keys, -keys)
    owners, slots = torch.tensor([0, 5, 4, 5]), torch.tensor([0, 300 - length, 17, 18])

    found, values = store.runs(owners, slots, length)

    for run, (owner, slot) in enumerate(zip(owners.tolist(), slots.tolist(), strict=True)):
        assert torch.equal(found[run], keys[0, owner, slot : slot + length])
    assert torch.equal(values, -found)
    with pytest.raises(UsageError, match=r"^nothing was stored yet$"):
        TokenStore().runs(owners, slots, length)


def test_a_fork_is_not_changed_by_its_origin() -> None:
    store = TokenStore()
    store.append(*tokens(0, 10))
    twin = store.fork()

    store.crop(2)
    store.append(*tokens(50, 60))

    assert torch.equal(twin.keys, tokens(0, 10)[0])
    assert TokenStore().fork().tokens == 0


def test_bad_use_is_named() -> None:
    store = TokenStore()
    with pytest.raises(UsageError, match=r"^nothing was stored yet$"):
        _ = store.keys
    store.append(*tokens(0, 3))
    with pytest.raises(UsageError, match=r"^can keep 0 to 3 tokens, got 4$"):
        store.crop(4)


def test_a_vector_store_is_the_keys_of_a_token_store() -> None:
    store, vectors = TokenStore(), VectorStore()
    assert vectors.bytes_held() == 0
    with pytest.raises(UsageError, match="nothing was stored yet"):
        _ = vectors.vectors
    for first in range(0, 600, 150):
        keys, values = tokens(first, first + 150)
        store.append(keys, values)
        vectors.append(keys)
    twin = vectors.fork()
    for part in (store, vectors):
        part.crop(400)
    vectors.crop(500)
    assert (vectors.tokens, twin.tokens) == (400, 600)
    assert torch.equal(vectors.vectors, store.keys)
    assert torch.equal(twin.vectors, tokens(0, 600)[0])
    assert 2 * vectors.bytes_held() == store.bytes_held()
