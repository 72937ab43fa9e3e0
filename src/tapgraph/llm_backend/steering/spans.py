"""From words to be highlighted to the tokens that hold them."""

from collections.abc import Iterable, Sequence

from tapgraph.errors import UsageError

__all__ = ["places_of", "token_spans"]


def places_of(text: str, phrases: Iterable[str]) -> tuple[tuple[int, int], ...]:
    """Where phrases stand in a text, each occurrence: begin and end in characters.

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
    return tuple(places)


def token_spans(
    offsets: Sequence[tuple[int, int]], places: Iterable[tuple[int, int]]
) -> tuple[tuple[int, int], ...]:
    """The tokens that hold any character of each place: first token, and one after the last.

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
    return tuple(spans)
