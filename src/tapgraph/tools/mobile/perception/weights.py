"""The nets' weights: files of this package, half precision, with what else a net must know."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tapgraph.errors import EnvironmentMissing, ExtraMissing

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "EXTRA",
    "WEIGHTS_FOLDER",
    "NetWeights",
    "digest_of_weights",
    "open_weights",
    "save_weights",
]

EXTRA = "vision"
"""The extra that the nets need."""
WEIGHTS_FOLDER = Path(__file__).parent / "weights"
_SETTINGS = "settings"

# PLC0415 in this file: torch takes a second to load, and the command line asks for paths only.


@dataclass(frozen=True)
class NetWeights:
    """A net's numbers and its settings.

    Attributes:
        tensors: by parameter's name, single precision.
        settings: shapes, names of classes, thresholds: whatever JSON holds.
    """

    tensors: Mapping[str, Tensor]
    settings: Mapping[str, Any]


def open_weights(name: str, *, purpose: str, folder: Path = WEIGHTS_FOLDER) -> NetWeights:
    """The weights of the net of that name.

    `purpose` begins the sentence that a person reads where they cannot be had.

    Raises:
        ExtraMissing: the extra `vision` is not installed.
        EnvironmentMissing: this installation has no such weights, or they cannot be read.
    """
    try:
        from safetensors import SafetensorError, safe_open  # noqa: PLC0415
        from torch import float32  # noqa: PLC0415
    except ImportError as error:
        raise ExtraMissing(EXTRA, purpose) from error
    path = folder / f"{name}.safetensors"
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {key: file.get_tensor(key).to(float32) for key in file.keys()}  # noqa: SIM118
            settings = json.loads((file.metadata() or {})[_SETTINGS])
    except FileNotFoundError as error:
        raise EnvironmentMissing(f"{purpose} needs weights that are not here: {path}") from error
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise EnvironmentMissing(f"{purpose}: {path} cannot be read: {error}") from error
    return NetWeights(tensors, settings)


def digest_of_weights(name: str, *, folder: Path = WEIGHTS_FOLDER) -> str:
    """What tells a net's file from every other, for nets that were trained on what it gives."""
    return hashlib.sha256((folder / f"{name}.safetensors").read_bytes()).hexdigest()


def save_weights(
    name: str,
    tensors: Mapping[str, Tensor],
    settings: Mapping[str, Any],
    *,
    folder: Path = WEIGHTS_FOLDER,
) -> Path:
    """Write a net's numbers in half precision, and its settings; the same input, the same bytes.

    Raises:
        ExtraMissing: the extra `vision` is not installed.
        ValueError: a number is too large for half precision.
    """
    try:
        from safetensors.torch import save_file  # noqa: PLC0415
        from torch import float16  # noqa: PLC0415
    except ImportError as error:
        raise ExtraMissing(EXTRA, "writing weights") from error
    halves = {
        key: tensor.detach().to("cpu", float16).contiguous() for key, tensor in tensors.items()
    }
    for key, half in halves.items():
        if not half.isfinite().all():
            raise ValueError(f"{key} holds numbers that half precision cannot")
    path = folder / f"{name}.safetensors"
    folder.mkdir(parents=True, exist_ok=True)
    save_file(halves, path, metadata={_SETTINGS: json.dumps(settings, sort_keys=True)})
    return path
