"""Passes that begin at the last prompt token give what whole passes give."""

from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from tapgraph.llm_backend.steering.head_outputs import HeadOutputs  # noqa: E402
from tapgraph.llm_backend.steering.head_weights import (  # noqa: E402
    HeadTraining,
    Lane,
    learn_weights,
)
from tapgraph.llm_backend.steering.prompt_pasts import PromptPasts  # noqa: E402
from tapgraph.llm_backend.steering.task_prompts import Example  # noqa: E402

CLOSE = 2e-4
"""Float32 sums in another order, on logits of about 10."""


@pytest.fixture(scope="module", params=["llama", "gemma3"])
def model(request: pytest.FixtureRequest, tiny: Any) -> Any:
    return tiny.load(request.param).model


@pytest.fixture
def heads(model: Any) -> HeadOutputs:
    return HeadOutputs(model)


def examples(tiny: Any, lengths: tuple[int, ...], shared: int = 0) -> list[Example]:
    """Random ones, whose prompts begin with `shared` equal tokens."""
    begin = tiny.prompt(shared, seed=99)
    return [
        Example(begin + tiny.prompt(length, seed=length), tiny.prompt(4, seed=length + 50))
        for length in lengths
    ]


def drawn(heads: HeadOutputs, rows: int) -> dict[str, Any]:
    dice = torch.Generator().manual_seed(3)
    return {
        "vectors": torch.randn((rows, *heads.shape), generator=dice),
        "weights": torch.rand((rows, heads.layers, heads.heads), generator=dice),
    }


@pytest.mark.parametrize("shared", [0, 6])
@pytest.mark.parametrize("remembered", [0, 2**20])
def test_logits_equal_those_of_each_text_read_whole(
    model: Any, heads: HeadOutputs, tiny: Any, shared: int, remembered: int
) -> None:
    told = examples(tiny, (21, 4, 9), shared)
    pasts = PromptPasts(model, heads, remembered_bytes=remembered)
    injected = drawn(heads, 3)
    for _ in range(2):
        with torch.no_grad():
            read = pasts.read(told, answer_tokens=3, **injected).logits
        for row, one in enumerate(told):
            text = torch.tensor([one.prompt + one.answer[:2]])
            place = len(one.prompt) - 1
            vectors, weights = injected["vectors"][row], injected["weights"][row]
            with torch.no_grad(), heads.mixed_at(place, vectors, weights):
                whole = model(input_ids=text, use_cache=False).logits[0, -3:]
            torch.testing.assert_close(read[row], whole, atol=CLOSE, rtol=0)


def test_lanes_learn_what_they_learn_alone(model: Any, heads: HeadOutputs, tiny: Any) -> None:
    told = examples(tiny, (5, 7, 8, 9, 6, 4))
    vectors = drawn(heads, 2)["vectors"] * 3
    lanes = [Lane(vectors[0], told[:3], told[3:4], seed=1), Lane(vectors[1], told[3:], told[:2], 2)]
    training = HeadTraining(steps=6, validate_every=2)
    pasts = PromptPasts(model, heads)
    together = learn_weights(pasts, lanes, training)
    alone = [learn_weights(pasts, [lane], training)[0] for lane in lanes]
    for one, other in zip(together, alone, strict=True):
        torch.testing.assert_close(one.weights, other.weights, atol=1e-3, rtol=0)
        assert one.step == other.step
        assert len(one.losses) == 4
        assert one.loss == min(one.losses)


def test_learning_makes_the_answers_likelier(model: Any, heads: HeadOutputs, tiny: Any) -> None:
    told = examples(tiny, (5, 7))
    lane = Lane(drawn(heads, 1)["vectors"][0] * 3, told, told, seed=0)
    learnt = learn_weights(PromptPasts(model, heads), [lane], HeadTraining(30, validate_every=10))
    assert learnt[0].loss < learnt[0].losses[0]
    assert learnt[0].weights.min() >= 0
    assert learnt[0].weights.max() <= 1
