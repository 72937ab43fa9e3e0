from typing import Any

import pytest
import torch

from tapgraph.errors import UsageError
from tapgraph.kernels.quantize import quantize, smooth, token_groups


@pytest.mark.parametrize("bits", [4, 8])
def test_codes_and_scales_are_those_of_each_group(random_inputs: Any, bits: Any) -> None:
    vectors, _, _ = random_inputs(7, 7)
    groups = torch.tensor([0, 1, 0, 2, 2, 1, 1])
    largest = {4: 7, 8: 127}[bits]

    result = quantize(vectors, bits, groups)

    assert result.codes.dtype == torch.int8
    for row in range(2):
        for head in range(8):
            for token in range(7):
                members = [other for other in range(7) if groups[other] == groups[token]]
                top = max(float(vectors[row, head, other].abs().max()) for other in members)
                assert result.scales[row, head, token, 0].item() == pytest.approx(top / largest)
                expected = [round(x * largest / top) for x in vectors[row, head, token].tolist()]
                assert result.codes[row, head, token].tolist() == expected


@pytest.mark.parametrize(("bits", "steps"), [(4, 7), (8, 127)])
def test_no_entry_is_off_by_more_than_half_a_step(
    random_inputs: Any, bits: Any, steps: int
) -> None:
    vectors, _, _ = random_inputs(9, 9)

    result = quantize(vectors, bits, token_groups(9, 4))

    assert ((result.vectors() - vectors).abs() <= result.scales * 0.5 + 1e-12).all()
    assert result.codes.abs().max() == steps


def test_a_group_of_zeros_stays_zero() -> None:
    result = quantize(torch.zeros(1, 1, 3, 2), 4, token_groups(3, 2))

    assert result.vectors().tolist() == torch.zeros(1, 1, 3, 2).tolist()


def test_smoothing_takes_the_mean_over_the_tokens(random_inputs: Any) -> None:
    vectors, _, _ = random_inputs(5, 5)

    result = smooth(vectors)

    torch.testing.assert_close(result.mean[1, :, 0], vectors[1].mean(dim=1))
    torch.testing.assert_close(result.vectors + result.mean, vectors)


def test_smoothed_keys_shift_all_scores_of_a_query_alike(random_inputs: Any) -> None:
    queries, keys, _ = random_inputs(4, 9, kv_heads=8)

    shift = queries @ (keys - smooth(keys).vectors).transpose(-1, -2)

    torch.testing.assert_close(shift, shift[..., :1].expand_as(shift))


def test_smoothing_helps_four_bits_when_channels_have_offsets(
    random_inputs: Any,
) -> None:
    queries, keys, _ = random_inputs(16, 64, heads=2, head_dim=16)
    keys = keys + torch.linspace(-8, 8, 16, dtype=torch.float64)
    rounded = quantize(queries, 8, token_groups(16, 1)).vectors()

    def error(keys: torch.Tensor) -> float:
        few_keys = quantize(keys, 4, token_groups(64, 8))
        off = rounded @ few_keys.vectors().mT - queries @ keys.mT
        return float((off - off.mean(dim=-1, keepdim=True)).std())

    assert error(smooth(keys).vectors) < error(keys) / 2


def test_bad_input_is_named() -> None:
    vectors = torch.zeros(1, 2, 3, 4)
    with pytest.raises(UsageError, match=r"^bits must be 4 or 8, got 3$"):
        quantize(vectors, 3, token_groups(3, 1))  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"^groups must be \[3\], got \[2\]$"):
        quantize(vectors, 4, token_groups(2, 1))
    with pytest.raises(UsageError, match=r"^a group must have at least 1 token, got 0$"):
        token_groups(3, 0)
