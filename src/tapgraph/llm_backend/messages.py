"""What is said to a model."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from PIL import Image

__all__ = ["ImagePart", "Message", "Part", "TextPart", "assistant", "system", "user"]


@dataclass(frozen=True, slots=True)
class TextPart:
    """Words."""

    text: str


@dataclass(frozen=True, slots=True)
class ImagePart:
    """A picture; it is encoded only when a model sends it."""

    image: Image.Image


Part: TypeAlias = TextPart | ImagePart


@dataclass(frozen=True, slots=True)
class Message:
    """One turn: who speaks, and what."""

    role: Literal["system", "user", "assistant"]
    parts: tuple[Part, ...]

    @property
    def text(self) -> str:
        """All words of the turn."""
        return "\n".join(part.text for part in self.parts if isinstance(part, TextPart))

    @property
    def images(self) -> tuple[Image.Image, ...]:
        """All pictures of the turn."""
        return tuple(part.image for part in self.parts if isinstance(part, ImagePart))


def system(text: str) -> Message:
    """A system message."""
    return Message("system", (TextPart(text),))


def user(text: str, *images: Image.Image) -> Message:
    """A user message with pictures before the words."""
    return Message("user", (*(ImagePart(image) for image in images), TextPart(text)))


def assistant(text: str) -> Message:
    """Something that the model itself said."""
    return Message("assistant", (TextPart(text),))
