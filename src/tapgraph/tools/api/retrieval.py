"""Which texts of a collection fit a query, by the words that they share (Okapi BM25)."""

import heapq
import math
import re
import unicodedata
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

__all__ = ["LexicalIndex", "Vocabulary", "words_of"]

K1 = 1.2
"""How much a word that comes again adds: at 0 nothing, higher values add more (Robertson, 1994)."""
B = 0.75
"""How much long texts are held back: 0 not at all, 1 in full proportion."""

_PARTS = re.compile(r"[A-Z]{2,}s(?![a-z])|[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W\d_a-zA-Z]+")
_STOP_WORDS = frozenset(
    re.findall(
        r"\w+",
        "a an and are as at be by can could do does for from has have how i in is it its me my of"
        " on or please so that the their them then there these this to us want was we what which"
        " will with would you your",
    )
)


def words_of(text: str) -> list[str]:
    """The words of a text or an identifier, in lower case, without endings of the plural.

    Identifiers are split at dots, underscores, digits and capitals. Accents are dropped. Words that
    nearly all texts hold are left out.

    >>> words_of("GlobalVariableSetNumber of is.workflow.actions.getURLs_v2")
    ['global', 'variable', 'set', 'number', 'workflow', 'action', 'get', 'url', 'v', '2']
    """
    if not text.isascii():
        letters = unicodedata.normalize("NFKD", text)
        text = "".join(letter for letter in letters if not unicodedata.combining(letter))
    parts = (part.casefold() for part in _PARTS.findall(text))
    return [_singular(part) for part in parts if part not in _STOP_WORDS]


def _singular(word: str) -> str:
    """The word without a plural ending, by the three rules of Harman's S-stemmer (1991)."""
    if len(word) <= 3:
        return word
    if word.endswith("ies") and not word.endswith(("eies", "aies")):
        return f"{word[:-3]}y"
    if word.endswith("es") and not word.endswith(("aes", "ees", "oes")):
        return word[:-1]
    if word.endswith("s") and not word.endswith(("us", "ss")):
        return word[:-1]
    return word


class Vocabulary:
    """The words of a collection, which tell where words are that were written as one.

    >>> Vocabulary(["Make rich text", "Get text from Markdown"]).parts("getrichtextfrommarkdown")
    ('get', 'rich', 'text', 'from', 'markdown')
    """

    _LONGEST = 40

    def __init__(self, texts: Iterable[str]) -> None:
        counts = Counter(
            word.casefold() for text in texts for word in re.findall(r"[A-Za-z]{2,}", text)
        )
        self._known = frozenset(word for word in counts if len(word) <= self._LONGEST)

    def parts(self, word: str) -> tuple[str, ...]:
        """The fewest known words that make up this one; none when there are not at least two."""
        if not 6 <= len(word) <= self._LONGEST or not word.isascii() or not word.isalpha():
            return ()
        best: list[tuple[str, ...] | None] = [()] + [None] * len(word)
        for end in range(2, len(word) + 1):
            for start in range(max(0, end - 20), end - 1):
                before, last = best[start], word[start:end]
                if before is None or last not in self._known or last == word:
                    continue
                shortest = best[end]
                if shortest is None or len(before) + 1 < len(shortest):
                    best[end] = (*before, last)
        return best[-1] or ()


@dataclass(frozen=True, slots=True)
class _Postings:
    """The texts that hold a word, and what the word adds to the score of each."""

    texts: "array[int]"
    scores: "array[float]"


class LexicalIndex:
    """Okapi BM25 over fixed texts, with an inverted index whose scores are worked out beforehand.

    Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009), with
    the inverse document frequency ln(1 + (N - n + 0.5) / (n + 0.5)), which is never negative.

    Of the two libraries that do this, `bm25s` needs NumPy, which the core does without, and
    `rank-bm25` scores all texts for each query and rests since 2022.
    """

    def __init__(self, weighted_words: Sequence[Mapping[str, float]]) -> None:
        """Index texts that are given as their words and how often (or heavily) each occurs."""
        lengths = [sum(words.values()) for words in weighted_words]
        usual = sum(lengths) / max(1, len(lengths)) or 1.0
        holders: dict[str, list[tuple[int, float]]] = {}
        for number, words in enumerate(weighted_words):
            for word, weight in words.items():
                holders.setdefault(word, []).append((number, weight))
        self._postings = {}
        for word, held in holders.items():
            rarity = math.log(1 + (len(lengths) - len(held) + 0.5) / (len(held) + 0.5))
            scores = (
                rarity * weight * (K1 + 1) / (weight + K1 * (1 - B + B * lengths[number] / usual))
                for number, weight in held
            )
            texts = array("L", (number for number, _ in held))
            self._postings[word] = _Postings(texts, array("d", scores))

    def scores(self, words: Iterable[str]) -> dict[int, float]:
        """The score of each text that shares a word with the query, higher is better."""
        found: dict[int, float] = {}
        for word in sorted(set(words)):
            postings = self._postings.get(word)
            if postings is None:
                continue
            for number, score in zip(postings.texts, postings.scores, strict=True):
                found[number] = found.get(number, 0.0) + score
        return found

    def best(self, words: Iterable[str], *, limit: int) -> list[int]:
        """The numbers of the best texts, the best first; of equals, the one that was given first.

        Texts that share no word with the query are never among them.
        """
        scores = self.scores(words)
        return heapq.nsmallest(limit, scores, key=lambda number: (-scores[number], number))
