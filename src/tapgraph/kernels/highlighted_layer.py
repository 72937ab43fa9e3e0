"""Highlighted context inside any attention system: the bias travels in channels of its own.

A bias that depends on the column and on the head alone is one more product of a query with a key.
So keys get channels that hold ln(alpha) / scale where a prompt token is not highlighted, and
queries get 1 there in steered heads and 0 in the others. The system's own layer is opened with the
wider heads and the same scale; it needs to know nothing, its selection by scores follows the
highlights too, and no mask of queries by keys is ever made.
"""

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional

from tapgraph.errors import UsageError
from tapgraph.kernels.attention_system import LayerAttention, LayerShape, Reading, Rotary
from tapgraph.kernels.highlight import Highlight
from tapgraph.kernels.inputs import check_call
from tapgraph.kernels.quantized_store import VALUE_GROUP
from tapgraph.kernels.systems.dense import DenseLayer
from tapgraph.kernels.systems.part_layer import PartLayer

__all__ = ["HighlightedLayer", "OwnChannelsRotary", "own_keys_and_values", "widened"]

_EXTRA = 8
"""Channels behind those of the model: three for the bias, the rest to keep rows aligned."""
_EXTRA_IN_BITS = VALUE_GROUP
"""The same where values are kept in few bits, so that the model's own keep their groups."""
_PARTS = 3
"""Numbers whose sum is the bias: exact to float32 also where keys are bfloat16."""


def widened(shape: LayerShape) -> LayerShape:
    """The shape of the layer that carries a bias besides."""
    extra = _EXTRA if shape.kept_bits is None else _EXTRA_IN_BITS
    return replace(shape, head_dim=shape.head_dim + extra, extra_channels=extra)


class OwnChannelsRotary(Rotary):
    """A model's rotary embedding for wider vectors; the channels behind the model's do not turn."""

    def __init__(self, rotary: Rotary, extra: int) -> None:
        self._rotary = rotary
        self._extra = extra

    def __call__(self, vectors: Tensor, positions: Tensor) -> Tensor:
        """Rotate the model's own channels."""
        own, extra = vectors[..., : -self._extra], vectors[..., -self._extra :]
        return torch.cat((self._rotary(own, positions), extra), dim=-1)

    def undo(self, vectors: Tensor, positions: Tensor) -> Tensor:
        """As the model's, for its own channels."""
        own, extra = vectors[..., : -self._extra], vectors[..., -self._extra :]
        return torch.cat((self._rotary.undo(own, positions), extra), dim=-1)


class HighlightedLayer(LayerAttention):
    """A layer of any system, some of whose heads follow the highlights of one prompt.

    Queries before the first highlighted token have nothing to choose from: the bias would be the
    same in all that they see. They get 0, so that their outputs are, bit for bit, those without.

    Args:
        shape: the layer as the model has it.
        inner: the system's layer, opened with `widened(shape)`.
        highlight: of the prompt; it steers a head of this layer.
    """

    def __init__(self, shape: LayerShape, inner: LayerAttention, highlight: Highlight) -> None:
        super().__init__(shape)
        self.inner = inner
        self.highlight = highlight
        self._extra = inner.shape.extra_channels
        steered = highlight.steering.heads[shape.index]
        groups = steered.view(shape.kv_heads, shape.group).any(dim=1)
        self._heads = steered.double()[None, :, None, None]
        # Keys of a KV head that nobody steers stay as they are, for who selects by keys.
        self._kv_heads = groups.double()[None, :, None, None]
        self._tails: tuple[Tensor, Tensor] | None = None

    @property
    def tokens_seen(self) -> int:
        """Tokens given to it so far, kept or not."""
        return self.inner.tokens_seen

    @property
    def reading(self) -> Reading:
        """What the system's layer read."""
        return self.inner.reading

    def prefill(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Take a chunk of the prompt."""
        wide = self._widened(queries, keys, values)
        return self.inner.prefill(*wide)[..., : self.shape.head_dim]

    def decode(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Take one generated token."""
        wide = self._widened(queries, keys, values)
        return self.inner.decode(*wide)[..., : self.shape.head_dim]

    def adopt(self, keys: Tensor, values: Tensor) -> None:
        """Take over a past that was read with these highlights, or before the first of them."""
        if not isinstance(self.inner, PartLayer):
            raise UsageError(f"a {type(self.inner).__name__} cannot begin after read tokens")
        self.inner.adopt(self._with_bias(keys), functional.pad(values, (0, self._extra)))

    def share_kept(self) -> float:
        """The share of the highlighted tokens that the last query of steered heads attended to.

        1 while none of them was given.
        """
        steered = self.highlight.steering.heads[self.shape.index]
        kept = self.inner.kept_by_last_query()
        kept = kept[steered.to(kept.device)]
        lit = torch.cat([kept[:, begin:end] for begin, end in self.highlight.spans], dim=1)
        return float(lit.double().mean()) if lit.numel() else 1.0

    def kept_by_last_query(self) -> Tensor:
        """As the system's layer says."""
        return self.inner.kept_by_last_query()

    def bytes_held(self) -> int:
        """Of the system's layer, and of the bias."""
        return self.inner.bytes_held() + sum(part.nbytes for part in self._tails or ())

    def snapshot(self) -> object:
        """The system's."""
        return self.inner.snapshot()

    def restore(self, snapshot: object) -> None:
        """Go back to the system's snapshot."""
        self.inner.restore(snapshot)

    def fork(self) -> "HighlightedLayer":
        """A copy for the same prompt."""
        return HighlightedLayer(self.shape, self.inner.fork(), self.highlight)

    def crop(self, tokens: int) -> None:
        """Forget everything after the first `tokens` tokens."""
        self.inner.crop(tokens)

    def _widened(
        self, queries: Tensor, keys: Tensor, values: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        check_call(self.shape, queries, keys, values)
        ones, _ = self._prepared(keys)
        without = min(max(0, self.highlight.first - self.tokens_seen), queries.shape[2])
        asking = ones.expand(-1, -1, queries.shape[2] - without, -1)
        if without:
            asking = functional.pad(asking, (0, 0, without, 0))
        queries = torch.cat((queries, asking), dim=-1)
        return queries, self._with_bias(keys), functional.pad(values, (0, self._extra))

    def _with_bias(self, keys: Tensor) -> Tensor:
        """The keys of the next tokens."""
        first, prompt = self.tokens_seen, self.highlight.prompt_tokens
        if first >= prompt:
            return functional.pad(keys, (0, self._extra))
        end = first + keys.shape[2]
        biases = self._prepared(keys)[1][:, :, first:end] * self._kv_heads.to(keys)
        if end > prompt:
            biases = functional.pad(biases, (0, 0, 0, end - prompt))
        return torch.cat((keys, biases), dim=-1)

    def _prepared(self, like: Tensor) -> tuple[Tensor, Tensor]:
        """What queries get, `[1, heads, 1, extra]`, and the prompt's keys, `[1, 1, tokens, extra]`.

        (Keys of a KV head that nobody steers get 0, for systems that select by keys.)
        """
        if self._tails is None or self._tails[0].dtype != like.dtype:
            ones = torch.zeros(1, self.shape.heads, 1, self._extra, dtype=torch.float64)
            ones[..., :_PARTS] = self._heads
            rest = self.highlight.columns() / self.shape.scale
            biases = torch.zeros(1, 1, len(rest), self._extra, dtype=torch.float64)
            for part in range(_PARTS):
                biases[..., part] = rest.to(like.dtype).double()
                rest = rest - biases[0, 0, :, part]
            self._tails = (ones.to(like), biases.to(like))
        return self._tails


def own_keys_and_values(layer: DenseLayer | HighlightedLayer) -> tuple[Tensor, Tensor]:
    """Of all tokens, in the model's own channels, `[1, kv_heads, tokens_seen, head_dim]`.

    Raises:
        UsageError: the highlighted layer is of a system that keeps something else.
    """
    held = layer.inner if isinstance(layer, HighlightedLayer) else layer
    if not isinstance(held, DenseLayer):
        raise UsageError(f"a {type(held).__name__} is not keys and values of all tokens")
    own = layer.shape.head_dim
    return held.keys[..., :own], held.values[..., :own]
