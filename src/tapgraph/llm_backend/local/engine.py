"""Many replies from one model at once."""

import atexit
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from types import TracebackType

import torch
from torch import Tensor

from tapgraph.errors import ContextExceeded, ModelBusy, ModelUnavailable, UsageError
from tapgraph.kernels.attention_system import AttentionSystem
from tapgraph.kernels.highlight import Steering
from tapgraph.kernels.in_models.attention import ModelAttention, use_attention
from tapgraph.kernels.systems.dense import Dense
from tapgraph.kernels.token_store import PAGE_TOKENS
from tapgraph.llm_backend.local.checkpoint import Checkpoint
from tapgraph.llm_backend.local.cuts import Cuts
from tapgraph.llm_backend.local.engine_statistics import EngineStatistics
from tapgraph.llm_backend.local.forward_pass import ForwardPass
from tapgraph.llm_backend.local.generation import (
    FinishReason,
    GenerationRequest,
    GenerationStream,
    Prompt,
)
from tapgraph.llm_backend.local.grammar import GrammarCompiler, GrammarStuck
from tapgraph.llm_backend.local.highlighting import Highlighting
from tapgraph.llm_backend.local.memory_budget import CacheCost, free_bytes, measured_cost
from tapgraph.llm_backend.local.own_attention import OwnAttention, needs_own_attention
from tapgraph.llm_backend.local.prefix_reuse import reuse_for
from tapgraph.llm_backend.local.reply_in_progress import ReplyInProgress, Spelling
from tapgraph.llm_backend.local.sampling import likeliest_tokens
from tapgraph.llm_backend.local.scheduler import Reading, Room, Scheduler, Share
from tapgraph.llm_backend.steering.known_tasks import KnownTasks

__all__ = ["Engine", "EngineLimits"]

_log = logging.getLogger(__name__)

FIXED_CHUNK = 256
"""Where the cut matters, prompts are cut at multiples of this and of nothing else, and used again
from there, so that what is read anew goes through the same passes as in a prompt read whole."""
_LEAST_BYTES = 2**28
"""What keys and values may take at least, however little memory is free at the start."""


@dataclass(frozen=True, slots=True)
class EngineLimits:
    """How much an engine takes on.

    Attributes:
        context_tokens: prompt and reply together; None for what the checkpoint says.
        running: replies that are worked on at once.
        waiting: requests that may wait for one of those places; more are refused.
        prefill_chunk: tokens of prompts that are read in one forward pass, beside the next token
            of each running reply; the rest of a prompt with the last one if it is less than half
            of this. For attention systems whose result depends on where a prompt is cut at most
            `FIXED_CHUNK`, and what is chosen for a longer chunk of theirs at once (`Cuts`).
        prefix_bytes: memory for keys and values of recent prompts and replies; 0 keeps none.
        cache_bytes: memory for those and for keys and values of running replies together; None for
            half of what is free when the engine starts.
    """

    context_tokens: int | None = None
    running: int = 16
    waiting: int = 64
    prefill_chunk: int = 1024
    prefix_bytes: int = 2**30
    cache_bytes: int | None = None

    def __post_init__(self) -> None:
        for name, value, least in (
            ("context_tokens", self.context_tokens, 2),
            ("running", self.running, 1),
            ("waiting", self.waiting, 0),
            ("prefill_chunk", self.prefill_chunk, 1),
            ("prefix_bytes", self.prefix_bytes, 0),
            ("cache_bytes", self.cache_bytes, 1),
        ):
            if value is not None and value < least:
                raise UsageError(f"{name} must be at least {least}, got {value!r}")


class Engine:
    """A checkpoint under an attention system, in a thread of its own; callable from all threads.

    A step is one forward pass: over the next token of every reply that runs, over tokens that may
    well follow it (`ReplyInProgress.propose`), and over a chunk of prompts. Requests join and leave
    between steps; `Scheduler` says who. A pass that fails is tried again for each of its replies
    alone, so that only those end that it fails for.

    The continuous batching of `transformers` is not used: it stores keys and values in pages of its
    own and calls the attention function with those, while most attention systems here keep less,
    or other things than keys and values. So each reply has an `AttentionCache` of one sequence, and
    a step stacks them (`StackedCache`).
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        system: AttentionSystem | None = None,
        limits: EngineLimits = EngineLimits(),
        steering: Steering | None = None,
        tasks: KnownTasks | None = None,
    ) -> None:
        """Start the thread.

        Args:
            checkpoint: must not be used elsewhere until `close`.
            system: how it attends; dense by default.
            limits: how much it takes on.
            steering: the heads that follow highlights; without them prompts can have none.
            tasks: the task embeddings that requests may name.

        Raises:
            UsageError: the system or a task does not work in this model, the system cannot follow
                highlights, or the context limit is above the checkpoint's.
        """
        self.checkpoint, self.tasks = checkpoint, tasks or KnownTasks()
        self.tasks.check(checkpoint.model)
        self.limits = limits
        self.system = system or Dense()
        self.grammars = GrammarCompiler(checkpoint)
        self._landmarks = checkpoint.landmarks if self.system.name == "landmark" else None
        self._spelling = Spelling(checkpoint.token_bytes, checkpoint.end_tokens, self._landmarks)
        self._restoring = ExitStack()
        self._forward: ForwardPass | OwnAttention
        chunk = limits.prefill_chunk
        attention: ModelAttention | OwnAttention
        if needs_own_attention(checkpoint.model, self.system):
            attention = self._forward = OwnAttention(checkpoint, min(chunk, FIXED_CHUNK))
            self.system, chunk, cost = attention.system, attention.chunk, attention.cost
        else:
            attention = self._restoring.enter_context(use_attention(checkpoint.model, self.system))
            self._forward = ForwardPass(checkpoint, attention)
            if not self.system.same_in_chunks:
                chunk = min(chunk, FIXED_CHUNK)
        self.attention = attention
        self.steering = steering
        self._highlighting = Highlighting(attention, steering)
        if isinstance(attention, ModelAttention):
            cost = measured_cost(
                lambda: self._highlighting.empty_cache().rows[0].layers,
                checkpoint.model.dtype,
                checkpoint.model.device,
            )
        self._room = _room(checkpoint, limits, cost)
        self.context_tokens = _context_tokens(checkpoint, limits, self._room)
        open_cache = self._highlighting.open_cache
        cuts = None if self.system.same_in_chunks else _cuts(self.system, chunk)
        self._reuse = reuse_for(attention, open_cache, limits.prefix_bytes, cuts)
        reading = Reading(chunk if cuts is None else cuts.least, cuts)
        self._schedule = Scheduler(self._room, reading, self._reuse, open_cache)
        self._changed = threading.Condition()
        self._is_closing = False
        self._counts: Counter[str] = Counter()
        self._finished: Counter[FinishReason] = Counter()
        self._memory = (0, 0, 0)
        self._most_bytes = 0
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
                running=len(self._schedule.running),
                waiting=len(self._schedule.waiting),
                submitted=counts["submitted"],
                refused=counts["refused"],
                finished=dict(self._finished),
                prompt_tokens=counts["prompt_tokens"],
                cached_tokens=counts["cached_tokens"],
                completion_tokens=counts["completion_tokens"],
                prefix_lookups=counts["prefix_lookups"],
                prefix_hits=counts["prefix_hits"],
                reply_passes=counts["reply_passes"],
                forward_passes=counts["forward_passes"],
                step_tokens=counts["step_tokens"],
                step_tokens_read=counts["step_tokens_read"],
                preempted=self._schedule.preempted,
                kept_tokens=kept,
                prefix_bytes=kept_bytes,
                cache_bytes=cache_bytes,
                most_bytes=self._most_bytes,
                budget_bytes=self._room.bytes,
                budget_tokens=self._room.cost.tokens_in(self._room.bytes),
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
            UsageError: a token is not in the vocabulary, the constraint cannot be compiled, there
                is no such task, the prompt holds pictures that the attention system cannot read, or
                it has highlights and no head follows them.
            ContextExceeded: prompt and reply do not fit into the context, or into the memory for
                keys and values.
            ModelBusy: as many requests wait as may.
            ModelUnavailable: the engine is closed.
        """
        most_tokens = self._room_for_reply(request)
        self._highlighting.check(request.prompt)
        self.checkpoint.check_tokens((*request.prompt.tokens, *request.sampling.logit_bias))
        if self._landmarks is not None:
            slots = self._landmarks.insert(request.prompt.tokens)
            request = replace(request, prompt=replace(request.prompt, tokens=slots))
        request = replace(request, prompt=self._with_readable_pictures(request.prompt))
        grammar = None if request.constraint is None else self.grammars.compile(request.constraint)
        reply = ReplyInProgress(
            request,
            GenerationStream(notify),
            most_tokens,
            grammar,
            self._spelling,
            time.monotonic(),
            self.tasks.of(request.task),
        )
        with self._changed:
            if self._is_closing:
                raise ModelUnavailable("the local model was closed")
            waiting, running = len(self._schedule.waiting), len(self._schedule.running)
            # One that finds a free slot waits only until the next step.
            if waiting >= self.limits.waiting + self.limits.running - running:
                self._counts["refused"] += 1
                raise ModelBusy(
                    f"the local model works on {running} requests, and {waiting} wait, "
                    "which is the limit: try again later"
                )
            self._counts["submitted"] += 1
            self._schedule.waiting.append(reply)
            self._changed.notify()
        return reply.stream

    def _with_readable_pictures(self, prompt: Prompt) -> Prompt:
        pictures = prompt.pictures
        if pictures is None:
            return prompt
        if isinstance(self._forward, OwnAttention):
            # The model's own masks may be of the whole prompt.
            return replace(prompt, pictures=replace(pictures, first_token=0))
        if self.system.keys == "unrotated":
            raise UsageError(
                f"the attention system {self.system.name!r} gives tokens positions of its own, "
                "which pictures do not allow; use another one"
            )
        if not pictures.is_causal and (self.system.name != "dense" or prompt.highlights):
            raise UsageError(
                "pictures are seen both ways in this model, which only dense attention without "
                "highlights allows"
            )
        return prompt

    def room_after(self, prompt_tokens: int) -> int:
        """How many tokens of a reply the context holds after so many of a prompt, or below 0."""
        if self._landmarks is None:
            return self.context_tokens - prompt_tokens
        return self._landmarks.tokens_in(self.context_tokens) - prompt_tokens

    def close(self, *, drain: bool = True) -> None:
        """End the thread; the model is then as it was before. May be called twice.

        Args:
            drain: finish all requests that were taken on; otherwise they end as `cancelled`.
        """
        with self._changed:
            self._is_closing = True
            if not drain:
                for reply in (*self._schedule.running, *self._schedule.waiting):
                    reply.stream.cancel()
            self._changed.notify()
        self._thread.join()
        atexit.unregister(self._end_now)

    def _end_now(self) -> None:
        self.close(drain=False)

    def _room_for_reply(self, request: GenerationRequest) -> int:
        length = len(request.prompt.tokens)
        left = self.room_after(length)
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
                self._end_unwanted()
                self._step()
                self._note_memory()
            self._reuse.limit(0)

    def _await_work(self) -> bool:
        """Give free slots to waiting requests; False when there is nothing to do any more."""
        schedule = self._schedule
        with self._changed:
            while not (schedule.waiting or schedule.running or self._is_closing):
                self._changed.wait()
            schedule.admit()
            return bool(schedule.running)

    def _end_unwanted(self) -> None:
        with self._changed:
            active = (*self._schedule.running, *self._schedule.waiting)
        for reply in active:
            if reply.stream.is_cancelled:
                self._finish(reply, "cancelled")
            elif reply.is_late:
                self._finish(reply, "timeout", f"it took longer than {reply.request.timeout_s:g} s")

    def _step(self) -> None:
        if not self._schedule.running:
            return
        shares: list[Share] = []
        try:
            shares = self._schedule.next_pass()
            self._note_begun(shares)
            logits = self._forward.read([
                share.reply.next_tokens(share.end, share.drafts) for share in shares
            ])
            likeliest: list[list[int | None]] = [
                likeliest_tokens(rows)
                if share.reply.wants_only_the_likeliest
                else [None] * len(rows)
                for share, rows in zip(shares, logits, strict=True)
            ]
        # The top of the engine: whatever a forward pass raises must end only whom it fails for.
        except Exception as error:  # noqa: BLE001
            _log.exception("a forward pass of the local model failed")
            self._recover(shares, error)
            return
        self._counts["forward_passes"] += 1
        for share, rows, largest in zip(shares, logits, likeliest, strict=True):
            self._advance(share, rows, largest)

    def _recover(self, shares: list[Share], error: Exception) -> None:
        """End the reply that failed alone; let those that failed together be tried one by one."""
        if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
            self._reuse.limit(0)  # until the next pass
        replies = [share.reply for share in shares] or self._schedule.running[:1]
        for reply in replies:
            reply.set_back()
            reply.is_suspect = True
        if len(replies) == 1:
            self._finish(replies[0], "failed", f"{type(error).__name__}: {error}")

    def _note_begun(self, shares: list[Share]) -> None:
        begun = [share.reply for share in shares if not share.reply.is_counted]
        with self._changed:
            for reply in begun:
                reply.is_counted = True
                self._counts["prefix_lookups"] += 1
                self._counts["prefix_hits"] += reply.cached > 0
                self._counts["prompt_tokens"] += len(reply.prompt_tokens)
                self._counts["cached_tokens"] += reply.cached

    def _advance(self, share: Share, logits: Tensor, likeliest: list[int | None]) -> None:
        """Note what a pass has read, and choose tokens where it has read all there was."""
        reply = share.reply
        read_before, reply.read = reply.read, share.end
        pages = [
            -(-tokens // PAGE_TOKENS) for tokens in (read_before, share.end + len(share.drafts))
        ]
        if pages[0] != pages[1]:
            reply.measure()
        if len(logits):
            self._choose(share, logits, likeliest)
        else:
            self._reuse.note_read(reply)

    def _choose(self, share: Share, logits: Tensor, likeliest: list[int | None]) -> None:
        reply = share.reply
        before, error = reply.completion_tokens, ""
        reason: FinishReason | None
        if not before:
            self._reuse.note_read(reply)
        reply.is_suspect = False
        try:
            reason = reply.advance(share.drafts, logits, likeliest)
        except GrammarStuck as stuck:
            reason, error = "stuck", str(stuck)
        # What one reply makes of its own logits must not end the thread, and with it all others.
        except Exception as raised:  # noqa: BLE001
            _log.exception("a token of the local model could not be chosen")
            reason, error = "failed", f"{type(raised).__name__}: {raised}"
        with self._changed:
            self._counts["reply_passes"] += 1
            self._counts["completion_tokens"] += reply.completion_tokens - before
        if reason is not None:
            self._finish(reply, reason, error)

    def _finish(self, reply: ReplyInProgress, reason: FinishReason, error: str = "") -> None:
        if reason not in {"failed", "stuck"}:
            reply.note_reading()
            self._highlighting.note_end(reply)
            self._reuse.note_end(reply)
        with self._changed:
            self._finished[reason] += 1
            self._counts["step_tokens"] += reply.step.tokens
            self._counts["step_tokens_read"] += reply.step.read
            self._schedule.remove(reply)
        reply.set_back()
        self._note_memory()
        reply.finish(reason, error)

    def _note_memory(self) -> None:
        held = sum(reply.held_bytes for reply in self._schedule.running)
        kept = self._reuse.bytes_held
        with self._changed:
            self._memory = (self._reuse.tokens_held, kept, held)
            self._most_bytes = max(self._most_bytes, kept + held)


def _cuts(system: AttentionSystem, most: int) -> Cuts:
    """Of passes that read at most so many tokens, where a system's own chunk is no longer."""
    own = system.chunk_tokens or 1
    return Cuts(max(own, most // own * own), fine=most, dense_below=system.dense_below)


def _room(checkpoint: Checkpoint, limits: EngineLimits, cost: CacheCost) -> Room:
    budget = limits.cache_bytes
    if budget is None:
        budget = max(_LEAST_BYTES, free_bytes(checkpoint.model.device) // 2)
    if cost.tokens_in(budget) < 1:
        raise UsageError(
            f"cache_bytes must be at least {cost.bytes_for(1)} for {checkpoint.name}, got {budget}"
        )
    return Room(limits.running, budget, cost)


def _context_tokens(checkpoint: Checkpoint, limits: EngineLimits, room: Room) -> int:
    most, fitting = checkpoint.context_tokens, room.cost.tokens_in(room.bytes)
    if limits.context_tokens is None:
        return min(most, fitting)
    if limits.context_tokens > most:
        raise UsageError(
            f"the context of {checkpoint.name} is {most} tokens, got {limits.context_tokens}"
        )
    if limits.context_tokens > fitting:
        raise UsageError(
            f"a context of {limits.context_tokens} tokens needs "
            f"{room.cost.bytes_for(limits.context_tokens)} bytes for keys and values, and "
            f"cache_bytes are {room.bytes}"
        )
    return limits.context_tokens
