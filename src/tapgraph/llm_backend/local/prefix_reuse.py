"""How replies begin with what other replies have read."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tapgraph.kernels.in_models.attention import AttentionCache, ModelAttention
from tapgraph.llm_backend.local.cuts import Cuts
from tapgraph.llm_backend.local.own_attention import OwnAttention
from tapgraph.llm_backend.local.page_tree import PAGE, PageTree
from tapgraph.llm_backend.local.prefix_store import PrefixStore, common_length
from tapgraph.llm_backend.local.reply_in_progress import ReplyInProgress

__all__ = ["Beginning", "PrefixReuse", "SharedPages", "WholePrefixes", "reuse_for"]


@dataclass(frozen=True, slots=True)
class Beginning:
    """What a reply begins with.

    Attributes:
        cache: of its own; it holds the first `length` tokens. None when nothing is there.
        length: how many.
        points: where the prompt's reading must stop for `PrefixReuse.note_read`.
    """

    cache: AttentionCache | None = None
    length: int = 0
    points: frozenset[int] = frozenset()


class PrefixReuse(ABC):
    """Keeps what was read, and finds it again.

    Attributes:
        cuts: up to where prompts are used again.
    """

    cuts: Cuts

    @property
    @abstractmethod
    def bytes_held(self) -> int:
        """Bytes kept for later prompts."""

    @property
    @abstractmethod
    def tokens_held(self) -> int:
        """Tokens kept for later prompts."""

    @abstractmethod
    def __len__(self) -> int:
        """How many pages or prefixes are kept."""

    @abstractmethod
    def known(self, reply: ReplyInProgress) -> int:
        """How many tokens of a reply's prompt `begin` would find, without the replies that run."""

    @abstractmethod
    def shared(self, reply: ReplyInProgress, other: ReplyInProgress) -> int:
        """How many of its first tokens a reply could begin with when another has read them."""

    @abstractmethod
    def begin(self, reply: ReplyInProgress, running: Sequence[ReplyInProgress]) -> Beginning:
        """What a reply can begin with: what is kept, or what a running one has read."""

    @abstractmethod
    def note_read(self, reply: ReplyInProgress) -> None:
        """More of the prompt was read."""

    @abstractmethod
    def note_end(self, reply: ReplyInProgress) -> None:
        """The reply is over, and its cache will not be used any more."""

    @abstractmethod
    def limit(self, limit_bytes: int) -> None:
        """Keep no more than that from now on; what was not used for longest goes first."""


class SharedPages(PrefixReuse):
    """For caches that are keys and values of all tokens: in pages, replies too."""

    cuts = Cuts(PAGE)

    def __init__(
        self, tree: PageTree, open_cache: Callable[[ReplyInProgress], AttentionCache]
    ) -> None:
        self._tree = tree
        self._open_cache = open_cache

    @property
    def bytes_held(self) -> int:
        """Bytes of all pages."""
        return self._tree.bytes_held

    @property
    def tokens_held(self) -> int:
        """Tokens of all pages."""
        return self._tree.tokens_held

    def __len__(self) -> int:
        return len(self._tree)

    def known(self, reply: ReplyInProgress) -> int:
        """In whole pages."""
        tokens = reply.shared_tokens
        return reply.usable(self._tree.known(tokens, len(tokens) - 1)) // PAGE * PAGE

    def shared(self, reply: ReplyInProgress, other: ReplyInProgress) -> int:
        """What both begin with, highlights and pictures included."""
        return reply.usable(common_length(reply.shared_tokens, other.shared_tokens))

    def begin(self, reply: ReplyInProgress, running: Sequence[ReplyInProgress]) -> Beginning:
        """The pages of its prompt; those of a running reply are put into the tree first."""
        tokens = reply.shared_tokens
        for other in running:
            shared = reply.usable(min(self.shared(reply, other), other.lendable))
            if other.cache is not None and shared - self.known(reply) >= PAGE:
                self._tree.keep(tokens[:shared], other.cache)
        known = self.known(reply)
        found = self._tree.find(tokens, known, lambda: self._open_cache(reply))
        return Beginning() if found is None else Beginning(*found)

    def note_read(self, reply: ReplyInProgress) -> None:
        """Nothing to do."""

    def note_end(self, reply: ReplyInProgress) -> None:
        """Keep prompt and reply."""
        if reply.cache is not None:
            self._tree.keep(reply.shared_tokens[: reply.lendable], reply.cache)

    def limit(self, limit_bytes: int) -> None:
        """Drop the least used pages."""
        self._tree.limit(limit_bytes)


class WholePrefixes(PrefixReuse):
    """For all other caches: copies of whole ones, of prompts alone, without highlights."""

    def __init__(self, kept_bytes: int, cuts: Cuts, *, croppable: bool) -> None:
        self._store = PrefixStore(kept_bytes, cuts)
        self.cuts = cuts
        self._croppable = croppable

    @property
    def bytes_held(self) -> int:
        """Bytes of all kept caches."""
        return self._store.bytes_held

    @property
    def tokens_held(self) -> int:
        """Tokens of all kept prompts."""
        return self._store.tokens_held

    def __len__(self) -> int:
        return len(self._store)

    def known(self, reply: ReplyInProgress) -> int:
        """Up to a cut."""
        if reply.is_highlighted:
            return 0
        return self._store.known(reply.prompt_tokens, reply.words_alone)

    def shared(self, reply: ReplyInProgress, other: ReplyInProgress) -> int:
        """What both begin with; nothing where one has highlights."""
        if reply.is_highlighted or other.is_highlighted:
            return 0
        return min(common_length(reply.tokens, other.tokens), reply.words_alone)

    def begin(self, reply: ReplyInProgress, running: Sequence[ReplyInProgress]) -> Beginning:
        """A copy of the kept cache, or of a running reply's, that has most of the prompt."""
        if reply.is_highlighted:
            return Beginning()
        tokens, most = reply.prompt_tokens, min(reply.words_alone, len(reply.prompt_tokens) - 1)
        others = []
        if self._croppable and self._store.is_used:
            read = (one.as_prefix(_lendable_words(one)) for one in running)
            others = [one for one in read if one is not None]
        points = frozenset[int]()
        if not self._croppable:
            points = self._store.points_to_keep(tokens[: most + 1], reply.request.prompt.turn_ends)
        found = self._store.find(tokens, most, others)
        return Beginning(points=points) if found is None else Beginning(*found, points)

    def note_read(self, reply: ReplyInProgress) -> None:
        """At the points where later prompts may part, keep a copy."""
        if reply.cache is None or reply.read not in reply.points or reply.read > reply.words_alone:
            return
        read = reply.prompt_tokens[: reply.read]
        if read not in self._store and self._store.has_room(reply.cache):
            self._store.keep(read, reply.cache.fork())

    def note_end(self, reply: ReplyInProgress) -> None:
        """Keep the cache itself, without what was said."""
        length = self.cuts.before(_lendable_words(reply))
        prefix = reply.as_prefix(length) if self._croppable else None
        if prefix is not None:
            prefix.cache.crop(length)
            self._store.keep(prefix.tokens, prefix.cache)

    def limit(self, limit_bytes: int) -> None:
        """Drop the least used caches."""
        self._store.limit(limit_bytes)


def _lendable_words(reply: ReplyInProgress) -> int:
    """Of its prompt, without the last token and what stands after pictures."""
    return min(reply.lendable, reply.words_alone, len(reply.prompt_tokens) - 1)


def reuse_for(
    attention: ModelAttention | OwnAttention,
    open_cache: Callable[[ReplyInProgress], AttentionCache],
    kept_bytes: int,
    cuts: Cuts | None,
) -> PrefixReuse:
    """What suits an attention: pages where keys and values are all that it keeps.

    Args:
        attention: at work in the model.
        open_cache: an empty cache for a reply.
        kept_bytes: memory for what is kept.
        cuts: of a prompt into passes; None where it may be cut anywhere.
    """
    if isinstance(attention, OwnAttention):
        kept_bytes = 0 if attention.is_recurrent else kept_bytes
        return WholePrefixes(kept_bytes, cuts or Cuts(PAGE), croppable=False)
    cache = attention.new_cache()
    if attention.system.shares_pages and cache.croppable:
        return SharedPages(PageTree(kept_bytes), open_cache)
    return WholePrefixes(kept_bytes, cuts or Cuts(PAGE), croppable=cache.croppable)
