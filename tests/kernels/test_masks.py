import pytest
import torch

from tapgraph.errors import UsageError
from tapgraph.kernels.masks import causal_mask, padding_starts

CPU = torch.device("cpu")


def test_without_a_mask_all_rows_start_at_the_first_slot() -> None:
    assert padding_starts(None, 3, CPU).tolist() == [0, 0, 0]


def test_a_row_starts_at_its_first_real_token() -> None:
    mask = torch.tensor([[1, 1, 1, 1], [0, 0, 1, 1], [0, 0, 0, 0]])

    starts = padding_starts(mask, 3, CPU)

    assert starts.tolist() == [0, 2, 4]
    assert starts.dtype == torch.int64


def test_padding_on_the_right_is_refused() -> None:
    with pytest.raises(UsageError, match=r"^padding must be on the left, row 1 has some after"):
        padding_starts(torch.tensor([[0, 1, 1], [1, 1, 0]]), 2, CPU)


def test_a_mask_of_another_batch_is_refused() -> None:
    with pytest.raises(UsageError, match=r"^a padding mask must be \[3, tokens\], got \[2, 4\]$"):
        padding_starts(torch.ones(2, 4), 3, CPU)


@pytest.mark.parametrize(("q_len", "kv_len"), [(5, 5), (1, 7), (3, 7), (0, 2)])
def test_a_query_sees_what_is_not_after_it(q_len: int, kv_len: int) -> None:
    seen = causal_mask(q_len, kv_len)

    assert seen.shape == (q_len, kv_len)
    for query in range(q_len):
        assert seen[query].tolist() == [key <= kv_len - q_len + query for key in range(kv_len)]
