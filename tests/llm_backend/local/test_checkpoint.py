"""Checkpoints load from a directory, or say in one sentence why not."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast

from tapgraph.errors import UsageError
from tapgraph.llm_backend.local.checkpoint import load_checkpoint, load_encoder

if TYPE_CHECKING:
    from tests.llm_backend.tiny_checkpoints import Tiny

FAMILIES = ("llama", "qwen2", "qwen3", "mistral", "gemma", "gemma3", "qwen2_5_vl", "qwen3_vl")


@pytest.mark.parametrize("family", FAMILIES)
def test_each_family_loads(family: str, tiny: "Tiny") -> None:
    checkpoint = load_checkpoint(tiny.folder(family))
    assert checkpoint.name == tiny.folder(family).name
    assert checkpoint.context_tokens == 4096
    assert checkpoint.end_tokens == {2}
    assert checkpoint.vocabulary == 369
    assert not checkpoint.model.training
    assert not any(parameter.requires_grad for parameter in checkpoint.model.parameters())


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [("float32", torch.float32), ("bfloat16", torch.bfloat16), ("float16", torch.float16)],
)
def test_the_dtype_is_the_one_asked_for(dtype: str, expected: torch.dtype, tiny: "Tiny") -> None:
    assert load_checkpoint(tiny.folder(), device="cpu", dtype=dtype).model.dtype == expected


def test_all_bytes_of_a_text_are_in_its_tokens(tiny: "Tiny") -> None:
    checkpoint = tiny.load()
    text = "Größe: 12 €, 東京 🙂\n\ttap\x00 {}"
    tokens = checkpoint.tokenizer.encode(text, add_special_tokens=False)
    assert b"".join(checkpoint.token_bytes[token] for token in tokens) == text.encode()
    assert [checkpoint.token_bytes[token] for token in range(7)] == [b""] * 7


@pytest.mark.parametrize(
    ("file", "changes", "told"),
    [
        ("config.json", {"num_attention_heads": 3}, "not a multiple"),
        ("config.json", {"num_attention_heads": 0}, "of no known kind"),
        ("config.json", {"hidden_size": "x"}, "expected int, got str"),
        ("config.json", {"vocab_size": 10}, "other shapes than its config.json says: lm_head"),
        ("tokenizer.json", {"added_tokens": [{"id": 5}]}, "tokenizer in"),
        ("tokenizer_config.json", [], "tokenizer in"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(
    file: str, changes: Any, told: str, tiny: "Tiny", tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(tiny.folder(), tmp_path / "copy"))
    said = json.loads((folder / file).read_text())
    (folder / file).write_text(json.dumps({**said, **changes} if changes else changes))
    with pytest.raises(UsageError, match=told) as refused:
        load_checkpoint(folder)
    assert "\n" not in str(refused.value)


def test_an_end_token_that_the_model_cannot_choose_counts_for_nothing(
    tiny: "Tiny", tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(tiny.folder(), tmp_path / "copy"))
    settings = json.loads((folder / "generation_config.json").read_text())
    (folder / "generation_config.json").write_text(
        json.dumps({**settings, "eos_token_id": [99_999, "x", 1]})
    )
    assert load_checkpoint(folder).end_tokens == {1, 2}


def test_wordpiece_gives_vectors_and_no_replies(tiny: "Tiny", tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny.folder(), tmp_path / "bert"))
    words = {word: place for place, word in enumerate(("[UNK]", "[SEP]", "tap", "##s"))}
    tokenizer = Tokenizer(models.WordPiece(words, unk_token="[UNK]"))
    PreTrainedTokenizerFast(tokenizer_object=tokenizer).save_pretrained(folder)
    with pytest.raises(UsageError, match="is WordPiece"):
        load_checkpoint(folder)
    load_encoder(folder)


def test_end_tokens_come_from_all_places(tiny: "Tiny", tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny.folder(), tmp_path / "copy"))
    settings = json.loads((folder / "generation_config.json").read_text())
    (folder / "generation_config.json").write_text(json.dumps({**settings, "eos_token_id": [0, 1]}))
    assert load_checkpoint(folder).end_tokens == {0, 1, 2}


def test_the_token_that_the_template_ends_turns_with_ends_replies(
    tiny: "Tiny", tmp_path: Path
) -> None:
    folder = tiny.save(tmp_path / "copy", eos_token_id=0)
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    named = json.dumps({**settings, "eos_token": "<|endoftext|>"})
    (folder / "tokenizer_config.json").write_text(named)
    assert load_checkpoint(folder).end_tokens == {0, 2}


@pytest.mark.parametrize(
    ("said", "applies"),
    [
        (
            {"do_sample": True, "temperature": 0.6, "top_k": 20, "repetition_penalty": 1.05},
            {"temperature": 0.6, "top_k": 20, "repetition_penalty": 1.05},
        ),
        ({"do_sample": False, "repetition_penalty": 1.05}, {"repetition_penalty": 1.05}),
        ({}, {}),
    ],
)
def test_sampling_is_as_its_makers_say(
    said: dict[str, Any], applies: dict[str, Any], tiny: "Tiny", tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(tiny.folder(), tmp_path / "copy"))
    settings = json.loads((folder / "generation_config.json").read_text())
    (folder / "generation_config.json").write_text(json.dumps({**settings, **said}))
    assert load_checkpoint(folder).sampling == applies
    chosen = load_checkpoint(folder, sampling={"top_k": 3}).sampling
    assert chosen == {**applies, "top_k": 3}


def test_a_tokenizer_that_shortens_texts_is_kept_from_it(tiny: "Tiny", tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny.folder(), tmp_path / "copy"))
    kept = json.loads((folder / "tokenizer.json").read_text())
    kept["truncation"] = {
        "direction": "Right", "max_length": 3, "strategy": "LongestFirst", "stride": 0,
    }  # fmt: skip
    (folder / "tokenizer.json").write_text(json.dumps(kept))
    backend = load_checkpoint(folder).tokenizer.backend_tokenizer
    assert len(backend.encode("one two three four five six").ids) > 3


def test_a_gguf_file_and_a_folder_with_one_are_checkpoints(tiny: "Tiny", tmp_path: Path) -> None:
    file = tiny.gguf(tmp_path / "tiny.gguf")
    original = tiny.load()
    for path in (file, tmp_path):
        checkpoint = load_checkpoint(path, device="cpu", dtype="float32")
        assert checkpoint.end_tokens == {2}
        assert checkpoint.chat_template == original.chat_template
        assert checkpoint.token_bytes[: len(original.token_bytes)] == original.token_bytes
        for name, tensor in original.model.state_dict().items():
            assert torch.equal(checkpoint.model.state_dict()[name], tensor), name


def test_one_of_two_gguf_files_must_be_named(tmp_path: Path) -> None:
    for name in ("a.gguf", "b.gguf"):
        (tmp_path / name).write_bytes(b"GGUF")
    with pytest.raises(UsageError, match="holds 2 GGUF files: name one of them"):
        load_checkpoint(tmp_path)


def test_a_path_that_does_not_exist_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no checkpoint at '.*/absent': the path does not exist"):
        load_checkpoint(tmp_path / "absent")


def test_a_file_or_an_empty_directory_is_no_checkpoint(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for path in (tmp_path, tmp_path / "file"):
        with pytest.raises(UsageError, match="is no checkpoint: it must be a GGUF file, or"):
            load_checkpoint(path)


@pytest.mark.parametrize(
    ("absent", "told"),
    [("tokenizer.json", "has no tokenizer"), ("model.safetensors", "weights in .* cannot be load")],
)
def test_a_part_that_is_missing_is_told(
    absent: str, told: str, tiny: "Tiny", tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(tiny.folder(), tmp_path / "copy"))
    (folder / absent).unlink()
    with pytest.raises(UsageError, match=told):
        load_checkpoint(folder)


@pytest.mark.parametrize(
    ("config", "told"),
    [('{"model_type": "abacus"}', "is of no known kind"), ("{", "is of no known kind")],
)
def test_an_unknown_kind_is_told(config: str, told: str, tiny: "Tiny", tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny.folder(), tmp_path / "copy"))
    (folder / "config.json").write_text(config)
    with pytest.raises(UsageError, match=told):
        load_checkpoint(folder)


def test_a_broken_gguf_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "broken.gguf").write_bytes(b"no weights at all")
    with pytest.raises(UsageError, match=r"'.*broken.gguf' is of no known kind"):
        load_checkpoint(tmp_path / "broken.gguf")


Change = Callable[[dict[str, torch.Tensor]], object]


def rewritten(tiny: "Tiny", folder: Path, change: Change) -> Path:
    """A copy of the checkpoint with other weights."""
    shutil.copytree(tiny.folder(), folder)
    weights = load_file(folder / "model.safetensors")
    change(weights)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            lambda weights: weights.pop("model.layers.1.mlp.up_proj.weight"),
            r"lack what the model needs: model.layers.1.mlp.up_proj.weight, 1 in all",
        ),
        (lambda weights: weights.pop("lm_head.weight"), "lack .*: lm_head.weight, 1 in all"),
        (
            lambda weights: weights.update({"model.layers.9.extra.weight": torch.zeros(2)}),
            r"hold what the model has no place for: model.layers.9.extra.weight, 1 in all",
        ),
        (
            lambda weights: weights.update({"model.norm.weight": torch.zeros(3)}),
            r"have other shapes than its config.json says: model.norm.weight, 1 in all",
        ),
    ],
)
def test_weights_that_do_not_match_the_model_are_refused(
    change: Change, told: str, tiny: "Tiny", tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=told):
        load_checkpoint(rewritten(tiny, tmp_path / "copy", change))


def test_code_of_a_checkpoint_is_not_run(tiny: "Tiny", tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny.folder(), tmp_path / "copy"))
    config = json.loads((folder / "config.json").read_text())
    auto_map = {"AutoConfig": "own.OwnConfig", "AutoModelForCausalLM": "own.OwnModel"}
    (folder / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    changed = {**config, "model_type": "own", "auto_map": auto_map}
    (folder / "config.json").write_text(json.dumps(changed))
    with pytest.raises(UsageError, match="of the kind 'own', which needs code of its own"):
        load_checkpoint(folder)
    assert not (tmp_path / "ran").exists()


def test_a_known_kind_runs_without_the_code_it_brings(tiny: "Tiny", tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny.folder(), tmp_path / "copy"))
    config = json.loads((folder / "config.json").read_text())
    (folder / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    auto_map = {"AutoConfig": "own.OwnConfig", "AutoModelForCausalLM": "own.OwnModel"}
    (folder / "config.json").write_text(json.dumps({**config, "auto_map": auto_map}))
    assert type(load_checkpoint(folder).model).__name__ == "LlamaForCausalLM"
    assert not (tmp_path / "ran").exists()


def test_broken_weights_are_told(tiny: "Tiny", tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny.folder(), tmp_path / "copy"))
    (folder / "model.safetensors").write_bytes(b"no weights at all")
    with pytest.raises(UsageError, match=r"weights in .* cannot be loaded"):
        load_checkpoint(folder)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"device": "abacus"}, "device must be auto, cpu, cuda or cuda:N, got 'abacus'"),
        ({"device": "meta"}, "device must be auto, cpu, cuda or cuda:N, got 'meta'"),
        ({"device": "cuda:99"}, "this machine has .* GPUs, got device 'cuda:99'"),
        ({"dtype": "int8"}, "dtype must be one of auto, float32, bfloat16, float16, got 'int8'"),
    ],
)
def test_a_device_or_dtype_that_cannot_be_is_told(
    values: dict[str, Any], told: str, tiny: "Tiny"
) -> None:
    with pytest.raises(UsageError, match=told):
        load_checkpoint(tiny.folder(), **values)
