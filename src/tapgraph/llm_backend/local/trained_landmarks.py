"""The landmarks that a checkpoint was trained with, as a file beside its weights says."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tapgraph.errors import UsageError

__all__ = ["TrainedLandmarks"]

_FILE = "tapgraph-landmarks.json"


@dataclass(frozen=True, slots=True)
class TrainedLandmarks:
    """How a checkpoint was fine-tuned for Landmark Attention (2305.16300).

    Attributes:
        block: ordinary tokens before a landmark.
        landmark_id: the landmark token.
        trained_slots: the longest text it was trained on, landmarks included.
    """

    block: int
    landmark_id: int
    trained_slots: int

    def __post_init__(self) -> None:
        for name, least in (("block", 1), ("landmark_id", 0), ("trained_slots", 1)):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise UsageError(f"{name} must be a whole number from {least} on, got {value!r}")

    @classmethod
    def read(cls, folder: Path) -> "TrainedLandmarks | None":
        """Those of the checkpoint in a folder; None where it was trained without.

        Raises:
            UsageError: the file does not say what it should.
        """
        path = folder / _FILE
        if not path.is_file():
            return None
        try:
            told = json.loads(path.read_text(encoding="utf-8"))
            return cls(**told)
        except (OSError, UnicodeDecodeError, ValueError, TypeError, UsageError) as error:
            raise UsageError(f"{str(path)!r} does not describe landmarks: {error}") from error

    def write(self, folder: Path) -> None:
        """Put them beside a checkpoint's weights."""
        (folder / _FILE).write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")

    def options(self, given: Mapping[str, str]) -> dict[str, str]:
        """Options of Landmark Attention that fit the training, those that are given among them.

        Raises:
            UsageError: given are other blocks, or dense reading beyond the trained length.
        """
        fitting = {"block": str(self.block), "dense_below": str(self.trained_slots), **given}
        if fitting["block"] != str(self.block):
            raise UsageError(
                f"this checkpoint was trained with a landmark after every {self.block} tokens, "
                f"got block={fitting['block']}"
            )
        dense_below = fitting["dense_below"]
        if dense_below.isdecimal() and int(dense_below) > self.trained_slots:
            raise UsageError(
                f"this checkpoint was trained on {self.trained_slots} tokens, landmarks included, "
                f"so dense_below can be no more, got {dense_below}"
            )
        return fitting

    def insert(self, tokens: Sequence[int]) -> tuple[int, ...]:
        """A text with its landmarks; none ends it, since what comes next is told without it."""
        slots: list[int] = []
        for token in tokens:
            self.append(slots, token)
        return tuple(slots)

    def append(self, slots: list[int], token: int) -> None:
        """Add a token to a text, after its landmark where one is due."""
        if len(slots) % (self.block + 1) == self.block:
            slots.append(self.landmark_id)
        slots.append(token)

    def tokens_in(self, slots: int) -> int:
        """How many tokens have room, with their landmarks, in so many slots."""
        return slots - slots // (self.block + 1)
