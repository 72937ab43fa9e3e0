"""The search steers what it says, layer by layer and head by head, and keeps what gained most."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch

from tapgraph.errors import UsageError
from tapgraph.kernels.highlight import Highlight, Steering
from tapgraph.kernels.in_models.attention import use_attention
from tapgraph.kernels.systems.dense import Dense
from tapgraph.llm_backend.calibration.calibrate import calibrate, check_calibration
from tapgraph.llm_backend.calibration.calibration_file import save_calibration
from tapgraph.llm_backend.steering.examples import (
    PassageQuestion,
    made_questions,
    read_questions,
    steered_example,
)
from tapgraph.llm_backend.steering.head_search import (
    SteeredExample,
    SteeringSearch,
    find_steered_heads,
)
from tapgraph.llm_backend.steering.steering_file import load_steering

if TYPE_CHECKING:
    from tests.llm_backend.tiny_checkpoints import Tiny

SEARCH = SteeringSearch(questions=2, layers=1, alpha=0.05)


def score(model: Any, example: SteeredExample, heads: torch.Tensor | None, alpha: float) -> float:
    """The mean log-probability of the answer, with everything computed anew."""
    tokens = torch.tensor([[*example.prompt, *example.answer]])
    with torch.inference_mode(), use_attention(model, Dense()) as attention:
        lit = []
        if heads is not None:
            lit = [Highlight(Steering(heads, alpha), len(example.prompt), example.spans)]
        logits = model(tokens, past_key_values=attention.new_cache(lit)).logits[0]
    count = len(example.answer)
    told = logits[-count - 1 : -1].log_softmax(dim=-1)
    return float(told.gather(1, tokens[0, -count:, None]).mean())


def test_gains_are_those_of_prompts_read_anew(tiny: "Tiny") -> None:
    model = tiny.load().model
    examples = [
        SteeredExample(tiny.prompt(30 + seed, seed), ((4 + seed, 9 + seed),), tiny.prompt(3, seed))
        for seed in range(4)
    ]
    found = find_steered_heads(model, examples, seed=0, search=SEARCH)
    gains = found.tensors["layer_gains"]
    for layer in range(2):
        heads = torch.zeros(2, 4, dtype=torch.bool)
        heads[layer] = True
        anew = [
            score(model, one, heads, SEARCH.alpha) - score(model, one, None, 1)
            for one in examples[:2]
        ]
        assert float(gains[layer]) == pytest.approx(sum(anew) / 2, abs=1e-5)
    best = int(gains.argmax())
    tried = found.tensors["head_gains"]
    assert not tried[best].isnan().any()
    assert tried[1 - best].isnan().all()
    chosen, alpha = found.tensors["heads"], float(found.settings["alpha"])
    assert bool(chosen[best].all())
    assert not bool(chosen[1 - best].any())
    anew = [score(model, one, chosen, alpha) - score(model, one, None, 1) for one in examples[2:]]
    assert float(found.settings["gain"]) == pytest.approx(sum(anew) / 2, abs=1e-5)


def test_too_few_questions_are_refused(tiny: "Tiny") -> None:
    with pytest.raises(UsageError, match="4 examples are needed, got 0"):
        find_steered_heads(tiny.load().model, [], seed=0, search=SEARCH)


def test_made_questions_are_answered_by_their_key_alone() -> None:
    questions = made_questions(20, seed=3)
    assert questions == made_questions(20, seed=3)
    assert len({one.passage for one in questions}) == 20
    for one in questions:
        assert one.passage.count(one.key) == 1
        words = one.question.removesuffix("?").split()
        facts = [fact for fact in one.passage.split(". ") if words[2] in fact and words[-1] in fact]
        assert len(facts) == 1
        assert one.answer.rstrip(".").lower() in facts[0].lower()


def test_the_highlight_of_an_example_is_its_key(tiny: "Tiny") -> None:
    tokenizer = tiny.load().tokenizer
    question = made_questions(1, seed=0)[0]
    example = steered_example(tokenizer, question)
    (span,) = example.spans
    assert question.key in str(tokenizer.decode(list(example.prompt[slice(*span)])))


def test_a_calibration_steers_its_model_and_no_other(tiny: "Tiny", tmp_path: Path) -> None:
    checkpoint = tiny.load()
    file = tmp_path / "questions.jsonl"
    rows = [one.model_dump() for one in made_questions(2, seed=0)]
    file.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    found = calibrate(
        "steering",
        checkpoint.model,
        checkpoint.tokenizer,
        options={"questions": "1", "layers": "1", "data": str(file)},
    )
    save_calibration(found, kept := tmp_path / "steering.safetensors")
    steering = load_steering(kept, checkpoint.model)
    assert torch.equal(steering.heads, found.tensors["heads"])
    assert steering.alpha == found.settings["alpha"]
    with pytest.raises(UsageError, match="of another model"):
        load_steering(kept, tiny.load("qwen3").model)


@pytest.mark.parametrize(
    "line", ["{}", "no JSON", '{"passage":"a","question":"b","key":"c","answer":"d"}']
)
def test_a_line_that_is_no_question_is_refused(line: str, tmp_path: Path) -> None:
    file = tmp_path / "questions.jsonl"
    good = PassageQuestion(passage="a b", question="?", key="b", answer="b").model_dump_json()
    file.write_text(f"{good}\n{line}\n", "utf-8")
    with pytest.raises(UsageError, match="line 2"):
        read_questions(file)


def test_a_missing_file_and_wrong_settings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read"):
        read_questions(tmp_path / "none.jsonl")
    with pytest.raises(UsageError, match="alpha"):
        check_calibration("steering", {"alpha": "1"})
    with pytest.raises(UsageError, match="questions"):
        check_calibration("steering", {"questions": "0"})
