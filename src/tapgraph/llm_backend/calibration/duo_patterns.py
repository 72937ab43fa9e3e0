"""DuoAttention's gates as their authors publish them."""

import hashlib
import json
from pathlib import Path

import torch
from transformers import PreTrainedModel

from tapgraph.errors import UsageError
from tapgraph.kernels.in_models.attention import layer_shapes, windowed_layers
from tapgraph.llm_backend.calibration.calibration_file import Calibration, fingerprint
from tapgraph.llm_backend.calibration.duo_gates import DuoTraining, full_heads_of

__all__ = ["read_duo_pattern"]

_MOST_BYTES = 10_000_000


def read_duo_pattern(folder: Path, model: PreTrainedModel) -> Calibration:
    """The calibration that a folder of the authors' repository holds for a model.

    Xiao et al., 2410.10819: the folders below `attn_patterns` have the gates, a line for each
    layer, in `full_attention_heads.tsv`, and the sink and window that they were learnt with in
    `config.json`. Which model they are of is not in the files: only their number is checked.

    Raises:
        UsageError: a file is missing or is not one, or the gates are not those of such a model.
    """
    shapes = layer_shapes(model)
    expected = len(shapes), shapes[0].kv_heads
    text, settings = (_read(folder / name) for name in ("full_attention_heads.tsv", "config.json"))
    try:
        rows = [[float(cell) for cell in line.split()] for line in text.splitlines() if line]
        gates = torch.tensor(rows).clamp(0, 1)
        learnt_with = json.loads(settings)
        sink, recent = int(learnt_with["sink_size"]), int(learnt_with["recent_size"])
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(f"{str(folder)!r} holds no pattern of DuoAttention: {error}") from error
    if gates.shape != expected or not bool(gates.isfinite().all()):
        raise UsageError(
            f"the pattern in {str(folder)!r} has gates {list(gates.shape)}, this model needs "
            f"{list(expected)}, all of them numbers"
        )
    gates[windowed_layers(model)] = -torch.inf
    share = DuoTraining().full_share
    return Calibration(
        system="duo",
        model_fingerprint=fingerprint(model),
        model_name=str(model.name_or_path),
        data_sha256=hashlib.sha256(text.encode()).hexdigest(),
        seed=0,
        settings={"pattern": folder.name, "sink": sink, "recent": recent, "full_share": share},
        tensors={"full_heads": full_heads_of(gates, share), "gates": gates},
    )


def _read(path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            return file.read(_MOST_BYTES)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {str(path)!r}: {error}") from error
