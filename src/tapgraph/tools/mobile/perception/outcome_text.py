"""A step in words, and the same as numbers that the outcome net reads."""

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from tapgraph.tools.mobile.outcome import StepWords

__all__ = ["LINE_MARKS", "WORD_BUCKETS", "EncodedStep", "encode_step"]

WORD_BUCKETS = 2048
"""Words share so many rows of the embedding, by their checksum; row 0 is for no word."""
LINE_MARKS = ("none", "head", "~", "+", "-", "was")
"""What a line of the changes begins with, and what follows `(was` in it."""
_MOST_QUESTION_WORDS = 40
_MOST_CHANGE_WORDS = 140
_WORD = re.compile(r"[^\W\d_]+|\d+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")


@dataclass(frozen=True, slots=True)
class EncodedStep:
    """A step as numbers.

    Attributes:
        question: of the words of action and expectation: bucket, whether it is of the
            expectation, and whether the changes have it.
        changes: of the words of the changes: bucket, index in `LINE_MARKS`, whether the expectation
            has it, whether the action has it, and how many quarters of the words of its line the
            expectation and the action have.
        lines: for each word of the changes the number of its line.
    """

    question: tuple[tuple[int, int, int], ...]
    changes: tuple[tuple[int, int, int, int, int, int], ...]
    lines: tuple[int, ...]


def encode_step(step: StepWords) -> EncodedStep:
    """The numbers of a step; what is too long loses its end."""
    did, hoped = _words(step.action), _words(step.expected)
    changes: list[tuple[int, int, int, int, int, int]] = []
    lines: list[int] = []
    hoped_set, did_set = frozenset(hoped), frozenset(did)
    for number, line in enumerate(step.changes.split("\n")):
        new, marker, old = line.partition(" (was ")
        for part, mark in ((new, _mark(line)), (marker + old, _WAS)):
            words = _words(part)
            named = words[1:] if mark not in {_WAS, _HEAD} else words
            covered = _quarters(named, hoped_set), _quarters(named, did_set)
            for word in words:
                has = word in hoped_set, word in did_set
                changes.append((_bucket(word), mark, *has, *covered))
                lines.append(number)
    seen = {row[0] for row in changes[:_MOST_CHANGE_WORDS] if row[1] != _WAS}
    question = [(_bucket(word), 0, _bucket(word) in seen) for word in did]
    question += [(_bucket(word), 1, _bucket(word) in seen) for word in hoped]
    return EncodedStep(
        tuple(question[:_MOST_QUESTION_WORDS]) or ((0, 0, 0),),
        tuple(changes[:_MOST_CHANGE_WORDS]) or ((0, 0, 0, 0, 0, 0),),
        tuple(lines[:_MOST_CHANGE_WORDS]) or (0,),
    )


def _quarters(words: Sequence[str], known: frozenset[str]) -> int:
    """How much of a line another text has, without the role at its beginning."""
    return round(4 * sum(word in known for word in words) / len(words)) if words else 0


_WAS, _HEAD = LINE_MARKS.index("was"), LINE_MARKS.index("head")


def _mark(line: str) -> int:
    first = line[:1]
    return LINE_MARKS.index(first) if first in {"~", "+", "-"} else _HEAD


def _words(text: str) -> Sequence[str]:
    return [word.casefold() for word in _WORD.findall(_CAMEL.sub(" ", text))]


def _bucket(word: str) -> int:
    """A row that is the same in every process; numbers share one by their length."""
    known = f"number {len(word)}" if word.isdigit() else word
    return 1 + zlib.crc32(known.encode()) % (WORD_BUCKETS - 1)
