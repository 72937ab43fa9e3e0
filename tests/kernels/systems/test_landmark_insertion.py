import pytest
import torch

from tapgraph.errors import UsageError
from tapgraph.kernels.systems.landmark_softmax import insert_landmarks

LANDMARK = 9


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        ([], []),
        ([1, 2], [1, 2]),
        ([1, 2, 3], [1, 2, 3]),
        ([1, 2, 3, 4], [1, 2, 3, LANDMARK, 4]),
        ([1, 2, 3, 4, 5, 6, 7], [1, 2, 3, LANDMARK, 4, 5, 6, LANDMARK, 7]),
    ],
)
def test_a_landmark_stands_between_full_blocks_and_what_follows(
    tokens: list[int], expected: list[int]
) -> None:
    landmarked = insert_landmarks(torch.tensor(tokens).long(), block=3, landmark_id=LANDMARK)
    assert landmarked.token_ids.tolist() == expected
    assert landmarked.token_ids[landmarked.positions].tolist() == tokens


def test_rows_of_a_batch_get_landmarks_in_the_same_places() -> None:
    tokens = torch.tensor([[1, 2, 3], [4, 5, 6]])
    landmarked = insert_landmarks(tokens, block=2, landmark_id=LANDMARK)
    assert landmarked.token_ids.tolist() == [[1, 2, LANDMARK, 3], [4, 5, LANDMARK, 6]]
    assert landmarked.positions.tolist() == [0, 1, 3]


def test_bad_input_is_named() -> None:
    with pytest.raises(UsageError, match=r"^the tokens hold landmarks \(id 9\) already$"):
        insert_landmarks(torch.tensor([1, LANDMARK]), block=2, landmark_id=LANDMARK)
    with pytest.raises(UsageError, match=r"^block must be at least 1, got 0$"):
        insert_landmarks(torch.tensor([1]), block=0, landmark_id=LANDMARK)
