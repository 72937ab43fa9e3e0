"""One request while an engine works on it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from tapgraph.kernels.in_models.attention import AttentionCache
from tapgraph.llm_backend.local.forward_pass import NextTokens
from tapgraph.llm_backend.local.generation import (
    Delta,
    Finished,
    FinishReason,
    GenerationRequest,
    GenerationStream,
    LastStep,
    Pictures,
    TokenCount,
)
from tapgraph.llm_backend.local.grammar import GrammarState
from tapgraph.llm_backend.local.prefix_store import KeptPrefix
from tapgraph.llm_backend.local.prompt_lookup import PromptLookup
from tapgraph.llm_backend.local.sampling import Sampler, score_token
from tapgraph.llm_backend.local.stops import ReplyText
from tapgraph.llm_backend.local.trained_landmarks import TrainedLandmarks
from tapgraph.llm_backend.steering.task_embedding import TaskEmbedding

__all__ = ["ReplyInProgress", "Spelling"]


@dataclass(frozen=True, slots=True)
class Spelling:
    """What a reply must know of the vocabulary.

    Attributes:
        token_bytes: what each token stands for.
        end_tokens: any of them ends a reply.
        landmarks: what is put among the tokens, chosen by nobody; None for nothing.
    """

    token_bytes: Sequence[bytes]
    end_tokens: frozenset[int]
    landmarks: TrainedLandmarks | None = None


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
        task: what goes into the heads at the last token of its prompt; keys and values from there
            on are its own.
        cache: the past; None while it has none.
        tokens: those of the prompt, then those chosen; landmarks among them.
        read: how many of them are in the cache.
        cached: tokens of the prompt that came from a kept prefix when it was first read.
        points: where the cache is forked for later prompts while the prompt is read.
        is_counted: whether its prompt was counted.
        is_suspect: whether it was in a pass that failed, and did not read its tokens alone since.
        held_bytes: memory of the cache when it was last measured.
        last_pass: the number of the pass that last read a part of its prompt.
        step: what its last step read, once it is over.
    """

    request: GenerationRequest
    stream: GenerationStream
    most_tokens: int
    grammar: GrammarState | None
    spelling: Spelling
    submitted: float
    task: TaskEmbedding | None = None
    cache: AttentionCache | None = None
    tokens: list[int] = field(init=False)
    read: int = 0
    cached: int = 0
    points: frozenset[int] = frozenset()
    is_counted: bool = False
    is_suspect: bool = False
    held_bytes: int = 0
    last_pass: int = 0
    step: LastStep = field(default_factory=LastStep)
    _chosen: int = 0
    _started: float = 0.0
    _first: float = 0.0
    _sampler: Sampler = field(init=False)
    _text: ReplyText = field(init=False)
    _lookup: PromptLookup = field(init=False)
    _looked_up: int = 0

    def __post_init__(self) -> None:
        self.tokens = list(self.request.prompt.tokens)
        self._sampler = Sampler(self.request.sampling, self.request.prompt.tokens)
        self._text = ReplyText((*self.request.stop, *self.request.next_speakers))
        self._lookup = PromptLookup()

    @property
    def prompt_tokens(self) -> tuple[int, ...]:
        """The tokens of the prompt."""
        return self.request.prompt.tokens

    @property
    def is_read(self) -> bool:
        """Whether the whole prompt is in the cache."""
        return self.read >= len(self.prompt_tokens)

    @property
    def is_highlighted(self) -> bool:
        """Whether a part of its prompt is."""
        return bool(self.request.prompt.highlights)

    @property
    def shared_tokens(self) -> Sequence[int]:
        """What its tokens are kept under for others: equal only where keys and values are too.

        Up to the first highlight these are the tokens, for until then it changes nothing. From
        there on a token that is highlighted, one that is not and one of the reply are three. A
        token among pictures is another one for other pictures.
        """
        prompt, tokens = self.request.prompt, self.tokens
        if prompt.highlights:
            first, size = prompt.highlights[0][0], len(self.spelling.token_bytes)
            kinds = [2] * len(prompt.tokens) + [3] * (len(tokens) - len(prompt.tokens))
            kinds[:first] = [0] * first
            for begin, end in prompt.highlights:
                kinds[begin:end] = [1] * (end - begin)
            tokens = [token + size * kind for token, kind in zip(tokens, kinds, strict=True)]
        if prompt.pictures is None:
            return tokens
        first, end = prompt.pictures.first_token, prompt.pictures.end_token
        among = [token + (prompt.pictures.digest << 32) for token in tokens[first:end]]
        return [*tokens[:first], *among, *tokens[end:]]

    def usable(self, tokens: int) -> int:
        """How many of so many of its first tokens, which others read, it can go on from.

        At least one is left to read, and pictures are read as a whole.
        """
        tokens = self._before_task(min(tokens, len(self.tokens) - 1))
        pictures = self.request.prompt.pictures
        has_all = pictures is None or tokens >= pictures.end_token
        return tokens if has_all else self._before_pictures(tokens)

    @property
    def lendable(self) -> int:
        """How many of its first tokens others may take from its cache."""
        return self._before_task(self.read)

    @property
    def words_alone(self) -> int:
        """How many of its first tokens are the same with any pictures and task; not the last."""
        return self._before_pictures(self._before_task(len(self.tokens) - 1))

    @property
    def unread_pictures(self) -> Pictures | None:
        """The pictures that are still to be read."""
        pictures = self.request.prompt.pictures
        return None if pictures is None or self.read >= pictures.end_token else pictures

    @property
    def is_late(self) -> bool:
        """Whether its time is over."""
        limit = self.request.timeout_s
        return limit is not None and time.monotonic() - self.submitted > limit

    @property
    def wants_only_the_likeliest(self) -> bool:
        """Whether the largest logit says all that it wants to know."""
        return (
            self._sampler.takes_the_likeliest
            and self.grammar is None
            and self.request.top_logprobs is None
            and self._chosen >= self.request.min_tokens
        )

    @property
    def completion_tokens(self) -> int:
        """How many tokens were chosen."""
        return self._chosen

    def start(self, cache: AttentionCache, length: int, points: frozenset[int]) -> None:
        """Begin to read, the first `length` tokens of which the cache holds."""
        self.cache, self.read, self.points = cache, length, points
        if not self._chosen:
            self.cached = length

    def set_back(self) -> None:
        """Give up the cache; its tokens are read again later."""
        self.cache, self.read, self.points, self.held_bytes = None, 0, frozenset(), 0

    def note_reading(self) -> None:
        """Note what the last step read."""
        if self.cache is not None and self.cache.tokens_seen:
            share = self.cache.share_highlighted() if self.is_highlighted else None
            attended = round(self.cache.reading.attended)
            self.step = LastStep(self.cache.tokens_seen, attended, share)

    def measure(self) -> None:
        """Note what the cache takes now."""
        self.held_bytes = 0 if self.cache is None else self.cache.bytes_held()

    def admit(self) -> None:
        """Note that it has a slot."""
        self._started = self._started or time.monotonic()

    def next_tokens(self, end: int, drafts: Sequence[int]) -> NextTokens:
        """Its tokens up to `end`, then proposed ones, to be read by the next pass."""
        if self.cache is None:
            raise TypeError("a reply that has no cache yet cannot be continued")
        scored = 1 + len(drafts) if end == len(self.tokens) else 0
        tokens = [*self.tokens[self.read : end], *drafts]
        self.cache.reads_prompt = not self.is_read
        ends_prompt = not self.is_read and end == len(self.prompt_tokens)
        task = self.task if ends_prompt else None
        return NextTokens(self.cache, tokens, scored, self.request.prompt.pictures, task)

    def propose(self, most: int) -> tuple[int, ...]:
        """Up to `most` tokens that may well come next.

        First those that the grammar forces, then those that followed the same words before.
        """
        most = min(most, self.most_tokens - self._chosen - 1)
        if most < 1:
            return ()
        forced = self.grammar.forced()[:most] if self.grammar is not None else []
        more = self._lookup.propose(self.tokens, forced, most - len(forced))
        proposed = [*forced, *more]
        if self.grammar is not None and more:
            proposed = proposed[: self.grammar.count_allowed(proposed)]
        self._looked_up = len(proposed) - len(forced)
        return tuple(proposed)

    def as_prefix(self, length: int) -> KeptPrefix | None:
        """The first `length` tokens of its prompt, if its cache has read so many.

        None where it has highlights: the cache knows where they are, and is for no other prompt.
        """
        if self.is_highlighted or self.cache is None or self.read < length or length == 0:
            return None
        return KeptPrefix(self.prompt_tokens[:length], self.cache)

    def advance(
        self, drafts: Sequence[int], logits: Tensor, likeliest: Sequence[int | None]
    ) -> FinishReason | None:
        """Choose the next token, and more as long as those proposed are what is chosen.

        Args:
            drafts: the proposed tokens that the pass read.
            logits: float32 `[1 + drafts, vocabulary]`, after the last chosen token and each draft.
            likeliest: the largest of each row; None where it is not known, or no number.

        Returns:
            Why the reply ends, if it does.

        Raises:
            GrammarStuck: the grammar engine gave up on it.
            FloatingPointError: the logits are no numbers.
        """
        fed = len(self.tokens) + len(drafts)
        right, reason = 0, None
        for place, row in enumerate(logits):
            token = likeliest[place] if self.wants_only_the_likeliest else None
            if token is None:
                token = self._choose(row)
            reason = self.take(token, row)
            if reason is not None or place == len(drafts) or drafts[place] != token:
                break
            right += 1
        right_forced = len(drafts) - self._looked_up
        if self._looked_up and right >= right_forced:
            self._lookup.learn(self._looked_up, right - right_forced)
        self._looked_up = 0
        # The last chosen token has not been read, and proposed ones may have been wrong.
        self.read = min(fed, len(self.tokens) - 1)
        if self.cache is not None and fed > self.read:
            self.cache.crop(self.read)
        return reason

    def _choose(self, logits: Tensor) -> int:
        """The next token from float32 `[vocabulary]`."""
        allowed = logits
        if self.grammar is not None:
            allowed = logits.masked_fill(~self.grammar.allowed().to(logits.device), -torch.inf)
        elif self._chosen < self.request.min_tokens:
            allowed = logits.clone()
            allowed[list(self.spelling.end_tokens)] = -torch.inf
        return self._sampler.choose(allowed)

    def take(self, token: int, logits: Tensor) -> FinishReason | None:
        """Add a chosen token; why the reply ends, if it does; raises as `advance`."""
        if not self._chosen:
            self._first = time.monotonic()
        self._chosen += 1
        if self.spelling.landmarks is None:
            self.tokens.append(token)
        else:
            self.spelling.landmarks.append(self.tokens, token)
        self._sampler.note(token)
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
                TokenCount(len(self.prompt_tokens), self.cached, self._chosen, self.step),
                waited_s=(self._started or now) - self.submitted,
                first_token_s=self._first - self.submitted if self._first else 0.0,
                total_s=now - self.submitted,
                stop=self._text.stop,
                error=error,
            )
        )

    def _before_pictures(self, tokens: int) -> int:
        pictures = self.request.prompt.pictures
        return tokens if pictures is None else min(tokens, pictures.first_token)

    def _before_task(self, tokens: int) -> int:
        return tokens if self.task is None else min(tokens, len(self.prompt_tokens) - 1)

    def _put(self, delta: Delta | None) -> None:
        if delta is not None:
            self.stream.put(delta)
