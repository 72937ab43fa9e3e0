"""What queries, keys and values must be like to fit each other."""

from torch import Tensor

from tapgraph.errors import UsageError
from tapgraph.kernels.attention_system import LayerShape

__all__ = ["check_call", "check_inputs"]


def check_inputs(queries: Tensor, keys: Tensor, values: Tensor) -> int:
    """The number of query heads for each KV head.

    Args:
        queries: `[batch, heads, q_len, head_dim]`.
        keys: `[batch, kv_heads, kv_len, head_dim]`.
        values: `[batch, kv_heads, kv_len, head_dim]`.

    Raises:
        UsageError: a shape, dtype or device does not fit, heads are not divisible, or there are
            more queries than keys.
    """
    for name, tensor in (("queries", queries), ("keys", keys), ("values", values)):
        if tensor.dim() != 4:
            raise UsageError(
                f"{name} must be [batch, heads, tokens, head_dim], got {list(tensor.shape)}"
            )
    if not queries.dtype == keys.dtype == values.dtype:
        raise UsageError(
            "queries, keys and values must have one dtype, "
            f"got {queries.dtype}, {keys.dtype} and {values.dtype}"
        )
    if not queries.is_floating_point():
        raise UsageError(f"queries must be floating point, got {queries.dtype}")
    if not queries.device == keys.device == values.device:
        raise UsageError(
            "queries, keys and values must be on one device, "
            f"got {queries.device}, {keys.device} and {values.device}"
        )
    if keys.shape != values.shape:
        raise UsageError(
            f"keys and values must have one shape, got {list(keys.shape)} and {list(values.shape)}"
        )
    if queries.shape[0] != keys.shape[0] or queries.shape[3] != keys.shape[3]:
        raise UsageError(
            "queries and keys must agree in batch and head_dim, "
            f"got {list(queries.shape)} and {list(keys.shape)}"
        )
    if queries.shape[2] > keys.shape[2]:
        raise UsageError(
            "there must be at least as many keys as queries, "
            f"got {keys.shape[2]} and {queries.shape[2]}"
        )
    heads, kv_heads = queries.shape[1], keys.shape[1]
    if kv_heads < 1 or heads % kv_heads:
        raise UsageError(f"heads must be a multiple of kv_heads, got {heads} and {kv_heads}")
    return heads // kv_heads


def check_call(shape: LayerShape, queries: Tensor, keys: Tensor, values: Tensor) -> None:
    """Check the arguments of a layer's `prefill` or `decode` before it changes anything.

    Args:
        shape: the layer.
        queries: `[1, heads, tokens, head_dim]`.
        keys: `[1, kv_heads, tokens, head_dim]`.
        values: `[1, kv_heads, tokens, head_dim]`.

    Raises:
        UsageError: they do not fit each other or the layer.
    """
    group = check_inputs(queries, keys, values)
    if queries.shape[0] != 1:
        raise UsageError(f"a layer is given one sequence at a time, got {queries.shape[0]}")
    if (keys.shape[1], group, keys.shape[3]) != (shape.kv_heads, shape.group, shape.head_dim):
        raise UsageError(
            f"layer {shape.index} has {shape.heads} heads, {shape.kv_heads} KV heads and head_dim "
            f"{shape.head_dim}, got queries {list(queries.shape)} and keys {list(keys.shape)}"
        )
    if queries.shape[2] != keys.shape[2]:
        raise UsageError(
            "queries and keys must be of the same new tokens, "
            f"got {queries.shape[2]} and {keys.shape[2]}"
        )
