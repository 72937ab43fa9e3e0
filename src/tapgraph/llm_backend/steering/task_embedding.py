"""A task as vectors that stand in for its demonstrations, and the file that holds them."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from transformers import PreTrainedModel

from tapgraph.errors import UsageError
from tapgraph.llm_backend.calibration.calibration_file import (
    Calibration,
    Setting,
    load_calibration,
    save_calibration,
)
from tapgraph.llm_backend.steering.head_outputs import HeadOutputs
from tapgraph.llm_backend.steering.prompt_pasts import PromptPasts
from tapgraph.llm_backend.steering.task_prompts import Example

__all__ = [
    "TaskEmbedding",
    "load_task_embedding",
    "load_task_embeddings",
    "mean_outputs",
    "save_task_embedding",
    "with_task",
]

_SYSTEM = "task"
"""What its file is a calibration of, and the setting that holds its name."""
SUFFIX = ".safetensors"


@dataclass(frozen=True, slots=True, eq=False)
class TaskEmbedding:
    """What a task's demonstrations did to the heads at the last prompt token.

    Attributes:
        name: what requests call it.
        model_fingerprint: of the model it holds for, see `calibration_file.fingerprint`.
        model_name: what the model was called, for people.
        data_sha256: hash of the demonstrations, see `task_prompts.demonstrations_hash`.
        seed: what all random choices of its making came from.
        settings: what it was made with, and what came of it.
        vectors: mean outputs of heads, `[layers, heads, head_dim]`.
        weights: how much of each goes in, 0..1, `[layers, heads]`.
    """

    name: str
    model_fingerprint: str
    model_name: str
    data_sha256: str
    seed: int
    settings: Mapping[str, Setting]
    vectors: Tensor
    weights: Tensor


def mean_outputs(pasts: PromptPasts, prompts: Sequence[Example]) -> Tensor:
    """The mean of the heads' outputs at the last tokens of prompts, `[layers, heads, head_dim]`.

    Of prompts with demonstrations it is a task embedding (2507.20906, section 3.1).
    """
    return torch.stack([pasts.last_outputs(prompt) for prompt in prompts]).mean(0)


@contextmanager
def with_task(
    model: PreTrainedModel, embedding: TaskEmbedding, *, prompt_tokens: int
) -> Iterator[None]:
    """Inside, `model.generate()` and the model's own calls read prompts of a length with the task.

    Args:
        model: of a kind that attention systems work in; under any of them, or none.
        embedding: made for this model.
        prompt_tokens: slots of the prompts, padding at the left included: the last one is where
            the vectors go in.

    Raises:
        UsageError: the embedding has another shape than the model.
    """
    heads = HeadOutputs(model)
    check_shape(embedding, heads)
    with heads.mixed_at(prompt_tokens - 1, embedding.vectors, embedding.weights):
        yield


def check_shape(embedding: TaskEmbedding, heads: HeadOutputs) -> None:
    """Raise unless the embedding has a vector for each head of a model.

    Raises:
        UsageError: it has not.
    """
    shape = tuple(embedding.vectors.shape)
    if shape != heads.shape or tuple(embedding.weights.shape) != shape[:2]:
        raise UsageError(
            f"the task {embedding.name!r} is for {shape} layers, heads and head_dim, the model has "
            f"{heads.shape}"
        )


def save_task_embedding(embedding: TaskEmbedding, path: Path) -> None:
    """Write an embedding, as a calibration of the system `task`."""
    save_calibration(
        Calibration(
            system=_SYSTEM,
            model_fingerprint=embedding.model_fingerprint,
            model_name=embedding.model_name,
            data_sha256=embedding.data_sha256,
            seed=embedding.seed,
            settings={**embedding.settings, _SYSTEM: embedding.name},
            tensors={"vectors": embedding.vectors.float(), "weights": embedding.weights.float()},
        ),
        path,
    )


def load_task_embedding(path: Path, *, model_fingerprint: str | None = None) -> TaskEmbedding:
    """Read an embedding.

    Args:
        path: a file that `save_task_embedding` wrote.
        model_fingerprint: the model it must be of; None means any.

    Raises:
        UsageError: there is no such file, or it is not what was asked for.
    """
    found = load_calibration(
        path, system=_SYSTEM, model_fingerprint=model_fingerprint, made_by="tapgraph model task"
    )
    settings = dict(found.settings)
    try:
        return TaskEmbedding(
            name=str(settings.pop(_SYSTEM)),
            model_fingerprint=found.model_fingerprint,
            model_name=found.model_name,
            data_sha256=found.data_sha256,
            seed=found.seed,
            settings=settings,
            vectors=found.tensors["vectors"],
            weights=found.tensors["weights"],
        )
    except KeyError as error:
        raise UsageError(f"{str(path)!r} holds no {error.args[0]!r}; make it anew") from error


def load_task_embeddings(path: Path, *, model_fingerprint: str) -> Mapping[str, TaskEmbedding]:
    """Those of a file, or of all `*.safetensors` of a folder, by name.

    Raises:
        UsageError: there is none, one cannot be read or is of another model, or two have one name.
    """
    files = sorted(path.glob(f"*{SUFFIX}")) if path.is_dir() else [path]
    if not files:
        raise UsageError(f"there is no task embedding (*{SUFFIX}) in {str(path)!r}")
    found: dict[str, TaskEmbedding] = {}
    for file in files:
        embedding = load_task_embedding(file, model_fingerprint=model_fingerprint)
        if embedding.name in found:
            raise UsageError(f"two task embeddings in {str(path)!r} are called {embedding.name!r}")
        found[embedding.name] = embedding
    return found
