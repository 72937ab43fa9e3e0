"""Pictures as the models of the Qwen-VL kind take them."""

from collections.abc import Sequence
from typing import Any

import torch
from PIL import Image

from tapgraph.errors import UsageError
from tapgraph.llm_backend.local.checkpoint import Checkpoint
from tapgraph.llm_backend.local.generation import Pictures

__all__ = ["SeenPictures", "look_at"]


class SeenPictures:
    """Pictures after the checkpoint's image processor, before their place in a prompt is known."""

    def __init__(self, checkpoint: Checkpoint, images: Sequence[Image.Image]) -> None:
        self._model: Any = checkpoint.model
        self._token = int(checkpoint.model.config.image_token_id)
        pictures = [image.convert("RGB") for image in images]
        seen = checkpoint.image_processor(images=pictures, return_tensors="pt")
        self._inputs = {
            "pixel_values": seen["pixel_values"],
            "image_grid_thw": seen["image_grid_thw"],
        }
        merged = int(checkpoint.image_processor.merge_size) ** 2
        self.tokens_of_each = tuple(int(grid.prod()) // merged for grid in seen["image_grid_thw"])

    def in_prompt(self, tokens: Sequence[int]) -> Pictures:
        """The pictures with the positions of all tokens of the prompt."""
        ids = torch.tensor([tokens])
        is_picture = ids == self._token
        if int(is_picture.sum()) != sum(self.tokens_of_each):
            raise UsageError("the chat template did not give each picture its place")
        positions, _ = self._model.model.get_rope_index(
            input_ids=ids,
            mm_token_type_ids=is_picture.int(),
            image_grid_thw=self._inputs["image_grid_thw"],
        )
        first = int(is_picture[0].nonzero()[0])
        return Pictures(self._inputs, first, positions[:, 0])


def look_at(checkpoint: Checkpoint, images: Sequence[Image.Image]) -> SeenPictures | None:
    """The pictures, ready for a prompt; None when there are none.

    Raises:
        UsageError: the model takes no pictures, or one is too long and narrow for it.
    """
    if not images:
        return None
    if not checkpoint.sees_images:
        raise UsageError(
            f"the model {checkpoint.name!r} takes no pictures; a checkpoint of Qwen2.5-VL or "
            "Qwen3-VL with its preprocessor_config.json does"
        )
    try:
        return SeenPictures(checkpoint, images)
    except ValueError as error:
        raise UsageError(f"a picture cannot be shown to {checkpoint.name}: {error}") from error
