"""Generating with Landmark Attention: a landmark whenever one is due, and only then.

    prompt = insert_landmarks(token_ids, block=50, landmark_id=landmark_id).token_ids[None]
    turns = LandmarkTurns(block=50, landmark_id=landmark_id, starts=torch.zeros(1))
    with use_attention(model, Landmark(LandmarkConfig(block=50))):
        generated = model.generate(prompt, logits_processor=[turns], max_new_tokens=100)
    answer = generated[generated != landmark_id]

Prompts of several lengths are padded on the left after the landmarks were inserted. The new tokens
that a caller asks for include landmarks: one in every `block` + 1.
"""

import torch
from torch import Tensor
from transformers import LogitsProcessor

from tapgraph.errors import UsageError
from tapgraph.kernels.systems.landmark_softmax import check_block

__all__ = ["LandmarkTurns"]


class LandmarkTurns(LogitsProcessor):
    """Makes `generate()` put landmarks into the slots where Landmark Attention looks for them.

    The token after a landmark is chosen by the scores of the token before it, as in training.

    Args:
        block: ordinary tokens before a landmark.
        landmark_id: the landmark token.
        starts: integers `[batch]`, how many slots of padding each prompt has on its left.
    """

    def __init__(self, *, block: int, landmark_id: int, starts: Tensor) -> None:
        check_block(block)
        self._block = block
        self._landmark_id = landmark_id
        self._starts = starts
        self._before: tuple[Tensor, Tensor] | None = None

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Scores `[rows, vocabulary]` that allow a landmark alone, or all but a landmark.

        Rows are sequences, or the beams of each sequence behind each other.

        Raises:
            UsageError: the rows are not those of `starts`, the landmark is not in the vocabulary,
                or a prompt ends with a landmark.
        """
        rows, vocabulary = scores.shape
        beams, left = divmod(rows, len(self._starts))
        if left:
            raise UsageError(f"{rows} rows are not a multiple of {len(self._starts)} prompts")
        if not 0 <= self._landmark_id < vocabulary:
            raise UsageError(
                f"landmark_id must be in 0..{vocabulary - 1}, got {self._landmark_id!r}"
            )
        starts = self._starts.to(scores.device).repeat_interleave(beams)
        slots = (input_ids.shape[1] - starts) % (self._block + 1)
        is_due, is_after = slots == self._block, slots == 0
        is_landmark = torch.arange(vocabulary, device=scores.device) == self._landmark_id
        told = scores
        if bool(is_after.any()):
            told = torch.where(is_after[:, None], self._told_before(input_ids), scores)
        self._before = input_ids, told
        allowed = is_due[:, None] == is_landmark
        # A landmark that is due is certain, so that beams are not judged by it.
        certain = told.masked_fill(is_due[:, None] & is_landmark, 0.0)
        return certain.masked_fill(~allowed, float("-inf"))

    def _told_before(self, input_ids: Tensor) -> Tensor:
        """The scores one token ago, for each row those of its own text: beams change places."""
        texts, scores = self._before or (input_ids, input_ids)
        if texts.shape[1] != input_ids.shape[1] - 1:
            raise UsageError("a prompt ends with a landmark; the token after it brings it along")
        is_same = (input_ids[:, None, :-1] == texts).all(dim=-1)
        return scores[is_same.int().argmax(dim=1)]
