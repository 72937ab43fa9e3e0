"""What is said to a model."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from PIL import Image

from tapgraph.errors import UsageError

__all__ = ["ImagePart", "Message", "Part", "TextPart", "assistant", "system", "user"]


@dataclass(frozen=True, slots=True)
class TextPart:
    """Words.

    Attributes:
        text: they.
        highlights: what of them matters most, begin and end in characters, ascending and apart
            (`steering.spans.places_of` finds them). A checkpoint that was
            calibrated for it attends to these words more; every other model reads them as they are.
    """

    text: str
    highlights: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        edges = [edge for place in self.highlights for edge in place]
        if edges and (edges != sorted(set(edges)) or edges[0] < 0 or edges[-1] > len(self.text)):
            raise UsageError(
                f"highlights must be inside the {len(self.text)} characters of their text, "
                f"ascending and apart, got {list(self.highlights)}"
            )


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
