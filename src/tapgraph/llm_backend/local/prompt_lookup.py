"""Tokens proposed from what was said before (prompt lookup): replies copy much of their prompts."""

from collections.abc import Sequence

__all__ = ["PromptLookup"]

_NEEDLE = 3
_MOST = 16


class PromptLookup:
    """Proposes for one reply what followed its last tokens where they last stood before.

    How many are proposed doubles when all of them were right and falls to what was right otherwise,
    so a reply that copies nothing costs next to nothing.

    >>> lookup = PromptLookup()
    >>> lookup.propose([1, 2, 3, 4, 5, 9, 1], [2, 3], most=2)
    [4, 5]
    """

    def __init__(self) -> None:
        self._after: dict[tuple[int, ...], int] = {}
        self._indexed = _NEEDLE
        self._length = 4

    def propose(self, tokens: Sequence[int], certain: Sequence[int], most: int) -> list[int]:
        """Up to `most` tokens that may follow.

        Args:
            tokens: prompt and reply so far: those of the last call and more.
            certain: what follows them for certain.
            most: how many are wanted at most.
        """
        for end in range(self._indexed, len(tokens)):
            self._after[tuple(tokens[end - _NEEDLE : end])] = end
        self._indexed = max(self._indexed, len(tokens))
        tail = [*tokens[-_NEEDLE:], *certain][-_NEEDLE:]
        place = self._after.get(tuple(tail))
        if place is None:
            return []
        return list(tokens[place : place + min(most, self._length)])

    def learn(self, proposed: int, right: int) -> None:
        """Note how many of the tokens proposed last were right."""
        self._length = min(_MOST, 2 * self._length) if right == proposed else max(2, right)
