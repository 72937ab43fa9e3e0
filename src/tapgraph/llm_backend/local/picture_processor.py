"""A checkpoint's own processor of pictures, whatever kind of image-text model it is for.

The processor says how many tokens a picture takes, what stands around them, and what the model
gets besides tokens. Only its tokenizer is replaced while it works: prompts are encoded in one way
here (`HarmlessText`), with pictures and without.
"""

import copy
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image
from torch import Tensor
from transformers import AutoImageProcessor, BatchEncoding, PreTrainedTokenizerBase
from transformers.models.auto.processing_auto import PROCESSOR_MAPPING, processor_class_from_name

from tapgraph.errors import UsageError
from tapgraph.llm_backend.local.harmless_text import Encoded

__all__ = ["PictureProcessor", "SeenPictures"]

_FILES = ("processor_config.json", "preprocessor_config.json", "tokenizer_config.json")
"""Where the class of the processor is named, in the order of `AutoProcessor`."""
_FAILURES = (
    ArithmeticError, AttributeError, ImportError, LookupError, OSError, RuntimeError, TypeError,
    ValueError,
)  # fmt: skip
"""What processors raise for files and pictures that they cannot take."""
_NOT_OF_PICTURES = ("input_ids", "attention_mask", "labels")


@dataclass(frozen=True, slots=True)
class SeenPictures:
    """Pictures and the text around them, as a model takes them.

    Attributes:
        text: with as many picture tokens as each picture takes.
        inputs: what the model gets besides tokens, by name.
        picture_tokens: ids of the tokens that stand for pictures.
    """

    text: str
    inputs: Mapping[str, Tensor] = field(default_factory=dict)
    picture_tokens: tuple[int, ...] = ()


class PictureProcessor:
    """What turns pictures into inputs of a model; for all threads.

    Attributes:
        image_token: what the chat template writes in the place of a picture; empty for unknown.
    """

    def __init__(self, processor: Any) -> None:
        self._processor = processor
        self.image_token = str(getattr(processor, "image_token", None) or "")

    @classmethod
    def load(
        cls, path: Path, config: Any, tokenizer: PreTrainedTokenizerBase
    ) -> "PictureProcessor":
        """The processor of a checkpoint.

        Args:
            path: its directory.
            config: the model's.
            tokenizer: a copy for the processor alone, which may add tokens to it.

        Raises:
            UsageError: the model takes no pictures, has no processor, or that cannot be loaded.
        """
        if getattr(config, "vision_config", None) is None or not path.is_dir():
            raise UsageError("it is no image-text model")
        if not any((path / name).is_file() for name in _FILES[:2]):
            raise UsageError("it has no processor_config.json or preprocessor_config.json")
        try:
            kind = _processor_class(path, config)
            eyes = AutoImageProcessor.from_pretrained(
                path, local_files_only=True, trust_remote_code=False
            )
            parts = {"tokenizer": tokenizer, "image_processor": eyes}
            told, _ = kind.get_processor_dict(path, local_files_only=True)
            return cls(
                _for_pictures_alone(kind).from_args_and_dict(
                    [parts.get(name) for name in kind.get_attributes()], told
                )
            )
        except _FAILURES as error:
            raise UsageError(f"its processor cannot be loaded: {_first_line(error)}") from error

    def see(
        self, images: Sequence[Image.Image], text: str, encode: Callable[[str], Encoded]
    ) -> SeenPictures:
        """Make inputs of pictures, and room for them in a text.

        Args:
            images: in the order in which the text names them.
            text: with one `image_token` for each.
            encode: the tokens of a text that has room.

        Raises:
            UsageError: the text has not one place for each picture, or one cannot be shown.
        """
        # A copy of the object, not of what it holds: threads differ in the tokenizer alone.
        processor = copy.copy(self._processor)
        processor.tokenizer = tokenizer = _Tokenizer(self._processor.tokenizer, encode)
        try:
            made = processor(
                images=[image.convert("RGB") for image in images], text=[text], return_tensors="pt"
            )
        except _FAILURES as error:
            raise UsageError(f"a picture cannot be shown: {_first_line(error)}") from error
        inputs = {name: value for name, value in made.items() if name not in _NOT_OF_PICTURES}
        tokens = tuple(token for token in processor.image_token_ids if token is not None)
        return SeenPictures(tokenizer.text, inputs, tokens)


class _Tokenizer:
    """A processor's tokenizer, which encodes as we do and notes the text."""

    def __init__(self, tokenizer: Any, encode: Callable[[str], Encoded]) -> None:
        self._tokenizer = tokenizer
        self._encode = encode
        self.text = ""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tokenizer, name)

    def __call__(self, text: str | list[str], **options: Any) -> BatchEncoding:
        self.text = text if isinstance(text, str) else text[0]
        encoded = self._encode(self.text)
        told = {"input_ids": [list(encoded.tokens)], "attention_mask": [[1] * len(encoded.tokens)]}
        if options.get("return_token_type_ids"):
            told["token_type_ids"] = [[0] * len(encoded.tokens)]
        tokens = _Tokens(told)
        tokens.offsets = encoded.offsets
        return tokens


class _Tokens(BatchEncoding):
    """Tokens of one text, which know where they stand in it."""

    offsets: Sequence[tuple[int, int]] = ()

    def char_to_token(self, _: int, char_index: int) -> int | None:  # type: ignore[override]
        """The token that a letter is in."""
        return next(
            (place for place, (_, end) in enumerate(self.offsets) if char_index < end), None
        )


def _processor_class(path: Path, config: Any) -> Any:
    for name in _FILES:
        if (path / name).is_file():
            told = json.loads((path / name).read_text(encoding="utf-8")).get("processor_class")
            if told is not None and (kind := processor_class_from_name(told)) is not None:
                return kind
    return PROCESSOR_MAPPING[type(config)]


def _for_pictures_alone(kind: Any) -> Any:
    """The processor without what it has for films and sounds, which need other libraries."""

    def check(processor: Any, name: str, part: Any) -> Any:
        return part and kind.check_argument_for_proper_class(processor, name, part)

    return type(kind.__name__, (kind,), {"check_argument_for_proper_class": check})


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
