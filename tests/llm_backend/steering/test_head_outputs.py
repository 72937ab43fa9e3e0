"""The equations of injection, on tiny models with grouped queries."""

from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from tapgraph.errors import UsageError  # noqa: E402
from tapgraph.kernels.in_models.attention import use_attention  # noqa: E402
from tapgraph.kernels.systems.dense import Dense  # noqa: E402
from tapgraph.llm_backend.steering.head_outputs import HeadMixing, HeadOutputs, HeadReading  # noqa: E402

FAMILIES = ("llama", "qwen3", "gemma3")
CLOSE = 2e-4
"""Float32 sums in another order, on logits of about 10."""


@pytest.fixture(scope="module", params=FAMILIES)
def model(request: pytest.FixtureRequest, tiny: Any) -> Any:
    return tiny.load(request.param).model


@pytest.fixture
def heads(model: Any) -> HeadOutputs:
    return HeadOutputs(model)


@pytest.fixture
def ids() -> Any:
    return torch.randint(8, 300, (3, 11), generator=torch.Generator().manual_seed(1))


def drawn(heads: HeadOutputs, rows: int, seed: int = 2) -> Any:
    return torch.randn((rows, *heads.shape), generator=torch.Generator().manual_seed(seed))


def last(heads: HeadOutputs, rows: int, vectors: Any, weight: float | Any) -> HeadMixing:
    """Vectors at the last token of each row of `ids`."""
    weights = weight * torch.ones(rows, heads.layers, heads.heads)
    return HeadMixing(torch.arange(rows), torch.full((rows,), 10), vectors, weights)


def logits(model: Any, ids: Any) -> Any:
    with torch.no_grad():
        return model(input_ids=ids).logits


def test_weight_0_leaves_all_logits_as_they_are(model: Any, heads: HeadOutputs, ids: Any) -> None:
    plain = logits(model, ids)
    with heads.mixed(last(heads, 3, drawn(heads, 3), 0.0)):
        assert torch.equal(logits(model, ids), plain)


def test_weight_1_with_the_prompts_own_outputs_changes_nothing(
    model: Any, heads: HeadOutputs, ids: Any
) -> None:
    own = HeadReading()
    with heads.read(own):
        plain = logits(model, ids)
    with heads.mixed(last(heads, 3, own.vectors, 1.0)):
        assert torch.equal(logits(model, ids), plain)


def test_the_projection_gets_the_mixture_of_query_heads(
    model: Any, heads: HeadOutputs, ids: Any
) -> None:
    vectors, layer = drawn(heads, 3), 0
    weights = torch.rand(3, heads.layers, heads.heads, generator=torch.Generator().manual_seed(4))
    projection = heads.attention[layer].o_proj
    seen: list[Any] = []
    after = projection.register_forward_hook(lambda _m, _i, output: seen.append(output[:, -1]))
    own = HeadReading()
    with heads.read(own):
        logits(model, ids)
    with heads.mixed(HeadMixing(torch.arange(3), torch.full((3,), 10), vectors, weights)):
        logits(model, ids)
    after.remove()
    by_hand = torch.zeros_like(seen[0])
    width = heads.head_dim
    for head in range(heads.heads):
        a = weights[:, layer, head, None]
        mixture = (1 - a) * own.vectors[:, layer, head] + a * vectors[:, layer, head]
        by_hand += mixture @ projection.weight[:, head * width : (head + 1) * width].T
    torch.testing.assert_close(seen[1], by_hand, atol=CLOSE, rtol=0)
    assert not torch.allclose(seen[0], seen[1], atol=CLOSE)


def test_tokens_before_the_place_and_other_rows_stay_as_they_are(
    model: Any, heads: HeadOutputs, ids: Any
) -> None:
    plain = logits(model, ids)
    place = HeadMixing(
        torch.tensor([1]), torch.tensor([7]), drawn(heads, 1), torch.ones(1, *heads.shape[:2])
    )
    with heads.mixed(place):
        changed = logits(model, ids)
    assert torch.equal(changed[[0, 2]], plain[[0, 2]])
    torch.testing.assert_close(changed[1, :7], plain[1, :7], atol=CLOSE, rtol=0)
    assert (changed[1, 7:] - plain[1, 7:]).abs().amax(-1).min() > CLOSE


def test_rows_of_a_batch_are_as_if_alone(model: Any, heads: HeadOutputs, ids: Any) -> None:
    vectors = drawn(heads, 3)
    with heads.mixed(last(heads, 3, vectors, 0.7)):
        together = logits(model, ids)
    for row in range(3):
        with heads.mixed(last(heads, 1, vectors[row : row + 1], 0.7)):
            alone = logits(model, ids[row : row + 1])
        torch.testing.assert_close(together[row : row + 1], alone, atol=CLOSE, rtol=0)


@pytest.mark.parametrize("is_ours", [False, True])
def test_generating_with_a_cache_equals_reading_all_again(
    model: Any, heads: HeadOutputs, ids: Any, *, is_ours: bool
) -> None:
    vectors, weights = drawn(heads, 1)[0], torch.full(heads.shape[:2], 0.8)
    wanted = {"max_new_tokens": 5, "do_sample": False, "input_ids": ids, "pad_token_id": 0}
    plain = model.generate(**wanted)
    with heads.mixed_at(10, vectors, weights):
        uncached = model.generate(**wanted, use_cache=False)
    if is_ours:
        with use_attention(model, Dense()), heads.mixed_at(10, vectors, weights):
            cached = model.generate(**wanted)
    else:
        with heads.mixed_at(10, vectors, weights):
            cached = model.generate(**wanted)
    assert torch.equal(cached, uncached)
    assert not torch.equal(cached, plain)
    assert torch.equal(model.generate(**wanted), plain)


def test_a_model_of_an_unknown_kind_is_refused() -> None:
    config = transformers.GPT2Config(n_layer=1, n_embd=8, n_head=2, vocab_size=9)
    with pytest.raises(UsageError, match="attention systems work in"):
        HeadOutputs(transformers.GPT2LMHeadModel(config))
