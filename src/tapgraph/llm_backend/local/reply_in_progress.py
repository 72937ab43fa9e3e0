"""One request while an engine works on it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from tapgraph.llm_backend.local.attention import AttentionCache
from tapgraph.llm_backend.local.forward_pass import NextToken
from tapgraph.llm_backend.local.generation import (
    Delta,
    Finished,
    FinishReason,
    GenerationRequest,
    GenerationStream,
    TokenCount,
)
from tapgraph.llm_backend.local.grammar import GrammarState
from tapgraph.llm_backend.local.prefix_store import KeptPrefix
from tapgraph.llm_backend.local.sampling import Sampler, score_token
from tapgraph.llm_backend.local.stops import ReplyText

__all__ = ["ReplyInProgress", "Spelling"]


@dataclass(frozen=True, slots=True)
class Spelling:
    """What a reply must know of the vocabulary."""

    token_bytes: Sequence[bytes]
    end_tokens: frozenset[int]


@dataclass(slots=True, eq=False)
class ReplyInProgress:
    """A request, its cache, and how far its prompt and its reply have come.

    Attributes:
        request: what was asked.
        stream: where its events go.
        most_tokens: the length of the reply at most.
        grammar: what the next token may be; None for anything.
        spelling: the vocabulary.
        submitted: `time.monotonic()` of `submit`.
        cache: the past; None before it has a slot.
        read: tokens of the prompt that are in the cache.
        cached: those of them that came from a kept prefix.
        points: where the cache is forked for later prompts while the prompt is read.
    """

    request: GenerationRequest
    stream: GenerationStream
    most_tokens: int
    grammar: GrammarState | None
    spelling: Spelling
    submitted: float
    cache: AttentionCache | None = None
    read: int = 0
    cached: int = 0
    points: frozenset[int] = frozenset()
    _chosen: int = 0
    _last: int = -1
    _started: float = 0.0
    _first: float = 0.0
    _sampler: Sampler = field(init=False)
    _text: ReplyText = field(init=False)

    def __post_init__(self) -> None:
        self._sampler = Sampler(self.request.sampling)
        self._text = ReplyText((*self.request.stop, *self.request.next_speakers))

    @property
    def prompt_tokens(self) -> tuple[int, ...]:
        """The tokens of the prompt."""
        return self.request.prompt.tokens

    @property
    def is_read(self) -> bool:
        """Whether the whole prompt is in the cache."""
        return self.read == len(self.prompt_tokens)

    @property
    def is_late(self) -> bool:
        """Whether its time is over."""
        limit = self.request.timeout_s
        return limit is not None and time.monotonic() - self.submitted > limit

    @property
    def wants_only_the_likeliest(self) -> bool:
        """Whether the largest logit says all that it wants to know."""
        return (
            self._sampler.is_greedy
            and self.grammar is None
            and self.request.top_logprobs is None
            and self._chosen >= self.request.min_tokens
        )

    @property
    def completion_tokens(self) -> int:
        """How many tokens were chosen."""
        return self._chosen

    def start(self, cache: AttentionCache, cached: int, points: frozenset[int]) -> None:
        """Begin to read the prompt, the first `cached` tokens of which the cache holds."""
        self.cache, self.read, self.cached, self.points = cache, cached, cached, points

    def admit(self) -> None:
        """Note that it has a slot."""
        self._started = time.monotonic()

    def next_token(self) -> NextToken:
        """The last chosen token, to be read by the next forward pass."""
        if self.cache is None:
            raise TypeError("a reply that has no cache yet cannot be continued")
        pictures = self.request.prompt.pictures
        return NextToken(self.cache, self._last, pictures.position_shift if pictures else 0)

    def as_prefix(self, length: int) -> KeptPrefix | None:
        """The first `length` tokens of its prompt, if its cache has read so many."""
        if self.cache is None or self.read < length or length == 0:
            return None
        return KeptPrefix(self.prompt_tokens[:length], self.cache)

    def choose(self, logits: Tensor) -> FinishReason | None:
        """Choose the next token from float32 `[vocabulary]`; why the reply ends, if it does.

        Raises:
            GrammarStuck: the grammar engine gave up on it.
        """
        allowed = logits
        if self.grammar is not None:
            allowed = logits.masked_fill(~self.grammar.allowed().to(logits.device), -torch.inf)
        elif self._chosen < self.request.min_tokens:
            allowed = logits.clone()
            allowed[list(self.spelling.end_tokens)] = -torch.inf
        return self.take(self._sampler.choose(allowed), logits)

    def take(self, token: int, logits: Tensor) -> FinishReason | None:
        """Add a chosen token; why the reply ends, if it does; raises as `choose`."""
        if not self._chosen:
            self._first = time.monotonic()
        self._chosen += 1
        self._last = token
        if token in self.spelling.end_tokens:
            return "stop"
        spelled = self.spelling.token_bytes
        most = self.request.top_logprobs
        score = None if most is None else score_token(logits, token, most, spelled)
        self._put(self._text.push(token, spelled[token], score))
        if self._text.stop:
            return "stop"
        if self.grammar is not None:
            self.grammar.accept(token)
            if self.grammar.is_complete:
                return "stop"
        return "length" if self._chosen >= self.most_tokens else None

    def finish(self, reason: FinishReason, error: str = "") -> None:
        """Tell the rest of the text, and that it is over."""
        if not self._text.stop:
            self._put(self._text.finish())
        now = time.monotonic()
        self.stream.put(
            Finished(
                reason,
                TokenCount(len(self.prompt_tokens), self.cached, self._chosen),
                waited_s=(self._started or now) - self.submitted,
                first_token_s=self._first - self.submitted if self._first else 0.0,
                total_s=now - self.submitted,
                stop=self._text.stop,
                error=error,
            )
        )

    def _put(self, delta: Delta | None) -> None:
        if delta is not None:
            self.stream.put(delta)
