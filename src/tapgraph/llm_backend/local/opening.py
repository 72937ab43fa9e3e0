"""From words to a model that runs: checkpoint, attention system and engine."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tapgraph.errors import UsageError
from tapgraph.llm_backend.calibration.calibration_file import fingerprint
from tapgraph.llm_backend.chat_model import ModelTraits
from tapgraph.llm_backend.local.attention_line import attention_line
from tapgraph.llm_backend.local.checkpoint import load_checkpoint
from tapgraph.llm_backend.local.engine import Engine, EngineLimits
from tapgraph.llm_backend.local.int8_weights import quantize_linear_layers
from tapgraph.llm_backend.local.local_model import LocalModel, ReplyDefaults
from tapgraph.llm_backend.local.systems import open_system
from tapgraph.llm_backend.steering.known_tasks import KnownTasks
from tapgraph.llm_backend.steering.steering_file import load_steering
from tapgraph.llm_backend.steering.task_embedding import load_task_embeddings

__all__ = ["LocalSettings", "open_engine", "open_local"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LocalSettings:
    """How a checkpoint is to run.

    Attributes:
        path: its directory.
        attention: the name of the attention system.
        attention_options: settings of that system, in text.
        device: see `load_checkpoint`.
        dtype: see `load_checkpoint`; or `int8`: weights of linear layers in 8 bits, the rest in
            bfloat16.
        context_tokens: for `open_local`; see `EngineLimits`.
        prefix_bytes: for `open_local`; see `EngineLimits`.
        cache_bytes: for `open_local`; see `EngineLimits`.
        sampling: see `Checkpoint.sampling`.
        timeout_s: see `ReplyDefaults`.
        longest_text: see `ReplyDefaults`.
        steering: a file of `tapgraph kernels calibrate steering`; None follows no highlights.
        tasks: a file with a task embedding, or a folder of such; None for none.
        task: the name of the one for requests that name none; None for none.
    """

    path: Path
    attention: str = "dense"
    attention_options: Mapping[str, str] = field(default_factory=dict)
    device: str = "auto"
    dtype: str = "auto"
    context_tokens: int | None = None
    prefix_bytes: int = 2**30
    cache_bytes: int | None = None
    sampling: Mapping[str, Any] = field(default_factory=dict)
    timeout_s: float | None = None
    longest_text: int | None = None
    steering: Path | None = None
    tasks: Path | None = None
    task: str | None = None


def open_engine(settings: LocalSettings, limits: EngineLimits) -> Engine:
    """Load the checkpoint and start an engine over it.

    A calibration that the attention system needs is found beside the checkpoint, and refused when
    it was made for another model.

    Raises:
        UsageError: the checkpoint, the system, its calibration, a task embedding or a setting
            cannot be used.
    """
    if settings.task is not None and settings.tasks is None:
        raise UsageError(f"task={settings.task!r} needs tasks=FOLDER, where its embedding is")
    unknown = ", ".join(name for name in settings.attention_options if name != "kv_bits")
    if settings.attention == "dense" and unknown:
        raise UsageError(
            f"no option of a local model or of dense attention is called {unknown}; name the "
            "attention system that has it, as in attention=duo"
        )
    is_int8 = settings.dtype == "int8"
    dtype = "bfloat16" if is_int8 else settings.dtype
    checkpoint = load_checkpoint(
        settings.path, device=settings.device, dtype=dtype, sampling=settings.sampling
    )
    system = open_system(
        settings.attention,
        settings.attention_options,
        model_path=settings.path,
        model=checkpoint.model,
    )
    steering = None
    if settings.steering is not None:
        steering = load_steering(settings.steering, checkpoint.model)
    tasks = KnownTasks()
    if settings.tasks is not None:
        own = fingerprint(checkpoint.model)
        found = load_task_embeddings(settings.tasks, model_fingerprint=own)
        tasks = KnownTasks(found, settings.task)
    if is_int8:
        # Not before the calibration was compared with the weights that it was made for.
        quantize_linear_layers(checkpoint.model)
    return Engine(checkpoint, system, limits, steering, tasks)


def open_local(settings: LocalSettings, traits: Callable[[str], ModelTraits]) -> LocalModel:
    """A chat model over an engine of its own; `traits` makes its traits from its name.

    Raises:
        UsageError: as `open_engine`.
    """
    limits = EngineLimits(
        context_tokens=settings.context_tokens,
        prefix_bytes=settings.prefix_bytes,
        cache_bytes=settings.cache_bytes,
    )
    engine = open_engine(settings, limits)
    if engine.system.is_calibrated is False:
        _log.warning("%s", attention_line(engine))
    return LocalModel(
        engine,
        traits=traits(engine.checkpoint.name),
        defaults=ReplyDefaults(
            temperature=settings.sampling.get("temperature", 0.0),
            timeout_s=settings.timeout_s,
            longest_text=settings.longest_text,
        ),
    )
