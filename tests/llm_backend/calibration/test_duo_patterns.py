"""DuoAttention's published gates, and the share of heads that is chosen at run time."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch

from tapgraph.cli.main import main
from tapgraph.errors import UsageError
from tapgraph.kernels import Duo, DuoConfig
from tapgraph.kernels.in_models.attention import layer_shapes, windowed_layers
from tapgraph.kernels.in_models.text_decoder import TextDecoder
from tapgraph.llm_backend.calibration.duo_patterns import read_duo_pattern
from tapgraph.llm_backend.calibration.razor_heads import RazorSearch, find_razor_heads
from tapgraph.llm_backend.local.systems import open_system

if TYPE_CHECKING:
    from tests.llm_backend.tiny_checkpoints import Tiny

GATES = [[0.2, 1.3], [0.9, -0.1]]


def pattern(folder: Path, gates: list[list[float]]) -> Path:
    lines = ["\t".join(f"{gate:.18e}" for gate in row) for row in gates]
    (folder / "full_attention_heads.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    settings = json.dumps({"sink_size": 64, "recent_size": 256})
    (folder / "config.json").write_text(settings, encoding="utf-8")
    return folder


def test_a_published_pattern_becomes_a_calibration_with_any_share(
    tiny: "Tiny", tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tiny.save(tmp_path / "model")
    source = pattern(tmp_path, GATES)
    command = ["kernels", "calibrate", "duo", "--model", str(model), "--pattern", str(source)]
    assert main(command) == 0
    assert "recent = 256" in capsys.readouterr().out

    half = open_system("duo", {}, model_path=model)
    assert isinstance(half, Duo)
    assert half.full_heads.tolist() == [[False, True], [True, False]]
    for share, chosen in (("0.25", [[False, True], [False, False]]), ("0", [[False] * 2] * 2)):
        system = open_system("duo", {"share": share}, model_path=model)
        assert isinstance(system, Duo)
        assert system.full_heads.tolist() == chosen


def test_a_pattern_of_another_shape_or_none_is_refused(tiny: "Tiny", tmp_path: Path) -> None:
    model = tiny.load().model
    with pytest.raises(UsageError, match=r"gates \[1, 2\], this model needs \[2, 2\]"):
        read_duo_pattern(pattern(tmp_path, GATES[:1]), model)
    (tmp_path / "config.json").write_text("[]", encoding="utf-8")
    with pytest.raises(UsageError, match="holds no pattern of DuoAttention"):
        read_duo_pattern(tmp_path, model)
    with pytest.raises(UsageError, match=r"cannot read .*full_attention_heads.tsv"):
        read_duo_pattern(tmp_path / "nowhere", model)


def test_a_share_needs_gates() -> None:
    with pytest.raises(UsageError, match="chooses a share of heads by their gates, and has none"):
        Duo(DuoConfig(share=0.5), torch.ones(2, 2, dtype=torch.bool))
    with pytest.raises(UsageError, match=r"share must be in 0..1, got 2"):
        DuoConfig(share=2)


def test_no_head_is_chosen_in_layers_with_a_window_of_their_own(
    tiny: "Tiny", tmp_path: Path
) -> None:
    checkpoint = tiny.load("gemma3")
    modules = [*TextDecoder(checkpoint.model).attention_modules()]
    modules[1].module.sliding_window = None  # type: ignore[assignment]
    windowed = windowed_layers(checkpoint.model)
    shapes = layer_shapes(checkpoint.model)
    assert windowed.tolist() == [True, False]

    # Where windowed layers have the highest gates, half of the global heads is chosen all the same.
    gates = [[float(is_windowed)] * shapes[0].kv_heads for is_windowed in windowed.tolist()]
    chosen = read_duo_pattern(pattern(tmp_path, gates), checkpoint.model).tensors["full_heads"]
    assert not chosen[windowed].any()
    assert int(chosen.sum()) == -(-int((~windowed).sum()) * shapes[0].kv_heads // 2)

    search = RazorSearch(block_tokens=40, echo_share=0.5, induction_share=0.5)
    found = find_razor_heads(checkpoint.model, checkpoint.tokenizer, seed=0, search=search)
    assert not found.tensors["retrieval_heads"][windowed].any()
    assert found.tensors["retrieval_heads"].any()
