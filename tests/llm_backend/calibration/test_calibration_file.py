from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from transformers import LlamaConfig, LlamaForCausalLM

from tapgraph.errors import UsageError
from tapgraph.llm_backend.calibration.calibration_file import (
    Calibration,
    data_hash,
    fingerprint,
    load_calibration,
    save_calibration,
)


def calibration(model_fingerprint: str = "ab" * 32) -> Calibration:
    return Calibration(
        system="duo",
        model_fingerprint=model_fingerprint,
        model_name="tiny",
        data_sha256="cd" * 32,
        seed=3,
        settings={"steps": 5, "style": "tokens", "share": 0.5},
        tensors={
            "full_heads": torch.tensor([[True, False], [False, False]]),
            "gates": torch.tensor([[0.9, 0.1], [0.2, 0.0]]),
        },
    )


def model(seed: int = 0) -> LlamaForCausalLM:
    torch.manual_seed(seed)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=16,
            hidden_size=16,
            intermediate_size=16,
            num_hidden_layers=1,
            num_attention_heads=4,
            num_key_value_heads=2,
        )
    )


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "beside" / "tapgraph-duo.safetensors"
    saved = calibration()
    save_calibration(saved, path)
    loaded = load_calibration(path, system="duo", model_fingerprint="ab" * 32)
    for name, tensor in saved.tensors.items():
        assert torch.equal(loaded.tensors[name], tensor)
        assert loaded.tensors[name].dtype == tensor.dtype
    assert loaded.settings == saved.settings
    assert (loaded.seed, loaded.model_name, loaded.data_sha256) == (3, "tiny", "cd" * 32)
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_calibration_of_another_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "tapgraph-duo.safetensors"
    save_calibration(calibration(), path)
    with pytest.raises(UsageError) as caught:
        load_calibration(path, system="duo", model_fingerprint="ef" * 32)
    assert str(caught.value) == (
        f"'{path}' is a calibration of another model: it holds for 'tiny' (abababababab), not for "
        "this one (efefefefefef); make a new one with: tapgraph kernels calibrate duo --model MODEL"
    )


def test_a_calibration_of_another_system_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file.safetensors"
    save_calibration(calibration(), path)
    with pytest.raises(UsageError, match=r"must be a calibration of 'razor', got one of 'duo'"):
        load_calibration(path, system="razor")


def test_a_file_that_is_no_calibration_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file.safetensors"
    with pytest.raises(UsageError, match="cannot read the calibration file"):
        load_calibration(path, system="duo")
    path.write_bytes(b"not safetensors")
    with pytest.raises(UsageError, match="cannot read the calibration file"):
        load_calibration(path, system="duo")
    save_file({"weights": torch.zeros(2)}, path)
    with pytest.raises(UsageError, match="format 'tapgraph-calibration-1', got None"):
        load_calibration(path, system="duo")


@pytest.mark.parametrize("settings", [None, "{", "[1"])
def test_a_calibration_that_says_nothing_of_its_making_is_refused(
    settings: str | None, tmp_path: Path
) -> None:
    path = tmp_path / "file.safetensors"
    told = {"format": "tapgraph-calibration-1", "system": "duo"}
    if settings is not None:
        names = ("model_fingerprint", "model_name", "data_sha256")
        told |= {**dict.fromkeys(names, "x"), "seed": "1", "settings": settings}
    save_file({"weights": torch.zeros(2)}, path, metadata=told)
    with pytest.raises(UsageError, match="does not say what it was made from"):
        load_calibration(path, system="duo")


def test_the_fingerprint_is_that_of_the_weights_and_not_of_their_dtype() -> None:
    halves = model().half()
    expected = fingerprint(halves.float())
    assert len(expected) == 64
    for dtype in (torch.float64, torch.bfloat16):
        assert fingerprint(model().half().to(dtype)) == expected
    assert fingerprint(model(seed=1)) != expected


def test_the_fingerprint_notices_one_changed_weight() -> None:
    changed = model()
    with torch.no_grad():
        changed.model.norm.weight[5] += 0.5
    assert fingerprint(changed) != fingerprint(model())


def test_the_data_hash_depends_on_the_order() -> None:
    assert data_hash(torch.tensor([1, 2])) == data_hash(torch.tensor([1, 2], dtype=torch.int32))
    assert data_hash(torch.tensor([1, 2])) != data_hash(torch.tensor([2, 1]))
