"""What the query heads of a model put out, read and changed before the output projection."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from tapgraph.errors import UsageError
from tapgraph.kernels.in_models.text_decoder import TextDecoder

__all__ = ["HeadMixing", "HeadOutputs", "HeadReading"]


@dataclass(frozen=True, slots=True)
class HeadMixing:
    """Vectors that take a part of what heads put out, at some places of one pass.

    Attributes:
        rows: the row of each place, int64 `[places]`.
        tokens: its token in this pass, int64 `[places]`.
        vectors: `[places, layers, heads, head_dim]`.
        weights: their parts, 0..1, `[places, layers, heads]`; 0 leaves a head as it is, 1 puts the
            vector in its place.
    """

    rows: Tensor
    tokens: Tensor
    vectors: Tensor
    weights: Tensor

    def at_layer(self, layer: int, inputs: Tensor) -> Tensor:
        """`inputs` `[batch, tokens, heads * head_dim]` of a layer's output projection, mixed.

        `z' = (1 - a) z + a t` (2507.20906, section 3.2), in the type of `inputs`.
        """
        rows, tokens = self.rows.to(inputs.device), self.tokens.to(inputs.device)
        vectors = self.vectors[:, layer].to(inputs)
        weights = self.weights[:, layer, :, None].to(inputs)
        own = inputs[rows, tokens].view(vectors.shape)
        mixed = (1 - weights) * own + weights * vectors
        return inputs.index_put((rows, tokens), mixed.flatten(-2))


@dataclass(slots=True)
class HeadReading:
    """What was read in a pass, layer by layer."""

    layers: list[Tensor] = field(default_factory=list)

    @property
    def vectors(self) -> Tensor:
        """`[batch, layers, heads, head_dim]`."""
        return torch.stack(self.layers, dim=1)


class HeadOutputs:
    """The outputs of all query heads of a model, where they enter the output projections.

    Under grouped queries, too, each query head has an output of its own there. It is outside of
    attention, so that every attention system and every cache may stand before it. Hooks are there
    only inside the context managers.

    Attributes:
        layers: attention layers.
        heads: query heads of each.
        head_dim: width of each head.
        attention: the attention modules; each has its output projection as `o_proj`.

    Raises:
        UsageError: the model is of no known kind, or its layers differ in their heads.
    """

    def __init__(self, model: PreTrainedModel) -> None:
        attention = list(TextDecoder(model).attention_modules())
        shapes = {(one.shape.heads, one.shape.head_dim) for one in attention}
        if len(shapes) > 1:
            raise UsageError(
                f"the layers of {type(model).__name__} differ in heads: {sorted(shapes)!r}"
            )
        self._decoder = TextDecoder(model).module
        self.attention: Sequence[Any] = [one.module for one in attention]
        self.layers = len(attention)
        self.heads, self.head_dim = shapes.pop()

    @property
    def shape(self) -> tuple[int, int, int]:
        """Layers, heads, head_dim."""
        return self.layers, self.heads, self.head_dim

    @contextmanager
    def mixed(self, mixing: HeadMixing) -> Iterator[None]:
        """Passes inside this context get the vectors."""
        with self._hooked(mixing.at_layer):
            yield

    @contextmanager
    def mixed_at(self, slot: int, vectors: Tensor, weights: Tensor) -> Iterator[None]:
        """The pass that reads a slot of a text gets vectors there, in each row; for `generate()`.

        However a prompt is cut into passes, and whether there is a cache or not, it is one slot of
        one text; passes over other slots stay as they are.

        Args:
            slot: index of a token in the text; padding at the left counts.
            vectors: `[layers, heads, head_dim]`.
            weights: `[layers, heads]`.
        """
        mixing: list[HeadMixing] = []

        def find(_: Any, inputs: tuple[Any, ...], named: dict[str, Any]) -> None:
            given = next(
                one
                for one in (named.get("inputs_embeds"), named.get("input_ids"), *inputs)
                if one is not None
            )
            past = named.get("past_key_values")
            place = slot - (0 if past is None else past.get_seq_length())
            mixing.clear()
            if 0 <= place < given.shape[1]:
                rows = torch.arange(given.shape[0])
                every = (len(rows), -1, -1)
                mixing.append(
                    HeadMixing(
                        rows,
                        torch.full_like(rows, place),
                        vectors.expand(*every, -1),
                        weights.expand(*every),
                    )
                )

        def change(layer: int, inputs: Tensor) -> Tensor:
            return mixing[0].at_layer(layer, inputs) if mixing else inputs

        hook = self._decoder.register_forward_pre_hook(find, with_kwargs=True)
        try:
            with self._hooked(change):
                yield
        finally:
            hook.remove()

    @contextmanager
    def read(self, reading: HeadReading) -> Iterator[None]:
        """A pass inside this context tells the outputs at its last token."""

        def note(layer: int, inputs: Tensor) -> Tensor:
            del layer  # they come in order
            reading.layers.append(inputs[:, -1].view(-1, self.heads, self.head_dim))
            return inputs

        with self._hooked(note):
            yield

    @contextmanager
    def _hooked(self, change: Callable[[int, Tensor], Tensor]) -> Iterator[None]:
        def hook_of(layer: int) -> Callable[[Any, tuple[Tensor, ...]], tuple[Tensor, ...]]:
            return lambda _, inputs: (change(layer, inputs[0]), *inputs[1:])

        with ExitStack() as hooks:
            for layer, attention in enumerate(self.attention):
                # Looked up now: layers may have been replaced by such with smaller weights.
                hooks.callback(attention.o_proj.register_forward_pre_hook(hook_of(layer)).remove)
            yield
