"""Thoughts and words, apart."""

import pytest

from tapgraph.llm_backend.thinking import Thought, part_thinking


@pytest.mark.parametrize(
    ("said", "reasoning", "text"),
    [
        ("<think>a</think>b", "a", "b"),
        ("\n<think>\na\n</think>\n\nb\n", "a", "b"),
        ('<think>{"x": 1}</think>{"x": 2}', '{"x": 1}', '{"x": 2}'),
        ("<think></think>b", "", "b"),
        ("<think>a</think> <think>b</think> c", "a\nb", "c"),
        ("<think>a", "a", ""),
        ("a\nb\n</think>\n\nc", "a\nb", "c"),
    ],
)
def test_thoughts_are_parted_from_words(said: str, reasoning: str, text: str) -> None:
    assert part_thinking(said) == Thought(reasoning, text)


@pytest.mark.parametrize(
    "said", [" Hello. ", '{"text": "<think>a</think>"}', '{"text": "</think>"}', "a </think> b"]
)
def test_words_that_only_hold_the_tags_stay_as_they_are(said: str) -> None:
    assert part_thinking(said) == Thought("", said)
