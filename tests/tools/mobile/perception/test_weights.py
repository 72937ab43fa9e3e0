import sys
from pathlib import Path

import pytest
import torch

from tapgraph.errors import EnvironmentMissing, ExtraMissing
from tapgraph.tools.mobile.perception.weights import WEIGHTS_FOLDER, open_weights, save_weights

MOST_BYTES = 12 * 2**20
"""What all nets together may weigh."""


def test_weights_come_back_in_single_precision_with_their_settings(tmp_path: Path) -> None:
    save_weights("net", {"a": torch.tensor([0.5, -2.0])}, {"kinds": ["x"]}, folder=tmp_path)
    weights = open_weights("net", purpose="naming icons", folder=tmp_path)
    assert weights.settings == {"kinds": ["x"]}
    assert weights.tensors["a"].dtype == torch.float32
    assert weights.tensors["a"].tolist() == [0.5, -2.0]


def test_the_same_weights_are_the_same_bytes(tmp_path: Path) -> None:
    tensors = {"b": torch.ones(3), "a": torch.zeros(2)}
    first = save_weights("one", tensors, {"k": 1, "a": 2}, folder=tmp_path)
    second = save_weights("two", tensors, {"a": 2, "k": 1}, folder=tmp_path)
    assert first.read_bytes() == second.read_bytes()


def test_a_number_too_large_for_half_precision_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="half precision"):
        save_weights("net", {"a": torch.tensor([1e6])}, {}, folder=tmp_path)


def test_weights_that_are_not_there_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentMissing, match="naming icons needs weights that are not here"):
        open_weights("net", purpose="naming icons", folder=tmp_path)


@pytest.mark.parametrize("content", [b"", b"no weights", b"\xff" * 64])
def test_a_damaged_file_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "net.safetensors").write_bytes(content)
    with pytest.raises(EnvironmentMissing, match="cannot be read"):
        open_weights("net", purpose="naming icons", folder=tmp_path)


def test_without_the_extra_its_name_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "safetensors", None)
    with pytest.raises(ExtraMissing, match=r"naming icons needs the extra 'vision'"):
        open_weights("net", purpose="naming icons")


def test_all_weights_together_stay_small() -> None:
    assert sum(file.stat().st_size for file in WEIGHTS_FOLDER.glob("*")) <= MOST_BYTES
