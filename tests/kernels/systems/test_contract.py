"""What `LayerAttention` promises, for every system alike."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from types import ModuleType

import pytest
import torch
from tests.kernels.reference import dense_attention
from torch import Tensor

from tapgraph.errors import UsageError
from tapgraph.kernels.attention_system import (
    AttentionSystem,
    LayerAttention,
    LayerShape,
    Rotary,
)
from tapgraph.kernels.rotary import PlainRotary
from tapgraph.kernels.systems import SYSTEMS
from tapgraph.kernels.systems.duo import Duo, DuoConfig
from tapgraph.kernels.systems.landmark import Landmark
from tapgraph.kernels.systems.landmark_softmax import grouped_softmax_attention
from tapgraph.kernels.systems.razor import Razor, RazorConfig

TOLERANCE = 1e-10
"""Float64: only the order of sums differs."""
SHAPE = LayerShape(index=1, layers=2, heads=8, kv_heads=2, head_dim=16, scale=0.25)
PROMPT = 53
DECODED = 6
EVERY = pytest.mark.parametrize("name", SYSTEMS)


@dataclass(frozen=True)
class Tokens:
    """Queries, keys and values of a text; `keys` and `values` have the KV heads."""

    queries: Tensor
    keys: Tensor
    values: Tensor

    def part(self, first: int, last: int) -> tuple[Tensor, Tensor, Tensor]:
        return (
            self.queries[:, :, first:last],
            self.keys[:, :, first:last],
            self.values[:, :, first:last],
        )

    def after(self, token: int, *, seed: int) -> "Tokens":
        """The same up to a token, others from there on."""
        other = tokens(seed=seed)

        def joined(ours: Tensor, theirs: Tensor) -> Tensor:
            return torch.cat((ours[:, :, :token], theirs[:, :, token:]), dim=2)

        return Tokens(
            joined(self.queries, other.queries),
            joined(self.keys, other.keys),
            joined(self.values, other.values),
        )


def tokens(*, seed: int = 0, count: int = PROMPT + DECODED) -> Tokens:
    generator = torch.Generator().manual_seed(seed)

    def random(heads: int) -> Tensor:
        return torch.randn(1, heads, count, 16, generator=generator, dtype=torch.float64)

    return Tokens(random(8) * 2, random(2), random(2))


def run(
    layer: LayerAttention, given: Tokens, first: int, last: int, chunk: int | None = None
) -> Tensor:
    """Outputs of the tokens from `first` to `last`, in chunks; chunks of one are decode steps."""
    outputs = []
    for at in range(first, last, chunk or last - first):
        until = min(last, at + (chunk or last - first))
        call = layer.decode if until - at == 1 else layer.prefill
        outputs.append(call(*given.part(at, until)))
    return torch.cat(outputs, dim=2)


def run_all(layer: LayerAttention, given: Tokens, chunk: int | None = None) -> Tensor:
    prompt = run(layer, given, 0, PROMPT, chunk)
    return torch.cat((prompt, run(layer, given, PROMPT, PROMPT + DECODED, 1)), dim=2)


def expected(system: AttentionSystem, given: Tokens) -> Tensor:
    """Dense attention in float64, with RoPE at each token's position where the system rotates.

    For Landmark Attention it is the grouped softmax over everything.
    """
    queries, keys = given.queries, given.keys
    if system.keys == "unrotated":
        positions = torch.arange(queries.shape[2])[None]
        rotary: Rotary = PlainRotary()
        queries, keys = rotary(queries, positions), rotary(keys, positions)
    tensors = queries, keys, given.values
    if isinstance(system, Landmark):
        return grouped_softmax_attention(*tensors, block=system.config.block, scale=SHAPE.scale)
    return dense_attention(*tensors, scale=SHAPE.scale).output


@pytest.fixture
def covering(attention_cases: ModuleType, name: str) -> LayerAttention:
    system: AttentionSystem = attention_cases.COVERING[name]()
    return system.open_layer(SHAPE, PlainRotary())


@pytest.fixture
def tight(attention_cases: ModuleType, name: str) -> LayerAttention:
    system: AttentionSystem = attention_cases.TIGHT[name]()
    return system.open_layer(SHAPE, PlainRotary())


def test_the_table_has_every_system(attention_cases: ModuleType) -> None:
    assert set(attention_cases.COVERING) == set(attention_cases.TIGHT) == set(SYSTEMS)


@EVERY
def test_a_system_says_who_it_is(name: str) -> None:
    system = SYSTEMS[name]
    assert system.name == name
    for field in fields(system.about):
        text = getattr(system.about, field.name)
        assert text.strip() == text
        assert text
    assert "20" in system.about.paper
    assert " arXiv " in f" {system.about.paper}"


@EVERY
@pytest.mark.parametrize("chunk", [None, 7, 32])
def test_a_budget_that_covers_the_context_gives_full_attention(
    name: str, chunk: int | None, covering: LayerAttention, attention_cases: ModuleType
) -> None:
    given = tokens()
    output = run_all(covering, given, chunk)
    assert (output - expected(attention_cases.COVERING[name](), given)).abs().max() <= TOLERANCE


@EVERY
def test_a_map_of_heads_by_remainder_would_be_seen(
    name: str, covering: LayerAttention, attention_cases: ModuleType
) -> None:
    given = tokens()
    # Query heads of KV head 0 first, if head h belonged to KV head h % 2.
    order = torch.tensor([0, 2, 4, 6, 1, 3, 5, 7])
    shuffled = Tokens(given.queries[:, order], given.keys, given.values)
    wrong = run_all(covering, shuffled)[:, order.argsort()]
    assert (wrong - expected(attention_cases.COVERING[name](), given)).abs().max() > 0.1


@EVERY
def test_outputs_keep_their_dtype(name: str, tight: LayerAttention) -> None:
    given = tokens()
    lower = Tokens(given.queries.bfloat16(), given.keys.bfloat16(), given.values.bfloat16())
    output = run_all(tight, lower, 7)
    assert output.dtype == torch.bfloat16
    assert output.isfinite().all()


@EVERY
def test_tokens_seen_counts_every_token(name: str, tight: LayerAttention) -> None:
    given = tokens()
    assert tight.tokens_seen == 0
    run(tight, given, 0, PROMPT, 7)
    assert tight.tokens_seen == PROMPT
    run(tight, given, PROMPT, PROMPT + DECODED, 1)
    assert tight.tokens_seen == PROMPT + DECODED


@EVERY
def test_a_snapshot_can_be_gone_back_to_many_times(
    name: str, tight: LayerAttention, attention_cases: ModuleType
) -> None:
    given = tokens()
    run(tight, given, 0, 40, 7)
    point = tight.snapshot()
    for seed in (1, 2, 1):
        turn = given.after(40, seed=seed)
        fresh = attention_cases.TIGHT[name]().open_layer(SHAPE, PlainRotary())
        run(fresh, turn, 0, 40, 7)
        wanted = torch.cat((run(fresh, turn, 40, PROMPT), run(fresh, turn, PROMPT, 59, 1)), dim=2)
        ours = torch.cat((run(tight, turn, 40, PROMPT), run(tight, turn, PROMPT, 59, 1)), dim=2)
        assert (ours - wanted).abs().max() <= TOLERANCE
        tight.restore(point)
        assert tight.tokens_seen == 40


@EVERY
def test_a_snapshot_within_a_reply_can_be_gone_back_to(name: str, tight: LayerAttention) -> None:
    given = tokens()
    run(tight, given, 0, PROMPT)
    run(tight, given, PROMPT, PROMPT + 2, 1)
    point = tight.snapshot()
    first = run(tight, given, PROMPT + 2, PROMPT + DECODED, 1)
    tight.restore(point)
    assert torch.equal(run(tight, given, PROMPT + 2, PROMPT + DECODED, 1), first)


@EVERY
def test_a_fork_shares_nothing_that_changes(name: str, tight: LayerAttention) -> None:
    given = tokens()
    other = given.after(40, seed=1)
    run(tight, given, 0, 40)
    twin, third = tight.fork(), tight.fork()
    assert twin.tokens_seen == 40
    theirs = torch.cat((run(twin, other, 40, PROMPT), run(twin, other, PROMPT, 59, 1)), dim=2)
    ours = torch.cat((run(tight, given, 40, PROMPT), run(tight, given, PROMPT, 59, 1)), dim=2)
    again = torch.cat((run(third, other, 40, PROMPT), run(third, other, PROMPT, 59, 1)), dim=2)
    assert torch.equal(theirs, again)
    assert (ours - theirs).abs().max() > 1e-3
    assert (tight.tokens_seen, twin.tokens_seen) == (59, 59)


@EVERY
def test_crop_forgets_the_end_or_is_refused_in_a_sentence(
    name: str, tight: LayerAttention, covering: LayerAttention, attention_cases: ModuleType
) -> None:
    given = tokens()
    run_all(tight, given)
    if not SYSTEMS[name].croppable:
        with pytest.raises(UsageError, match=r"\w+ \w+ \w+"):
            tight.crop(30)
        assert tight.tokens_seen == PROMPT + DECODED
        return
    tight.crop(30)
    assert tight.tokens_seen == 30
    assert run(tight, given, 30, 31, 1).isfinite().all()

    run_all(covering, given)
    covering.crop(30)
    again = given.after(30, seed=1)
    output = torch.cat((run(covering, again, 30, PROMPT), run(covering, again, PROMPT, 59, 1)), 2)
    wanted = expected(attention_cases.COVERING[name](), again)[:, :, 30:]
    assert (output - wanted).abs().max() <= TOLERANCE


@EVERY
def test_bytes_held_are_those_of_its_tensors(name: str, tight: LayerAttention) -> None:
    assert tight.bytes_held() == 0
    given = tokens()
    run(tight, given, 0, PROMPT, 32)
    check_bytes(tight)
    run(tight, given, PROMPT, PROMPT + DECODED, 1)
    check_bytes(tight)


def check_bytes(layer: LayerAttention) -> None:
    """Allowed besides are a few small tensors: calibration, what was read last."""
    found = {tensor.data_ptr(): tensor for tensor in tensors_within(layer)}
    storages = {tensor.untyped_storage().data_ptr(): tensor for tensor in found.values()}
    held = sum(tensor.untyped_storage().nbytes() for tensor in storages.values())
    small = layer.tokens_seen * SHAPE.heads + 2048
    assert held - small <= layer.bytes_held() <= held


def tensors_within(thing: object, seen: set[int] | None = None) -> Iterator[Tensor]:
    """All tensors that can be reached from an object of this package."""
    seen = set() if seen is None else seen
    if id(thing) in seen:
        return
    seen.add(id(thing))
    if isinstance(thing, Tensor):
        yield thing
        return
    for inner in parts_of(thing):
        yield from tensors_within(inner, seen)


def parts_of(thing: object) -> list[object]:
    if isinstance(thing, Mapping):
        return list(thing.values())
    if isinstance(thing, list | tuple | set | frozenset):
        return list(thing)
    if not type(thing).__module__.startswith("tapgraph."):
        return []
    slots = [slot for base in type(thing).__mro__ for slot in getattr(base, "__slots__", ())]
    held = [getattr(thing, slot) for slot in slots if hasattr(thing, slot)]
    return [*getattr(thing, "__dict__", {}).values(), *held]


@EVERY
def test_what_was_read_is_told(name: str, tight: LayerAttention, covering: LayerAttention) -> None:
    given = tokens()
    for layer in (tight, covering):
        run(layer, given, 0, PROMPT)
        assert 0 < layer.reading.attended <= PROMPT
        run(layer, given, PROMPT, PROMPT + 1, 1)
        assert 0 < layer.reading.attended <= PROMPT + 1
        assert layer.reading.scored >= 0


@EVERY
@pytest.mark.parametrize("last", [PROMPT, PROMPT + 1])
def test_what_the_last_query_kept_is_tokens_of_its_past(
    name: str, last: int, tight: LayerAttention, covering: LayerAttention
) -> None:
    given = tokens()
    for layer in (tight, covering):
        run(layer, given, 0, PROMPT)
        if last > PROMPT:
            run(layer, given, PROMPT, last, 1)
        kept = layer.kept_by_last_query()
        assert kept.dtype == torch.bool
        assert kept.shape == (SHAPE.heads, last)
        assert kept[:, -1].all()
    if name != "landmark":
        assert covering.kept_by_last_query().all()


@EVERY
def test_a_system_says_of_how_many_tokens_it_holds_keys_and_values(
    name: str, tight: LayerAttention, attention_cases: ModuleType
) -> None:
    run_all(tight, tokens())
    told = attention_cases.TIGHT[name]().kept_tokens(SHAPE, PROMPT + DECODED)
    if SYSTEMS[name].croppable:
        assert told == PROMPT + DECODED
        return
    # Those that drop tokens read all that they hold; a scored cache has room for a few more.
    held = float(tight.kept_by_last_query().double().sum(dim=1).mean())
    assert held - 1 <= told <= held + 3


@EVERY
def test_input_that_does_not_fit_is_refused_and_changes_nothing(
    name: str, tight: LayerAttention
) -> None:
    given = tokens()
    run(tight, given, 0, 40)
    queries, keys, values = given.part(40, 41)
    for wrong in (
        (queries[:, :7], keys, values),
        (queries[..., :8], keys[..., :8], values[..., :8]),
        (queries.float(), keys, values),
        (queries, keys, values[:0]),
        tuple(part.expand(2, -1, -1, -1) for part in (queries, keys, values)),
    ):
        with pytest.raises(UsageError):
            tight.decode(*wrong)
    with pytest.raises(UsageError):
        tight.prefill(given.queries[:, :, 40:43], keys, values)
    assert tight.tokens_seen == 40


@EVERY
def test_a_snapshot_of_something_else_is_refused(name: str, tight: LayerAttention) -> None:
    run(tight, tokens(), 0, 40)
    with pytest.raises(UsageError, match="snapshot"):
        tight.restore("yesterday")


def test_the_walker_finds_tensors_in_every_kind_of_container() -> None:
    @dataclass(frozen=True, slots=True)
    class Inner:
        held: Tensor

    Inner.__module__ = "tapgraph.somewhere"
    assert is_dataclass(Inner)
    tensor = torch.zeros(2)
    nested = {"a": [(Inner(tensor),), {"b": tensor}], "c": 3}
    assert [found is tensor for found in tensors_within(nested)] == [True]


@EVERY
def test_below_its_break_even_length_a_system_with_default_settings_is_dense(name: str) -> None:
    heads = torch.tensor([[False, True]] * SHAPE.layers)
    with_heads = {"duo": Duo(DuoConfig(), heads), "razor": Razor(RazorConfig(), heads)}
    system = with_heads.get(name) or SYSTEMS[name]()
    given = tokens()
    if name != "dense":
        assert system.dense_below > PROMPT + DECODED
    output = run_all(system.open_layer(SHAPE, PlainRotary()), given, 7)
    assert (output - expected(system, given)).abs().max() <= TOLERANCE


@pytest.mark.parametrize(("bits", "most_off"), [(8, 0.05), (4, 0.2)])
@EVERY
def test_old_keys_and_values_in_few_bits_change_little_and_take_less(
    name: str, bits: int, most_off: float, attention_cases: ModuleType
) -> None:
    generator = torch.Generator().manual_seed(0)
    given = [torch.randn((1, heads, 790, 16), generator=generator) for heads in (8, 2, 2)]
    outputs, held = [], []
    for system in (
        attention_cases.COVERING[name](),
        attention_cases.COVERING[name]().in_bits(bits),
    ):
        layer = system.open_layer(replace(SHAPE, kept_bits=system.kept_bits), PlainRotary())
        layer.prefill(*(tensor[:, :, :780] for tensor in given))
        steps = [
            layer.decode(*(tensor[:, :, at, None] for tensor in given)) for at in range(780, 790)
        ]
        outputs.append(torch.cat(steps, dim=2))
        held.append(layer.bytes_held())
    off = float((outputs[0] - outputs[1]).abs().max())
    if name == "sink_window":
        assert (off, held[1]) == (0, held[0])
    else:
        assert 0 < off < most_off
        assert held[1] < 0.9 * held[0]
