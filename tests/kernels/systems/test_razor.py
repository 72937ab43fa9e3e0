import math
from collections.abc import Iterable, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
import torch
from tests.kernels.systems.rows import Rows
from torch import Tensor

from tapgraph.errors import UsageError
from tapgraph.kernels.attention_system import LayerShape
from tapgraph.kernels.rotary import PlainRotary
from tapgraph.kernels.systems.dense import Dense
from tapgraph.kernels.systems.razor import Razor, RazorConfig
from tapgraph.kernels.token_store import TokenStore

TOLERANCE = 1e-12
"""Float64: only the order of sums differs."""
SINK = 3
STARTS = (0, 4)
sparse = partial(RazorConfig, dense_budgets=1)
"""Settings that drop as soon as there is anything to drop."""
SHAPE = LayerShape(index=0, layers=1, heads=8, kv_heads=2, head_dim=6, scale=0.4)
RETRIEVES = (False, True)

Inputs = tuple[Tensor, Tensor, Tensor]


def opened(config: RazorConfig, retrieves: Sequence[bool] = RETRIEVES) -> Rows:
    system = Razor(config, torch.tensor([retrieves]))
    return Rows(lambda: system.open_layer(SHAPE, PlainRotary()))


def run(layer: Rows, inputs: Inputs, cuts: Sequence[int]) -> Tensor:
    """Outputs of all calls; `cuts` are the slots at which calls begin, and the end."""
    starts = torch.tensor(STARTS[: len(inputs[0])])
    outputs = []
    for first, last in pairwise(cuts):
        call = layer.decode if last - first == 1 else layer.prefill
        queries, keys, values = (part[:, :, first:last] for part in inputs)
        outputs.append(call(queries, keys, values, starts))
    return torch.cat(outputs, dim=2)


def dropped(tokens: int, config: RazorConfig) -> range:
    """The positions that a head without retrieval has dropped of so many tokens."""
    window = max(config.window_floor, math.floor(tokens / config.compression))
    return range(config.sink, max(config.sink, tokens - window))


def expected_last(
    naive: Any, inputs: Inputs, config: RazorConfig, *, counts: bool = True
) -> Tensor:
    """The last query's output from explicit sums: the mean of the dropped, N_d times.

    The mean key and value of each row stand behind the tokens, as one more slot.
    """
    queries, keys, values = inputs
    tokens = keys.shape[2]
    gone = [dropped(tokens - start, config) for start in STARTS]
    means = []
    for tensor in (keys, values):
        mean = torch.zeros_like(tensor[:, :, :1])
        for row, start in enumerate(STARTS):
            for position in gone[row]:
                mean[row, :, 0] += tensor[row, :, start + position] / len(gone[row])
        means.append(torch.cat((tensor, mean), dim=2))

    def sees(row: int, head: int, query: int) -> Iterable[int]:
        seen = list(range(STARTS[row], tokens))
        if RETRIEVES[head // 4] or not gone[row]:
            return seen
        return [*(slot for slot in seen if slot - STARTS[row] not in gone[row]), tokens]

    def bias(row: int, head: int, slot: int) -> float:
        return math.log(len(gone[row])) if slot == tokens and counts else 0.0

    output: Tensor = naive(queries[:, :, -1:], *means, SHAPE.scale, sees, bias).output
    return output


@pytest.mark.parametrize("prompt", [9, 12, 13, 14, 15, 16, 19, 20, 21, 24, 40])
def test_a_decode_step_is_the_explicit_sum_with_multiplicity(
    prompt: int, naive: Any, random_inputs: Any
) -> None:
    config = sparse(sink=SINK, window_floor=8, compression=2.0)
    inputs = random_inputs(prompt + 1, prompt + 1)
    output = run(opened(config), inputs, [0, prompt, prompt + 1])
    assert (output[:, :, -1:] - expected_last(naive, inputs, config)).abs().max() <= TOLERANCE


def test_after_many_decode_steps_it_is_still_the_explicit_sum(
    naive: Any, random_inputs: Any
) -> None:
    config = sparse(sink=SINK, window_floor=6, compression=3.0)
    inputs = random_inputs(60, 60)
    layer = opened(config)
    output = run(layer, inputs, [0, 5, *range(6, 61)])[:, :, -1:]
    assert (output - expected_last(naive, inputs, config)).abs().max() <= TOLERANCE


def test_without_the_logarithm_of_the_count_the_reference_fails(
    naive: Any, random_inputs: Any
) -> None:
    config = sparse(sink=SINK, window_floor=8, compression=2.0)
    inputs = random_inputs(41, 41)
    output = run(opened(config), inputs, [0, 40, 41])[:, :, -1:]
    wrong = expected_last(naive, inputs, config, counts=False)
    assert (output - wrong)[:, :4].abs().max() > 1e-2
    assert (output - wrong)[:, 4:].abs().max() <= TOLERANCE


def test_a_map_of_heads_by_remainder_fails_the_reference(naive: Any, random_inputs: Any) -> None:
    config = sparse(sink=SINK, window_floor=8, compression=2.0)
    queries, keys, values = random_inputs(41, 41)
    by_remainder = torch.tensor([0, 2, 4, 6, 1, 3, 5, 7])
    wrong = run(opened(config), (queries[:, by_remainder], keys, values), [0, 40, 41])
    right = expected_last(naive, (queries, keys, values), config)
    assert (wrong[:, by_remainder.argsort(), -1:] - right).abs().max() > 0.1


def test_equal_dropped_keys_give_dense_attention(random_inputs: Any) -> None:
    config = sparse(sink=0, window_floor=5, compression=10.0)
    queries, keys, values = random_inputs(40, 40)
    keys[:, :, :35] = keys[:, :, :1]
    inputs = (queries, keys, values)
    output = run(opened(config), inputs, [0, *range(37, 41)])
    dense = run(Rows(lambda: Dense().open_layer(SHAPE, PlainRotary())), inputs, [0, *range(37, 41)])
    assert (output[:, :, -1] - dense[:, :, -1])[0].abs().max() <= TOLERANCE


def test_one_token_at_a_time_gives_the_same_mean_as_all_at_once(random_inputs: Any) -> None:
    config = sparse(sink=SINK, window_floor=4, compression=6.0)
    inputs = random_inputs(50, 50)
    slow = run(opened(config), inputs, [0, 6, *range(7, 51)])
    fast = run(opened(config), inputs, [0, 49, 50])
    assert (slow[:, :, -1] - fast[:, :, -1]).abs().max() <= TOLERANCE


def test_a_floor_as_long_as_the_context_gives_dense_attention(random_inputs: Any) -> None:
    inputs = random_inputs(41, 41)
    for cuts in ([0, 38, 39, 40, 41], [0, 7, 14, 21, 28, 35, 39, 40, 41]):
        output = run(opened(sparse(window_floor=41)), inputs, cuts)
        dense = run(Rows(lambda: Dense().open_layer(SHAPE, PlainRotary())), inputs, cuts)
        assert (output - dense).abs().max() <= TOLERANCE


def test_a_dense_prompt_does_not_depend_on_its_chunks(random_inputs: Any) -> None:
    config = sparse(sink=SINK, window_floor=4, compression=6.0)
    inputs = random_inputs(45, 45)
    whole = run(opened(config), inputs, [0, 42, 43, 44, 45])
    chunks = run(opened(config), inputs, [0, 7, 14, 21, 28, 35, 42, 43, 44, 45])
    assert (whole - chunks).abs().max() <= TOLERANCE
    early = run(opened(sparse(SINK, 4, 6.0, "chunked")), inputs, [0, 7, 14, 42, 43, 44, 45])
    assert (whole - early).abs().max() > 1e-2


def test_a_later_prompt_sees_the_compressed_past_and_itself_densely(
    naive: Any, random_inputs: Any
) -> None:
    """After 30 tokens and an answer of one, the last query of a chunk of nine."""
    config = sparse(sink=SINK, window_floor=8, compression=3.0)
    inputs = random_inputs(40, 40)
    output = run(opened(config), inputs, [0, 30, 31, 40])
    queries, keys, values = inputs
    gone = [dropped(31 - start, config) for start in STARTS]
    extended = []
    for tensor in (keys, values):
        means = [
            tensor[row, :, [start + position for position in gone[row]]].mean(dim=1, keepdim=True)
            for row, start in enumerate(STARTS)
        ]
        extended.append(torch.cat((tensor, torch.stack(means)), dim=2))

    def sees(row: int, head: int, query: int) -> Iterable[int]:
        seen = list(range(STARTS[row], 31 + query + 1))
        if RETRIEVES[head // 4]:
            return seen
        return [*(slot for slot in seen if slot - STARTS[row] not in gone[row]), 40]

    expected = naive(
        queries[:, :, 31:],
        *extended,
        SHAPE.scale,
        sees,
        lambda row, head, slot: math.log(len(gone[row])) if slot == 40 else 0.0,
    ).output
    assert (output[:, :, 31:] - expected).abs().max() <= TOLERANCE


@pytest.mark.parametrize("cuts", [[0, 50], [0, 7, 14, 50]])
@pytest.mark.parametrize("prefill", ["dense", "chunked"])
def test_no_token_is_lost_or_doubled(cuts: list[int], prefill: Any) -> None:
    """With even attention every token counts once, by itself or through the compensation token."""
    tokens = 60
    shape = LayerShape(index=0, layers=1, heads=8, kv_heads=2, head_dim=tokens, scale=1.0)
    config = sparse(sink=SINK, window_floor=6, compression=4.0, prefill=prefill)
    system = Razor(config, torch.tensor([RETRIEVES]))
    layer = Rows(lambda: system.open_layer(shape, PlainRotary()))
    zeros = torch.zeros(1, 8, tokens, tokens, dtype=torch.float64)
    values = torch.eye(tokens, dtype=torch.float64).expand(1, 2, -1, -1)
    output = run(layer, (zeros, zeros[:, :2], values), [*cuts, *range(51, tokens + 1)])
    even = torch.full((8, tokens), 1 / tokens, dtype=torch.float64)
    assert torch.allclose(output[0, :, -1], even, atol=TOLERANCE)
    kept = [slot for slot in range(tokens) if slot not in dropped(tokens, config)]
    assert layer.kept_by_last_query()[0, 0].nonzero()[:, 0].tolist() == kept
    assert layer.kept_by_last_query()[0, 4].all()
    assert layer.reading.attended == pytest.approx((len(kept) + 1 + tokens) / 2)


@pytest.mark.slow
def test_it_holds_about_a_third_of_dense_when_the_window_is_short() -> None:
    tokens, kv_heads = 16_384, 7
    shape = LayerShape(index=0, layers=1, heads=7, kv_heads=kv_heads, head_dim=4, scale=0.5)
    generator = torch.Generator().manual_seed(0)
    keys = torch.randn(1, kv_heads, tokens, 4, generator=generator)
    retrieves = torch.tensor([[False] * 6 + [True]])
    config = sparse(window_floor=1000, prefill="chunked")
    layer = Razor(config, retrieves).open_layer(shape, PlainRotary())
    for first in range(0, tokens, 2048):
        chunk = keys[:, :, first : first + 2048]
        layer.prefill(chunk, chunk, chunk)
    token = keys[:, :, :1]
    layer.decode(token, token, token)
    dense = TokenStore()
    dense.append(keys, keys)
    dense.append(token, token)
    pair = 2 * 4 * 4
    # One retrieval head; of six others four sinks, the mean, and a window of 3277 tokens in at
    # most its pages and two spare ones; a page is 256 tokens.
    least = pair * (65 * 256) + 6 * pair * (4 + 1)
    pages = (layer.bytes_held() - least) / (6 * pair * 256)
    assert pages in {13, 14, 15}
    assert dense.bytes_held() == 7 * pair * 65 * 256
    assert layer.bytes_held() <= 0.35 * dense.bytes_held()


def test_with_the_defaults_nothing_is_dropped_up_to_the_floor() -> None:
    assert not dropped(4004, sparse())
    assert len(dropped(4005, sparse())) == 1
    assert len(dropped(100_000, sparse())) == 100_000 - 20_000 - 4


def test_wrong_settings_and_heads_of_another_model_are_refused() -> None:
    with pytest.raises(UsageError, match="sink must be at least 0, got -1"):
        RazorConfig(sink=-1)
    with pytest.raises(UsageError, match="window_floor must be at least 1, got 0"):
        RazorConfig(window_floor=0)
    with pytest.raises(UsageError, match=r"compression must be at least 1, got 0\.5"):
        RazorConfig(compression=0.5)
    with pytest.raises(UsageError, match="prefill must be 'dense' or 'chunked', got 'no'"):
        RazorConfig(prefill="no")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"retrieval_heads must be bool \[layers, kv_heads\]"):
        Razor(RazorConfig(), torch.ones(2))
    with pytest.raises(UsageError, match=r"must be \[1, 2\] for this model, got \[1, 4\]"):
        Razor(RazorConfig(), torch.ones(1, 4, dtype=torch.bool)).open_layer(SHAPE, PlainRotary())
