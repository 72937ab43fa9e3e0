"""The sentence that a model finds most useful is one that is there."""

from collections.abc import Sequence

import pytest

from tapgraph.errors import ModelUnavailable, UsageError
from tapgraph.llm_backend.scripted_model import ScriptedModel
from tapgraph.llm_backend.steering.key_sentence import (
    key_sentence,
    key_sentence_question,
    most_similar,
    sentences_of,
)

PASSAGE = (
    "Lake Orta lies west of Lake Maggiore. Dr. A. Rossi lived in Pella, on its shore. "
    "Where else? The lake is 13.4 km long."
)


def told(text: str) -> list[str]:
    return [text[begin:end] for begin, end in sentences_of(text)]


def test_sentences_end_at_their_ends_and_nowhere_else() -> None:
    assert told(PASSAGE) == [
        "Lake Orta lies west of Lake Maggiore.",
        "Dr. A. Rossi lived in Pella, on its shore.",
        "Where else?",
        "The lake is 13.4 km long.",
    ]
    assert told("One line\nanother\n\n") == ["One line", "another"]
    assert told("\u4eca\u65e5\u3002\u660e\u65e5\u3002") == [
        "\u4eca\u65e5\u3002",
        "\u660e\u65e5\u3002",
    ]
    assert told(" \n ") == []


def test_a_quote_is_mapped_to_the_sentence_that_is_there() -> None:
    model = ScriptedModel(["A doctor Rossi lived at Pella on the shore of it."])
    begin, end = key_sentence(model, PASSAGE, "who lived in pella?")
    assert PASSAGE[begin:end] == "Dr. A. Rossi lived in Pella, on its shore."


def test_the_question_holds_the_passage_and_the_question() -> None:
    asked = key_sentence_question("It costs $5.", "how much?")
    assert asked.startswith("It costs $5.\n\nQuestion: how much?")


def test_vectors_are_compared_where_there_are_some() -> None:
    vectors = {"quote": [0.0, 1.0], "same words as quote": [1.0, 0.0], "another": [0.1, 2.0]}

    def embed(texts: Sequence[str]) -> list[list[float]]:
        return [vectors[text] for text in texts]

    sentences = ["same words as quote", "another"]
    assert most_similar("quote", sentences) == 0
    assert most_similar("quote", sentences, embed=embed) == 1


def test_words_are_compared_where_no_vectors_come() -> None:
    def embed(texts: Sequence[str]) -> list[list[float]]:
        raise ModelUnavailable("no vectors")

    assert most_similar("a green tea", ["a cup", "green tea", "a tea"], embed=embed) == 1


def test_a_passage_without_words_is_refused() -> None:
    with pytest.raises(UsageError, match="no key sentence"):
        key_sentence(ScriptedModel([]), " ", "what?")
