"""Keys and values of recent prompts."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from tapgraph.kernels.in_models.attention import AttentionCache
from tapgraph.llm_backend.local.cuts import Cuts

__all__ = ["KeptPrefix", "PrefixStore", "common_length"]


@dataclass(frozen=True, slots=True, eq=False)
class KeptPrefix:
    """The past of some tokens; the cache has seen them all, and perhaps more."""

    tokens: tuple[int, ...]
    cache: AttentionCache


class PrefixStore:
    """Caches of prompts under a byte budget; the one that was not used for longest goes first.

    A prefix is used again only up to one of `cuts`. With those at which prompts are cut into
    forward passes, a prompt that begins with a kept prefix goes through the very same passes as one
    that does not, and its logits are the same, bit for bit, also where an attention system looks at
    the queries of a pass together.

    Caches that can be cropped are kept as they are and cropped where a new prompt leaves them.
    Others fit only as a whole: `points_to_keep` tells where to fork one while a prompt is read.
    """

    def __init__(self, budget_bytes: int, cuts: Cuts) -> None:
        self._budget_bytes = self._limit_bytes = budget_bytes
        self._cuts = cuts
        self._kept: OrderedDict[tuple[int, ...], KeptPrefix] = OrderedDict()
        self._bytes: dict[tuple[int, ...], int] = {}
        self._seen: OrderedDict[tuple[int, ...], None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def __contains__(self, tokens: tuple[int, ...]) -> bool:
        return tokens in self._kept

    @property
    def is_used(self) -> bool:
        """Whether anything may be kept."""
        return self._budget_bytes > 0

    @property
    def bytes_held(self) -> int:
        """Bytes of all kept caches."""
        return sum(self._bytes.values())

    @property
    def tokens_held(self) -> int:
        """Tokens of all kept prompts; what two begin with counts twice."""
        return sum(map(len, self._kept))

    def known(self, tokens: Sequence[int], most: int) -> int:
        """How many of a prompt's first `most` tokens `find` would give."""
        return max(
            (self._usable(prefix, tokens, most) for prefix in self._kept.values()), default=0
        )

    def find(
        self, tokens: Sequence[int], most: int, others: Sequence[KeptPrefix] = ()
    ) -> tuple[AttentionCache, int] | None:
        """A cache of its own for a prompt, and how many of its tokens it holds.

        Args:
            tokens: the prompt.
            most: how many of them may come from a cache; at least one must be read.
            others: caches in use, which may be forked too.

        Returns:
            None when no kept prefix reaches the first cut.
        """
        best: KeptPrefix | None = None
        length = 0
        for prefix in (*reversed(self._kept.values()), *others):
            shared = self._usable(prefix, tokens, most)
            if shared > length:
                best, length = prefix, shared
        if best is None:
            return None
        if best.tokens in self._kept:
            self._kept.move_to_end(best.tokens)
        cache = best.cache.fork()
        if cache.tokens_seen > length:
            cache.crop(length)
        return cache, length

    def has_room(self, cache: AttentionCache) -> bool:
        """Whether the budget holds this cache."""
        return cache.bytes_held() <= self._limit_bytes

    def keep(self, tokens: tuple[int, ...], cache: AttentionCache) -> None:
        """Take over a cache that has seen exactly `tokens`; nobody else may use it any more."""
        held = cache.bytes_held()
        if not tokens or held > self._limit_bytes:
            return
        if cache.croppable:
            if any(common_length(other, tokens) == len(tokens) for other in self._kept):
                return
            for other in [one for one in self._kept if tokens[: len(one)] == one]:
                self._drop(other)
        self._kept[tokens] = KeptPrefix(tokens, cache)
        self._kept.move_to_end(tokens)
        self._bytes[tokens] = held
        self.limit(self._limit_bytes)

    def limit(self, limit_bytes: int) -> None:
        """Keep no more than `limit_bytes`, and no more than the budget, from now on."""
        self._limit_bytes = max(0, min(limit_bytes, self._budget_bytes))
        while self._kept and self.bytes_held > self._limit_bytes:
            self._drop(next(iter(self._kept)))

    def points_to_keep(self, tokens: tuple[int, ...], turn_ends: Sequence[int]) -> frozenset[int]:
        """Where a cache that cannot be cropped should be forked while this prompt is read.

        These are the ends of turns, the end of the prompt, and the points where it parts from
        prompts that came before it, each moved down to a cut.
        """
        if self._budget_bytes == 0:
            return frozenset()
        partings = [common_length(tokens, earlier) for earlier in self._seen]
        self._seen[tokens] = None
        self._seen.move_to_end(tokens)
        while len(self._seen) > _REMEMBERED_PROMPTS:
            self._seen.popitem(last=False)
        ends = [*turn_ends, *partings, len(tokens) - 1]
        return frozenset(self._cuts.before(end) for end in ends) - {0}

    def _usable(self, prefix: KeptPrefix, tokens: Sequence[int], most: int) -> int:
        shared = min(common_length(prefix.tokens, tokens), most)
        if prefix.cache.croppable:
            return self._cuts.before(shared)
        is_whole = shared == len(prefix.tokens) == prefix.cache.tokens_seen
        return shared if is_whole else 0

    def _drop(self, tokens: tuple[int, ...]) -> None:
        del self._kept[tokens]
        del self._bytes[tokens]


_REMEMBERED_PROMPTS = 16


def common_length(first: Sequence[int], second: Sequence[int]) -> int:
    """How many tokens two sequences begin with in common.

    >>> common_length((1, 2, 3, 4), (1, 2, 5))
    2
    """
    low, high = 0, min(len(first), len(second))
    # Slices are compared in C; halving them is much quicker than a loop over tokens.
    while low < high:
        middle = (low + high + 1) // 2
        if first[low:middle] == second[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
