"""Questions of NQ-Open with the passage that answers them among passages of other questions.

The data is that of the "lost in the middle" study (github.com/nelson-liu/lost-in-the-middle, MIT;
passages CC BY-SA 3.0), `nq-open-oracle.jsonl.gz` in a folder `nq_open`; nothing of it is kept here.
"""

import gzip
import json
import random
import re
import string
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tapgraph.llm_backend.steering.key_sentence import sentences_of

__all__ = ["NqQuestion", "exact_match", "f1", "nq_questions"]

FILE = Path("nq_open") / "nq-open-oracle.jsonl.gz"
_LONGEST_ANSWER = 40
"""Characters; longer ones are lists."""


@dataclass(frozen=True)
class NqQuestion:
    """A question and what it is asked about.

    `passages` are in their final order; `gold` is the one that answers, `key` the place in it of
    the first sentence that holds an answer.
    """

    number: int
    question: str
    answers: tuple[str, ...]
    passages: tuple[str, ...]
    gold: int
    key: tuple[int, int]

    @property
    def text(self) -> str:
        return "\n\n".join(self.passages)

    @property
    def key_place(self) -> tuple[int, int]:
        """Of the key sentence in `text`."""
        before = sum(len(passage) + 2 for passage in self.passages[: self.gold])
        return before + self.key[0], before + self.key[1]


def nq_questions(data: Path, *, seed: int, words: int, distractors: int) -> Iterator[NqQuestion]:
    """All usable questions in an order drawn by `seed`, each always with the same passages.

    A passage is cut to the sentences around the one that matters, at most `words` words long.
    Questions whose gold passage has one sentence only, or none with an answer, are left out.
    """
    with gzip.open(data / FILE, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    order = list(range(len(rows)))
    random.Random(f"order {seed}").shuffle(order)
    for number in order:
        row, draw = rows[number], random.Random(f"passages {seed} {number}")
        answers = tuple(answer for answer in row["answers"] if len(answer) <= _LONGEST_ANSWER)
        title, text = row["ctxs"][0]["title"], row["ctxs"][0]["text"]
        holding = [place for place in sentences_of(text) if _holds(text[slice(*place)], answers)]
        if not answers or not holding:
            continue
        gold = _cut(text, holding[0], words)
        sentences = sentences_of(gold)
        if len(sentences) < 2:
            continue
        key = next(place for place in sentences if _holds(gold[slice(*place)], answers))
        passages = [(title, gold)]
        while len(passages) <= distractors:
            other = rows[draw.choice(order)]["ctxs"][0]
            told = sentences_of(other["text"])
            cut = _cut(other["text"], told[draw.randrange(len(told))], words)
            if other["title"] != title and not _holds(cut, answers):
                passages.append((other["title"], cut))
        places = list(range(len(passages)))
        draw.shuffle(places)
        headed = [f"{passages[place][0]}: {passages[place][1]}" for place in places]
        shift = len(title) + 2
        yield NqQuestion(
            number,
            row["question"],
            answers,
            tuple(headed),
            places.index(0),
            (key[0] + shift, key[1] + shift),
        )


def exact_match(reply: str, answers: Sequence[str]) -> float:
    """1 where the reply is one of the answers, after SQuAD's normalisation."""
    return float(_normal(reply) in {_normal(answer) for answer in answers})


def f1(reply: str, answers: Sequence[str]) -> float:
    """The best overlap in words with one of the answers, as in SQuAD."""
    said = _normal(reply).split()

    def overlap(answer: str) -> float:
        wanted = _normal(answer).split()
        both = sum((Counter(said) & Counter(wanted)).values())
        return 2 * both / (len(said) + len(wanted)) if both else 0.0

    return max(map(overlap, answers))


def _holds(text: str, answers: Sequence[str]) -> bool:
    padded = f" {_normal(text)} "
    return any(f" {_normal(answer)} " in padded for answer in answers if _normal(answer))


def _normal(text: str) -> str:
    bare = "".join(sign for sign in text.lower() if sign not in string.punctuation)
    return " ".join(re.sub(r"\b(?:a|an|the)\b", " ", bare).split())


def _cut(text: str, around: tuple[int, int], words: int) -> str:
    """Whole sentences around one, as many as there is room for."""
    places = sentences_of(text)
    first = last = places.index(around)
    while True:
        grown = [
            (begin, end)
            for begin, end in ((first, last + 1), (first - 1, last))
            if begin >= 0
            and end < len(places)
            and len(text[places[begin][0] : places[end][1]].split()) <= words
        ]
        if not grown:
            return text[places[first][0] : places[last][1]]
        first, last = grown[0]
