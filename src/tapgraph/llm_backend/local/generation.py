"""What is asked of an engine, and what comes back."""

import contextlib
import math
import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, TypeAlias

from torch import Tensor

from tapgraph.errors import ModelUnavailable, UsageError
from tapgraph.llm_backend.local.constraints import Constraint
from tapgraph.llm_backend.steering.spans import Spans

__all__ = [
    "Delta",
    "FinishReason",
    "Finished",
    "Generation",
    "GenerationEvent",
    "GenerationRequest",
    "GenerationStream",
    "LastStep",
    "Pictures",
    "Prompt",
    "Sampling",
    "ScoredToken",
    "TokenCount",
    "TokenScore",
]

MOST_TOP_LOGPROBS = 20
_MOST_STOPS = 16
_LOOK_S = 0.1
"""How often who waits for a reply looks whether it is still wanted."""

FinishReason = Literal["stop", "length", "cancelled", "timeout", "stuck", "failed"]
"""`stop`: the model ended its turn, a stop string came, or the grammar is complete. `length`: the
reply is cut at `max_tokens`. `cancelled`: by `GenerationStream.cancel` or `Engine.close`.
`timeout`: `timeout_s` is over. `stuck`: nothing may come next in its grammar, of what the
vocabulary has. `failed`: the forward pass raised; `Finished.error` says what."""


@dataclass(frozen=True, slots=True, eq=False)
class Pictures:
    """What a vision model gets besides tokens.

    Attributes:
        inputs: keyword arguments of the model's forward call, as its processor made them.
        first_token: index of the first token of the prompt that stands for a picture, or that is
            read otherwise because of them.
        end_token: index of the first token after them; until there the prompt is read in one pass.
        digest: of the pictures; equal only for equal ones.
        positions: of all tokens of the prompt, int64 `[3, tokens]`: time, height, width; None
            where a token's position is its place.
    """

    inputs: Mapping[str, Tensor]
    first_token: int
    end_token: int
    digest: int
    positions: Tensor | None = None

    @property
    def is_causal(self) -> bool:
        """Whether no token sees a later one: else the model is told which tokens do."""
        return "token_type_ids" not in self.inputs

    @property
    def position_shift(self) -> int:
        """The position after the prompt, less its number of tokens."""
        if self.positions is None:
            return 0
        return int(self.positions.max()) + 1 - self.positions.shape[1]

    def inputs_of(self, first: int, end: int) -> dict[str, Tensor]:
        """The inputs for tokens from `first` up to `end`: some have one number for each token."""
        return {
            name: value[:, first:end] if name.endswith("token_type_ids") else value
            for name, value in self.inputs.items()
        }


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the model reads; `Checkpoint.chat_prompt` and `Checkpoint.text_prompt` make it.

    Attributes:
        tokens: token ids.
        turn_ends: how many tokens each message and all before it take, ascending.
        pictures: None for words only.
        highlights: spans of tokens, ascending and apart, that steered heads attend to more than to
            the rest of the prompt.
    """

    tokens: tuple[int, ...]
    turn_ends: tuple[int, ...] = ()
    pictures: Pictures | None = None
    highlights: Spans = ()


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the next token is chosen.

    The logits are changed by the penalties and the bias, then divided by the temperature; of the
    tokens those are left that `top_k`, `top_p` and `min_p` leave, one after the other.

    Attributes:
        temperature: 0 for the likeliest token, 1 for the model's own distribution; at most 2.
        top_p: choose among the fewest likeliest tokens that hold this share of the probability.
        top_k: choose among so many of the likeliest tokens; 0 for all.
        min_p: choose among tokens with at least this share of the likeliest one's probability.
        repetition_penalty: logits of tokens in the prompt and the reply are divided by this where
            they are positive, else multiplied; 1 changes nothing.
        frequency_penalty: subtracted from a token's logit for each time that it is in the reply.
        presence_penalty: subtracted once if it is there at all.
        logit_bias: added to the logits of these tokens.
        seed: requests with equal seeds get equal tokens, whoever runs beside them; None for a
            seed of its own.
    """

    temperature: float = 1.0
    top_p: float = 1.0
    seed: int | None = None
    top_k: int = 0
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    logit_bias: Mapping[int, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 0 <= self.temperature <= 2:
            raise UsageError(f"temperature must be from 0 to 2, got {self.temperature!r}")
        if not 0 < self.top_p <= 1:
            raise UsageError(f"top_p must be above 0 and at most 1, got {self.top_p!r}")
        if self.top_k < 0:
            raise UsageError(f"top_k must be at least 0, got {self.top_k!r}")
        if not 0 <= self.min_p <= 1:
            raise UsageError(f"min_p must be from 0 to 1, got {self.min_p!r}")
        if not 0.1 <= self.repetition_penalty <= 10:
            raise UsageError(
                f"repetition_penalty must be from 0.1 to 10, got {self.repetition_penalty!r}"
            )
        for name in ("frequency_penalty", "presence_penalty"):
            if not -2 <= getattr(self, name) <= 2:
                raise UsageError(f"{name} must be from -2 to 2, got {getattr(self, name)!r}")
        if not all(-100 <= bias <= 100 for bias in self.logit_bias.values()):
            raise UsageError("each logit_bias must be from -100 to 100")
        if self.seed is not None and not -(2**63) <= self.seed < 2**63:
            raise UsageError(f"seed must be a 64-bit integer, got {self.seed!r}")

    @property
    def takes_the_likeliest(self) -> bool:
        """Whether it always takes the largest of the model's own logits."""
        return not (self.temperature or self.changes_logits)

    @property
    def changes_logits(self) -> bool:
        """Whether a penalty or a bias changes what the model says."""
        return bool(
            self.repetition_penalty != 1
            or self.frequency_penalty
            or self.presence_penalty
            or self.logit_bias
        )

    @classmethod
    def of(cls, *sources: Mapping[str, Any]) -> "Sampling":
        """With the values of these sources by name, the first that has one; None is no value.

        >>> Sampling.of({"top_p": None}, {"top_p": 0.9, "top_k": 20}).top_p
        0.9
        """
        names = {one.name for one in fields(cls)}
        chosen: dict[str, Any] = {}
        for source in reversed(sources):
            told = {name: value for name, value in source.items() if value is not None}
            chosen.update({name: value for name, value in told.items() if name in names})
        return cls(**chosen)


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """One reply that is wanted.

    Attributes:
        prompt: what the model reads.
        max_tokens: tokens of the reply at most; None for what is left of the context.
        sampling: how tokens are chosen.
        stop: texts that end the reply; neither they nor what follows is part of it.
        next_speakers: more such texts, which the caller did not name: how the next turn begins.
        constraint: what the reply must look like; None for anything.
        top_logprobs: None for no log-probabilities, else how many of the likeliest tokens are told
            beside the chosen one (0 to 20).
        min_tokens: the reply is not ended by the model before it has so many; a constraint is
            kept to all the same.
        timeout_s: seconds from `submit` after which it is ended; None for no limit.
        task: the task embedding that is mixed in at the last token of the prompt; None for the
            engine's default, an empty text for none.
    """

    prompt: Prompt
    max_tokens: int | None = None
    sampling: Sampling = field(default_factory=Sampling)
    stop: tuple[str, ...] = ()
    constraint: Constraint | None = None
    top_logprobs: int | None = None
    min_tokens: int = 0
    timeout_s: float | None = None
    next_speakers: tuple[str, ...] = ()
    task: str | None = None

    def __post_init__(self) -> None:
        if not self.prompt.tokens:
            raise UsageError("the prompt holds no tokens")
        if self.max_tokens is not None and self.max_tokens < 1:
            raise UsageError(f"max_tokens must be at least 1, got {self.max_tokens!r}")
        if self.min_tokens < 0:
            raise UsageError(f"min_tokens must be at least 0, got {self.min_tokens!r}")
        if len(self.stop) > _MOST_STOPS or not all(self.stop):
            raise UsageError(f"stop takes up to {_MOST_STOPS} texts, none empty, got {self.stop!r}")
        if self.top_logprobs is not None and not 0 <= self.top_logprobs <= MOST_TOP_LOGPROBS:
            raise UsageError(
                f"top_logprobs must be from 0 to {MOST_TOP_LOGPROBS}, got {self.top_logprobs!r}"
            )
        if self.timeout_s is not None and not (
            self.timeout_s > 0 and math.isfinite(self.timeout_s)
        ):
            raise UsageError(f"timeout_s must be above 0, got {self.timeout_s!r}")


@dataclass(frozen=True, slots=True)
class ScoredToken:
    """A token and its log-probability (natural logarithm).

    The distribution is the model's own: before temperature, `top_p` and any constraint, as OpenAI
    reports it. `text` shows bytes that are no whole character as U+FFFD; `raw` holds the bytes.
    """

    token: int
    text: str
    raw: bytes
    logprob: float


@dataclass(frozen=True, slots=True)
class TokenScore:
    """The chosen token, and the likeliest ones in descending order."""

    chosen: ScoredToken
    top: tuple[ScoredToken, ...]


@dataclass(frozen=True, slots=True)
class Delta:
    """More of the reply.

    Text that may turn out to begin a stop string, and bytes that are not yet a character, are held
    back with their tokens until it is known.

    Attributes:
        text: the next words; may be empty.
        tokens: the tokens whose text begins in this or an earlier delta and that were not told yet.
        scores: one for each of `tokens`, if log-probabilities were asked for; else empty.
    """

    text: str
    tokens: tuple[int, ...]
    scores: tuple[TokenScore, ...] = ()


@dataclass(frozen=True, slots=True)
class LastStep:
    """What the last step of a reply read.

    Attributes:
        tokens: of the text until then.
        read: how many of them the attention system attended to; mean over layers and KV heads.
        highlighted: the share of highlighted tokens that steered heads attended to; None where
            there are none.
    """

    tokens: int = 0
    read: int = 0
    highlighted: float | None = None

    @property
    def share(self) -> float:
        """What part of the text was read, 0..1; 1 where there was none."""
        return min(1.0, self.read / self.tokens) if self.tokens else 1.0


@dataclass(frozen=True, slots=True)
class TokenCount:
    """Tokens of one request.

    Attributes:
        prompt: tokens of the prompt.
        cached: those of them that were not computed again, but taken from a kept prefix.
        completion: tokens that were chosen, those that ended the reply among them.
        step: the last step.
    """

    prompt: int
    cached: int
    completion: int
    step: LastStep = LastStep()


@dataclass(frozen=True, slots=True)
class Finished:
    """The last event.

    Attributes:
        reason: why the reply ended.
        count: its tokens.
        waited_s: from `submit` until it got a slot.
        first_token_s: from `submit` until the first token was chosen; 0 when there was none.
        total_s: from `submit` until now.
        stop: the stop string that ended it; empty for none.
        error: what raised, when `reason` is `failed`.
    """

    reason: FinishReason
    count: TokenCount
    waited_s: float
    first_token_s: float
    total_s: float
    stop: str = ""
    error: str = ""


GenerationEvent: TypeAlias = Delta | Finished


@dataclass(frozen=True, slots=True)
class Generation:
    """A whole reply."""

    text: str
    tokens: tuple[int, ...]
    scores: tuple[TokenScore, ...]
    finished: Finished


class GenerationStream:
    """A reply as it comes: `Delta`s, then one `Finished`; for one reader in any thread.

    >>> stream = GenerationStream()
    >>> stream.put(Delta("Hel", (1,)))
    >>> stream.put(Delta("lo", (2,)))
    >>> stream.put(Finished("stop", TokenCount(3, 0, 2), 0.0, 0.1, 0.2))
    >>> stream.result().text
    'Hello'
    """

    def __init__(self, notify: Callable[[], None] | None = None) -> None:
        """Prepare an empty stream.

        Args:
            notify: called in the engine's thread after each event; it must not block or raise
                (`loop.call_soon_threadsafe(wake.set)`).
        """
        self._events: queue.SimpleQueue[GenerationEvent] = queue.SimpleQueue()
        self._notify = notify
        self._cancelled = threading.Event()
        self._ended = False

    def __iter__(self) -> Iterator[GenerationEvent]:
        """Wait for each event; ends after `Finished`."""
        while not self._ended:
            yield self._told(self._events.get())

    def take_ready(self) -> tuple[GenerationEvent, ...]:
        """The events that came since the last look; does not wait."""
        ready: list[GenerationEvent] = []
        while not self._events.empty():
            ready.append(self._told(self._events.get()))
        return tuple(ready)

    def result(self, is_unwanted: Callable[[], bool] = lambda: False) -> Generation:
        """Wait for the whole reply.

        It is cancelled when the waiting is interrupted, as by Ctrl-C.

        Args:
            is_unwanted: asked while waiting; yes cancels the reply.

        Raises:
            UsageError: the vocabulary has no token that the constraint allows next.
            ModelUnavailable: the forward pass failed, the engine was closed, or time is over.
        """
        deltas: list[Delta] = []
        finished: Finished | None = None
        try:
            for event in self._events_while_wanted(is_unwanted):
                if isinstance(event, Finished):
                    finished = event
                else:
                    deltas.append(event)
        except BaseException:
            self.cancel()
            raise
        if finished is None:
            raise UsageError("this stream was read before")
        if finished.reason == "stuck":
            raise UsageError(f"the schema cannot be held to: {finished.error}")
        if finished.reason in {"failed", "cancelled", "timeout"}:
            why = finished.error or f"the reply was ended early ({finished.reason})"
            raise ModelUnavailable(f"the local model gave no reply: {why}")
        return Generation(
            "".join(delta.text for delta in deltas),
            tuple(token for delta in deltas for token in delta.tokens),
            tuple(score for delta in deltas for score in delta.scores),
            finished,
        )

    def _events_while_wanted(self, is_unwanted: Callable[[], bool]) -> Iterator[GenerationEvent]:
        while not self._ended:
            try:
                event = self._events.get(timeout=_LOOK_S)
            except queue.Empty:
                pass
            else:
                yield self._told(event)
            # Also while events come so fast that there is always one.
            if is_unwanted():
                self.cancel()

    def cancel(self) -> None:
        """Ask the engine to stop; its slot is free before the next step. May come at any time."""
        self._cancelled.set()

    @property
    def is_cancelled(self) -> bool:
        """Whether `cancel` was called."""
        return self._cancelled.is_set()

    def put(self, event: GenerationEvent) -> None:
        """Add an event; only the engine does."""
        self._events.put(event)
        if self._notify is not None:
            # An event loop that was closed meanwhile raises this; its reader is gone.
            with contextlib.suppress(RuntimeError):
                self._notify()

    def _told(self, event: GenerationEvent) -> GenerationEvent:
        self._ended = isinstance(event, Finished)
        return event
