"""From words to be highlighted to the tokens that hold them."""

from collections.abc import Iterable, Sequence

from tapgraph.errors import UsageError

__all__ = ["Spans", "joined_spans", "places_of", "token_spans"]

Spans = tuple[tuple[int, int], ...]
"""Where stretches of tokens or characters begin, and one after their ends; ascending and apart."""


def places_of(text: str, phrases: Iterable[str]) -> Spans:
    """Where phrases stand in a text, each occurrence, in characters.

    Raises:
        UsageError: a phrase is empty, or is not in the text.

    >>> places_of("tea, and more tea", ["tea"])
    ((0, 3), (14, 17))
    """
    places: list[tuple[int, int]] = []
    for phrase in phrases:
        if not phrase.strip():
            raise UsageError("a highlight must be words of the text, got an empty one")
        begin = text.find(phrase)
        if begin < 0:
            raise UsageError(f"a highlight must stand in the text that it belongs to: {phrase!r}")
        while begin >= 0:
            places.append((begin, begin + len(phrase)))
            begin = text.find(phrase, begin + 1)
    return joined_spans(places)


def token_spans(offsets: Sequence[tuple[int, int]], places: Iterable[tuple[int, int]]) -> Spans:
    """The tokens that hold any character of the places.

    A token that begins before the place, or a character of several tokens, counts whole, so that
    the tokens of a span spell all of its words.

    Args:
        offsets: where each token begins and ends in the text, ascending; tokens without characters
            are in no span.
        places: begin and end in characters.

    >>> token_spans([(0, 0), (0, 3), (3, 8), (8, 9)], [(4, 8)])
    ((2, 3),)
    """
    spans = []
    for begin, end in places:
        held = [
            token
            for token, (first, last) in enumerate(offsets)
            if first < end and last > begin and first < last
        ]
        if held:
            spans.append((held[0], held[-1] + 1))
    return joined_spans(spans)


def joined_spans(spans: Iterable[tuple[int, int]]) -> Spans:
    """The union of spans: ascending, apart, and none of them empty.

    Raises:
        UsageError: a span ends before it begins, or begins before the text.

    >>> joined_spans([(4, 6), (0, 2), (5, 9), (3, 3)])
    ((0, 2), (4, 9))
    """
    joined: list[tuple[int, int]] = []
    for begin, end in sorted(spans):
        if not 0 <= begin <= end:
            raise UsageError(
                f"a span must begin at 0 or later and not end before, got {begin, end}"
            )
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        elif begin < end:
            joined.append((begin, end))
    return tuple(joined)
