"""Words of others in a prompt: they are read as they stand, and never as a token of the template.

Where a screen or a web page spells such a token, a mark is set inside it. The template and the
tokenizer carry the mark along; then its tokens are taken out again, so that the model reads the
very letters, in pieces.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tapgraph.llm_backend.steering.spans import Spans

__all__ = ["Encoded", "HarmlessText", "places_among_marks"]

_MARK = "\ufdd0"
"""One of Unicode's noncharacters: no text holds it, and no token is spelled with it."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """Tokens of a text with marks, without those of the marks.

    Attributes:
        tokens: their ids.
        offsets: where each begins and ends in the text.
        places: those that were given, where they are in the text that the offsets are of.
    """

    tokens: tuple[int, ...]
    offsets: tuple[tuple[int, int], ...]
    places: Spans = ()


def places_among_marks(marked: str, places: Spans) -> Spans:
    """Spans of a text where they are now that marks were set in it."""
    if _MARK not in marked:
        return places
    at = [index for index, sign in enumerate(marked) if sign != _MARK]
    return tuple((at[begin], at[end - 1] + 1) for begin, end in places)


class HarmlessText:
    """Sets marks, and encodes texts that hold them.

    Args:
        backend: a tokenizer of the library `tokenizers`.
        reserved: how the tokens are written that words must not become.
    """

    def __init__(self, backend: Any, reserved: Collection[str]) -> None:
        self._backend = backend
        self._reserved = {text.lower() for text in reserved}
        self._tokens = {
            token: text for text in reserved if (token := backend.token_to_id(text)) is not None
        }
        lengths: dict[str, set[int]] = {}
        for text in self._reserved:
            lengths.setdefault(text[0], set()).add(len(text))
        self._lengths = {first: tuple(sorted(found)) for first, found in lengths.items()}
        firsts = "".join(re.escape(first) for first in self._lengths)
        self._first = re.compile(f"[{firsts}]", re.IGNORECASE) if firsts else None

    def marked(self, value: Any) -> Any:
        """A text with marks inside what spells a token; in lists and objects, all texts."""
        if isinstance(value, str):
            return self._marked_text(value)
        if isinstance(value, list | tuple):
            return [self.marked(part) for part in value]
        if isinstance(value, dict):
            return {self.marked(key): self.marked(part) for key, part in value.items()}
        return value

    def encode(self, text: str, *, add_special_tokens: bool, places: Spans = ()) -> Encoded:
        """The tokens of a text; what a normalizer makes a token of is broken too.

        Args:
            text: with marks.
            add_special_tokens: whether the token that begins texts is added.
            places: in the text, marks counted.
        """
        encoded = self._backend.encode(text, add_special_tokens=add_special_tokens)
        spelled = [
            (begin, end)
            for token, (begin, end) in zip(encoded.ids, encoded.offsets, strict=True)
            if end > begin and self._is_made_of_words(token, text[begin:end])
        ]
        if spelled:
            for begin, end in reversed(spelled):
                broken = " ".join(text[begin:end].replace(_MARK, ""))
                text = text[:begin] + broken + text[end:]
                places = tuple(
                    _moved(place, begin, end, len(broken) - (end - begin)) for place in places
                )
            encoded = self._backend.encode(text, add_special_tokens=add_special_tokens)
        elif _MARK not in text:
            return Encoded(tuple(encoded.ids), tuple(encoded.offsets), places)
        kept = _without_marks(text, encoded.ids, encoded.offsets)
        if kept is None:
            # A blank does it where a token holds the mark and a letter: never seen, but possible.
            text = text.replace(_MARK, " ")
            encoded = self._backend.encode(text, add_special_tokens=add_special_tokens)
            kept = Encoded(tuple(encoded.ids), tuple(encoded.offsets))
        return replace(kept, places=places)

    def _marked_text(self, text: str) -> str:
        text = text.replace(_MARK, "\ufffd")
        if self._first is None:
            return text
        pieces: list[str] = []
        told = 0
        for found in self._first.finditer(text):
            place = found.start()
            lengths = self._lengths.get(text[place].lower(), ())
            if any(text[place : place + length].lower() in self._reserved for length in lengths):
                pieces.append(text[told : place + 1])
                told = place + 1
        return _MARK.join([*pieces, text[told:]])

    def _is_made_of_words(self, token: int, words: str) -> bool:
        written, normalizer = self._tokens.get(token), self._backend.normalizer
        if written is None or normalizer is None or words.strip() == written.strip():
            return False
        return bool(normalizer.normalize_str(words) == normalizer.normalize_str(written))


def _moved(place: tuple[int, int], begin: int, end: int, growth: int) -> tuple[int, int]:
    """A place after a stretch of the text grew; one that cuts the stretch takes it whole."""
    first, last = place
    if begin < first < end:
        first = begin
    return (first + growth if first >= end else first), (last + growth if last > begin else last)


def _without_marks(
    text: str, tokens: Sequence[int], offsets: Sequence[tuple[int, int]]
) -> Encoded | None:
    """The tokens without those of marks; None if one of them is more than a mark."""
    kept: list[tuple[int, tuple[int, int]]] = []
    for token, (begin, end) in zip(tokens, offsets, strict=True):
        words = text[begin:end]
        if _MARK not in words:
            kept.append((token, (begin, end)))
        elif words.strip(_MARK):
            return None
    return Encoded(tuple(token for token, _ in kept), tuple(place for _, place in kept))
