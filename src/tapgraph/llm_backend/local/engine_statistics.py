"""What an engine does now, and has done."""

from collections.abc import Mapping
from dataclasses import dataclass

from tapgraph.llm_backend.local.generation import FinishReason

__all__ = ["EngineStatistics"]


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
        reply_passes: forward passes that chose tokens, counted for each reply; fewer than tokens
            where proposed ones were right.
        forward_passes: all forward passes.
        step_tokens: tokens that the last steps of all replies could have read.
        step_tokens_read: how many of them they attended to; mean over layers and KV heads.
        preempted: how often a running reply gave up its memory and was read again.
        kept_tokens: tokens whose keys and values are kept for later prompts.
        prefix_bytes: memory of them.
        cache_bytes: memory of the caches of running replies.
        most_bytes: what both were together at most.
        budget_bytes: what both may be together.
        budget_tokens: how many tokens of this model that is.
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
    reply_passes: int
    forward_passes: int
    step_tokens: int
    step_tokens_read: int
    preempted: int
    kept_tokens: int
    prefix_bytes: int
    cache_bytes: int
    most_bytes: int
    budget_bytes: int
    budget_tokens: int
    uptime_s: float
