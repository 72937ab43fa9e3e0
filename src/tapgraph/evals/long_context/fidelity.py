"""How much of dense attention a selection keeps: softmax mass, gold tokens and output error.

A model reads a prompt densely. In every layer each system is given the same queries, keys and
values: all but the last `ROWS` tokens as a prompt, the last ones as decode steps; a system that
decodes densely gets all of them as a prompt, and its last query is looked at. What a query attends
to is compared with three controls that keep equally many tokens for the same query head: the tokens
with the largest weights (no selection of single tokens captures more), random ones, and the sink
with the newest ones.

TriangleMix is not measured: the last queries of a prompt are dense there by definition, and in
its deep layers all others have the selection of the sink + window control. Nor is Landmark, whose
softmax is another one and whose text must hold landmarks.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor
from transformers import PreTrainedModel

from tapgraph.errors import UsageError
from tapgraph.kernels.attention_system import AttentionSystem, LayerAttention
from tapgraph.kernels.in_models.attention import AttentionCall, observe_attention

__all__ = ["ROWS", "Fidelity", "FidelityPrompt", "measure_fidelity"]

ROWS = 4
"""Decode steps that are looked at in each prompt."""

_SINK = 4
_LOOKS_AT_GOLD = 0.1
_NOT_MEASURED = ("triangle_mix", "landmark")
_PREFILL_ONLY = ("sale", "xattention")


@dataclass(frozen=True, slots=True)
class FidelityPrompt:
    """Token ids of a prompt, and where the token stands that should be said next, if known."""

    token_ids: tuple[int, ...]
    gold: int | None = None


@dataclass(frozen=True, slots=True)
class Fidelity:
    """Means over prompts, layers, query heads and rows.

    Attributes:
        system: name in the given mapping.
        kept: tokens that a query head attended to with their own key and value.
        mass: dense softmax mass on these tokens, 0..1, more is better.
        best_mass: on equally many tokens with the largest weights.
        random_mass: on equally many random tokens.
        window_mass: on equally many tokens, `_SINK` first ones and the newest.
        error: norm of the difference between the system's output and dense output, relative to the
            norm of the dense output; less is better.
        best_error: the same for the tokens with the largest weights.
        gold_kept: of the query heads with at least 0.1 of their attention on the gold token, the
            share that kept it; None where there was no such head.
        looking: how many such heads there were.
    """

    system: str
    kept: float
    mass: float
    best_mass: float
    random_mass: float
    window_mass: float
    error: float
    best_error: float
    gold_kept: float | None
    looking: int


@dataclass(slots=True)
class _Tally:
    numbers: list[Tensor] = field(default_factory=list)
    gold: list[Tensor] = field(default_factory=list)

    def result(self, system: str) -> Fidelity:
        kept, mass, best, chance, window, error, best_error = (
            torch.stack(self.numbers).mean(0).tolist()
        )
        gold = torch.cat(self.gold) if self.gold else torch.empty(0)
        kept_gold = float(gold.double().mean()) if len(gold) else None
        return Fidelity(
            system=system,
            kept=kept,
            mass=mass,
            best_mass=best,
            random_mass=chance,
            window_mass=window,
            error=error,
            best_error=best_error,
            gold_kept=kept_gold,
            looking=len(gold),
        )


@torch.inference_mode()
def measure_fidelity(
    model: PreTrainedModel,
    prompts: Sequence[FidelityPrompt],
    systems: Mapping[str, AttentionSystem],
    *,
    seed: int = 0,
    layers: Sequence[int] | None = None,
) -> tuple[Fidelity, ...]:
    """What each system keeps of a model's dense attention.

    Args:
        model: any that `use_attention` works in; layers with a sliding window are left out.
        prompts: each is read on its own.
        systems: by the names that the results bear, with budgets that fit the prompts' length.
        seed: of the random control.
        layers: which layers; None means all. What a system does costs as much as its prefill.

    Raises:
        UsageError: a system cannot be measured like this, or a prompt is too short.
    """
    for name, system in systems.items():
        if system.name in _NOT_MEASURED:
            raise UsageError(f"the fidelity of {name!r} cannot be measured: see the documentation")
    if not prompts or min(len(prompt.token_ids) for prompt in prompts) <= 2 * ROWS:
        raise UsageError(f"prompts must have more than {2 * ROWS} tokens")
    tallies = {name: _Tally() for name in systems}
    generator = torch.Generator().manual_seed(seed)
    for prompt in prompts:

        def observe(seen: AttentionCall, gold: int | None = prompt.gold) -> None:
            if seen.window is None and (layers is None or seen.layer.index in layers):
                for name, system in systems.items():
                    _measure(seen, system, gold, tallies[name], generator)

        ids = torch.tensor([prompt.token_ids], device=model.device)
        with observe_attention(model, observe):
            model.base_model(input_ids=ids, use_cache=False)
    return tuple(tally.result(name) for name, tally in tallies.items())


def _measure(
    seen: AttentionCall,
    system: AttentionSystem,
    gold: int | None,
    tally: _Tally,
    generator: torch.Generator,
) -> None:
    queries, keys = seen.queries, seen.keys
    if system.keys == "unrotated":
        queries, keys = seen.queries_before_rotation(), seen.keys_before_rotation()
    layer = system.open_layer(seen.layer, seen.rotary)
    tokens = keys.shape[2]
    first = tokens if system.name in _PREFILL_ONLY else tokens - ROWS
    output = _take(layer.prefill, queries, keys, seen, slice(0, first))
    if first == tokens:
        _compare(seen, layer, output[:, :, -1], gold, tally, generator)
        return
    for token in range(first, tokens):
        output = _take(layer.decode, queries, keys, seen, slice(token, token + 1))
        is_last = token == tokens - 1
        _compare(seen, layer, output[:, :, 0], gold if is_last else None, tally, generator)


def _take(
    call: Callable[[Tensor, Tensor, Tensor], Tensor],
    queries: Tensor,
    keys: Tensor,
    seen: AttentionCall,
    tokens: slice,
) -> Tensor:
    return call(queries[:, :, tokens], keys[:, :, tokens], seen.values[:, :, tokens])


def _compare(
    seen: AttentionCall,
    layer: LayerAttention,
    output: Tensor,
    gold: int | None,
    tally: _Tally,
    generator: torch.Generator,
) -> None:
    """Add one row of one layer; `output` is `[1, heads, head_dim]`."""
    tokens, group = layer.tokens_seen, seen.layer.group
    query = seen.queries[0, :, tokens - 1].double()
    keys = seen.keys[0, :, :tokens].double().repeat_interleave(group, dim=0)
    values = seen.values[0, :, :tokens].double().repeat_interleave(group, dim=0)
    logits = (keys @ query[:, :, None])[:, :, 0] * seen.layer.scale
    weights = logits.softmax(-1)
    dense = (weights[:, None] @ values)[:, 0]
    kept = layer.kept_by_last_query().to(weights.device)
    counts = kept.sum(-1)
    best = _first(weights.argsort(dim=-1, descending=True, stable=True), counts)
    chance = _first(torch.rand(weights.shape, generator=generator).argsort(-1), counts)
    newest = _first(_sink_then_newest(tokens).expand_as(kept), counts)
    alone = (weights * best)[:, None] @ values / (weights * best).sum(-1)[:, None, None]
    norm = dense.norm(dim=-1).clamp(min=1e-12)
    tally.numbers.append(
        torch.stack([
            counts.double().mean(),
            *((weights * chosen).sum(-1).mean() for chosen in (kept, best, chance, newest)),
            ((output[0].double() - dense).norm(dim=-1) / norm).mean(),
            ((alone[:, 0] - dense).norm(dim=-1) / norm).mean(),
        ]).cpu()
    )
    if gold is not None:
        tally.gold.append(kept[weights[:, gold] >= _LOOKS_AT_GOLD, gold].cpu())


def _sink_then_newest(tokens: int) -> Tensor:
    sink = min(_SINK, tokens)
    return torch.cat([torch.arange(sink), torch.arange(tokens - 1, sink - 1, -1)])


def _first(order: Tensor, counts: Tensor) -> Tensor:
    """Bool `[heads, tokens]`: in each row the first `counts` of the indices in `order`."""
    ranks = torch.arange(order.shape[-1], device=order.device)
    chosen = torch.zeros(order.shape, dtype=torch.bool, device=order.device)
    return chosen.scatter(-1, order, ranks < counts[:, None])
