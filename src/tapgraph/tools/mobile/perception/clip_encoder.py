"""A CLIP checkpoint on this machine as an encoder of pictures and words; loads torch."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from tapgraph.errors import ExtraMissing, UsageError

__all__ = ["ClipEncoder"]

_AT_ONCE = 16


class ClipEncoder:
    """An `ImageTextEncoder`: CLIP's projections of a picture and of words (arXiv 2103.00020).

    Words beyond the model's length are cut.
    """

    def __init__(self, model: Any, tokenizer: Any, eyes: Any) -> None:
        """Take a `CLIPModel` with its tokenizer and image processor of `transformers`."""
        self._model = model.eval()
        self._tokenizer = tokenizer
        self._eyes = eyes
        self._longest = int(model.config.text_config.max_position_embeddings)

    @classmethod
    def open(cls, folder: Path) -> "ClipEncoder":
        """The checkpoint in a folder; nothing is downloaded, and none of its code is run.

        Raises:
            UsageError: the folder holds no CLIP checkpoint that can be read.
            ExtraMissing: the extra `local` is not installed.
        """
        try:
            # An optional library that takes seconds to load.
            from transformers import (  # noqa: PLC0415
                AutoConfig,
                AutoTokenizer,
                CLIPImageProcessor,
                CLIPModel,
            )
        except ImportError as error:
            raise ExtraMissing("local", "looking by a CLIP checkpoint") from error
        if not (folder / "config.json").is_file():
            raise UsageError(f"{str(folder)!r} is no folder of a CLIP checkpoint")
        known: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
        try:
            kind = AutoConfig.from_pretrained(folder, **known).model_type
            if kind != "clip":
                raise UsageError(f"{str(folder)!r} holds a checkpoint of {kind}, not of CLIP")
            return cls(
                CLIPModel.from_pretrained(folder, use_safetensors=True, **known),
                AutoTokenizer.from_pretrained(folder, **known),
                CLIPImageProcessor.from_pretrained(folder, local_files_only=True),
            )
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise UsageError(
                f"the CLIP checkpoint {str(folder)!r} cannot be read: {error}"
            ) from error

    def embed_pictures(self, pictures: Sequence[Image.Image]) -> Sequence[Sequence[float]]:
        """One vector for each picture."""
        found: list[list[float]] = []
        for at in range(0, len(pictures), _AT_ONCE):
            part = [one.convert("RGB") for one in pictures[at : at + _AT_ONCE]]
            pixels = self._eyes(images=part, return_tensors="pt")["pixel_values"]
            with torch.inference_mode():
                seen: Tensor = self._model.vision_model(pixel_values=pixels).pooler_output
                found += self._model.visual_projection(seen).tolist()
        return found

    def embed_text(self, text: str) -> Sequence[float]:
        """The vector of the words."""
        tokens = self._tokenizer(
            [text], return_tensors="pt", truncation=True, max_length=self._longest
        )
        with torch.inference_mode():
            read = self._model.text_model(
                input_ids=tokens["input_ids"], attention_mask=tokens["attention_mask"]
            ).pooler_output
            vector: list[float] = self._model.text_projection(read)[0].tolist()
        return vector
