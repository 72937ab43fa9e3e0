"""Highlighted context: PASTA's definition, in every attention system that can hold it."""

from dataclasses import replace
from types import ModuleType

import pytest
import torch
from torch import Tensor

from tapgraph.errors import UsageError
from tapgraph.kernels.attention_system import AttentionSystem, LayerAttention, LayerShape
from tapgraph.kernels.highlight import Highlight, Spans, Steering
from tapgraph.kernels.highlighted_layer import (
    HighlightedLayer,
    OwnChannelsRotary,
    widened,
)
from tapgraph.kernels.rotary import PlainRotary
from tapgraph.kernels.systems import SYSTEMS
from tapgraph.kernels.systems.dense import Dense
from tapgraph.llm_backend.steering.spans import joined_spans

SHAPE = LayerShape(index=1, layers=2, heads=6, kv_heads=2, head_dim=64, scale=0.125)
PROMPT, TOKENS = 50, 58
STEERED = (1, 4)
"""One query head of each KV head."""
SPANS: Spans = ((9, 14), (30, 33))
REFUSING = {"landmark", "sale"}
FOLLOWING = [name for name in SYSTEMS if name not in REFUSING]
TOLERANCE = 1e-6
"""Of a weight: what the definition is held to."""


def steering(alpha: float = 0.01, heads: tuple[int, ...] = STEERED) -> Steering:
    chosen = torch.zeros(SHAPE.layers, SHAPE.heads, dtype=torch.bool)
    chosen[SHAPE.index, list(heads)] = True
    return Steering(chosen, alpha)


def highlighted(
    system: AttentionSystem, spans: Spans = SPANS, steered: Steering | None = None
) -> HighlightedLayer:
    wide = widened(replace(SHAPE, kept_bits=system.kept_bits))
    inner = system.open_layer(wide, OwnChannelsRotary(PlainRotary(), wide.extra_channels))
    return HighlightedLayer(SHAPE, inner, Highlight(steered or steering(), PROMPT, spans))


def tokens(dtype: torch.dtype = torch.float32, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """The value of a token is 1 in a channel of its own: so an output is the row of weights."""
    generator = torch.Generator().manual_seed(seed)
    queries = 2 * torch.randn(1, SHAPE.heads, TOKENS, 64, generator=generator)
    keys = torch.randn(1, SHAPE.kv_heads, TOKENS, 64, generator=generator)
    values = torch.eye(TOKENS, 64).expand(1, SHAPE.kv_heads, -1, -1)
    return queries.to(dtype), keys.to(dtype), values.to(dtype)


def run(layer: LayerAttention, given: tuple[Tensor, Tensor, Tensor], chunk: int) -> Tensor:
    outputs = []
    for first in range(0, PROMPT, chunk):
        part = slice(first, min(first + chunk, PROMPT))
        outputs.append(layer.prefill(*(tensor[:, :, part] for tensor in given)))
    steps = [slice(token, token + 1) for token in range(PROMPT, TOKENS)]
    outputs += [layer.decode(*(tensor[:, :, step] for tensor in given)) for step in steps]
    return torch.cat(outputs, dim=2)


def weights(given: tuple[Tensor, Tensor, Tensor], *, rotated: bool = True) -> Tensor:
    """Causal attention as it is, float64 `[heads, tokens, tokens]`."""
    queries, keys = given[0].double(), given[1].double()
    if not rotated:
        places = torch.arange(TOKENS)[None]
        queries, keys = PlainRotary()(queries, places), PlainRotary()(keys, places)
    scores = SHAPE.scale * queries[0] @ keys[0].repeat_interleave(3, dim=0).transpose(1, 2)
    unseen = torch.ones(TOKENS, TOKENS, dtype=torch.bool).triu(1)
    return scores.masked_fill(unseen, -torch.inf).softmax(dim=-1)


def as_defined(plain: Tensor, alpha: float, spans: Spans = SPANS) -> Tensor:
    """PASTA, equation 2: scale the attention on what is not highlighted, and normalise."""
    factor = torch.ones(TOKENS, dtype=torch.float64)
    factor[:PROMPT] = alpha
    for begin, end in spans:
        factor[begin:end] = 1
    steered = plain * factor
    steered = steered / steered.sum(dim=-1, keepdim=True)
    chosen = torch.zeros(SHAPE.heads, dtype=torch.bool)
    chosen[list(STEERED)] = True
    return torch.where(chosen[:, None, None], steered, plain)


@pytest.mark.parametrize("name", FOLLOWING)
@pytest.mark.parametrize("chunk", [PROMPT, 16])
def test_weights_are_those_of_the_definition_in_every_system(
    name: str, chunk: int, attention_cases: ModuleType
) -> None:
    system = attention_cases.COVERING[name]()
    given = tokens()
    output = run(highlighted(system), given, chunk)[0, :, :, :TOKENS]
    wanted = as_defined(weights(given, rotated=system.keys == "rotated"), 0.01)
    assert (output.double() - wanted).abs().max() <= TOLERANCE


def test_another_alpha_would_be_noticed() -> None:
    given = tokens()
    output = run(highlighted(Dense()), given, PROMPT)[0, :, :, :TOKENS]
    assert (output.double() - as_defined(weights(given), 0.02)).abs().max() > 1e-3


def test_low_precision_keys_hold_the_bias_exactly() -> None:
    given = tokens(torch.bfloat16)
    output = run(highlighted(Dense()), given, PROMPT)[0, :, :, :TOKENS]
    # Weights themselves are rounded to 8 bits; a bias rounded so would be wrong by 15 %.
    assert (output.double() - as_defined(weights(given), 0.01)).abs().max() <= 2**-8


@pytest.mark.parametrize("name", ["dense", "hip", "recycled", "h2o", "token_select"])
def test_heads_that_are_not_steered_have_the_same_bits(
    name: str, attention_cases: ModuleType
) -> None:
    make = attention_cases.COVERING[name]
    given = tokens()
    plain = run(make().open_layer(SHAPE, PlainRotary()), given, 16)
    others = [head for head in range(SHAPE.heads) if head not in STEERED]
    output = run(highlighted(make()), given, 16)
    assert torch.equal(output[:, others], plain[:, others])
    assert not torch.equal(output, plain)


def test_queries_before_the_first_highlight_have_the_same_bits() -> None:
    given = tokens()
    plain = run(Dense().open_layer(SHAPE, PlainRotary()), given, 25)
    output = run(highlighted(Dense()), given, 25)
    assert torch.equal(output[:, :, : SPANS[0][0]], plain[:, :, : SPANS[0][0]])


def test_overlapping_spans_are_their_union() -> None:
    given = tokens()
    spans = joined_spans([(30, 33), (9, 12), (11, 14)])
    assert spans == SPANS
    assert torch.equal(
        run(highlighted(Dense(), spans), given, 50), run(highlighted(Dense()), given, 50)
    )


def test_alpha_of_1_steers_no_head() -> None:
    assert steering(alpha=1).heads_of(1) == ()
    assert steering().heads_of(1) == STEERED
    assert steering().heads_of(0) == ()


@pytest.mark.parametrize("name", ["quest", "token_select", "hip"])
def test_selection_by_scores_follows_the_highlight(name: str, attention_cases: ModuleType) -> None:
    """All heads are steered, and room is for few tokens: more of them are highlighted ones."""
    system, given = attention_cases.TIGHT[name](), tokens()
    spans = ((20, 24),)
    every = steering(1e-4, tuple(range(SHAPE.heads)))
    read = []
    for layer in (highlighted(system, spans, every), system.open_layer(SHAPE, PlainRotary())):
        run(layer, given, 16)
        read.append(float(layer.kept_by_last_query()[:, 20:24].double().mean()))
    assert read[0] >= 2 * read[1]
    assert read[0] > 0.4


def test_what_a_system_dropped_is_told(attention_cases: ModuleType) -> None:
    kept = highlighted(attention_cases.COVERING["sink_window"]())
    dropped = highlighted(attention_cases.TIGHT["sink_window"]())
    for layer in (kept, dropped):
        run(layer, tokens(), 16)
    assert kept.share_kept() == 1
    assert dropped.share_kept() == 0


@pytest.mark.parametrize("name", sorted(REFUSING))
def test_a_system_that_cannot_hold_a_highlight_says_so(
    name: str, attention_cases: ModuleType
) -> None:
    with pytest.raises(UsageError, match="use another system"):
        highlighted(attention_cases.COVERING[name]())


@pytest.mark.parametrize("name", FOLLOWING)
def test_going_back_gives_the_same_again(name: str, attention_cases: ModuleType) -> None:
    layer, given = highlighted(attention_cases.TIGHT[name]()), tokens()
    layer.prefill(*(tensor[:, :, :PROMPT] for tensor in given))
    point, twin = layer.snapshot(), layer.fork()

    def rest(of: LayerAttention) -> Tensor:
        steps = range(PROMPT, TOKENS)
        parts = [of.decode(*(tensor[:, :, at : at + 1] for tensor in given)) for at in steps]
        return torch.cat(parts, dim=2)

    first = rest(layer)
    layer.restore(point)
    assert torch.equal(rest(layer), first)
    assert torch.equal(rest(twin), first)


@pytest.mark.parametrize("bits", [8, 4])
def test_keys_in_few_bits_hold_the_bias_too(bits: int) -> None:
    generator = torch.Generator().manual_seed(0)
    prompt, total = 600, 604
    queries = torch.randn(1, SHAPE.heads, total, 64, generator=generator)
    keys, values = torch.randn(2, 1, SHAPE.kv_heads, total, 64, generator=generator)
    marked = Highlight(steering(), prompt, ((100, 140),))
    outputs = []
    for system in (Dense(), Dense().in_bits(bits)):
        wide = widened(replace(SHAPE, kept_bits=system.kept_bits))
        inner = system.open_layer(wide, OwnChannelsRotary(PlainRotary(), wide.extra_channels))
        lit, plain = (
            HighlightedLayer(SHAPE, inner, marked),
            system.open_layer(replace(SHAPE, kept_bits=system.kept_bits), PlainRotary()),
        )
        for layer in (lit, plain):
            layer.prefill(queries[:, :, :prompt], keys[:, :, :prompt], values[:, :, :prompt])
            steps = [
                layer.decode(*(part[:, :, at : at + 1] for part in (queries, keys, values)))
                for at in range(prompt, total)
            ]
            outputs.append(torch.cat(steps, dim=2))
    exact_lit, exact, rough_lit, rough = outputs
    # With the bias nothing is lost that is not lost without it.
    lost, lost_plain = (exact_lit - rough_lit).abs().max(), (exact - rough).abs().max()
    assert float(lost) <= 3 * float(lost_plain)
    assert float((exact_lit - exact).abs().max()) > 3 * float(lost)


@pytest.mark.parametrize("spans", [(), ((3, 3),), ((5, 9), (8, 12)), ((40, 51),), ((9, 4),)])
def test_spans_that_cannot_be_are_refused(spans: Spans) -> None:
    with pytest.raises(UsageError, match="span"):
        Highlight(steering(), PROMPT, spans)


@pytest.mark.parametrize("alpha", [0.0, -1.0, 1.5, float("nan")])
def test_an_alpha_that_cannot_be_is_refused(alpha: float) -> None:
    with pytest.raises(UsageError, match="alpha"):
        steering(alpha)
