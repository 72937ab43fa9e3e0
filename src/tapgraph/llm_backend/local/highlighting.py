"""Highlights in the prompts of an engine."""

import logging

from tapgraph.errors import UsageError
from tapgraph.kernels.highlight import Highlight, Steering
from tapgraph.kernels.in_models.attention import AttentionCache, ModelAttention
from tapgraph.llm_backend.local.generation import Prompt
from tapgraph.llm_backend.local.own_attention import OwnAttention
from tapgraph.llm_backend.local.reply_in_progress import ReplyInProgress

__all__ = ["Highlighting"]

_log = logging.getLogger(__name__)


class Highlighting:
    """Opens the caches of replies, with their highlights where they have some.

    Attributes:
        steering: the model's; None for a model that was not calibrated for highlights.
    """

    def __init__(self, attention: ModelAttention | OwnAttention, steering: Steering | None) -> None:
        """Prepare.

        Raises:
            UsageError: the attention system or the model cannot follow highlights, or the heads are
                those of another model.
        """
        self.steering = steering
        self._attention = attention
        self._has_warned = False
        if steering is not None:
            if isinstance(attention, OwnAttention):
                raise UsageError(
                    "highlights need an attention system, and this model has an attention of its "
                    "own: open it without steer="
                )
            if attention.system.name == "landmark":
                raise UsageError(
                    "landmarks weigh whole blocks, so no token inside one can be highlighted: open "
                    "the model without steer= or with another attention"
                )
            self.empty_cache()

    def empty_cache(self) -> AttentionCache:
        """One that takes at least as much memory as that of any reply."""
        if self.steering is None or isinstance(self._attention, OwnAttention):
            return self._attention.new_cache()
        return self._attention.new_cache([Highlight(self.steering, 1, ((0, 1),))])

    def check(self, prompt: Prompt) -> None:
        """Raise unless what is highlighted in a prompt can be followed.

        Raises:
            UsageError: the model was not calibrated for highlights, or spans cannot be.
        """
        if not prompt.highlights:
            return
        if self.steering is None:
            raise UsageError(
                "this model follows no highlights: calibrate it (tapgraph kernels calibrate "
                "steering --model MODEL) and open it with steer=FILE"
            )
        Highlight(self.steering, len(prompt.tokens), prompt.highlights)

    def open_cache(self, reply: ReplyInProgress) -> AttentionCache:
        """An empty cache for a reply."""
        prompt = reply.request.prompt
        if not prompt.highlights or self.steering is None:
            return self._attention.new_cache()
        if isinstance(self._attention, OwnAttention):
            raise TypeError("a model with its own attention was never given heads to steer")
        highlight = Highlight(self.steering, len(prompt.tokens), prompt.highlights)
        return self._attention.new_cache([highlight])

    def note_end(self, reply: ReplyInProgress) -> None:
        """Say once that the attention system leaves highlighted tokens out."""
        share = reply.step.highlighted
        if share is not None and share < 1 and not self._has_warned:
            self._has_warned = True
            _log.warning(
                "attention %s left highlighted tokens out: the last step of a reply read %.0f %% "
                "of them; give it a larger budget, or take one that keeps all tokens",
                self._attention.system.name,
                100 * share,
            )
