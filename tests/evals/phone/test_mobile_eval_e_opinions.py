"""What a summary of reviews takes up, in the words that people and models use."""

import pytest

from tapgraph.evals.phone.mobile_eval_e.opinions import (
    POINTS,
    Tone,
    points,
    points_of,
    tone_of,
    tone_of_points,
)
from tapgraph.tools.mobile.simulator.world.review import Review
from tapgraph.tools.mobile.simulator.world.review_text import OPINIONS


@pytest.mark.parametrize(
    ("text", "tone"),
    [
        ("Overall sentiment is positive; a few buyers complain about the app.", "positive"),
        ("Despite some complaints, most users are very happy with them.", "positive"),
        ("Users generally love the noise cancelling but dislike the headband.", "positive"),
        ("The general sentiment is not very positive.", "negative"),
        ("Mostly negative. Some like the battery.", "negative"),
        ("Buyers are disappointed and frustrated, though the sound is good.", "negative"),
        ("Bose QC45: 24 hours of battery.", None),
    ],
)
def test_the_general_opinion_is_read_from_prose(text: str, tone: Tone | None) -> None:
    assert tone_of(text) == tone


@pytest.mark.parametrize("subject", POINTS)
@pytest.mark.parametrize("tone", ["positive", "negative"])
def test_each_sentence_of_reviews_makes_one_point_of_its_tone(subject: str, tone: Tone) -> None:
    sentences = OPINIONS[subject][tone == "negative"]
    made = [points_of([Review("A", 5, "", one, "")], subject) for one in sentences]
    assert [len(one) for one in made] == [1] * len(sentences)
    assert {point.tone for one in made for point in one} == {tone}


def test_points_are_found_in_other_words() -> None:
    found = points("Comfortable, great ANC, but the mic is weak.", "headphones")
    assert sorted(one.tone for one in found) == ["negative", "positive", "positive"]
    assert tone_of_points(found) == "positive"
