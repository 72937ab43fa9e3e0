"""What an attention system has learnt about one model, in one file.

The file is in the safetensors format: the tensors, and as metadata what they were made from. It
holds no code and is a few kilobytes.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor
from transformers import PreTrainedModel

from tapgraph.errors import UsageError

__all__ = [
    "Calibration",
    "Setting",
    "data_hash",
    "fingerprint",
    "load_calibration",
    "save_calibration",
]

Setting = str | float | int

FORMAT = "tapgraph-calibration-1"
SAMPLES = 64
"""So many values of each weight go into a model's fingerprint."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """The result of calibrating a system for a model.

    Attributes:
        system: the system's name in `SYSTEMS`; or `steering` for heads, `task` for an embedding.
        model_fingerprint: of the model it holds for, see `fingerprint`.
        model_name: what the model was called, for people; of a path a file keeps the last part.
        data_sha256: hash of the token ids that it was learnt from, in hexadecimal.
        seed: what all its random choices came from.
        settings: what it was made with, and what came of it.
        tensors: the result; an argument of the system's class has the name of its tensor.
    """

    system: str
    model_fingerprint: str
    model_name: str
    data_sha256: str
    seed: int
    settings: Mapping[str, Setting]
    tensors: Mapping[str, Tensor]


def save_calibration(calibration: Calibration, path: Path) -> None:
    """Write a calibration; a file that is there already is replaced at once or not at all."""
    metadata = {
        "format": FORMAT,
        "system": calibration.system,
        "model_fingerprint": calibration.model_fingerprint,
        # A path would tell of the machine, and files are passed on.
        "model_name": Path(calibration.model_name).name,
        "data_sha256": calibration.data_sha256,
        "seed": str(calibration.seed),
        "settings": json.dumps(dict(calibration.settings), sort_keys=True),
    }
    tensors = {
        name: tensor.detach().cpu().contiguous() for name, tensor in calibration.tensors.items()
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".part")
    unfinished.write_bytes(save(tensors, metadata))
    unfinished.replace(path)


def load_calibration(
    path: Path, *, system: str, model_fingerprint: str | None = None, made_by: str | None = None
) -> Calibration:
    """Read the calibration of a system.

    Args:
        path: a file that `save_calibration` wrote.
        system: the system it must be of.
        model_fingerprint: the model it must be of; None means any.
        made_by: the command that makes one; None means `tapgraph kernels calibrate`.

    Raises:
        UsageError: there is no such file, or it is not what was asked for.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise UsageError(f"cannot read the calibration file {str(path)!r}: {error}") from error
    if metadata.get("format") != FORMAT:
        raise UsageError(
            f"{str(path)!r} must be a calibration file of format {FORMAT!r}, "
            f"got {metadata.get('format')!r}"
        )
    try:
        calibration = Calibration(
            system=metadata["system"],
            model_fingerprint=metadata["model_fingerprint"],
            model_name=metadata["model_name"],
            data_sha256=metadata["data_sha256"],
            seed=int(metadata["seed"]),
            settings=json.loads(metadata["settings"]),
            tensors=tensors,
        )
    except (KeyError, ValueError) as error:
        raise UsageError(f"{str(path)!r} does not say what it was made from: {error}") from error
    if calibration.system != system:
        raise UsageError(
            f"{str(path)!r} must be a calibration of {system!r}, got one of {calibration.system!r}"
        )
    if model_fingerprint not in {None, calibration.model_fingerprint}:
        raise UsageError(
            f"{str(path)!r} is a calibration of another model: it holds for "
            f"{calibration.model_name!r} ({calibration.model_fingerprint[:12]}), not for this one "
            f"({str(model_fingerprint)[:12]}); make a new one with: "
            f"{made_by or f'tapgraph kernels calibrate {system}'} --model MODEL"
        )
    return calibration


def fingerprint(model: PreTrainedModel) -> str:
    """A hash of a model's shape and of a sample of all its weights, 64 hexadecimal digits.

    The weights are compared as bfloat16, so that a checkpoint has the same fingerprint in
    bfloat16, float32 and float64. (A float32 checkpoint loaded in float16 may have another one.)
    """
    config = model.config.get_text_config()
    shape = {
        name: getattr(config, name, None)
        for name in ("model_type", "num_attention_heads", "num_key_value_heads", "head_dim")
    }
    digest = hashlib.sha256(json.dumps(shape, sort_keys=True).encode())
    for name, weight in sorted(model.named_parameters()):
        digest.update(f"{name} {list(weight.shape)}".encode())
        flat = weight.detach().reshape(-1)
        step = max(1, math.ceil(flat.numel() / SAMPLES))
        sample = flat[::step].to(torch.bfloat16).cpu()
        digest.update(sample.view(torch.int16).numpy().tobytes())
    return digest.hexdigest()


def data_hash(sequences: Tensor) -> str:
    """The hash of token ids, integers of any shape, in the order they lie."""
    ids = sequences.detach().to("cpu", torch.int64).contiguous()
    return hashlib.sha256(ids.numpy().tobytes()).hexdigest()
