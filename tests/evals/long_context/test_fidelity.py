"""What selections keep of dense attention, against loops and against what must hold."""

from typing import Any

import pytest
import torch

from tapgraph.errors import UsageError
from tapgraph.evals.long_context.fidelity import ROWS, FidelityPrompt, measure_fidelity
from tapgraph.kernels.in_models.attention import observe_attention
from tapgraph.kernels.systems.dense import Dense
from tapgraph.kernels.systems.hip import Hip, HipConfig
from tapgraph.kernels.systems.recycled import Recycled, RecycledConfig
from tapgraph.kernels.systems.sink_window import SinkWindow, SinkWindowConfig
from tapgraph.kernels.systems.token_select import TokenSelect, TokenSelectConfig
from tapgraph.kernels.systems.triangle_mix import TriangleMix
from tapgraph.kernels.systems.xattention import XAttention, XAttentionConfig

TOKENS = 96


@pytest.fixture(scope="module")
def prompt(tiny: Any) -> FidelityPrompt:
    return FidelityPrompt(tiny.prompt(TOKENS), gold=40)


def measured(tiny: Any, prompt: FidelityPrompt, **systems: Any) -> dict[str, Any]:
    model = tiny.load().model
    return {one.system: one for one in measure_fidelity(model, [prompt], systems)}


def test_dense_attention_keeps_everything_without_error(tiny: Any, prompt: FidelityPrompt) -> None:
    found = measured(tiny, prompt, dense=Dense())["dense"]
    # Means of lengths 93 to 96; errors are those of float32.
    assert found.kept == TOKENS - (ROWS - 1) / 2
    assert found.mass == pytest.approx(1)
    assert found.error < 1e-5
    assert found.best_error == pytest.approx(0, abs=1e-12)


def test_window_mass_is_that_of_a_loop(tiny: Any, prompt: FidelityPrompt) -> None:
    sums = []

    def observe(seen: Any) -> None:
        for head in range(seen.layer.heads):
            keys = seen.keys[0, head // seen.layer.group].double()
            for last in range(TOKENS - ROWS, TOKENS):
                query = seen.queries[0, head, last].double()
                weights = [
                    float(torch.exp(seen.layer.scale * query @ keys[token]))
                    for token in range(last + 1)
                ]
                kept = [*range(4), *range(last - 15, last + 1)]
                sums.append(sum(weights[token] for token in kept) / sum(weights))

    model = tiny.load().model
    with torch.inference_mode(), observe_attention(model, observe):
        model.base_model(input_ids=torch.tensor([prompt.token_ids]))
    system = SinkWindow(SinkWindowConfig(sink_tokens=4, recent_tokens=16))
    found = measured(tiny, prompt, window=system)["window"]
    assert found.kept == 20
    assert found.mass == pytest.approx(sum(sums) / len(sums), rel=1e-6)
    assert found.window_mass == pytest.approx(found.mass)


def test_no_system_captures_more_than_the_largest_weights(
    tiny: Any, prompt: FidelityPrompt
) -> None:
    found = measured(
        tiny,
        prompt,
        hip=Hip(HipConfig(kept=16, window=8, sink=4, dense_layers=0, dense_below=0)),
        recycled=Recycled(RecycledConfig(kept=24, dense_budgets=1)),
        token_select=TokenSelect(TokenSelectConfig(n_init=4, k=16, n_local=8, chunk=8)),
        xattention=XAttention(XAttentionConfig(mass=0.5, block=16, stride=4, dense_below=0)),
    )
    for one in found.values():
        assert 0 < one.mass <= one.best_mass <= 1
        assert one.random_mass < one.best_mass
        assert one.kept < TOKENS
        assert one.error > 0


def test_gold_is_counted_only_of_heads_that_look_at_it(tiny: Any, prompt: FidelityPrompt) -> None:
    seen_gold = measured(tiny, prompt, dense=Dense())["dense"]
    # A random model spreads its attention, so no head has a tenth of it on one token.
    assert seen_gold.looking == 0
    assert seen_gold.gold_kept is None
    first = measured(tiny, FidelityPrompt(prompt.token_ids[:12], gold=5), dense=Dense())["dense"]
    assert first.gold_kept in {None, 1.0}


def test_systems_without_a_selection_of_their_own_are_refused(
    tiny: Any, prompt: FidelityPrompt
) -> None:
    with pytest.raises(UsageError, match="the fidelity of 'triangle' cannot be measured"):
        measured(tiny, prompt, triangle=TriangleMix())
    with pytest.raises(UsageError, match="prompts must have more than 8 tokens"):
        measured(tiny, FidelityPrompt((1, 2)), dense=Dense())
