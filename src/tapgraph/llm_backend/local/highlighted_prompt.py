"""Where highlighted words stand in the text that a chat template made of a conversation.

A search for the words could find a screen's copy of them. So they are carried through the template
between two signs that the conversation does not hold, and the signs are taken out again.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from tapgraph.errors import UsageError
from tapgraph.llm_backend.messages import Part, TextPart
from tapgraph.llm_backend.steering.spans import Spans

__all__ = ["places_in_prompt"]

_SIGNS = [chr(sign) for sign in range(0xFDD1, 0xFDF0)]
"""Noncharacters of Unicode; the one before them is `HarmlessText`'s."""


def places_in_prompt(
    text: str, parts: Sequence[Sequence[Part]], render: Callable[[list[tuple[Part, ...]]], str]
) -> Spans:
    """Where the highlights of a conversation are, in characters, ascending.

    Args:
        text: what the template makes of it.
        parts: of each turn.
        render: what the template makes of other parts.

    Raises:
        UsageError: the template leaves highlighted words out or changes them, or the conversation
            holds nearly all noncharacters.
    """
    if not any(isinstance(one, TextPart) and one.highlights for turn in parts for one in turn):
        return ()
    free = [sign for sign in _SIGNS if sign not in text]
    if len(free) < 2:
        raise UsageError("a text that holds nearly all noncharacters cannot be highlighted")
    begin, end = free[:2]
    signed = render([tuple(_signed(part, begin, end) for part in turn) for turn in parts])
    places: list[tuple[int, int]] = []
    plain: list[str] = []
    begun = length = 0
    for piece in re.split(f"([{begin}{end}])", signed):
        if piece == begin:
            begun = length
        elif piece == end:
            places.append((begun, length))
        else:
            plain.append(piece)
            length += len(piece)
    wanted = sum(
        len(part.highlights) for turn in parts for part in turn if isinstance(part, TextPart)
    )
    if "".join(plain) != text or len(places) != wanted:
        raise UsageError(
            "the chat template changes or drops words that are highlighted: highlight others"
        )
    return tuple(places)


def _signed(part: Part, begin: str, end: str) -> Part:
    """Highlights are apart, so the signs never nest; blanks at their ends stay outside."""
    if not isinstance(part, TextPart):
        return part
    pieces: list[str] = []
    told = 0
    for first, last in part.highlights:
        words = part.text[first:last]
        inner = first + len(words) - len(words.lstrip())
        outer = max(inner, first + len(words.rstrip()))
        pieces += [part.text[told:inner], begin, part.text[inner:outer], end]
        told = outer
    return replace(part, text="".join([*pieces, part.text[told:]]), highlights=())
