"""Text of a reply as it grows: whole characters only, and nothing of a stop string."""

import codecs
from collections.abc import Sequence
from dataclasses import dataclass

from tapgraph.llm_backend.local.generation import Delta, TokenScore

__all__ = ["ReplyText"]


@dataclass(slots=True)
class _Told:
    """A token that is held back; `end` is where its text ends, None while that is not known."""

    token: int
    score: TokenScore | None
    begin: int
    end: int | None


class ReplyText:
    """Turns the bytes of tokens into deltas.

    Bytes that are no valid UTF-8 become U+FFFD; a character that is cut by the end of the reply is
    left out. The end of the text is held back while it may become a stop string; of several stop
    strings the one that begins first counts.

    >>> reply = ReplyText(["END"])
    >>> reply.push(1, b"Hello E"), reply.push(2, b"N"), reply.push(3, b"D bye")
    (Delta(text='Hello ', tokens=(), scores=()), None, Delta(text='', tokens=(1,), scores=()))
    >>> reply.stop
    'END'
    """

    def __init__(self, stops: Sequence[str] = ()) -> None:
        self._stops = tuple(stops)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""
        self._given = 0
        self._waiting: list[_Told] = []
        self.stop = ""

    def push(self, token: int, raw: bytes, score: TokenScore | None = None) -> Delta | None:
        """Add a token; what can be told now, if anything. After a stop string, nothing may come."""
        begin = self._given + len(self._held)
        self._held += self._decoder.decode(raw)
        end = self._given + len(self._held)
        if end > begin or not self._is_inside_character():
            for told in self._waiting:
                told.end = begin if told.end is None else told.end
        is_open = self._is_inside_character()
        self._waiting.append(_Told(token, score, begin, None if is_open else end))
        found = self._first_stop()
        if found is not None:
            place, self.stop = found
            return self._cut(place)
        return self._release(len(self._held) - self._longest_beginning_of_a_stop())

    def finish(self) -> Delta | None:
        """What was held back, when the reply ends without a stop string."""
        return self._cut(len(self._held))

    def _is_inside_character(self) -> bool:
        return bool(self._decoder.getstate()[0])

    def _first_stop(self) -> tuple[int, str] | None:
        found = [(place, stop) for stop in self._stops if (place := self._held.find(stop)) >= 0]
        return min(found, key=lambda one: one[0]) if found else None

    def _longest_beginning_of_a_stop(self) -> int:
        longest = 0
        for stop in self._stops:
            for length in range(min(len(stop) - 1, len(self._held)), longest, -1):
                if self._held.endswith(stop[:length]):
                    longest = length
                    break
        return longest

    def _release(self, characters: int) -> Delta | None:
        upto = self._given + characters
        ready = 0
        while ready < len(self._waiting):
            end = self._waiting[ready].end
            if end is None or end > upto:
                break
            ready += 1
        return self._delta(characters, ready)

    def _cut(self, characters: int) -> Delta | None:
        upto = self._given + characters
        kept = sum(told.begin < upto or not self.stop for told in self._waiting)
        delta = self._delta(characters, kept)
        self._held, self._waiting = "", []
        return delta

    def _delta(self, characters: int, tokens: int) -> Delta | None:
        text, self._held = self._held[:characters], self._held[characters:]
        told, self._waiting = self._waiting[:tokens], self._waiting[tokens:]
        self._given += len(text)
        if not text and not told:
            return None
        scores = tuple(one.score for one in told if one.score is not None)
        return Delta(text, tuple(one.token for one in told), scores)
