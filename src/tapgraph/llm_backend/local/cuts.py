"""Where the reading of a text may stop."""

from dataclasses import dataclass

__all__ = ["Cuts"]


@dataclass(frozen=True, slots=True)
class Cuts:
    """Places at which a text can be cut into passes so that it is computed as it is in one.

    Everywhere these are the multiples of `chunk`, for what it reads is chosen for a chunk together.
    A chunk that ends before `dense_below` is read densely, so there also the multiples of `fine`.

    Attributes:
        chunk: tokens.
        fine: tokens; None for `chunk`.
        dense_below: with fewer tokens than this nothing is chosen.
    """

    chunk: int
    fine: int | None = None
    dense_below: int = 0

    @property
    def least(self) -> int:
        """Tokens between the closest two."""
        return self.fine or self.chunk

    def before(self, tokens: int) -> int:
        """The last cut of a text of so many tokens.

        >>> cuts = Cuts(4096, fine=256, dense_below=10_000)
        >>> cuts.before(2300), cuts.before(8000), cuts.before(9000)
        (2048, 7936, 8192)
        """
        begin = tokens // self.chunk * self.chunk
        if begin + self.chunk < self.dense_below:
            return max(begin, tokens // self.least * self.least)
        return begin

    def after(self, tokens: int) -> int:
        """The first cut behind so many tokens.

        >>> cuts = Cuts(4096, fine=256, dense_below=10_000)
        >>> cuts.after(0), cuts.after(7936), cuts.after(8192)
        (256, 8192, 12288)
        """
        end = (tokens // self.chunk + 1) * self.chunk
        if end < self.dense_below:
            return min(end, (tokens // self.least + 1) * self.least)
        return end
