"""Any attention system in any supported `transformers` model, with `generate()` as it is.

    with use_attention(model, system):
        model.generate(**inputs)

`transformers` looks the attention function up by name, and a cache may return any object as keys.
So the cache (`attention_cache`) hands itself to the function registered here, which lets the
system's `LayerAttention` of that layer do the work. The mask function reduces a padding mask to
the slot where each row starts. Nothing of `transformers` is replaced.

`replace_attention` is for training and calibration: a function of a whole text, without a cache.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any, cast

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface, DynamicCache, PreTrainedModel
from transformers.masking_utils import causal_mask_function, sdpa_mask

from tapgraph.errors import UsageError
from tapgraph.kernels.attention_system import AttentionSystem, LayerAttention, LayerShape
from tapgraph.kernels.dense import attend_densely, attend_in_window
from tapgraph.kernels.highlight import Highlight
from tapgraph.kernels.highlighted_layer import HighlightedLayer, OwnChannelsRotary, widened
from tapgraph.kernels.in_models.attention_cache import AttentionCache, NewTokens, StackedCache
from tapgraph.kernels.in_models.text_decoder import (
    AttentionModule,
    ModelRotary,
    TextDecoder,
    layer_shapes,
    windowed_layers,
)
from tapgraph.kernels.masks import padding_starts
from tapgraph.kernels.systems.window_layer import WindowLayer

__all__ = [
    "AttentionCache",
    "AttentionCall",
    "ModelAttention",
    "layer_shapes",
    "observe_attention",
    "replace_attention",
    "use_attention",
    "windowed_layers",
]

NAME = "tapgraph"
"""What the attention and mask functions are registered as."""
_WHOLE = "_attend_whole"
"""Where a module holds a function of whole texts."""


class ModelAttention:
    """An attention system at work in a model; `use_attention` makes it."""

    def __init__(self, decoder: TextDecoder, system: AttentionSystem) -> None:
        self._decoder = decoder
        self.system = system
        self._modules = tuple(decoder.attention_modules())
        self._generate_reads_prompt: bool | None = None
        if system.keys == "unrotated":
            for attention in self._modules:
                if attention.window is None:
                    attention.rotary.check()
        # Settings and calibration that do not fit the model are refused here.
        self._open_layers(0)

    def new_cache(self, highlights: Sequence[Highlight] = ()) -> AttentionCache:
        """An empty cache, to be passed as `past_key_values` to the model or to `generate()`.

        Args:
            highlights: of each sequence of the batch, counted without its padding; none for
                attention as it is.

        Raises:
            UsageError: the highlights are for another model, or the system cannot follow them.
        """
        if not highlights:
            return AttentionCache(self.system, self._open_layers)

        def open_layers(row: int) -> list[LayerAttention]:
            if row >= len(highlights):
                raise UsageError(
                    f"{len(highlights)} sequences have highlights, got one more sequence"
                )
            return self._open_highlighted(highlights[row])

        return AttentionCache(self.system, open_layers)

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

    def kept_bytes(self, tokens: int, system: AttentionSystem | None = None) -> int:
        """About what keys and values of one text take, once its reply has begun.

        Args:
            tokens: of the text.
            system: another one than that at work.
        """
        total, system = 0.0, system or self.system
        element_bytes = (system.kept_bits or 8 * self._decoder.module.dtype.itemsize) / 8
        for attention in self._modules:
            shape, window = attention.shape, attention.window
            kept = min(tokens, window) if window else system.kept_tokens(shape, tokens)
            total += 2 * kept * shape.kv_heads * shape.head_dim
        return round(total * element_bytes)

    def _open_layers(self, _: int) -> list[LayerAttention]:
        return [self._open_layer(attention) for attention in self._modules]

    def _open_highlighted(self, highlight: Highlight) -> list[LayerAttention]:
        return [self._open_steered(attention, highlight) for attention in self._modules]

    def _open_steered(self, attention: AttentionModule, highlight: Highlight) -> LayerAttention:
        shape, steering = attention.shape, highlight.steering
        steering.check(shape)
        if not steering.heads_of(shape.index):
            return self._open_layer(attention)
        if attention.window is not None:
            raise UsageError(
                f"layer {shape.index} sees {attention.window} tokens and cannot be steered: "
                "choose heads of other layers"
            )
        wide = widened(replace(shape, kept_bits=self.system.kept_bits))
        rotary = OwnChannelsRotary(attention.rotary, wide.extra_channels)
        return HighlightedLayer(shape, self.system.open_layer(wide, rotary), highlight)

    def _open_layer(self, attention: AttentionModule) -> LayerAttention:
        if attention.window is not None:
            return WindowLayer(attention.shape, attention.window)
        shape = replace(attention.shape, kept_bits=self.system.kept_bits)
        return self.system.open_layer(shape, attention.rotary)

    def _check_system(self, cache: AttentionCache) -> None:
        if cache.system is not self.system:
            raise UsageError(
                f"this cache belongs to another {cache.system.name!r} system than the one in use, "
                f"{self.system.name!r}"
            )

    def install(self, model: PreTrainedModel, restoring: ExitStack) -> None:
        """Route the model's attention through the system until `restoring` closes.

        Raises:
            UsageError: another system is in use already, or the model's class has an attention
                function of its own.
        """
        decoder = self._decoder.module
        _route_attention(decoder, restoring)
        hook = decoder.register_forward_pre_hook(self._before_decoder, with_kwargs=True)
        restoring.callback(hook.remove)
        self._follow_generate(model, restoring)
        if self.system.keys == "unrotated":
            for attention in self._modules:
                if attention.window is None:
                    hook = attention.module.register_forward_pre_hook(
                        _without_rotation, with_kwargs=True
                    )
                    restoring.callback(hook.remove)

    def _follow_generate(self, model: PreTrainedModel, restoring: ExitStack) -> None:
        """Let `generate()` say what is prompt, for its last chunk may be one token too."""
        name = "prepare_inputs_for_generation"
        prepare: Callable[..., dict[str, Any]] = getattr(model, name)

        @wraps(prepare)
        def prepare_and_tell(*given: Any, **named: Any) -> dict[str, Any]:
            self._generate_reads_prompt = bool(named.get("is_first_iteration"))
            return prepare(*given, **named)

        setattr(model, name, prepare_and_tell)
        restoring.callback(delattr, model, name)

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
        if self._generate_reads_prompt is not None:
            named["past_key_values"].reads_prompt = self._generate_reads_prompt
            self._generate_reads_prompt = None
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
        attention.install(model, restoring)
        yield attention


@dataclass(frozen=True, slots=True)
class AttentionCall:
    """What one attention layer is given of whole texts, all of one length.

    Attributes:
        layer: which layer.
        window: the model's own sliding window in this layer, or None.
        queries: after RoPE, `[batch, heads, tokens, head_dim]`.
        keys: after RoPE, `[batch, kv_heads, tokens, head_dim]`.
        values: `[batch, kv_heads, tokens, head_dim]`.
        rotary: the layer's rotary embedding.
    """

    layer: LayerShape
    window: int | None
    queries: Tensor
    keys: Tensor
    values: Tensor
    rotary: ModelRotary

    def queries_before_rotation(self) -> Tensor:
        """`queries` before RoPE, `[batch, heads, tokens, head_dim]`; as `ModelRotary.check`.

        The rotation is undone, so they are right up to rounding.
        """
        return self.rotary.undo(self.queries, self._positions())

    def keys_before_rotation(self) -> Tensor:
        """`keys` before RoPE, `[batch, kv_heads, tokens, head_dim]`; as for the queries."""
        return self.rotary.undo(self.keys, self._positions())

    def row(self, row: int) -> "AttentionCall":
        """Of one text alone."""
        only = slice(row, row + 1)
        return replace(
            self, queries=self.queries[only], keys=self.keys[only], values=self.values[only]
        )

    def dense(self) -> Tensor:
        """What dense attention makes of it, `[batch, heads, tokens, head_dim]`."""
        given, scale = (self.queries, self.keys, self.values), self.layer.scale
        if self.window is None:
            return attend_densely(*given, scale=scale)
        return attend_in_window(*given, window=self.window, scale=scale)

    def _positions(self) -> Tensor:
        tokens = torch.arange(self.keys.shape[2], device=self.keys.device)
        return tokens.expand(self.keys.shape[0], -1)


@contextmanager
def replace_attention(
    model: PreTrainedModel, attend: Callable[[AttentionCall], Tensor]
) -> Iterator[None]:
    """Let a function do the attention of a model's text decoder, over whole texts at once.

    Inside, call the model with `use_cache=False` and without padding. Gradients pass.

    Args:
        model: as for `use_attention`.
        attend: gives `[batch, heads, tokens, head_dim]` in the dtype of the queries.

    Raises:
        UsageError: as `use_attention`; and, from the forward pass, where there is padding.
    """
    decoder = TextDecoder(model)
    with ExitStack() as restoring:
        _route_attention(decoder.module, restoring)
        for attention in decoder.attention_modules():
            setattr(attention.module, _WHOLE, _WholeText(attention, attend))
            restoring.callback(delattr, attention.module, _WHOLE)
        yield


@contextmanager
def observe_attention(
    model: PreTrainedModel, observer: Callable[[AttentionCall], None]
) -> Iterator[None]:
    """Show an observer what each attention layer is given, while the model runs densely.

    Raises:
        UsageError: as `replace_attention`.
    """

    def attend(call: AttentionCall) -> Tensor:
        output = call.dense()
        observer(call)
        return output

    with replace_attention(model, attend):
        yield


@dataclass(frozen=True, slots=True)
class _WholeText:
    attention: AttentionModule
    attend: Callable[[AttentionCall], Tensor]

    def __call__(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        of = self.attention
        return self.attend(AttentionCall(of.shape, of.window, queries, keys, values, of.rotary))


def _route_attention(decoder: PreTrainedModel, restoring: ExitStack) -> None:
    before = decoder.config._attn_implementation
    if before == NAME:
        raise UsageError("an attention system is in use in this model already")
    AttentionInterface.register(NAME, _attend)
    AttentionMaskInterface.register(NAME, _starts_of_mask)
    decoder.set_attn_implementation(NAME)
    if decoder.config._attn_implementation != NAME:
        raise UsageError(f"{type(decoder).__name__} does not let its attention be chosen")
    restoring.callback(decoder.set_attn_implementation, before)


def _attend(
    module: nn.Module,
    query: Tensor,
    key: Tensor | NewTokens,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    **_: Any,
) -> tuple[Tensor, None]:
    """The attention function as `transformers` calls it; the mask is `_starts_of_mask`'s."""
    if dropout:
        raise UsageError(f"attention systems have no dropout, got {dropout!r}: call model.eval()")
    if attention_mask is not None and attention_mask.dim() not in {1, 3}:
        raise UsageError(
            f"attention_mask must be [batch, tokens], got {list(attention_mask.shape)}"
        )
    whole = getattr(module, _WHOLE, None)
    if isinstance(key, NewTokens) and attention_mask is not None and attention_mask.dim() == 3:
        output = key.cache.attend_as_told(key.layer, query, key.keys, value, attention_mask)
    elif isinstance(key, NewTokens):
        output = key.cache.attend(key.layer, query, key.keys, value, attention_mask)
    elif whole is None:
        raise UsageError("attention systems work through a cache: call with use_cache=True")
    elif attention_mask is not None and bool(attention_mask.any()):
        raise UsageError("a function of whole texts knows no padding: give texts of one length")
    else:
        output = whole(query, key, value)
    return output.transpose(1, 2).contiguous(), None


def _starts_of_mask(
    batch_size: int,
    q_length: int,
    kv_length: int,
    mask_function: Callable[..., Any],
    attention_mask: Tensor | None,
    device: torch.device,
    use_vmap: bool = False,
    local_size: int | None = None,
    **_: Any,
) -> Tensor | None:
    """The mask function as `transformers` calls it.

    Returns:
        Where each row starts, int64 `[batch]`, or None without a mask; and where tokens of pictures
        see each other both ways (Gemma 3), who sees whom, bool `[batch, tokens, slots]`.
    """
    if use_vmap or (local_size is None and mask_function is not causal_mask_function):
        told = sdpa_mask(
            batch_size, q_length, kv_length, mask_function=mask_function, use_vmap=use_vmap,
            attention_mask=attention_mask, allow_is_causal_skip=False, device=device,
        )  # fmt: skip
        sees = cast("Tensor", told)[:, 0]
        if not sees.diagonal(-1, -2, -1).all():
            raise UsageError("attention systems see a text as a whole: packed ones are not read")
        return sees
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
