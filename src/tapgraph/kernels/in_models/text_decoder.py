"""What attention systems must know about a `transformers` model: its attention layers and RoPE."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from tapgraph.errors import UsageError
from tapgraph.kernels.attention_system import LayerShape, Rotary

__all__ = ["AttentionModule", "ModelRotary", "TextDecoder", "layer_shapes", "windowed_layers"]

SUPPORTED = (
    "gemma",
    "gemma3_text",
    "llama",
    "mistral",
    "qwen2",
    "qwen2_5_vl_text",
    "qwen3",
    "qwen3_vl_text",
)
"""`model_type` of the text models whose attention is known to be softmax over causal RoPE keys."""
PLAIN_ROPE = ("default", "linear", "llama3", "yarn")
"""RoPE whose angle is a fixed frequency times the position, whatever the length of the text."""


class ModelRotary(Rotary):
    """The rotary embedding of one layer of a model, through the model's own module.

    Args:
        module: the model's `rotary_emb`.
        parameters: the `rope_parameters` that belong to the layer.
        layer_type: what the module wants to be told, where layers differ in their RoPE.
    """

    def __init__(
        self, module: nn.Module, parameters: dict[str, object], layer_type: str | None
    ) -> None:
        self._module = module
        self._parameters = parameters
        self._layer_type = layer_type

    def check(self) -> None:
        """Raise unless a vector can be rotated to any position by itself.

        Raises:
            UsageError: angles depend on the length of the text, or on places in pictures.
        """
        kind = self._parameters.get("rope_type", "default")
        if kind not in PLAIN_ROPE:
            raise UsageError(
                f"keys can be rotated when they are read for rope_type {', '.join(PLAIN_ROPE)}, "
                f"this model has {kind!r}; choose a system that takes rotated keys"
            )
        if "mrope_section" in self._parameters:
            raise UsageError(
                "this model's rotary embedding has three positions for each token (pictures); "
                "choose a system that takes rotated keys"
            )

    def __call__(self, vectors: Tensor, positions: Tensor) -> Tensor:
        """Rotate vectors `[batch, heads, tokens, head_dim]`.

        Args:
            vectors: queries or keys before the rotary embedding.
            positions: integers, `[batch, tokens]` or `[batch, heads, tokens]`.

        Raises:
            UsageError: as `check`.
        """
        cosines, sines = self._angles(vectors, positions)
        return vectors * cosines + _with_halves_turned(vectors) * sines

    def undo(self, vectors: Tensor, positions: Tensor) -> Tensor:
        """What `vectors` were before they were rotated to `positions`, up to rounding."""
        cosines, sines = self._angles(vectors, positions)
        turned_back = vectors * cosines - _with_halves_turned(vectors) * sines
        return turned_back / (cosines.square() + sines.square())

    def _angles(self, vectors: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
        self.check()
        if positions.dim() == 2:
            positions = positions[:, None]
        flat = positions.reshape(-1, positions.shape[-1])
        told = () if self._layer_type is None else (self._layer_type,)
        cosines, sines = self._module(vectors, flat, *told)
        shape = (*positions.shape, vectors.shape[-1])
        return cosines.reshape(shape), sines.reshape(shape)


def _with_halves_turned(vectors: Tensor) -> Tensor:
    first, second = vectors.chunk(2, dim=-1)
    return torch.cat((-second, first), dim=-1)


@dataclass(frozen=True, slots=True)
class AttentionModule:
    """One attention layer of a model.

    Attributes:
        module: the model's own module.
        shape: its heads and scale.
        window: how many tokens the model lets a query see, itself included; None for all.
        rotary: its rotary embedding.
    """

    module: nn.Module
    shape: LayerShape
    window: int | None
    rotary: ModelRotary


class TextDecoder:
    """The stack of decoder layers inside a causal or an image-text-to-text model.

    Attributes:
        module: the stack; its `config` is the text part's.

    Raises:
        UsageError: attention systems cannot stand in for this model's attention.
    """

    def __init__(self, model: PreTrainedModel) -> None:
        config = model.config.get_text_config(decoder=True)
        softcap = getattr(config, "attn_logit_softcapping", None)
        if softcap is not None:
            raise UsageError(
                f"attention systems cannot follow soft-capped scores, and {type(model).__name__} "
                f"has attn_logit_softcapping={softcap!r}"
            )
        if config.model_type not in SUPPORTED:
            raise UsageError(
                f"attention systems work in {', '.join(SUPPORTED)} models, "
                f"{type(model).__name__} is {config.model_type!r}"
            )
        if getattr(config, "use_bidirectional_attention", False):
            raise UsageError(
                f"attention systems are causal, and {type(model).__name__} has "
                f"use_bidirectional_attention={config.use_bidirectional_attention!r}"
            )
        self.module: PreTrainedModel = next(
            module
            for module in model.modules()
            if isinstance(module, PreTrainedModel)
            and module.config.model_type == config.model_type
            and hasattr(module, "rotary_emb")
        )

    def attention_modules(self) -> Iterator[AttentionModule]:
        """The attention layers, from the first to the last."""
        config = self.module.config
        rotary_module: Any = self.module.rotary_emb
        layers: Any = self.module.layers
        for index, layer in enumerate(layers):
            attention = layer.self_attn
            layer_type = config.layer_types[index] if hasattr(config, "layer_types") else None
            parameters = config.rope_parameters
            has_rope_by_type = layer_type in parameters
            yield AttentionModule(
                attention,
                LayerShape(
                    index=index,
                    layers=len(layers),
                    heads=config.num_attention_heads,
                    kv_heads=config.num_key_value_heads,
                    head_dim=attention.head_dim,
                    scale=attention.scaling,
                ),
                # Mistral's layers all have the window of the config, others name their own.
                getattr(attention, "sliding_window", None)
                or (config.sliding_window if config.model_type == "mistral" else None),
                ModelRotary(
                    rotary_module,
                    parameters[layer_type] if has_rope_by_type else parameters,
                    layer_type if has_rope_by_type else None,
                ),
            )


def windowed_layers(model: PreTrainedModel) -> Tensor:
    """Which layers have a sliding window of their own: bool `[layers]`.

    Raises:
        UsageError: as `layer_shapes`.
    """
    modules = TextDecoder(model).attention_modules()
    return torch.tensor([attention.window is not None for attention in modules])


def layer_shapes(model: PreTrainedModel) -> tuple[LayerShape, ...]:
    """The attention layers of a model, from the first to the last.

    Raises:
        UsageError: attention systems cannot stand in for this model's attention.
    """
    return tuple(attention.shape for attention in TextDecoder(model).attention_modules())
