"""A layer whose KV heads are kept in different ways: what Duo and Razor share."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from tapgraph.errors import UsageError
from tapgraph.kernels.attention_system import LayerShape, Reading
from tapgraph.kernels.inputs import check_call
from tapgraph.kernels.systems.dense import DenseLayer
from tapgraph.kernels.systems.part_layer import PartLayer

__all__ = [
    "HeadPart",
    "SplitHeadsLayer",
    "check_head_choice",
    "kept_by_choice",
    "part_shape",
    "split_by_choice",
]


@dataclass(frozen=True, slots=True)
class HeadPart:
    """Some KV heads of a layer, with all query heads of their groups.

    Attributes:
        kv_heads: which, ascending.
        attention: of these heads alone; its shape is `part_shape(shape, len(kv_heads))`.
    """

    kv_heads: tuple[int, ...]
    attention: PartLayer


class SplitHeadsLayer(PartLayer):
    """Hands each KV head and its query heads to the part it belongs to.

    Heads are chosen by index when they come in and put in their places when they go out; the
    model's weights stay in their order.

    Args:
        shape: the layer.
        parts: every KV head of the layer is in exactly one of them; those that forget most come
            last, for what they cannot undo is refused before anything has changed.
    """

    def __init__(self, shape: LayerShape, parts: Sequence[HeadPart]) -> None:
        super().__init__(shape)
        heads = sorted(head for part in parts for head in part.kv_heads)
        if heads != list(range(shape.kv_heads)):
            raise UsageError(
                f"each of {shape.kv_heads} KV heads must be in exactly one part, got {heads}"
            )
        self._parts = tuple(parts)
        self._kv_heads = [torch.tensor(part.kv_heads) for part in parts]
        self._heads = [self._query_heads(kv_heads) for kv_heads in self._kv_heads]

    @property
    def tokens_seen(self) -> int:
        """Tokens given to it so far, kept or not."""
        return self._parts[0].attention.tokens_seen

    @property
    def reading(self) -> Reading:
        """The mean over all KV heads of what the parts read."""
        attended = scored = 0.0
        for part in self._parts:
            share = len(part.kv_heads) / self.shape.kv_heads
            attended += share * part.attention.reading.attended
            scored += share * part.attention.reading.scored
        return Reading(attended=attended, scored=scored)

    def prefill(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Let every part take its heads of the chunk."""
        check_call(self.shape, queries, keys, values)
        return self._joined(
            queries,
            [
                part.attention.prefill(*heads)
                for part, heads in self._divided(queries, keys, values)
            ],
        )

    def decode(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Let every part take its heads of the token."""
        check_call(self.shape, queries, keys, values)
        return self._joined(
            queries,
            [part.attention.decode(*heads) for part, heads in self._divided(queries, keys, values)],
        )

    def adopt(self, keys: Tensor, values: Tensor) -> None:
        """Let every part take over its heads."""
        for part, kv_heads in zip(self._parts, self._kv_heads, strict=True):
            own = kv_heads.to(keys.device)
            part.attention.adopt(keys.index_select(1, own), values.index_select(1, own))

    def kept_by_last_query(self) -> Tensor:
        """What the parts' last queries attended to."""
        kept = [part.attention.kept_by_last_query()[None] for part in self._parts]
        whole = kept[0].new_zeros((1, self.shape.heads, self.tokens_seen))
        return self._joined(whole, kept)[0]

    def bytes_held(self) -> int:
        """The sum over the parts."""
        return sum(part.attention.bytes_held() for part in self._parts)

    def snapshot(self) -> object:
        """The parts' snapshots."""
        return tuple(part.attention.snapshot() for part in self._parts)

    def restore(self, snapshot: object) -> None:
        """Restore every part."""
        if not isinstance(snapshot, tuple) or len(snapshot) != len(self._parts):
            raise UsageError(f"not a snapshot of this layer: {snapshot!r}")
        for part, kept in zip(self._parts, snapshot, strict=True):
            part.attention.restore(kept)

    def fork(self) -> "SplitHeadsLayer":
        """A copy with memory of its own."""
        parts = [replace(part, attention=part.attention.fork()) for part in self._parts]
        return SplitHeadsLayer(self.shape, parts)

    def crop(self, tokens: int) -> None:
        """Forget everything after the first `tokens` tokens.

        Raises:
            UsageError: the last part has dropped what it would need; then nothing was changed.
        """
        for part in reversed(self._parts):
            part.attention.crop(tokens)

    def _divided(
        self, queries: Tensor, keys: Tensor, values: Tensor
    ) -> Iterator[tuple[HeadPart, tuple[Tensor, Tensor, Tensor]]]:
        if len(self._parts) == 1:
            yield self._parts[0], (queries, keys, values)
            return
        for part, heads, kv_heads in zip(self._parts, self._heads, self._kv_heads, strict=True):
            heads, kv_heads = heads.to(keys.device), kv_heads.to(keys.device)
            yield (
                part,
                (
                    queries.index_select(1, heads),
                    keys.index_select(1, kv_heads),
                    values.index_select(1, kv_heads),
                ),
            )

    def _joined(self, like: Tensor, results: Sequence[Tensor]) -> Tensor:
        """Results `[1, part heads, ...]` in the places of their heads, as large as `like`."""
        if len(results) == 1:
            return results[0]
        whole = torch.empty_like(like)
        for heads, result in zip(self._heads, results, strict=True):
            whole.index_copy_(1, heads.to(like.device), result)
        return whole

    def _query_heads(self, kv_heads: Tensor) -> Tensor:
        within = torch.arange(self.shape.group, device=kv_heads.device)
        return (kv_heads[:, None] * self.shape.group + within).flatten()


def part_shape(shape: LayerShape, kv_heads: int) -> LayerShape:
    """The shape of a part with so many of a layer's KV heads."""
    return replace(shape, heads=kv_heads * shape.group, kv_heads=kv_heads)


def split_by_choice(
    shape: LayerShape,
    choice: Tensor,
    name: str,
    open_reduced: Callable[[LayerShape], PartLayer],
) -> SplitHeadsLayer:
    """A layer whose chosen KV heads are dense, and whose others are kept as `open_reduced` says.

    Args:
        shape: the layer.
        choice: bool `[layers, kv_heads]`, the heads that keep everything.
        name: what messages call the choice.
        open_reduced: opens the attention of the other heads, given their shape.

    Raises:
        UsageError: the choice is for a model of another shape.
    """
    check_head_choice(choice, name, shape)
    chosen: list[bool] = choice[shape.index].tolist()
    dense = tuple(head for head, is_chosen in enumerate(chosen) if is_chosen)
    reduced = tuple(head for head, is_chosen in enumerate(chosen) if not is_chosen)
    parts = []
    if dense:
        parts.append(HeadPart(dense, DenseLayer(part_shape(shape, len(dense)))))
    if reduced:
        parts.append(HeadPart(reduced, open_reduced(part_shape(shape, len(reduced)))))
    return SplitHeadsLayer(shape, parts)


def kept_by_choice(shape: LayerShape, choice: Tensor, tokens: int, reduced: float) -> float:
    """As `AttentionSystem.kept_tokens`, where heads that are not chosen keep `reduced` tokens."""
    share = float(choice[shape.index].double().mean())
    return share * tokens + (1 - share) * reduced


def check_head_choice(choice: Tensor, name: str, shape: LayerShape | None = None) -> None:
    """Check a choice of KV heads, and that it is for a model with this layer.

    Raises:
        UsageError: it is not bool `[layers, kv_heads]`.
    """
    if choice.dim() != 2 or choice.dtype != torch.bool:
        raise UsageError(
            f"{name} must be bool [layers, kv_heads], got {choice.dtype} {list(choice.shape)}"
        )
    if shape is not None and choice.shape != (shape.layers, shape.kv_heads):
        raise UsageError(
            f"{name} must be [{shape.layers}, {shape.kv_heads}] for this model, "
            f"got {list(choice.shape)}"
        )
