"""Landmarks in token ids."""

from dataclasses import dataclass

import torch
from torch import Tensor

from tapgraph.errors import UsageError
from tapgraph.kernels.systems.landmark_softmax import check_block

__all__ = ["LandmarkedTokens", "insert_landmarks"]


@dataclass(frozen=True, slots=True)
class LandmarkedTokens:
    """Token ids with landmarks among them.

    Attributes:
        token_ids: int64 `[..., tokens + landmarks]`.
        positions: where each ordinary token stands now, int64 `[tokens]`;
            `token_ids[..., positions]` are the tokens without landmarks.
    """

    token_ids: Tensor
    positions: Tensor


def insert_landmarks(token_ids: Tensor, *, block: int, landmark_id: int) -> LandmarkedTokens:
    """Put a landmark after every `block` tokens; an unfinished last block gets none.

    Pad after this, not before: blocks are counted from the first real token.

    Args:
        token_ids: integers `[..., tokens]` without padding and without landmarks.
        block: ordinary tokens before a landmark.
        landmark_id: the id of the landmark token.

    Raises:
        UsageError: there are landmarks already, or `block` is not at least 1.

    >>> insert_landmarks(torch.tensor([5, 6, 7, 8, 9]), block=2, landmark_id=0).token_ids.tolist()
    [5, 6, 0, 7, 8, 0, 9]
    """
    check_block(block)
    if bool((token_ids == landmark_id).any()):
        raise UsageError(f"the tokens hold landmarks (id {landmark_id}) already")
    tokens = torch.arange(token_ids.shape[-1], device=token_ids.device)
    positions = tokens + tokens // block
    slots = len(tokens) + len(tokens) // block
    landmarked = token_ids.new_full((*token_ids.shape[:-1], slots), landmark_id)
    landmarked[..., positions] = token_ids
    return LandmarkedTokens(landmarked, positions)
