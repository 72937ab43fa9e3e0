"""Who may run, and what the next forward pass reads for whom.

A request runs when there is a slot and memory for its prompt and the beginning of its reply; until
then it waits, in the order of arrival. Kept prefixes are dropped before anyone waits for memory.
When replies have grown beyond the budget, the one that came last gives its memory up and waits at
the front of the queue; its tokens are read again later. Nobody who runs makes way for a newcomer.

Each pass reads the next token of every reply, and besides a chunk of prompts. The chunk is shared:
a short prompt is read whole beside a part of a long one.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tapgraph.kernels.in_models.attention import AttentionCache
from tapgraph.kernels.token_store import PAGE_TOKENS
from tapgraph.llm_backend.local.cuts import Cuts
from tapgraph.llm_backend.local.memory_budget import CacheCost
from tapgraph.llm_backend.local.prefix_reuse import PrefixReuse
from tapgraph.llm_backend.local.reply_in_progress import ReplyInProgress

__all__ = ["Reading", "Room", "Scheduler", "Share"]

_USUAL_REPLY = 256
"""Tokens of a reply for which room must be there before its prompt is read."""
_MOST_DRAFTS = 24
"""Proposed tokens of one reply in one pass."""
_ALL_DRAFTS = 32
"""Proposed tokens of all replies in one pass: with more rows a pass takes longer."""


@dataclass(frozen=True, slots=True)
class Room:
    """What there is for all replies together.

    Attributes:
        running: replies at once.
        bytes: keys and values of running replies and of kept prefixes.
        cost: what a reply takes of it.
    """

    running: int
    bytes: int
    cost: CacheCost


@dataclass(frozen=True, slots=True)
class Reading:
    """How texts are read.

    Attributes:
        chunk: tokens of prompts in one pass, more where the next cut is further.
        cuts: of prompts, where replies are read token by token. None: a text may be cut anywhere,
            and its end forgotten again.
    """

    chunk: int
    cuts: Cuts | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """What a pass does for one reply: it reads its tokens up to `end`, and proposed ones."""

    reply: ReplyInProgress
    end: int
    drafts: tuple[int, ...] = ()


class Scheduler:
    """The requests of one engine; all but `waiting.append` is for the engine's thread alone.

    Attributes:
        waiting: requests without a slot, in order.
        running: those with one, in order.
        preempted: how often a reply had to give up its memory.
    """

    def __init__(
        self,
        room: Room,
        reading: Reading,
        reuse: PrefixReuse,
        open_cache: Callable[[ReplyInProgress], AttentionCache],
    ) -> None:
        self._room = room
        self._reading = reading
        self._reuse = reuse
        self._open_cache = open_cache
        self._passes = 0
        self.waiting: deque[ReplyInProgress] = deque()
        self.running: list[ReplyInProgress] = []
        self.preempted = 0

    def admit(self) -> None:
        """Give slots to those who wait, as far as there is room."""
        while self.waiting and len(self.running) < self._room.running:
            reply = self.waiting[0]
            taken = sum(map(self._reserved, self.running))
            if self.running and taken + self._reserved(reply) > self._room.bytes:
                return
            self.running.append(self.waiting.popleft())
            reply.admit()

    def remove(self, reply: ReplyInProgress) -> None:
        """Forget a reply that is over."""
        if reply in self.running:
            self.running.remove(reply)
        else:
            self.waiting.remove(reply)

    def next_pass(self) -> list[Share]:
        """What to read next; all replies of it have caches."""
        self._passes += 1
        suspect = next((reply for reply in self.running if reply.is_suspect), None)
        shares = self._shares(self.running if suspect is None else [suspect])
        while self._excess(shares) > 0 and len(self.running) > 1:
            last = self.running.pop()
            last.set_back()
            self.waiting.appendleft(last)
            self.preempted += 1
            shares = [share for share in shares if share.reply is not last]
        return shares or self._shares(self.running)

    def _shares(self, replies: Sequence[ReplyInProgress]) -> list[Share]:
        unread = []
        for reply in replies:
            if not reply.is_read and not self._waits_for_another(reply):
                if reply.cache is None:
                    self._begin(reply)
                unread.append(reply)
        with_pictures = next((one for one in unread if self._reads_pictures(one)), None)
        if with_pictures is not None:
            return [Share(with_pictures, len(with_pictures.prompt_tokens))]
        decoding = [reply for reply in replies if reply.is_read]
        shares = [self._next_of_reply(reply, len(decoding)) for reply in decoding]
        return shares + self._chunks(unread)

    def _begin(self, reply: ReplyInProgress) -> None:
        running = [other for other in self.running if other.cache is not None]
        found = self._reuse.begin(reply, running)
        cache = self._open_cache(reply) if found.cache is None else found.cache
        reply.start(cache, found.length, found.points)
        reply.measure()
        reply.last_pass = self._passes

    def _chunks(self, unread: list[ReplyInProgress]) -> list[Share]:
        """The parts of prompts in this pass; equal ones, and what short prompts leave of theirs."""
        left, shares = self._reading.chunk, []
        if self._reading.cuts is None:
            unread.sort(key=lambda reply: len(reply.prompt_tokens) - reply.read)
        else:
            unread.sort(key=lambda reply: reply.last_pass)
        for place, reply in enumerate(unread):
            if left > 0:
                end = self._end_of_chunk(reply, max(1, left // (len(unread) - place)))
                left -= end - reply.read
                reply.last_pass = self._passes
                shares.append(Share(reply, end))
        return shares

    def _next_of_reply(self, reply: ReplyInProgress, beside: int) -> Share:
        if self._reading.cuts is not None:
            return Share(reply, reply.read + 1)
        end = min(len(reply.tokens), reply.read + self._reading.chunk)
        if end < len(reply.tokens):
            return Share(reply, end)
        return Share(reply, end, reply.propose(min(_MOST_DRAFTS, _ALL_DRAFTS // beside)))

    def _end_of_chunk(self, reply: ReplyInProgress, most: int) -> int:
        chunk, last = self._reading.chunk, self._last_cut(reply)
        if self._reading.cuts is not None:
            return min(self._reading.cuts.after(reply.read), last)
        end = min(reply.read + most, last)
        if most == chunk and last - end < chunk / 2:
            end = last
        return min((point for point in reply.points if reply.read < point < end), default=end)

    def _last_cut(self, reply: ReplyInProgress) -> int:
        """Up to where the prompt is read in chunks: to its end, or to its pictures."""
        prompt = len(reply.prompt_tokens)
        if reply.unread_pictures is None:
            return prompt
        return self._reuse.cuts.before(min(prompt, reply.words_alone))

    def _reads_pictures(self, reply: ReplyInProgress) -> bool:
        """Whether its next pass is over all that is left, which cannot be cut."""
        return reply.unread_pictures is not None and reply.read >= self._last_cut(reply)

    def _waits_for_another(self, reply: ReplyInProgress) -> bool:
        """Whether someone reads just now what this one can begin with."""
        if reply.cache is not None or reply.is_suspect:
            return False
        known = self._reuse.known(reply)
        for other in self.running:
            if other.cache is not None and not other.is_read and not other.is_suspect:
                cuts, shared = self._reuse.cuts, self._reuse.shared(reply, other)
                if cuts.before(shared) - max(known, other.read) >= cuts.least:
                    return True
        return False

    def _reserved(self, reply: ReplyInProgress) -> int:
        usual = len(reply.prompt_tokens) + min(reply.most_tokens, _USUAL_REPLY)
        cost, tokens = self._room.cost, max(usual, len(reply.tokens))
        return max(reply.held_bytes, cost.bytes_for(tokens, is_read=reply.is_read))

    def _needed(self, reply: ReplyInProgress, tokens: int) -> int:
        """Bytes of a reply's cache when it has read so many tokens."""
        if reply.cache is None:
            return 0
        new_pages = -(-tokens // PAGE_TOKENS) - -(-reply.read // PAGE_TOKENS)
        cost = self._room.cost
        page = cost.page if reply.is_read else cost.prompt_page
        return (reply.held_bytes or cost.fixed) + max(0, new_pages) * page

    def _excess(self, shares: Sequence[Share]) -> int:
        """Bytes above the budget after this pass, when as little as possible is kept."""
        ends = {share.reply: share.end + len(share.drafts) for share in shares}
        needed = sum(self._needed(reply, ends.get(reply, reply.read)) for reply in self.running)
        self._reuse.limit(self._room.bytes - needed)
        return needed - self._room.bytes
