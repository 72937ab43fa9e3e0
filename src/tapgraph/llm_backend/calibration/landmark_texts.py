"""Texts for training a checkpoint with landmarks."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import PreTrainedTokenizerBase

from tapgraph.errors import UsageError
from tapgraph.llm_backend.calibration.landmark_training import TrainingBatch

__all__ = ["LandmarkTexts", "draw_batches", "read_texts"]


@dataclass(frozen=True, slots=True)
class LandmarkTexts:
    """How texts become batches.

    Attributes:
        tokens: of a sequence, without landmarks (the authors' first models had 512 slots).
        batch: sequences of a step.
    """

    tokens: int = 500
    batch: int = 4

    def __post_init__(self) -> None:
        for name in ("tokens", "batch"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be at least 1, got {getattr(self, name)!r}")


def read_texts(path: Path) -> list[str]:
    """The texts of a file: JSON Lines of strings or of objects with `text`, else one plain text.

    Raises:
        UsageError: the file cannot be read, a line of `.jsonl` is no text, or there is none.
    """
    try:
        content = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"texts cannot be read from {str(path)!r}: {error}") from error
    if path.suffix != ".jsonl":
        return [content] if content.strip() else _none(path)
    texts = []
    for number, line in enumerate(content.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            told = json.loads(line)
        except ValueError:
            told = None
        text = told.get("text") if isinstance(told, dict) else told
        if not isinstance(text, str):
            raise UsageError(f"line {number} of {str(path)!r} is no text, nor an object with one")
        texts.append(text)
    return texts or _none(path)


def _none(path: Path) -> list[str]:
    raise UsageError(f"there is no text in {str(path)!r}")


def draw_batches(
    tokenizer: PreTrainedTokenizerBase, texts: list[str], shape: LandmarkTexts, *, seed: int
) -> Iterator[TrainingBatch]:
    """Batches without end: texts one after the other, cut into sequences, drawn anew each round.

    Raises:
        UsageError: all texts together are shorter than one sequence.
    """
    between = [] if tokenizer.eos_token_id is None else [tokenizer.eos_token_id]
    ids: list[int] = []
    for text in texts:
        ids += [*tokenizer.encode(text, add_special_tokens=False), *between]
    count = len(ids) // shape.tokens
    if not count:
        raise UsageError(f"a sequence is {shape.tokens} tokens, and the texts have {len(ids)}")
    sequences = torch.tensor(ids[: count * shape.tokens]).view(count, -1)
    return _drawn(sequences, shape.batch, random.Random(seed))


def _drawn(sequences: torch.Tensor, batch: int, rng: random.Random) -> Iterator[TrainingBatch]:
    waiting: list[int] = []
    while True:
        while len(waiting) < batch:
            waiting += rng.sample(range(len(sequences)), len(sequences))
        yield TrainingBatch(sequences[waiting[:batch]])
        del waiting[:batch]
