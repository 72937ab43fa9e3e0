"""The rhythm of attention: where a reply looks back beyond its phrase, and what it keeps reading.

Preplan-and-anchor (2510.13554). Heads are grouped by how far they look. Of those that look least
far, WAAD tells for each token whether it goes on with a chunk (low) or begins one (high); of those
that look farthest, FAI tells how much later tokens of the reply read it. Both are sums over rows of
attention maps, so rows are taken in blocks and no map is ever kept: memory grows linearly with the
text.

    reader = RhythmReader(reply, layers=middle_layers(model))
    with observe_attention(model, reader):
        logits = model(input_ids=token_ids, use_cache=False).logits
    reader.rhythm().waad
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedModel

from tapgraph.errors import UsageError
from tapgraph.kernels.in_models.attention import AttentionCall, layer_shapes

__all__ = [
    "HeadRhythm",
    "Rhythm",
    "RhythmMeter",
    "RhythmReader",
    "RhythmSettings",
    "attention_rows",
    "middle_layers",
    "peaks",
]

BLOCK_ROWS = 128
"""So many rows of a map are in memory at once."""
_LAYERS = 5


@dataclass(frozen=True, slots=True)
class RhythmSettings:
    """The paper's numbers, of its later version where its two versions differ.

    Attributes:
        window: W of WAAD: distances count up to so many tokens.
        gap: H_lo of FAI: tokens after a token whose reading of it does not count.
        horizon: H_hi of FAI: how far later tokens count; None to the end of the reply.
        head_share: of all heads, so many are local and so many are global; rounded up.
    """

    window: int = 10
    gap: int = 10
    horizon: int | None = 100
    head_share: float = 0.3

    def __post_init__(self) -> None:
        if self.window < 1:
            raise UsageError(f"window must be at least 1, got {self.window!r}")
        if self.gap < 0:
            raise UsageError(f"gap must be at least 0, got {self.gap!r}")
        if self.horizon is not None and self.horizon < self.gap:
            raise UsageError(f"horizon must be at least the gap, {self.gap}, got {self.horizon!r}")
        if not 0 < self.head_share <= 0.5:
            raise UsageError(f"head_share must be above 0 and at most 0.5, got {self.head_share!r}")


@dataclass(frozen=True, slots=True)
class HeadRhythm:
    """What single heads do, over all rows of their maps.

    Attributes:
        span: mean distance that rows of the reply look back, `[batch, heads]`, in tokens.
        waad: `[batch, heads, tokens]`, 0..window.
        fai: `[batch, heads, tokens]`, 0..1.
    """

    span: Tensor
    waad: Tensor
    fai: Tensor


@dataclass(frozen=True, slots=True)
class Rhythm:
    """The rhythm of texts, float32; of each text with the heads that are local and global in it.

    Attributes:
        waad: windowed average attention distance, `[batch, tokens]`, 0..window. High where a token
            looks back beyond its phrase.
        fai: future attention influence, `[batch, tokens]`, 0..1: what later tokens of the reply
            give it, on average. 0 for tokens that none can count for.
        spans: how far heads look back, `[batch, layers, heads]`, in tokens.
        local_heads: those of the smallest spans, bool `[batch, layers, heads]`.
        global_heads: those of the largest spans, bool `[batch, layers, heads]`.
    """

    waad: Tensor
    fai: Tensor
    spans: Tensor
    local_heads: Tensor
    global_heads: Tensor


class RhythmMeter:
    """Sums over the rows of attention maps, which may come in any number of blocks.

    2510.13554, sections 5.1 and 5.2 of its method: Σ_s A_ts (t - s) averaged over the reply,
    Σ_s A_ts min(t - s, W) for each t, and for each s the mean of A_ts over tokens t of the reply
    from s + H_lo to s + H_hi.

    Args:
        reply: which tokens are the model's own, bool `[batch, tokens]`; rows of others count for
            WAAD at their own place only.
        heads: of the maps.
        settings: None means the paper's numbers.
    """

    def __init__(self, reply: Tensor, heads: int, settings: RhythmSettings | None = None) -> None:
        self._reply = reply
        self._settings = RhythmSettings() if settings is None else settings
        batch, tokens = reply.shape
        self._span = torch.zeros((batch, heads), device=reply.device)
        self._waad = torch.zeros((batch, heads, tokens), device=reply.device)
        self._fai = torch.zeros((batch, heads, tokens), device=reply.device)

    def add(self, rows: Tensor, first: int) -> None:
        """Take consecutive rows of the maps.

        Args:
            rows: attention weights, `[batch, heads, rows, keys]`; keys after the last row may be
                left out.
            first: which row of the text the first one is.
        """
        settings, (count, keys) = self._settings, rows.shape[2:]
        places = torch.arange(first, first + count, device=rows.device)
        distance = places[:, None] - torch.arange(keys, device=rows.device)
        past = distance.clamp(min=0).float()
        of_reply = self._reply[:, places].float()
        block = slice(first, first + count)
        self._span += torch.einsum("bhrk,rk,br->bh", rows, past, of_reply)
        near = past.clamp(max=settings.window)
        self._waad[:, :, block] = torch.einsum("bhrk,rk->bhr", rows, near)
        counts = self._counts(distance).float()
        self._fai[:, :, :keys] += torch.einsum("bhrk,rk,br->bhk", rows, counts, of_reply)

    def heads(self) -> HeadRhythm:
        """What was measured, when all rows were taken."""
        rows = self._reply.sum(1).clamp(min=1)
        return HeadRhythm(
            self._span / rows[:, None],
            self._waad,
            self._fai / self._readers().clamp(min=1)[:, None],
        )

    def _counts(self, distance: Tensor) -> Tensor:
        counts = distance >= self._settings.gap
        if self._settings.horizon is not None:
            counts &= distance <= self._settings.horizon
        return counts

    def _readers(self) -> Tensor:
        """How many tokens of the reply count for each token's FAI, `[batch, tokens]`."""
        tokens, settings = self._reply.shape[1], self._settings
        before = torch.nn.functional.pad(self._reply.cumsum(1), (1, 0))
        places = torch.arange(tokens, device=self._reply.device)
        reach = tokens if settings.horizon is None else settings.horizon
        start = (places + settings.gap).clamp(max=tokens)
        end = (places + reach + 1).clamp(max=tokens)
        return before[:, end] - before[:, start]


class RhythmReader:
    """Takes the rhythm of texts from a model at work; an observer for `observe_attention`.

    Args:
        reply: which tokens are the model's own, bool `[batch, tokens]`. Texts are padded at their
            end, where nothing before can see it, and padding is no reply.
        layers: which layers' heads are looked at, as `middle_layers`.
        settings: None means the paper's numbers.

    Raises:
        UsageError: a text has no reply; and, from the model's forward pass, a layer that is looked
            at has a sliding window.
    """

    def __init__(
        self, reply: Tensor, *, layers: Sequence[int], settings: RhythmSettings | None = None
    ) -> None:
        if not bool(reply.any(1).all()):
            raise UsageError("a rhythm is that of a reply, and a text has no token of one")
        self._reply = reply
        self._layers = frozenset(layers)
        self._settings = RhythmSettings() if settings is None else settings
        self._heads: list[HeadRhythm] = []

    def __call__(self, call: AttentionCall) -> None:
        """Look at one layer; layers come from the first to the last."""
        if call.layer.index not in self._layers:
            return
        if call.window is not None:
            raise UsageError(
                "the rhythm of attention needs layers that see the whole text, and layer "
                f"{call.layer.index} of this model sees {call.window} tokens"
            )
        meter = RhythmMeter(self._reply, call.layer.heads, self._settings)
        with torch.no_grad():
            for first in range(0, call.queries.shape[2], BLOCK_ROWS):
                meter.add(attention_rows(call, first, first + BLOCK_ROWS), first)
        self._heads.append(meter.heads())

    def rhythm(self) -> Rhythm:
        """The rhythm of the texts that the model has read since this reader was made.

        Raises:
            UsageError: the model has read none, or has none of the layers.
        """
        if not self._heads:
            raise UsageError(f"no layer was read; looked for are {sorted(self._layers)}")
        spans = torch.stack([heads.span for heads in self._heads], 1)
        ranks = spans.flatten(1).argsort(dim=1, stable=True).argsort(dim=1)
        count = math.ceil(self._settings.head_share * ranks.shape[1])
        local = (ranks < count).view_as(spans)
        distant = (ranks >= ranks.shape[1] - count).view_as(spans)
        waad = torch.stack([heads.waad for heads in self._heads], 1)
        fai = torch.stack([heads.fai for heads in self._heads], 1)
        return Rhythm(
            waad=(waad * local[..., None]).sum((1, 2)) / count,
            fai=(fai * distant[..., None]).sum((1, 2)) / count,
            spans=spans,
            local_heads=local,
            global_heads=distant,
        )


def attention_rows(call: AttentionCall, first: int, last: int) -> Tensor:
    """Some rows of a layer's causal attention maps, float32 `[batch, heads, rows, keys]`.

    Keys end with the last row, for later ones have no weight in any of them.
    """
    queries = call.queries[:, :, first:last].float()
    batch, heads, rows, width = queries.shape
    keys = call.keys[:, :, : first + rows].float()
    grouped = queries.reshape(batch, keys.shape[1], -1, width)
    scores = (grouped @ keys.transpose(2, 3)).view(batch, heads, rows, -1) * call.layer.scale
    later = torch.ones(rows, first + rows, dtype=torch.bool, device=scores.device)
    return scores.masked_fill(later.triu(first + 1), -torch.inf).softmax(-1)


def middle_layers(model: PreTrainedModel) -> tuple[int, ...]:
    """At most five layers, evenly spaced over the middle third; the paper's choice for training.

    Raises:
        UsageError: attention systems cannot stand in for this model's attention.
    """
    layers = len(layer_shapes(model))
    first, last = layers // 3, min(2 * layers // 3, layers - 1)
    count = min(_LAYERS, last - first + 1)
    if count == 1:
        return (first,)
    return tuple(round(first + (last - first) * index / (count - 1)) for index in range(count))


def peaks(values: Tensor, *, share: float = 0.2) -> Tensor:
    """Where a curve has its high points: local maxima among its highest values.

    Of a flat top the first token is the peak. The ends of the curve can be peaks.

    Args:
        values: `[tokens]`.
        share: of the tokens that are highest, rounded up; more than 0 and at most 1.

    Returns:
        Places in order, int64.
    """
    count = math.ceil(share * len(values))
    is_high = torch.zeros_like(values, dtype=torch.bool)
    is_high[values.argsort(descending=True, stable=True)[:count]] = True
    edge = values.new_full((1,), -torch.inf)
    before, after = torch.cat((edge, values[:-1])), torch.cat((values[1:], edge))
    return (is_high & (values > before) & (values >= after)).nonzero().flatten()
