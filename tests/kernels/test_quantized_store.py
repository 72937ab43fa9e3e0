import pytest
import torch
from torch import Tensor

from tapgraph.errors import UsageError
from tapgraph.kernels.quantized_store import KEY_GROUP, VALUE_GROUP, QuantizedStore
from tapgraph.kernels.token_store import PAGE_TOKENS, TokenStore

HEAD_DIM = 64


def vectors(tokens: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randn((1, 2, tokens, HEAD_DIM), generator=generator)
    # One channel is far from the others in all tokens, as in keys of real models.
    drawn[..., 5] = drawn[..., 5] * 4 + 90
    return drawn.to(dtype)


def filled(bits: int, lengths: list[int]) -> tuple[QuantizedStore, Tensor, Tensor]:
    store, total = QuantizedStore(bits), sum(lengths)
    keys, values = vectors(total), vectors(total, seed=1)
    first = 0
    for length in lengths:
        part = slice(first, first + length)
        store.append(keys[:, :, part], values[:, :, part])
        first += length
    return store, keys, values


@pytest.mark.parametrize("bits", [4, 8])
def test_nothing_is_further_off_than_half_a_step_of_its_group(bits: int) -> None:
    store, keys, values = filled(bits, [1000, 1])
    old = slice(0, 2 * PAGE_TOKENS)
    levels = 2**bits - 1
    for kept, exact, members in (
        (store.keys[:, :, old].mT, keys[:, :, old].mT, KEY_GROUP),
        (store.values[:, :, old], values[:, :, old], VALUE_GROUP),
    ):
        groups = exact.reshape(-1, members)
        wide = groups.amax(1, keepdim=True) - groups.amin(1, keepdim=True)
        # The bottom of a range may lie lower by a float16's rounding.
        lower = groups.abs().amax(1, keepdim=True) * 2**-9
        off = (kept - exact).reshape(-1, members).abs()
        assert (off <= (wide + lower) / levels * 0.51 + 1e-6).all()
        assert off.max() > 0


def test_a_large_channel_does_not_spoil_the_others_of_a_key() -> None:
    store, keys, _ = filled(4, [1000, 1])
    off = (store.keys - keys)[:, :, : 2 * PAGE_TOKENS].abs()
    assert off[..., torch.arange(HEAD_DIM) != 5].max() < 0.4


def test_the_newest_tokens_and_a_prompt_in_its_own_call_are_exact() -> None:
    store, keys, values = filled(4, [1000])
    assert torch.equal(store.keys, keys)
    store, keys, values = filled(4, [1000, 1, 1])
    assert torch.equal(store.keys[:, :, 2 * PAGE_TOKENS :], keys[:, :, 2 * PAGE_TOKENS :])
    assert torch.equal(store.values[:, :, 2 * PAGE_TOKENS :], values[:, :, 2 * PAGE_TOKENS :])
    assert not torch.equal(store.keys, keys)


@pytest.mark.parametrize(("bits", "most"), [(8, 0.31), (4, 0.18)])
def test_old_pages_take_a_part_of_the_memory(bits: int, most: float) -> None:
    store, keys, values = filled(bits, [64 * PAGE_TOKENS, 1])
    exact = TokenStore()
    exact.append(keys, values)
    assert store.bytes_held() < most * exact.bytes_held()


def test_runs_are_those_of_what_is_read() -> None:
    store, _, _ = filled(8, [900, 1])
    heads, firsts = torch.tensor([0, 1, 1]), torch.tensor([3, 250, 890])
    keys, values = store.runs(heads, firsts, 9)
    for run, (head, first) in enumerate(zip(heads.tolist(), firsts.tolist(), strict=True)):
        assert torch.equal(keys[run], store.keys[0, head, first : first + 9])
        assert torch.equal(values[run], store.values[0, head, first : first + 9])


def test_a_text_that_is_cut_short_goes_on() -> None:
    store, keys, values = filled(8, [1000, 1])
    before, twin = store.keys.clone(), store.fork()
    for tokens in (990, 2 * PAGE_TOKENS + 3, PAGE_TOKENS + 7, 0):
        store.crop(tokens)
        assert store.tokens == tokens
        if tokens:
            assert torch.equal(store.keys, before[:, :, :tokens])
    store.append(keys[:, :, :4], values[:, :, :4])
    assert torch.equal(store.keys, keys[:, :, :4])
    assert torch.equal(twin.keys, before)
    with pytest.raises(UsageError, match="can keep 0 to 4 tokens, got 5"):
        store.crop(5)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_what_is_read_has_the_dtype_that_was_given(dtype: torch.dtype) -> None:
    store = QuantizedStore(4)
    given = vectors(700, dtype=dtype)
    store.append(given, given)
    store.append(given[:, :, :1], given[:, :, :1])
    assert store.keys.dtype == store.values.dtype == dtype


def test_constant_and_huge_vectors_are_kept() -> None:
    store = QuantizedStore(4)
    given = torch.full((1, 1, 600, HEAD_DIM), -3.0)
    given[..., 1] = 60_000.0
    store.append(given, given)
    store.append(given[:, :, :1], given[:, :, :1])
    assert torch.allclose(store.keys[:, :, :600], given, rtol=2e-3)
    assert store.values.isfinite().all()
