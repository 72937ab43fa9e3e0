import itertools
import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from transformers import LlamaConfig, LlamaForCausalLM

from tapgraph.errors import UsageError
from tapgraph.kernels.attention_system import LayerShape
from tapgraph.kernels.in_models.attention import AttentionCall, observe_attention
from tapgraph.llm_backend.training.rhythm import (
    HeadRhythm,
    RhythmMeter,
    RhythmReader,
    RhythmSettings,
    middle_layers,
    peaks,
)

TOKENS = 100


def measured(maps: Tensor, reply: Tensor, settings: RhythmSettings | None = None) -> HeadRhythm:
    """All rows at once of `[batch, heads, tokens, tokens]`."""
    meter = RhythmMeter(reply, maps.shape[1], settings)
    meter.add(maps, 0)
    return meter.heads()


def one(map_: Tensor) -> Tensor:
    return map_[None, None]


def all_reply(tokens: int = TOKENS) -> Tensor:
    return torch.ones(1, tokens, dtype=torch.bool)


def uniform(tokens: int = TOKENS) -> Tensor:
    return torch.ones(tokens, tokens).tril() / torch.arange(1, tokens + 1)[:, None]


def random_maps(batch: int, heads: int, tokens: int) -> Tensor:
    scores = 3 * torch.randn(
        batch, heads, tokens, tokens, generator=torch.Generator().manual_seed(0)
    )
    later = torch.ones(tokens, tokens, dtype=torch.bool).triu(1)
    return scores.masked_fill(later, -torch.inf).softmax(-1)


def by_definition(maps: Tensor, reply: Tensor, settings: RhythmSettings) -> HeadRhythm:
    """Sums written out over single weights, in float64."""
    batch, heads, tokens, _ = maps.shape
    span = torch.zeros(batch, heads)
    waad, fai = torch.zeros(batch, heads, tokens), torch.zeros(batch, heads, tokens)
    for b, h in itertools.product(range(batch), range(heads)):
        rows, weights = reply[b].nonzero().flatten().tolist(), maps[b, h].tolist()
        reach = math.inf if settings.horizon is None else settings.horizon
        distances = [sum(weights[t][s] * (t - s) for s in range(t + 1)) for t in rows]
        span[b, h] = sum(distances) / len(rows)
        for t in range(tokens):
            near = [weights[t][s] * min(t - s, settings.window) for s in range(t + 1)]
            waad[b, h, t] = sum(near)
            readers = [row for row in rows if t + settings.gap <= row <= t + reach]
            if readers:
                fai[b, h, t] = sum(weights[row][t] for row in readers) / len(readers)
    return HeadRhythm(span, waad, fai)


def test_a_token_that_reads_itself_alone_has_no_distance() -> None:
    assert measured(one(torch.eye(TOKENS)), all_reply()).waad.abs().max() == 0


def test_a_head_that_reads_the_token_before_has_distance_one() -> None:
    previous = torch.diag(torch.ones(TOKENS - 1), -1)
    previous[0, 0] = 1
    waad = measured(one(previous), all_reply()).waad[0, 0]
    assert waad[0] == 0
    assert torch.equal(waad[1:], torch.ones(TOKENS - 1))


def test_a_row_that_reads_a_hundred_tokens_alike_has_distance_nine_and_a_half() -> None:
    # Distances 0..9 sum to 45, the other 90 count 10 each.
    waad = measured(one(uniform()), all_reply()).waad[0, 0, 99]
    assert waad.item() == pytest.approx((45 + 90 * 10) / 100, abs=1e-5)


@pytest.mark.parametrize("planted", [7, 30, 60])
def test_a_token_that_later_ones_read_has_the_most_influence(planted: int) -> None:
    maps = uniform()
    maps[planted + 1 :] *= 0.5
    maps[planted + 1 :, planted] += 0.5
    fai = measured(one(maps), all_reply()).fai[0, 0]
    assert fai.argmax() == planted


def test_what_the_next_tokens_read_is_no_influence() -> None:
    previous = torch.diag(torch.ones(TOKENS - 1), -1)
    assert measured(one(previous), all_reply()).fai.abs().max() == 0
    with_neighbours = RhythmSettings(gap=0)
    assert measured(one(previous), all_reply(), with_neighbours).fai.max() > 0


def test_the_last_tokens_have_no_influence() -> None:
    fai = measured(one(uniform()), all_reply(), RhythmSettings(gap=10)).fai[0, 0]
    assert (fai[:-10] > 0).all()
    assert (fai[-10:] == 0).all()


def test_early_tokens_do_not_win_by_having_more_readers() -> None:
    # Every later row gives each token the same weight, so all have the same influence.
    constant = torch.full((TOKENS, TOKENS), 0.01).tril()
    fai = measured(one(constant), all_reply(), RhythmSettings(horizon=None)).fai[0, 0]
    assert fai[:90].numpy() == pytest.approx(0.01, abs=1e-6)


def test_rows_of_the_prompt_do_not_count() -> None:
    reply = torch.zeros(1, TOKENS, dtype=torch.bool)
    reply[:, 60:] = True
    near, far = torch.eye(TOKENS), torch.zeros(TOKENS, TOKENS)
    far[:, 0] = 1
    prompt_far = torch.cat((far[:60], near[60:]))
    heads = measured(one(prompt_far), reply)
    assert heads.span.item() == 0
    assert heads.fai.abs().max() == 0
    assert measured(one(prompt_far), all_reply()).span.item() > 0


@pytest.mark.parametrize("block", [1, 7, 64])
@pytest.mark.parametrize("horizon", [20, None])
def test_blocks_give_what_the_definition_gives(block: int, horizon: int | None) -> None:
    maps = random_maps(2, 3, 45)
    reply = torch.arange(45).expand(2, -1) >= torch.tensor([[5], [20]])
    settings = RhythmSettings(window=6, gap=4, horizon=horizon)
    meter = RhythmMeter(reply, 3, settings)
    for first in range(0, 45, block):
        rows = maps[:, :, first : first + block]
        meter.add(rows[..., : first + rows.shape[2]], first)
    expected = by_definition(maps, reply, settings)
    for name in ("span", "waad", "fai"):
        got, wanted = getattr(meter.heads(), name), getattr(expected, name)
        assert (got - wanted).abs().max() < 1e-5, name


class _Planted:
    """A layer whose heads look exactly so many tokens back."""

    def __init__(self, index: int, distances: list[int], tokens: int) -> None:
        self.maps = torch.zeros(1, len(distances), tokens, tokens)
        for head, distance in enumerate(distances):
            for row in range(tokens):
                self.maps[0, head, row, max(0, row - distance)] = 1
        self.index = index


def _reader_of(planted: list[_Planted], tokens: int) -> RhythmReader:
    """A reader that was given layers with these maps, by queries that spell them out."""
    reader = RhythmReader(all_reply(tokens), layers=[layer.index for layer in planted])
    for layer in planted:
        heads = layer.maps.shape[1]
        shape = LayerShape(layer.index, len(planted), heads, 1, tokens, 100.0)
        keys = torch.eye(tokens)[None, None]
        unused: Any = None
        reader(AttentionCall(shape, None, layer.maps, keys, keys, unused))
    return reader


def test_heads_are_put_in_order_by_how_far_they_look() -> None:
    layers = [_Planted(0, [1, 30, 2, 20], 60), _Planted(1, [40, 0, 10, 12], 60)]
    rhythm = _reader_of(layers, 60).rhythm()
    # 30 % of eight heads are three of each kind, rounded up.
    assert rhythm.local_heads.tolist() == [
        [[True, False, True, False], [False, True, False, False]]
    ]
    assert rhythm.global_heads.tolist() == [
        [[False, True, False, True], [True, False, False, False]]
    ]
    assert rhythm.waad[0, 50].item() == pytest.approx((1 + 2 + 0) / 3, abs=1e-5)


def test_a_model_gives_what_its_own_maps_give(tiny: Any) -> None:
    model = tiny.load("llama").model
    ids = torch.tensor([tiny.prompt(140, seed=1), tiny.prompt(140, seed=2)])
    reply = torch.arange(140).expand(2, -1) >= 10
    settings = RhythmSettings(window=5, gap=3)
    reader = RhythmReader(reply, layers=[0, 1], settings=settings)
    with observe_attention(model, reader):
        model(input_ids=ids, use_cache=False)
    rhythm = reader.rhythm()
    model.set_attn_implementation("eager")
    maps = torch.stack(model(input_ids=ids, output_attentions=True).attentions, 1)
    model.set_attn_implementation("sdpa")
    dense = by_definition(maps.flatten(1, 2), reply, settings)
    order = dense.span.argsort(dim=1)
    for row in range(2):
        local, distant = order[row, :3], order[row, -3:]
        assert (rhythm.waad[row] - dense.waad[row, local].mean(0)).abs().max() < 1e-5
        assert (rhythm.fai[row] - dense.fai[row, distant].mean(0)).abs().max() < 1e-5


class _Largest(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes how many elements the largest tensor has that any operation gives."""

    elements = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = func(*args, **(kwargs or {}))
        for tensor in given if isinstance(given, tuple | list) else (given,):
            if isinstance(tensor, Tensor):
                self.elements = max(self.elements, tensor.numel())
        return given


def test_no_map_is_ever_whole() -> None:
    tokens, shape = 1500, LayerShape(0, 1, 2, 1, 4, 0.5)
    unused: Any = None
    queries, keys = torch.randn(1, 2, tokens, 4), torch.randn(1, 1, tokens, 4)
    reader = RhythmReader(all_reply(tokens), layers=[0])
    with _Largest() as largest:  # type: ignore[no-untyped-call]
        reader(AttentionCall(shape, None, queries, keys, keys, unused))
        reader.rhythm()
    assert 0 < largest.elements <= 2 * 128 * tokens


def test_padding_at_the_end_changes_nothing(tiny: Any) -> None:
    model, text = tiny.load("llama").model, tiny.prompt(30, seed=3)

    def read(ids: list[int]) -> Any:
        places = torch.arange(len(ids))[None]
        reader = RhythmReader((places >= 8) & (places < 30), layers=[0, 1])
        with observe_attention(model, reader):
            model(input_ids=torch.tensor([ids]), use_cache=False)
        return reader.rhythm()

    plain, padded = read(list(text)), read([*text, 0, 0, 0, 0])
    assert (plain.waad - padded.waad[:, :30]).abs().max() < 1e-5
    assert (plain.fai - padded.fai[:, :30]).abs().max() < 1e-5


def test_layers_with_a_window_are_refused_in_one_sentence(tiny: Any) -> None:
    model = tiny.load("gemma3").model
    reader = RhythmReader(all_reply(20), layers=[0, 1])
    with (
        pytest.raises(UsageError, match="layer 0 of this model sees 16 tokens"),
        observe_attention(model, reader),
    ):
        model(input_ids=torch.tensor([tiny.prompt(20)]), use_cache=False)


def test_a_text_without_a_reply_is_refused() -> None:
    with pytest.raises(UsageError, match="no token"):
        RhythmReader(torch.zeros(1, 4, dtype=torch.bool), layers=[0])


@pytest.mark.parametrize(
    ("layers", "expected"),
    [(1, (0,)), (2, (0, 1)), (4, (1, 2)), (9, (3, 4, 5, 6)), (30, (10, 12, 15, 18, 20))],
)
def test_at_most_five_layers_of_the_middle_third(layers: int, expected: tuple[int, ...]) -> None:
    config = LlamaConfig(
        vocab_size=8, hidden_size=8, intermediate_size=8, num_attention_heads=2,
        num_hidden_layers=layers,
    )  # fmt: skip
    assert middle_layers(LlamaForCausalLM(config)) == expected


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"window": 0}, "window must be at least 1, got 0"),
        ({"gap": -1}, "gap must be at least 0, got -1"),
        ({"gap": 9, "horizon": 8}, "horizon must be at least the gap, 9, got 8"),
        ({"head_share": 0.6}, "head_share must be above 0 and at most 0.5, got 0.6"),
    ],
)
def test_settings_that_cannot_be_are_refused(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        RhythmSettings(**changes)


def test_peaks_are_local_maxima_among_the_highest_values() -> None:
    curve = torch.tensor([0.0, 5.0, 4.9, 0.0, 3.0, 3.0, 0.0, 1.0, 0.0, 9.0])
    assert peaks(curve, share=0.5).tolist() == [1, 4, 9]
    assert peaks(curve, share=0.1).tolist() == [9]
