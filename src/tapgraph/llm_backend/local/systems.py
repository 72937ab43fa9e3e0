"""Attention systems from a name, options in text, and the calibration beside a checkpoint."""

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_type_hints

from transformers import PreTrainedModel

from tapgraph.errors import UsageError
from tapgraph.kernels.attention_system import AttentionSystem
from tapgraph.kernels.systems import SYSTEMS
from tapgraph.llm_backend.calibration.calibration_file import fingerprint, load_calibration
from tapgraph.llm_backend.calibration.dhsa_boundaries import predictor_of
from tapgraph.llm_backend.local.trained_landmarks import TrainedLandmarks
from tapgraph.llm_backend.settings_from_text import check_option_names, settings_from_text

__all__ = ["calibration_path", "open_system"]


def calibration_path(name: str, model_path: Path) -> Path:
    """Where the calibration of a system for a checkpoint is looked for."""
    return model_path / f"tapgraph-{name}.safetensors"


def open_system(
    name: str,
    options: Mapping[str, str],
    *,
    model_path: Path | None = None,
    model: PreTrainedModel | None = None,
) -> AttentionSystem:
    """The attention system called `name`.

    Args:
        name: a key of `SYSTEMS`.
        options: fields of the system's config, in text: `{"kept": "1024"}`; and for any system
            `kv_bits`, 8 or 4: see `AttentionSystem.in_bits`.
        model_path: the checkpoint's directory, where the system's calibration is.
        model: the loaded checkpoint; with it, a calibration of another model is refused.

    Raises:
        UsageError: there is no such system or option, a value does not fit, or the calibration is
            missing or of another model; or the checkpoint was not trained with landmarks.

    >>> open_system("dense", {}).name
    'dense'
    """
    if name not in SYSTEMS:
        raise UsageError(f"no attention system is called {name!r}; there are {', '.join(SYSTEMS)}")
    options = dict(options)
    bits = options.pop("kv_bits", None)
    make: Any = SYSTEMS[name]
    config_class = get_type_hints(make.__init__)["config"]
    if name == "landmark" and model_path is not None:
        landmarks = TrainedLandmarks.read(model_path)
        if landmarks is None:
            raise UsageError(
                "attention 'landmark' answers only from models that were fine-tuned with landmark "
                f"tokens, and {str(model_path)!r} was not: tapgraph kernels train landmark does it"
            )
        options = landmarks.options(options)
    check_option_names(f"attention {name!r}", options, config_class)
    config = settings_from_text(config_class, options)
    # The arguments beside the config are what calibration finds.
    learnt = list(inspect.signature(make).parameters.values())[1:]
    system: AttentionSystem = make(config, **_learnt(name, learnt, model_path, model))
    if bits is None:
        return system
    if bits not in {"8", "4"}:
        raise UsageError(f"kv_bits must be 8 or 4, got {bits!r}")
    return system.in_bits(int(bits))


def _learnt(
    name: str,
    wanted: list[inspect.Parameter],
    model_path: Path | None,
    model: PreTrainedModel | None,
) -> dict[str, Any]:
    if not wanted:
        return {}
    is_needed = any(parameter.default is inspect.Parameter.empty for parameter in wanted)
    path = None if model_path is None else calibration_path(name, model_path)
    if path is None or not path.is_file():
        if not is_needed:
            return {}
        if path is None:
            raise UsageError(f"attention {name!r} needs calibration, and no checkpoint was named")
        raise UsageError(
            f"attention {name!r} needs calibration, and there is no {path}; make it with: "
            f"tapgraph kernels calibrate {name} --model {model_path}"
        )
    calibration = load_calibration(
        path, system=name, model_fingerprint=None if model is None else fingerprint(model)
    )
    if name == "dhsa":
        return {"predictor": predictor_of(calibration)}
    try:
        return {
            parameter.name: calibration.tensors[parameter.name]
            for parameter in wanted
            if parameter.default is inspect.Parameter.empty or parameter.name in calibration.tensors
        }
    except KeyError as error:
        raise UsageError(f"{str(path)!r} holds no {error.args[0]!r}; make it anew") from error
