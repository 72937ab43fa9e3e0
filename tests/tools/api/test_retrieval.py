"""BM25 over an inverted index."""

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapgraph.tools.api.retrieval import K1, B, LexicalIndex, Vocabulary, words_of

WORDS = st.sampled_from(["note", "event", "alarm", "play", "song", "map"])
TEXTS = st.lists(st.dictionaries(WORDS, st.integers(1, 4)), min_size=1, max_size=8)


def plain_bm25(texts: list[dict[str, int]], query: set[str], number: int) -> float:
    """The formula as it stands in the paper, text by text."""
    usual = sum(sum(t.values()) for t in texts) / len(texts) or 1
    total = 0.0
    for word in query:
        holding = sum(word in t for t in texts)
        rarity = math.log(1 + (len(texts) - holding + 0.5) / (holding + 0.5))
        times = texts[number].get(word, 0)
        length = sum(texts[number].values())
        total += rarity * times * (K1 + 1) / (times + K1 * (1 - B + B * length / usual))
    return total


@given(TEXTS, st.sets(WORDS))
def test_scores_are_those_of_the_formula(texts: list[dict[str, int]], query: set[str]) -> None:
    scores = LexicalIndex(texts).scores(query)
    for number in range(len(texts)):
        assert scores.get(number, 0.0) == pytest.approx(plain_bm25(texts, query, number))


@given(TEXTS, st.sets(WORDS), st.integers(1, 8))
def test_best_are_sorted_and_share_a_word(
    texts: list[dict[str, int]], query: set[str], limit: int
) -> None:
    index = LexicalIndex(texts)
    best = index.best(query, limit=limit)
    scores = index.scores(query)
    assert best == sorted(scores, key=lambda n: (-scores[n], n))[:limit]
    assert all(query & texts[n].keys() for n in best)


def test_rare_words_weigh_more_than_frequent_ones() -> None:
    index = LexicalIndex([{"note": 1, "alarm": 1}, {"note": 1, "song": 1}, {"note": 1, "map": 1}])
    assert index.best(["note", "song"], limit=1) == [1]


def test_of_equal_texts_the_first_comes_first() -> None:
    assert LexicalIndex([{"a": 1}] * 5).best(["a"], limit=3) == [0, 1, 2]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("is.workflow.actions.getLatestPhotos", ["workflow", "action", "get", "latest", "photo"]),
        ("HTTPConnection", ["http", "connection"]),
        ("two_factor-code2FA", ["two", "factor", "code", "2", "fa"]),
        ("Zürich und Genève", ["zurich", "und", "geneve"]),
        ("音楽を再生 123", ["音楽を再生", "123"]),
        ("", []),
    ],
)
def test_words_of(text: str, words: list[str]) -> None:
    assert words_of(text) == words


@given(st.text())
def test_words_are_lower_case_letters_or_digits(text: str) -> None:
    assert all(re.fullmatch(r"[^\W_]+", word) for word in words_of(text))


def test_unknown_parts_are_not_split() -> None:
    vocabulary = Vocabulary(["get text"])
    assert vocabulary.parts("gettext") == ("get", "text")
    assert vocabulary.parts("getxyztext") == ()
    assert vocabulary.parts("a" * 10_000) == ()
