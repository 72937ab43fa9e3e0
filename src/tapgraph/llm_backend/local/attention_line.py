"""What an engine's attention system means for its user, in one line."""

from tapgraph.kernels.systems.dense import Dense
from tapgraph.llm_backend.local.engine import Engine
from tapgraph.llm_backend.local.own_attention import OwnAttention

__all__ = ["attention_line"]

_MIB = 2**20


def attention_line(engine: Engine) -> str:
    """From where on the system is not dense, and what memory it takes at the context limit."""
    system, tokens, attention = engine.system, engine.context_tokens, engine.attention
    if isinstance(attention, OwnAttention):
        return "attention: the model's own, which reads everything"
    dense = attention.kept_bytes(tokens, Dense())
    at_limit = f"keys and values of {tokens:,} tokens take"
    if system.name == "dense":
        return f"attention dense: reads everything; {at_limit} {dense / _MIB:,.0f} MiB"
    ours = attention.kept_bytes(tokens)
    parts = [
        f"attention {system.name}: dense below {system.dense_below:,} tokens"
        + (", so this context never leaves that" if tokens < system.dense_below else ""),
        f"{at_limit} {ours / _MIB:,.0f} MiB, with dense attention {dense / _MIB:,.0f} MiB",
    ]
    if system.is_calibrated is not None:
        make = f"tapgraph kernels calibrate {system.name} --model {engine.checkpoint.name}"
        parts.append("calibrated" if system.is_calibrated else f"NOT calibrated; do: {make}")
    return "; ".join(parts)
