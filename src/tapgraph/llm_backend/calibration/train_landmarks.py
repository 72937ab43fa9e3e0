"""From a checkpoint and texts to a checkpoint with landmarks."""

from collections.abc import Callable, Mapping
from pathlib import Path

from tapgraph.errors import UsageError
from tapgraph.llm_backend.calibration.landmark_texts import LandmarkTexts, draw_batches, read_texts
from tapgraph.llm_backend.calibration.landmark_training import (
    LandmarkTraining,
    TrainingStep,
    add_landmark_token,
    fine_tune_landmarks,
)
from tapgraph.llm_backend.local.checkpoint import load_checkpoint
from tapgraph.llm_backend.local.trained_landmarks import TrainedLandmarks
from tapgraph.llm_backend.settings_from_text import check_option_names, settings_from_text

__all__ = ["check_landmark_training", "train_landmarks"]


def check_landmark_training(options: Mapping[str, str], out: Path) -> None:
    """Raise before anything expensive if a training cannot be done as asked.

    Raises:
        UsageError: an option is not one of its settings, or the folder holds something.
    """
    check_option_names("training with landmarks", options, LandmarkTraining, LandmarkTexts)
    for settings in (LandmarkTraining, LandmarkTexts):
        settings_from_text(settings, options)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"--out must be a new folder, and {str(out)!r} holds something")


def train_landmarks(
    model_path: Path,
    texts: Path,
    out: Path,
    *,
    seed: int = 0,
    options: Mapping[str, str] | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> TrainedLandmarks:
    """Fine-tune a checkpoint with landmarks and write it, with what an engine must know of them.

    It is trained in float32, whatever its dtype was.

    Args:
        model_path: the checkpoint's folder.
        texts: see `read_texts`.
        out: a new folder.
        seed: of the order of the texts.
        options: fields of `LandmarkTraining` and `LandmarkTexts`, in text.
        tell: gets a line now and then about how far it is.

    Raises:
        UsageError: as `check_landmark_training`, `read_texts` and `fine_tune_landmarks`.
    """
    options = {} if options is None else options
    check_landmark_training(options, out)
    training = settings_from_text(LandmarkTraining, options)
    shape = settings_from_text(LandmarkTexts, options)
    read = read_texts(texts)
    checkpoint = load_checkpoint(model_path, dtype="float32")
    model, tokenizer = checkpoint.model, checkpoint.tokenizer
    batches = draw_batches(tokenizer, read, shape, seed=seed)
    landmark_id = add_landmark_token(model, tokenizer)
    model.requires_grad_(True).train()
    fine_tune_landmarks(
        model,
        batches,
        landmark_id=landmark_id,
        training=training,
        on_step=_teller(training.steps, tell),
    )
    model.eval()
    slots = shape.tokens + shape.tokens // training.block
    landmarks = TrainedLandmarks(training.block, landmark_id, slots)
    out.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)
    landmarks.write(out)
    return landmarks


def _teller(steps: int, tell: Callable[[str], None]) -> Callable[[TrainingStep], None]:
    every = max(1, steps // 20)

    def on_step(done: TrainingStep) -> None:
        if (done.step + 1) % every == 0:
            tell(f"step {done.step + 1} of {steps}: loss {done.loss:.4g}")

    return on_step
