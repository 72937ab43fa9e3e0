"""Text as it grows: whole characters, and nothing of a stop string."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapgraph.llm_backend.local.generation import Delta
from tapgraph.llm_backend.local.stops import ReplyText


def said(stops: Sequence[str], pieces: Sequence[bytes]) -> tuple[list[Delta], ReplyText]:
    """The deltas of a reply whose token i has the bytes `pieces[i]`."""
    reply = ReplyText(stops)
    deltas = []
    for token, raw in enumerate(pieces):
        deltas.append(reply.push(token, raw))
        if reply.stop:
            break
    if not reply.stop:
        deltas.append(reply.finish())
    return [delta for delta in deltas if delta is not None], reply


def text_of(deltas: Sequence[Delta]) -> str:
    return "".join(delta.text for delta in deltas)


def test_a_stop_string_across_tokens_ends_the_reply_before_it() -> None:
    deltas, reply = said(["</answer>"], [b"yes</", b"ans", b"wer> and more"])
    assert (text_of(deltas), reply.stop) == ("yes", "</answer>")


def test_text_that_only_begins_like_a_stop_string_is_told_later() -> None:
    deltas, reply = said(["</answer>"], [b"a </an", b"gle> b"])
    assert [delta.text for delta in deltas] == ["a ", "</angle> b"]
    assert not reply.stop


def test_what_is_held_back_at_the_end_is_told() -> None:
    deltas, _ = said(["STOP"], [b"go ", b"ST"])
    assert [delta.text for delta in deltas] == ["go ", "ST"]


def test_the_stop_string_that_begins_first_counts() -> None:
    deltas, reply = said(["late", "x early"], [b"an x early late"])
    assert (text_of(deltas), reply.stop) == ("an ", "x early")


def test_a_character_of_several_tokens_is_told_once_it_is_whole() -> None:
    deltas, _ = said([], [b"a\xf0\x9f", b"\x99", b"\x82b"])
    assert [delta.text for delta in deltas] == ["a", "🙂b"]


def test_a_character_that_the_end_cuts_is_left_out() -> None:
    deltas, _ = said([], ["ü".encode(), "€".encode()[:2]])
    assert text_of(deltas) == "ü"
    assert [token for delta in deltas for token in delta.tokens] == [0, 1]


def test_bytes_that_are_no_text_are_replaced() -> None:
    deltas, _ = said([], [b"a\xff", b"b"])
    assert text_of(deltas) == "a\ufffdb"


def test_tokens_of_the_stop_string_are_not_told() -> None:
    deltas, _ = said(["##"], [b"one ", b"two#", b"# three"])
    assert [token for delta in deltas for token in delta.tokens] == [0, 1]


@pytest.mark.parametrize("stops", [[], ["ab"], ["é", "ba"], ["aab", "b🙂"]])
@given(text=st.text("abé🙂", max_size=30), cuts=st.lists(st.integers(0, 120), max_size=12))
def test_any_cutting_into_tokens_gives_the_same_text(
    stops: Sequence[str], text: str, cuts: Sequence[int]
) -> None:
    raw = text.encode()
    borders = sorted({0, len(raw), *(cut % (len(raw) + 1) for cut in cuts)})
    deltas, reply = said(stops, [raw[begin:end] for begin, end in pairwise(borders)])
    places = [(text.find(stop), stop) for stop in stops if stop in text]
    place, stop = min(places, key=lambda one: one[0]) if places else (len(text), "")
    assert (text_of(deltas), reply.stop) == (text[:place], stop)
