"""What a reply depends on besides its request, in one word."""

import hashlib
import json

import torch
import transformers

from tapgraph import __version__
from tapgraph.llm_backend.local.engine import Engine

__all__ = ["system_fingerprint"]


def system_fingerprint(engine: Engine) -> str:
    """Equal for equal model settings, number format, attention, tasks and versions of code.

    With equal ones, and equal seeds, replies are equal; the weights themselves are not compared.
    """
    checkpoint, system, steering = engine.checkpoint, engine.system, engine.steering
    told = [
        checkpoint.name,
        checkpoint.model.config.to_json_string(),
        str(checkpoint.model.dtype),
        str(checkpoint.model.device),
        checkpoint.chat_template,
        system.name,
        repr(getattr(system, "config", None)),
        engine.tasks.default,
        [(one.name, one.data_sha256, one.seed) for one in engine.tasks.by_name.values()],
        None if steering is None else [steering.alpha, steering.heads.nonzero().tolist()],
        [__version__, torch.__version__, transformers.__version__],
    ]
    return f"fp_{hashlib.sha256(json.dumps(told).encode()).hexdigest()[:12]}"
