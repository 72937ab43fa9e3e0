"""From words to be highlighted to places and tokens."""

import pytest

from tapgraph.errors import UsageError
from tapgraph.llm_backend.steering.spans import joined_spans, places_of, token_spans


def test_every_occurrence_of_a_phrase_is_found() -> None:
    text = "Größe 東京, and 東京 again"
    places = places_of(text, ["東京", "again"])
    assert [text[begin:end] for begin, end in places] == ["東京", "東京", "again"]


def test_phrases_that_overlap_are_one_place() -> None:
    assert places_of("banana", ["anan", "nana"]) == ((1, 6),)
    assert places_of("aaaa", ["aa"]) == ((0, 4),)


@pytest.mark.parametrize("phrase", ["", "  ", "not there"])
def test_a_phrase_that_is_not_in_the_text_is_refused(phrase: str) -> None:
    with pytest.raises(UsageError, match="highlight"):
        places_of("some words", [phrase])


def test_a_character_of_several_tokens_takes_all_of_them() -> None:
    # Byte-level tokenizers give each piece of a character the whole character's place.
    offsets = [(0, 1), (1, 2), (1, 2), (1, 2), (2, 4)]
    assert token_spans(offsets, [(1, 2)]) == ((1, 4),)


def test_tokens_without_characters_are_in_no_span() -> None:
    assert token_spans([(0, 0), (0, 2), (2, 4), (4, 4)], [(0, 4)]) == ((1, 3),)
    assert token_spans([(0, 2), (2, 4)], [(4, 4)]) == ()


def test_spans_that_touch_are_one() -> None:
    assert joined_spans([(2, 4), (0, 2), (6, 6), (8, 9)]) == ((0, 4), (8, 9))


@pytest.mark.parametrize("span", [(-1, 2), (3, 2)])
def test_a_span_that_cannot_be_is_refused(span: tuple[int, int]) -> None:
    with pytest.raises(UsageError, match="span"):
        joined_spans([span])
