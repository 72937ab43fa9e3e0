"""Any attention system in any supported `transformers` model, with `generate()` as it is.

    with use_attention(model, system):
        model.generate(**inputs)

`transformers` looks the attention function up by name, and a cache may return any object as keys.
So the cache (`attention_cache`) hands itself to the function registered here, which lets the
system's `LayerAttention` of that layer do the work. The mask function reduces a padding mask to
the slot where each row starts. Nothing of `transformers` is replaced.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface, DynamicCache, PreTrainedModel
from transformers.masking_utils import causal_mask_function

from tapgraph.errors import UsageError
from tapgraph.kernels.attention_system import AttentionSystem, LayerAttention, LayerShape
from tapgraph.kernels.masks import padding_starts
from tapgraph.kernels.systems.dense import Dense, DenseLayer
from tapgraph.kernels.systems.full_cache import SparseOutput
from tapgraph.kernels.systems.window_layer import WindowLayer
from tapgraph.llm_backend.local.attention_cache import AttentionCache, NewTokens, StackedCache
from tapgraph.llm_backend.local.text_decoder import (
    AttentionModule,
    ModelRotary,
    TextDecoder,
    layer_shapes,
)

__all__ = [
    "AttentionCache",
    "ModelAttention",
    "Observation",
    "layer_shapes",
    "observe_attention",
    "use_attention",
]

NAME = "tapgraph"
"""What the attention and mask functions are registered as."""


class ModelAttention:
    """An attention system at work in a model; `use_attention` makes it."""

    def __init__(self, decoder: TextDecoder, system: AttentionSystem) -> None:
        self._decoder = decoder
        self.system = system
        self._modules = tuple(decoder.attention_modules())
        if system.keys == "unrotated":
            for attention in self._modules:
                if attention.window is None:
                    attention.rotary.check()
        # Settings and calibration that do not fit the model are refused here.
        self._open_layers()

    def new_cache(self) -> AttentionCache:
        """An empty cache, to be passed as `past_key_values` to the model or to `generate()`."""
        return AttentionCache(self.system, self._open_layers)

    def stack(self, caches: Sequence[AttentionCache], counts: Sequence[int]) -> StackedCache:
        """One cache over several of one sequence each, of any lengths, for a single forward pass.

        The one row of `input_ids` holds the next `counts[0]` tokens of the first sequence, then
        those of the second and so on; they are added to the given caches. Pass no
        `attention_mask`. Without `position_ids` each sequence goes on from its own length; models
        with pictures need them from the caller.

        Raises:
            UsageError: there is no cache, or one belongs to another system.
        """
        for cache in caches:
            self._check_system(cache)
        return StackedCache(caches, counts)

    def _open_layers(self) -> list[LayerAttention]:
        return [self._open_layer(attention) for attention in self._modules]

    def _open_layer(self, attention: AttentionModule) -> LayerAttention:
        if attention.window is not None:
            return WindowLayer(attention.shape, attention.window)
        return self.system.open_layer(attention.shape, attention.rotary)

    def _check_system(self, cache: AttentionCache) -> None:
        if cache.system is not self.system:
            raise UsageError(
                f"this cache belongs to another {cache.system.name!r} system than the one in use, "
                f"{self.system.name!r}"
            )

    def install(self, restoring: ExitStack) -> None:
        """Route the model's attention through the system until `restoring` closes.

        Raises:
            UsageError: another system is in use already, or the model's class has an attention
                function of its own.
        """
        decoder = self._decoder.module
        before = decoder.config._attn_implementation
        if before == NAME:
            raise UsageError("an attention system is in use in this model already")
        AttentionInterface.register(NAME, _attend)
        AttentionMaskInterface.register(NAME, _starts_of_mask)
        decoder.set_attn_implementation(NAME)
        if decoder.config._attn_implementation != NAME:
            raise UsageError(f"{type(decoder).__name__} does not let its attention be chosen")
        restoring.callback(decoder.set_attn_implementation, before)
        hook = decoder.register_forward_pre_hook(self._before_decoder, with_kwargs=True)
        restoring.callback(hook.remove)
        if self.system.keys == "unrotated":
            for attention in self._modules:
                if attention.window is None:
                    hook = attention.module.register_forward_pre_hook(
                        _without_rotation, with_kwargs=True
                    )
                    restoring.callback(hook.remove)

    def _before_decoder(
        self, decoder: PreTrainedModel, inputs: tuple[Any, ...], named: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """See to it that the decoder's cache is one of ours."""
        cache = named.get("past_key_values")
        use_cache = named.get("use_cache")
        if cache is None:
            if decoder.config.use_cache if use_cache is None else use_cache:
                named["past_key_values"] = self.new_cache()
        elif isinstance(cache, AttentionCache):
            self._check_system(cache)
        elif isinstance(cache, StackedCache):
            if named.get("position_ids") is None:
                new = inputs[0] if inputs else named.get("input_ids")
                new = named["inputs_embeds"] if new is None else new
                named["position_ids"] = cache.next_positions(new.device)
        elif type(cache) is DynamicCache and not cache.offloading and not cache.get_seq_length():
            AttentionCache.take_over(cache, self.system, self._open_layers)
        else:
            raise UsageError(
                "the attention system keeps the past itself: pass no past_key_values, a cache from "
                f"new_cache() or an empty DynamicCache, got a {type(cache).__name__}"
            )
        return inputs, named


@contextmanager
def use_attention(model: PreTrainedModel, system: AttentionSystem) -> Iterator[ModelAttention]:
    """Let an attention system do the attention of a model's text decoder.

    Inside, `model.generate()` and `model()` work as before: left-padded batches, chunked prefill,
    beams, a cache passed on from call to call. Layers with a sliding window of their own keep it,
    dense. On leaving, the model is as it was.

    Args:
        model: Llama, Qwen2, Qwen3, Mistral, Gemma, Gemma 3, or the text part of Qwen2.5-VL,
            Qwen3-VL; on any device, in any floating dtype.
        system: a system, calibrated for this model where it needs that.

    Raises:
        UsageError: the model or its rotary embedding is one that the system cannot work in; and,
            from the model's forward pass, for masks other than left padding, for calls without a
            cache, and for dropout.
    """
    with ExitStack() as restoring:
        attention = ModelAttention(TextDecoder(model), system)
        attention.install(restoring)
        yield attention


@dataclass(frozen=True, slots=True)
class Observation:
    """One call of one attention layer.

    Attributes:
        layer: which layer.
        window: the model's own sliding window in this layer, or None.
        queries: of the call's tokens, after RoPE, `[batch, heads, q_len, head_dim]`.
        keys: of all tokens so far, after RoPE, `[batch, kv_heads, kv_len, head_dim]`.
        values: of all tokens so far, `[batch, kv_heads, kv_len, head_dim]`.
        starts: the slot of each row's first real token, int64 `[batch]`.
        rotary: the layer's rotary embedding.
    """

    layer: LayerShape
    window: int | None
    queries: Tensor
    keys: Tensor
    values: Tensor
    starts: Tensor
    rotary: ModelRotary

    def queries_before_rotation(self) -> Tensor:
        """`queries` before RoPE, `[batch, heads, q_len, head_dim]`; raises as `ModelRotary.check`.

        The rotation is undone, so they are right up to rounding.
        """
        return self.rotary.undo(self.queries, self._positions()[:, -self.queries.shape[2] :])

    def keys_before_rotation(self) -> Tensor:
        """`keys` before RoPE, `[batch, kv_heads, kv_len, head_dim]`; as for the queries."""
        return self.rotary.undo(self.keys, self._positions())

    def _positions(self) -> Tensor:
        slots = torch.arange(self.keys.shape[2], device=self.keys.device)
        return (slots - self.starts[:, None]).clamp(min=0)


@contextmanager
def observe_attention(
    model: PreTrainedModel, observer: Callable[[Observation], None]
) -> Iterator[ModelAttention]:
    """Show an observer what each attention layer is given, while the model runs densely.

    Raises:
        UsageError: as `use_attention`.
    """
    with ExitStack() as restoring:
        attention = _ObservedAttention(TextDecoder(model), observer)
        attention.install(restoring)
        yield attention


class _ObservedAttention(ModelAttention):
    def __init__(self, decoder: TextDecoder, observer: Callable[[Observation], None]) -> None:
        self._observer = observer
        super().__init__(decoder, Dense())

    def _open_layer(self, attention: AttentionModule) -> LayerAttention:
        return _ObservedLayer(attention, self._observer)


class _ObservedLayer(DenseLayer):
    def __init__(self, attention: AttentionModule, observer: Callable[[Observation], None]) -> None:
        super().__init__(attention.shape, attention.window)
        self._attention = attention
        self._observer = observer

    def attend_sparsely(self, queries: Tensor, starts: Tensor) -> SparseOutput:
        result = super().attend_sparsely(queries, starts)
        self._observer(
            Observation(
                self.shape,
                self._attention.window,
                queries,
                self.keys,
                self.values,
                starts,
                self._attention.rotary,
            )
        )
        return result


def _attend(
    module: nn.Module,  # noqa: ARG001
    query: Tensor,
    key: Tensor | NewTokens,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    **_: Any,
) -> tuple[Tensor, None]:
    """The attention function as `transformers` calls it; `attention_mask` holds starts."""
    if not isinstance(key, NewTokens):
        raise UsageError("attention systems work through a cache: call with use_cache=True")
    if dropout:
        raise UsageError(f"attention systems have no dropout, got {dropout!r}: call model.eval()")
    if attention_mask is not None and attention_mask.dim() != 1:
        raise UsageError(
            f"attention_mask must be [batch, tokens], got {list(attention_mask.shape)}"
        )
    output = key.cache.attend(key.layer, query, key.keys, value, attention_mask)
    return output.transpose(1, 2).contiguous(), None


def _starts_of_mask(
    batch_size: int,
    kv_length: int,
    mask_function: Callable[..., Any],
    attention_mask: Tensor | None,
    device: torch.device,
    use_vmap: bool = False,
    local_size: int | None = None,
    **_: Any,
) -> Tensor | None:
    """The mask function as `transformers` calls it: int64 `[batch]`, or None without a mask."""
    if use_vmap or (local_size is None and mask_function is not causal_mask_function):
        raise UsageError(
            "attention systems are causal: pictures that see themselves whole (Gemma 3) and "
            "packed sequences are not supported"
        )
    if attention_mask is None:
        return None
    if attention_mask.shape[1] != kv_length:
        raise UsageError(
            f"attention_mask must cover the cache and the new tokens, {kv_length} slots, "
            f"got {attention_mask.shape[1]}"
        )
    return padding_starts(attention_mask, batch_size, device)


def _without_rotation(
    module: nn.Module,  # noqa: ARG001
    inputs: tuple[Any, ...],
    named: dict[str, Any],
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Make the model's own rotation the identity; the system rotates by itself."""
    cosines, sines = named["position_embeddings"]
    named["position_embeddings"] = (torch.ones_like(cosines), torch.zeros_like(sines))
    return inputs, named
