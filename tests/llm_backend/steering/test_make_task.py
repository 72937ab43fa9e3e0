"""Embeddings from demonstrations, and their files."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from safetensors.torch import save_file  # noqa: E402

from tapgraph.errors import UsageError  # noqa: E402
from tapgraph.llm_backend.calibration.calibration_file import fingerprint  # noqa: E402
from tapgraph.llm_backend.steering.head_weights import HeadTraining  # noqa: E402
from tapgraph.llm_backend.steering.make_task import (  # noqa: E402
    TaskMaking,
    make_task_embedding,
)
from tapgraph.llm_backend.steering.task_embedding import (  # noqa: E402
    load_task_embedding,
    load_task_embeddings,
    save_task_embedding,
)
from tapgraph.llm_backend.steering.task_prompts import (  # noqa: E402
    Demonstration,
    demonstrations_hash,
    example_of,
    read_demonstrations,
)

WORDS = ("milk", "eggs", "bread", "Search", "Notes", "home", "screen", "back", "Open", "go")
UPPER = [Demonstration(word, word.upper()) for word in WORDS]
QUICK = HeadTraining(steps=4, validate_every=2, answer_tokens=3)


@pytest.mark.parametrize("form", ["chat", "lines"])
def test_a_prompt_and_its_answer_are_one_text(tiny: Any, form: Any) -> None:
    checkpoint = tiny.load()
    made = example_of(checkpoint, form, UPPER[0], UPPER[1:3])
    text = checkpoint.tokenizer.decode([*made.prompt, *made.answer])
    assert text.count("MILK") == 1
    assert checkpoint.tokenizer.decode(list(made.answer)).lstrip().startswith("MILK")
    for one in UPPER[1:3]:
        assert one.input in text
        assert one.output in text
    if form == "chat":
        assert made.answer[-1] in checkpoint.end_tokens
        system = example_of(checkpoint, form, replace(UPPER[0], system="Shout."))
        assert "Shout." in checkpoint.tokenizer.decode(list(system.prompt))
    else:
        assert text == "Q: eggs\nA: EGGS\n\nQ: bread\nA: BREAD\n\nQ: milk\nA: MILK\n"


def test_the_same_demonstrations_and_seed_make_the_same_embedding(
    tiny: Any, tmp_path: Path
) -> None:
    checkpoint = tiny.load()
    making = TaskMaking("lines", prompts=3, shots=3, validation=2)
    one, other = (
        make_task_embedding(checkpoint, "shout", UPPER, seed=3, making=making, training=QUICK)
        for _ in range(2)
    )
    assert torch.equal(one.vectors, other.vectors)
    assert torch.equal(one.weights, other.weights)
    assert one.data_sha256 == demonstrations_hash(UPPER)
    assert one.settings["shots"] == 3
    assert int(one.settings["tokens_saved"]) > 0
    file = tmp_path / "tasks" / "shout.safetensors"
    save_task_embedding(one, file)
    loaded = load_task_embedding(file, model_fingerprint=fingerprint(checkpoint.model))
    assert torch.equal(loaded.vectors, one.vectors)
    assert torch.equal(loaded.weights, one.weights)
    assert (loaded.name, loaded.settings, loaded.seed) == ("shout", one.settings, 3)
    found = load_task_embeddings(file.parent, model_fingerprint=one.model_fingerprint)
    assert list(found) == ["shout"]


def test_an_embedding_of_another_model_is_refused(
    tiny: Any, made_task: Any, tmp_path: Path
) -> None:
    file = tmp_path / "one.safetensors"
    save_task_embedding(made_task(tiny.load()), file)
    with pytest.raises(UsageError, match="of another model: it holds for"):
        load_task_embedding(file, model_fingerprint=fingerprint(tiny.load("qwen3").model))


def test_two_files_with_one_name_are_refused(tiny: Any, made_task: Any, tmp_path: Path) -> None:
    embedding = made_task(tiny.load())
    for place in ("a", "b"):
        save_task_embedding(embedding, tmp_path / f"{place}.safetensors")
    with pytest.raises(UsageError, match="are called 'opposites'"):
        load_task_embeddings(tmp_path, model_fingerprint=embedding.model_fingerprint)


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"", "cannot read the calibration file"), (b"\x00" * 40, "cannot read the calibration file")],
)
def test_a_file_that_is_no_embedding_is_refused(tmp_path: Path, content: bytes, told: str) -> None:
    file = tmp_path / "x.safetensors"
    file.write_bytes(content)
    with pytest.raises(UsageError, match=told):
        load_task_embedding(file)


def test_an_embedding_that_says_nothing_of_its_making_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "x.safetensors"
    tensors = {"vectors": torch.zeros(1, 1, 1), "weights": torch.zeros(1, 1)}
    save_file(tensors, file, metadata={"format": "tapgraph-calibration-1", "system": "task"})
    with pytest.raises(UsageError, match="does not say what it was made from"):
        load_task_embedding(file)


def test_outputs_that_begin_alike_need_more_tokens(tiny: Any) -> None:
    alike = [Demonstration(word, f'{{"verdict": "{word}"}}') for word in WORDS]
    making = TaskMaking("chat", prompts=1, shots=1)
    with pytest.raises(UsageError, match="set answer_tokens to more than"):
        make_task_embedding(tiny.load(), "judge", alike, making=making, training=QUICK)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('{"input": "a"}', "must be like"),
        ('{"input": "a", "output": "b", "more": 1}', "must be like"),
        ('["a", "b"]', "must be like"),
        ('{"input": "a", "output": ""}', "an output that is not empty"),
        ('{"input": 1, "output": "b"}', "must hold texts"),
        ("a,b", "is no JSON"),
    ],
)
def test_a_line_that_is_no_demonstration_is_named(tmp_path: Path, line: str, told: str) -> None:
    file = tmp_path / "task.jsonl"
    file.write_text('{"input": "hot", "output": "cold"}\n\n' + line + "\n")
    with pytest.raises(UsageError, match=rf"task\.jsonl:3 {told}|task\.jsonl:3 .*{told}"):
        read_demonstrations(file)


def test_too_few_demonstrations_are_refused(tiny: Any) -> None:
    with pytest.raises(UsageError, match="at least 4 demonstrations, got 3"):
        make_task_embedding(tiny.load(), "few", UPPER[:3])
