"""Many replies from one model at once."""

import atexit
import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType

import torch
from torch import Tensor

from tapgraph.errors import ContextExceeded, ModelBusy, ModelUnavailable, UsageError
from tapgraph.kernels.attention_system import AttentionSystem
from tapgraph.kernels.systems.dense import Dense
from tapgraph.llm_backend.local.attention import use_attention
from tapgraph.llm_backend.local.checkpoint import Checkpoint
from tapgraph.llm_backend.local.forward_pass import ForwardPass
from tapgraph.llm_backend.local.generation import (
    FinishReason,
    GenerationRequest,
    GenerationStream,
)
from tapgraph.llm_backend.local.grammar import GrammarCompiler, GrammarStuck
from tapgraph.llm_backend.local.prefix_store import PrefixStore
from tapgraph.llm_backend.local.reply_in_progress import ReplyInProgress, Spelling

__all__ = ["Engine", "EngineLimits", "EngineStatistics"]

_log = logging.getLogger(__name__)

FIXED_CHUNK = 256
"""Where the cut matters, prompts are cut at multiples of this and of nothing else, and used again
from there, so that what is read anew goes through the same passes as in a prompt read whole."""
SHARED_STEP = 16
"""Where the cut does not matter, prompts are used again in these steps."""


@dataclass(frozen=True, slots=True)
class EngineLimits:
    """How much an engine takes on.

    Attributes:
        context_tokens: prompt and reply together; None for what the checkpoint says.
        running: replies that are worked on at once.
        waiting: requests that may wait for one of those places; more are refused.
        prefill_chunk: tokens of a prompt that are read in one forward pass, the rest of a prompt
            with the last one if it is less than half of this. Running replies get their next token
            between two passes. Attention systems whose result depends on where a prompt is cut
            read at most `FIXED_CHUNK`.
        prefix_bytes: memory for keys and values of recent prompts; 0 keeps none.
    """

    context_tokens: int | None = None
    running: int = 16
    waiting: int = 64
    prefill_chunk: int = 1024
    prefix_bytes: int = 2**30

    def __post_init__(self) -> None:
        for name, value, least in (
            ("context_tokens", self.context_tokens, 2),
            ("running", self.running, 1),
            ("waiting", self.waiting, 0),
            ("prefill_chunk", self.prefill_chunk, 1),
            ("prefix_bytes", self.prefix_bytes, 0),
        ):
            if value is not None and value < least:
                raise UsageError(f"{name} must be at least {least}, got {value!r}")


@dataclass(frozen=True, slots=True)
class EngineStatistics:
    """What an engine does now, and has done since it began.

    Attributes:
        running: replies that are worked on.
        waiting: requests without a place.
        submitted: requests that were taken on.
        refused: requests that were not, because too many waited.
        finished: replies by the reason of their end.
        prompt_tokens: tokens of all prompts whose reading began.
        cached_tokens: those of them that came from kept prefixes.
        completion_tokens: tokens that were chosen.
        prefix_lookups: prompts for which a kept prefix was looked for.
        prefix_hits: prompts for which one was found.
        prefixes_kept: how many prefixes are held now.
        prefix_bytes: memory of them.
        cache_bytes: memory of the caches of running replies.
        uptime_s: seconds since it began.
    """

    running: int
    waiting: int
    submitted: int
    refused: int
    finished: Mapping[FinishReason, int]
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    prefix_lookups: int
    prefix_hits: int
    prefixes_kept: int
    prefix_bytes: int
    cache_bytes: int
    uptime_s: float


class Engine:
    """A checkpoint under an attention system, in a thread of its own; callable from all threads.

    Between two decode steps at most one chunk of one prompt is read, so that a long prompt does
    not stall the replies that run; a decode step is one forward pass over all of them. Requests
    join and leave between steps. Prompts are read in the order in which they came.

    The continuous batching of `transformers` is not used: it stores keys and values in pages of its
    own and calls the attention function with those, while most attention systems here keep less,
    or other things than keys and values. So each reply has an `AttentionCache` of one sequence, and
    a step stacks them.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        system: AttentionSystem | None = None,
        limits: EngineLimits = EngineLimits(),
    ) -> None:
        """Start the thread.

        Args:
            checkpoint: must not be used elsewhere until `close`.
            system: how it attends; dense by default.
            limits: how much it takes on.

        Raises:
            UsageError: the system does not work in this model, or the context limit is above the
                checkpoint's.
        """
        self.checkpoint = checkpoint
        self.limits = limits
        self.system = system or Dense()
        self.context_tokens = _context_tokens(checkpoint, limits)
        self.grammars = GrammarCompiler(checkpoint)
        self._spelling = Spelling(checkpoint.token_bytes, checkpoint.end_tokens)
        self._restoring = ExitStack()
        attention = self._restoring.enter_context(use_attention(checkpoint.model, self.system))
        self._new_cache = attention.new_cache
        self._forward = ForwardPass(checkpoint, attention)
        self._chunk = limits.prefill_chunk
        if not self.system.same_in_chunks:
            self._chunk = min(self._chunk, FIXED_CHUNK)
        self._shared_step = SHARED_STEP if self.system.same_in_chunks else self._chunk
        self._store = PrefixStore(limits.prefix_bytes, self._shared_step)
        self._changed = threading.Condition()
        self._waiting: deque[ReplyInProgress] = deque()
        self._running: list[ReplyInProgress] = []
        self._is_closing = False
        self._counts: Counter[str] = Counter()
        self._finished: Counter[FinishReason] = Counter()
        self._memory = (0, 0, 0)
        self._began = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="tapgraph-engine", daemon=True)
        self._thread.start()
        # A thread inside torch when Python ends would abort the process.
        atexit.register(self._end_now)

    def __enter__(self) -> "Engine":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close(drain=error is None)

    @property
    def statistics(self) -> EngineStatistics:
        """What it does and has done; counters only grow."""
        with self._changed:
            counts, (kept, kept_bytes, cache_bytes) = self._counts, self._memory
            return EngineStatistics(
                running=len(self._running),
                waiting=len(self._waiting),
                submitted=counts["submitted"],
                refused=counts["refused"],
                finished=dict(self._finished),
                prompt_tokens=counts["prompt_tokens"],
                cached_tokens=counts["cached_tokens"],
                completion_tokens=counts["completion_tokens"],
                prefix_lookups=counts["prefix_lookups"],
                prefix_hits=counts["prefix_hits"],
                prefixes_kept=kept,
                prefix_bytes=kept_bytes,
                cache_bytes=cache_bytes,
                uptime_s=time.monotonic() - self._began,
            )

    def submit(
        self, request: GenerationRequest, notify: Callable[[], None] | None = None
    ) -> GenerationStream:
        """Take on a request; returns at once, before any work of the model.

        Args:
            request: what is wanted.
            notify: see `GenerationStream`.

        Raises:
            UsageError: a token is not in the vocabulary, the constraint cannot be compiled, or
                the prompt holds pictures and the attention system places keys by itself.
            ContextExceeded: prompt and reply do not fit into the context.
            ModelBusy: as many requests wait as may.
            ModelUnavailable: the engine is closed.
        """
        most_tokens = self._room_for_reply(request)
        self.checkpoint.check_tokens(request.prompt.tokens)
        if request.prompt.pictures is not None and self.system.keys == "unrotated":
            raise UsageError(
                f"the attention system {self.system.name!r} gives tokens positions of its own, "
                "which pictures do not allow; use another one"
            )
        grammar = None if request.constraint is None else self.grammars.compile(request.constraint)
        reply = ReplyInProgress(
            request,
            GenerationStream(notify),
            most_tokens,
            grammar,
            self._spelling,
            time.monotonic(),
        )
        with self._changed:
            if self._is_closing:
                raise ModelUnavailable("the local model was closed")
            if len(self._waiting) >= self._places():
                self._counts["refused"] += 1
                raise ModelBusy(
                    f"the local model works on {len(self._running)} requests, and "
                    f"{len(self._waiting)} wait, which is the limit: try again later"
                )
            self._counts["submitted"] += 1
            self._waiting.append(reply)
            self._changed.notify()
        return reply.stream

    def close(self, *, drain: bool = True) -> None:
        """End the thread; the model is then as it was before. May be called twice.

        Args:
            drain: finish all requests that were taken on; otherwise they end as `cancelled`.
        """
        with self._changed:
            self._is_closing = True
            if not drain:
                for reply in (*self._running, *self._waiting):
                    reply.stream.cancel()
            self._changed.notify()
        self._thread.join()
        atexit.unregister(self._end_now)

    def _end_now(self) -> None:
        self.close(drain=False)

    def _places(self) -> int:
        """How many may wait now; one that finds a free slot waits only until the next step."""
        return self.limits.waiting + self.limits.running - len(self._running)

    def _room_for_reply(self, request: GenerationRequest) -> int:
        length = len(request.prompt.tokens)
        left = self.context_tokens - length
        wanted = request.max_tokens if request.max_tokens is not None else max(left, 1)
        if wanted > left:
            raise ContextExceeded(
                f"the context of {self.checkpoint.name} is {self.context_tokens} tokens: the "
                f"prompt has {length}, and {wanted} are asked for"
            )
        return wanted

    def _run(self) -> None:
        with self._restoring, torch.inference_mode():
            while self._await_work():
                try:
                    self._step()
                # The top of the engine: whatever a forward pass raises ends the replies that were
                # part of it, and the next ones are served.
                except Exception as error:  # noqa: BLE001
                    _log.exception("a step of the local model failed")
                    self._fail(f"{type(error).__name__}: {error}")
            self._store.clear()

    def _await_work(self) -> bool:
        """Give free slots to waiting requests; False when there is nothing to do any more."""
        with self._changed:
            while not (self._waiting or self._running or self._is_closing):
                self._changed.wait()
            while self._waiting and len(self._running) < self.limits.running:
                reply = self._waiting.popleft()
                reply.admit()
                self._running.append(reply)
            return bool(self._running)

    def _step(self) -> None:
        self._end_unwanted()
        unread = next((reply for reply in self._running if not reply.is_read), None)
        decoding = [reply for reply in self._running if reply.is_read]
        if unread is not None:
            self._read_chunk(unread)
        if decoding:
            self._decode(decoding)
        self._note_memory()

    def _end_unwanted(self) -> None:
        with self._changed:
            active = (*self._running, *self._waiting)
        for reply in active:
            if reply.stream.is_cancelled:
                self._finish(reply, "cancelled")
            elif reply.is_late:
                self._finish(reply, "timeout", f"it took longer than {reply.request.timeout_s:g} s")

    def _read_chunk(self, reply: ReplyInProgress) -> None:
        if reply.cache is None:
            self._begin(reply)
        cache = reply.cache
        if cache is None:
            raise TypeError("a reply that has begun has a cache")
        end = self._end_of_chunk(reply)
        if end <= reply.read:
            # The rest in one pass: pictures cannot be cut.
            end = len(reply.prompt_tokens)
        logits = self._forward.prefill(cache, reply.request.prompt, reply.read, end)
        reply.read = end
        if end in reply.points and reply.prompt_tokens[:end] not in self._store:
            self._store.keep(reply.prompt_tokens[:end], cache.fork())
        if reply.is_read:
            self._choose(reply, logits, None)

    def _end_of_chunk(self, reply: ReplyInProgress) -> int:
        last, chunk = self._last_shared_point(reply), self._chunk
        if not self.system.same_in_chunks:
            return min((reply.read // chunk + 1) * chunk, last)
        end = reply.read + chunk
        return end if last - end >= chunk / 2 else last

    def _begin(self, reply: ReplyInProgress) -> None:
        tokens, most = reply.prompt_tokens, self._reusable(reply)
        others = []
        if self.system.croppable and self.limits.prefix_bytes:
            running = (one.as_prefix(min(one.read, self._reusable(one))) for one in self._running)
            others = [one for one in running if one is not None]
        found = self._store.find(tokens, most, others)
        points = frozenset[int]()
        if not self.system.croppable:
            points = self._store.points_to_keep(tokens[: most + 1], reply.request.prompt.turn_ends)
        if found is None:
            reply.start(self._new_cache(), 0, points)
        else:
            reply.start(*found, points)
        with self._changed:
            self._counts["prefix_lookups"] += 1
            self._counts["prefix_hits"] += found is not None
            self._counts["prompt_tokens"] += len(tokens)
            self._counts["cached_tokens"] += reply.cached

    def _reusable(self, reply: ReplyInProgress) -> int:
        """Tokens of the prompt that later prompts may share: not the last one, no pictures."""
        pictures = reply.request.prompt.pictures
        last = len(reply.prompt_tokens) - 1
        return last if pictures is None else min(last, pictures.first_token)

    def _last_shared_point(self, reply: ReplyInProgress) -> int:
        """Up to where the prompt is read in chunks."""
        if reply.request.prompt.pictures is None:
            return len(reply.prompt_tokens)
        return self._reusable(reply) // self._shared_step * self._shared_step

    def _decode(self, replies: list[ReplyInProgress]) -> None:
        logits = self._forward.decode([reply.next_token() for reply in replies])
        likeliest = logits.argmax(dim=-1).tolist()
        for reply, row, token in zip(replies, logits, likeliest, strict=True):
            self._choose(reply, row, token if reply.wants_only_the_likeliest else None)

    def _choose(self, reply: ReplyInProgress, logits: Tensor, token: int | None) -> None:
        error = ""
        reason: FinishReason | None
        try:
            reason = reply.choose(logits) if token is None else reply.take(token, logits)
        except GrammarStuck as stuck:
            reason, error = "failed", str(stuck)
        with self._changed:
            self._counts["completion_tokens"] += 1
        if reason is not None:
            self._finish(reply, reason, error)

    def _finish(self, reply: ReplyInProgress, reason: FinishReason, error: str = "") -> None:
        if self.system.croppable and reason != "failed":
            length = min(reply.read, self._reusable(reply))
            length -= length % self._shared_step
            prefix = reply.as_prefix(length)
            if prefix is not None:
                prefix.cache.crop(length)
                self._store.keep(prefix.tokens, prefix.cache)
        with self._changed:
            self._finished[reason] += 1
            if reply in self._running:
                self._running.remove(reply)
            else:
                self._waiting.remove(reply)
        self._note_memory()
        reply.finish(reason, error)

    def _fail(self, error: str) -> None:
        self._store.clear()
        for reply in tuple(self._running):
            self._finish(reply, "failed", error)

    def _note_memory(self) -> None:
        caches = [reply.cache for reply in self._running if reply.cache is not None]
        held = sum(cache.bytes_held() for cache in caches)
        with self._changed:
            self._memory = (len(self._store), self._store.bytes_held, held)


def _context_tokens(checkpoint: Checkpoint, limits: EngineLimits) -> int:
    most = checkpoint.context_tokens
    if limits.context_tokens is not None and limits.context_tokens > most:
        raise UsageError(
            f"the context of {checkpoint.name} is {most} tokens, got {limits.context_tokens}"
        )
    return limits.context_tokens or most
