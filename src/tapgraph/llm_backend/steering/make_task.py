"""A task embedding from demonstrations: its vectors, its weights, and what they are worth."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from tapgraph.errors import UsageError
from tapgraph.llm_backend.calibration.calibration_file import fingerprint
from tapgraph.llm_backend.local.checkpoint import Checkpoint
from tapgraph.llm_backend.local.prefix_store import common_length
from tapgraph.llm_backend.steering.head_outputs import HeadOutputs
from tapgraph.llm_backend.steering.head_weights import (
    HeadTraining,
    Lane,
    Progress,
    learn_weights,
)
from tapgraph.llm_backend.steering.prompt_pasts import PromptPasts
from tapgraph.llm_backend.steering.task_embedding import TaskEmbedding, mean_outputs
from tapgraph.llm_backend.steering.task_prompts import (
    Demonstration,
    Example,
    PromptForm,
    demonstrations_hash,
    example_of,
)

__all__ = ["TaskMaking", "make_task_embedding"]

_LEAST = 4


@dataclass(frozen=True, slots=True)
class TaskMaking:
    """How an embedding is made.

    Attributes:
        form: how demonstrations stand in prompts; requests must ask in the same form.
        prompts: prompts with demonstrations that the vectors are the mean of (the paper's 50).
        shots: demonstrations in each; fewer where there are fewer.
        validation: demonstrations that only the best step is chosen by; a fifth of all at most.
    """

    form: PromptForm = "chat"
    prompts: int = 10
    shots: int = 10
    validation: int = 30

    def __post_init__(self) -> None:
        for name in ("prompts", "shots", "validation"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be at least 1, got {getattr(self, name)!r}")


def make_task_embedding(
    checkpoint: Checkpoint,
    name: str,
    demonstrations: Sequence[Demonstration],
    *,
    seed: int = 0,
    making: TaskMaking = TaskMaking(),
    training: HeadTraining | None = None,
    on_look: Callable[[Progress], None] = lambda _: None,
) -> TaskEmbedding:
    """An embedding that stands for the demonstrations in prompts of the same form.

    Soft Injection of task embeddings (2507.20906): vectors are the mean of what the heads put out
    at the last token of prompts with demonstrations, weights are learnt on prompts without any.

    Args:
        checkpoint: in a type that gradients can be computed in; best in float32.
        name: what requests will call it.
        demonstrations: cases of the task; each is in training or in validation.
        seed: of all random choices.
        making: prompts and their numbers.
        training: of the weights; the paper's by default.
        on_look: told of each look at the validation loss.

    Raises:
        UsageError: there are too few demonstrations, the name is empty, or the model is of a kind
            that has no task embeddings.
    """
    if not name.strip():
        raise UsageError("a task embedding needs a name")
    if len(demonstrations) < _LEAST:
        raise UsageError(
            f"a task embedding needs at least {_LEAST} demonstrations, got {len(demonstrations)}"
        )
    training = training or HeadTraining()
    heads = HeadOutputs(checkpoint.model)
    dice = random.Random(seed)
    drawn = dice.sample(list(demonstrations), len(demonstrations))
    held_out = min(making.validation, max(1, len(drawn) // 5))
    validation, train = drawn[:held_out], drawn[held_out:]
    few_shot = []
    for _ in range(making.prompts):
        asked, *shots = dice.sample(train, min(making.shots + 1, len(train)))
        few_shot.append(example_of(checkpoint, making.form, asked, shots))
    longest = max(len(one.prompt) for one in few_shot)
    if longest > checkpoint.context_tokens:
        raise UsageError(
            f"{making.shots} demonstrations take {longest} tokens, and the context of "
            f"{checkpoint.name} is {checkpoint.context_tokens}: take fewer shots"
        )
    # Prompts with demonstrations are read once each: remembering them would only take memory.
    vectors = mean_outputs(
        PromptPasts(checkpoint.model, heads, remembered_bytes=0), few_shot
    ).float()
    pasts = PromptPasts(checkpoint.model, heads)
    lane = Lane(
        vectors,
        [example_of(checkpoint, making.form, one) for one in train],
        [example_of(checkpoint, making.form, one) for one in validation],
        seed,
    )
    _check_answers([*lane.train, *lane.validation], training.answer_tokens)
    with torch.no_grad():
        plain = float(pasts.losses(lane.validation, training.answer_tokens).mean())
    (learnt,) = learn_weights(pasts, [lane], training, on_look)
    return TaskEmbedding(
        name=name,
        model_fingerprint=fingerprint(checkpoint.model),
        model_name=checkpoint.name,
        data_sha256=demonstrations_hash(demonstrations),
        seed=seed,
        settings={
            "form": making.form,
            "demonstrations": len(demonstrations),
            "prompts": making.prompts,
            "shots": min(making.shots, len(train) - 1),
            "answer_tokens": training.answer_tokens,
            "steps": training.steps,
            "best_step": learnt.step,
            "validation_loss_without": round(plain, 4),
            "validation_loss": round(learnt.loss, 4),
            "tokens_saved": round(
                sum(len(one.prompt) for one in few_shot) / len(few_shot)
                - sum(len(one.prompt) for one in lane.train) / len(lane.train)
            ),
        },
        vectors=vectors.cpu(),
        weights=learnt.weights,
    )


def _check_answers(examples: Sequence[Example], counted: int) -> None:
    """Raise where every answer begins alike, as JSON does: nothing would be learnt from that."""
    answers = [one.answer for one in examples]
    alike = common_length(min(answers), max(answers))
    if alike >= counted:
        raise UsageError(
            f"the first {alike} tokens of all outputs are the same, and {counted} would be learnt "
            f"from: set answer_tokens to more than {alike}"
        )
