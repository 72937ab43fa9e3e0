"""The heads that follow highlights, from the file that calibration wrote."""

from pathlib import Path

from transformers import PreTrainedModel

from tapgraph.errors import UsageError
from tapgraph.kernels.highlight import Steering
from tapgraph.llm_backend.calibration.calibration_file import fingerprint, load_calibration

__all__ = ["load_steering"]


def load_steering(path: Path, model: PreTrainedModel) -> Steering:
    """What `tapgraph kernels calibrate steering` found for a model.

    Raises:
        UsageError: there is no such file, or it is of another model.
    """
    found = load_calibration(path, system="steering", model_fingerprint=fingerprint(model))
    try:
        return Steering(found.tensors["heads"], float(found.settings["alpha"]))
    except KeyError as error:
        raise UsageError(f"{str(path)!r} holds no {error.args[0]!r}; make it anew") from error
