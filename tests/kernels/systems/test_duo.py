from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import pairwise
from typing import Any, get_args

import pytest
import torch
from tests.kernels.systems.rows import Rows
from torch import Tensor

from tapgraph.errors import UsageError
from tapgraph.kernels.attention_system import LayerShape
from tapgraph.kernels.rotary import PlainRotary
from tapgraph.kernels.systems.dense import Dense
from tapgraph.kernels.systems.duo import Duo, DuoConfig, DuoPrefill

TOLERANCE = 1e-12
"""Float64: only the order of sums differs."""
SINK, RECENT = 3, 5
STARTS = (0, 4)
MODES = pytest.mark.parametrize("prefill", get_args(DuoPrefill))
SHAPE = LayerShape(index=0, layers=1, heads=8, kv_heads=2, head_dim=6, scale=0.4)

Inputs = tuple[Tensor, Tensor, Tensor]


def opened(full: Sequence[bool], prefill: DuoPrefill, *, chunk_tokens: int = 32_000) -> Rows:
    config = DuoConfig(SINK, RECENT, prefill, chunk_tokens, dense_below=0)
    return Rows(lambda: Duo(config, torch.tensor([full])).open_layer(SHAPE, PlainRotary()))


def run(layer: Rows, inputs: Inputs, cuts: Sequence[int]) -> Tensor:
    """Outputs of all calls; `cuts` are the slots at which calls begin, and the end."""
    starts = torch.tensor(STARTS[: len(inputs[0])])
    outputs = []
    for first, last in pairwise(cuts):
        call = layer.decode if last - first == 1 else layer.prefill
        queries, keys, values = (part[:, :, first:last] for part in inputs)
        outputs.append(call(queries, keys, values, starts))
    return torch.cat(outputs, dim=2)


def index_sets(
    prefill: DuoPrefill, full: Sequence[bool], cuts: Sequence[int]
) -> Callable[[int, int, int], Iterable[int]]:
    """The slots seen, written down from the paper and the authors' code."""

    def sees(row: int, head: int, slot: int) -> Iterable[int]:
        first = STARTS[row]
        past = range(first, slot + 1)
        if full[head // 4]:
            return past
        call = max(cut for cut in cuts if cut <= slot)
        is_decode = (call + 1) in cuts
        has_decoded = any((cut + 1) in cuts for cut in cuts if cut < call)
        if is_decode or prefill == "strict":
            near = slot - RECENT
        elif prefill == "dense" and not has_decoded:
            near = 0
        else:
            near = call - RECENT
        return [seen for seen in past if seen < first + SINK or seen >= near]

    return sees


def cuts_of(prompt: int, chunk: int, decoded: int) -> list[int]:
    return [*range(0, prompt, chunk), *range(prompt, prompt + decoded + 1)]


@MODES
@pytest.mark.parametrize(
    ("chunk", "full"),
    [
        (7, (False, True)),
        (32, (True, False)),
        (50, (False, False)),
        (7, (True, True)),
    ],
)
def test_each_head_sees_what_the_paper_says(
    prefill: DuoPrefill, chunk: int, full: Sequence[bool], naive: Any, random_inputs: Any
) -> None:
    inputs = random_inputs(36, 36)
    cuts = cuts_of(33, chunk, 3)
    output = run(opened(full, prefill), inputs, cuts)
    expected = naive(*inputs, SHAPE.scale, index_sets(prefill, full, cuts)).output
    assert (output - expected).abs().max() <= TOLERANCE


@MODES
@pytest.mark.parametrize("prompt", [2, 4, 8, 9, 10])
def test_lengths_around_the_sink_and_the_window(
    prefill: DuoPrefill, prompt: int, naive: Any, random_inputs: Any
) -> None:
    inputs = random_inputs(prompt + 3, prompt + 3)
    cuts = cuts_of(prompt, 50, 3)
    full = (False, False)
    output = run(opened(full, prefill), inputs, cuts)
    expected = naive(*inputs, SHAPE.scale, index_sets(prefill, full, cuts)).output
    assert (output - expected).abs().max() <= TOLERANCE


def test_the_three_modes_are_three_different_experiments(random_inputs: Any) -> None:
    inputs = random_inputs(40, 40)
    outputs = [run(opened((False, False), mode), inputs, [0, 20, 40]) for mode in ("strict",)]
    outputs.append(run(opened((False, False), "dense"), inputs, [0, 20, 40]))
    outputs.append(run(opened((False, False), "chunked", chunk_tokens=10), inputs, [0, 20, 40]))
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert (outputs[one] - outputs[other]).abs().max() > 0.1


def test_a_prompt_after_a_reply_sees_the_sink_the_window_and_itself(
    naive: Any, random_inputs: Any
) -> None:
    inputs, cuts = random_inputs(36, 36), [0, 20, 21, 22, 34, 36]
    for mode in get_args(DuoPrefill):
        output = run(opened((False, True), mode), inputs, cuts)
        sees = index_sets(mode, (False, True), cuts)
        expected = naive(*inputs, SHAPE.scale, sees).output
        assert (output - expected).abs().max() <= TOLERANCE


def test_strict_does_not_depend_on_the_chunks(random_inputs: Any) -> None:
    inputs = random_inputs(41, 41)
    whole = run(opened((False, True), "strict"), inputs, [0, 41])
    for chunk in (1, 2, 7, 32):
        chunks = run(opened((False, True), "strict"), inputs, cuts_of(41, chunk, 0))
        assert (chunks - whole).abs().max() <= TOLERANCE


def test_a_map_of_heads_by_remainder_fails_the_reference(naive: Any, random_inputs: Any) -> None:
    inputs = random_inputs(20, 20)
    cuts = cuts_of(18, 7, 2)
    full = (True, False)
    expected = naive(*inputs, SHAPE.scale, index_sets("strict", full, cuts)).output
    by_remainder = torch.tensor([0, 2, 4, 6, 1, 3, 5, 7])
    shuffled = (inputs[0][:, by_remainder], inputs[1], inputs[2])
    wrong = run(opened(full, "strict"), shuffled, cuts)[:, by_remainder.argsort()]
    assert (wrong - expected).abs().max() > 0.1


def marked_slots(tokens: int) -> Inputs:
    """Attention is even and every value marks its slot, so an output shows what was averaged."""
    zeros = torch.zeros(1, 8, tokens, tokens, dtype=torch.float64)
    values = torch.eye(tokens, dtype=torch.float64).expand(1, 2, -1, -1)
    return zeros, zeros[:, :2], values


@MODES
def test_no_token_is_lost_or_doubled(prefill: DuoPrefill) -> None:
    tokens = 60
    shape = LayerShape(index=0, layers=1, heads=8, kv_heads=2, head_dim=tokens, scale=1.0)
    system = Duo(DuoConfig(SINK, RECENT, prefill, dense_below=0), torch.tensor([[False, True]]))
    layer = Rows(lambda: system.open_layer(shape, PlainRotary()))
    output = run(layer, marked_slots(tokens), [0, 20, 33, *range(50, tokens + 1)])
    kept = [*range(SINK), *range(tokens - RECENT - 1, tokens)]
    expected = torch.zeros(tokens, dtype=torch.float64)
    expected[kept] = 1 / len(kept)
    assert torch.allclose(output[0, 0, -1], expected, atol=TOLERANCE)
    assert torch.allclose(output[0, 7, -1], torch.full_like(expected, 1 / tokens), atol=TOLERANCE)
    assert torch.equal(layer.kept_by_last_query()[0, 0].nonzero()[:, 0], torch.tensor(kept))
    assert layer.tokens_seen == tokens


def test_a_needle_between_sink_and_window_is_found_by_full_heads_only() -> None:
    tokens, needle = 40, 15
    for full, found in ((True, True), (False, False)):
        queries, keys, values = (part.clone() for part in marked_slots(tokens))
        queries[:, :, -1, 0] = 20
        keys[:, :, needle, 0] = 1
        shape = LayerShape(index=0, layers=1, heads=8, kv_heads=2, head_dim=tokens, scale=1.0)
        system = Duo(DuoConfig(SINK, RECENT, dense_below=0), torch.tensor([[full, full]]))
        layer = Rows(partial(system.open_layer, shape, PlainRotary()))
        output = run(layer, (queries, keys, values), [0, tokens - 1, tokens])
        assert (output[0, :, -1, needle] > 0.99).all().item() is found
        assert (output[0, :, -1, needle] == 0).all().item() is not found


def test_at_half_the_heads_it_holds_less_than_three_fifths_of_dense() -> None:
    tokens, sink, recent = 4096, 64, 256
    shape = LayerShape(index=0, layers=1, heads=4, kv_heads=2, head_dim=8, scale=0.4)
    generator = torch.Generator().manual_seed(0)
    queries = torch.randn(1, 4, tokens, 8, generator=generator)
    keys = torch.randn(1, 2, tokens, 8, generator=generator)
    layer = Duo(DuoConfig(sink, recent), torch.tensor([[True, False]])).open_layer(
        shape, PlainRotary()
    )
    dense = Dense().open_layer(shape, PlainRotary())
    for opened_layer in (layer, dense):
        opened_layer.prefill(queries[:, :, 1:], keys[:, :, 1:], keys[:, :, 1:])
    assert layer.bytes_held() == dense.bytes_held()
    assert layer.reading.attended == tokens - 1
    for opened_layer in (layer, dense):
        opened_layer.decode(queries[:, :, :1], keys[:, :, :1], keys[:, :, :1])
    pair = 2 * 8 * 4
    places = sink + recent + 1
    assert layer.bytes_held() == pair * tokens + pair * places + 8 * places
    assert dense.bytes_held() == 2 * pair * tokens
    assert layer.bytes_held() <= 0.6 * dense.bytes_held()
    assert layer.reading.attended == pytest.approx((tokens + places) / 2)


def test_wrong_settings_and_gates_of_another_model_are_refused() -> None:
    with pytest.raises(UsageError, match="recent must be at least 0, got -1"):
        DuoConfig(recent=-1)
    with pytest.raises(UsageError, match="sink must be at least 0, got -2"):
        DuoConfig(sink=-2)
    with pytest.raises(UsageError, match="chunk_tokens must be at least 1, got 0"):
        DuoConfig(chunk_tokens=0)
    with pytest.raises(UsageError, match="'dense', 'chunked' or 'strict', got 'no'"):
        DuoConfig(prefill="no")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"full_heads must be bool \[layers, kv_heads\], got"):
        Duo(DuoConfig(), torch.ones(2, 2))
    with pytest.raises(UsageError, match=r"must be \[1, 2\] for this model, got \[4, 2\]"):
        Duo(DuoConfig(), torch.ones(4, 2, dtype=torch.bool)).open_layer(SHAPE, PlainRotary())
