import pytest
import torch

from tapgraph.errors import UsageError
from tapgraph.kernels.masks import padding_starts, visible

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
def test_a_query_sees_what_is_real_and_not_after_it(q_len: int, kv_len: int) -> None:
    starts = [0, 2, kv_len]

    seen = visible(q_len, kv_len, torch.tensor(starts))

    assert seen.shape == (3, 1, q_len, kv_len)
    for row, start in enumerate(starts):
        for query in range(q_len):
            expected = [start <= slot <= kv_len - q_len + query for slot in range(kv_len)]
            assert seen[row, 0, query].tolist() == expected


def test_more_queries_than_tokens_are_refused() -> None:
    with pytest.raises(UsageError, match=r"at least as many keys as queries, got 3 and 4$"):
        visible(4, 3, torch.tensor([0]))
