"""Calibration of any system that needs one, for any model."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from tapgraph.errors import UsageError
from tapgraph.llm_backend.calibration.calibration_file import Calibration
from tapgraph.llm_backend.calibration.dhsa_boundaries import BoundaryTraining, train_dhsa_boundaries
from tapgraph.llm_backend.calibration.duo_gates import DuoTraining, Progress, train_duo_gates
from tapgraph.llm_backend.calibration.passkeys import PasskeyData
from tapgraph.llm_backend.calibration.razor_heads import RazorSearch, find_razor_heads
from tapgraph.llm_backend.calibration.sale_thresholds import SaleCalibration, calibrate_sale
from tapgraph.llm_backend.settings_from_text import check_option_names, settings_from_text
from tapgraph.llm_backend.steering.examples import (
    made_questions,
    read_questions,
    steered_example,
)
from tapgraph.llm_backend.steering.head_search import SteeringSearch, find_steered_heads

__all__ = ["CALIBRATED", "calibrate", "check_calibration"]

CALIBRATED: Mapping[str, tuple[type[Any], ...]] = {
    "razor": (RazorSearch,),
    "duo": (DuoTraining, PasskeyData),
    "sale": (SaleCalibration,),
    "dhsa": (BoundaryTraining,),
    "steering": (SteeringSearch,),
}
"""What is calibrated, attention systems and the heads that follow highlights, and by what it is
set."""


def check_calibration(name: str, options: Mapping[str, str]) -> None:
    """Raise before anything expensive if a calibration cannot be done as asked.

    Raises:
        UsageError: the system needs no calibration, or an option is not one of its settings.
    """
    if name == "landmark":
        raise UsageError(
            "landmark attention needs a fine-tuned model, not calibration: "
            "tapgraph kernels train landmark makes one"
        )
    if name not in CALIBRATED:
        raise UsageError(f"no calibration is called {name!r}; there are {', '.join(CALIBRATED)}")
    check_option_names(f"the calibration of {name!r}", options, *CALIBRATED[name])
    for settings in CALIBRATED[name]:
        settings_from_text(settings, options)


def calibrate(
    name: str,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    *,
    seed: int = 0,
    options: Mapping[str, str] | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> Calibration:
    """What a system must know of a model.

    Lengths that are not named by options are the settings' own, or what the model's context has
    room for.

    Args:
        name: a key of `CALIBRATED`.
        model: on any device, in evaluation mode.
        tokenizer: the model's.
        seed: of all random choices.
        options: fields of the calibration's settings, in text: `{"steps": "100"}`.
        tell: gets a line now and then about how far it is.

    Raises:
        UsageError: as `check_calibration`; or the model's context is too short, or attention
            systems cannot work in the model.
    """
    options = {} if options is None else options
    check_calibration(name, options)
    context = int(model.config.get_text_config().max_position_embeddings)
    if name == "sale":
        sale = settings_from_text(SaleCalibration, options, tokens=min(1024, context))
        return calibrate_sale(model, tokenizer, seed=seed, settings=sale, tell=tell)
    if name == "steering":
        return _steering(model, tokenizer, seed, settings_from_text(SteeringSearch, options), tell)
    if name == "dhsa":
        boundaries = settings_from_text(BoundaryTraining, options, tokens=min(1024, context))
        return train_dhsa_boundaries(model, tokenizer, seed=seed, settings=boundaries, tell=tell)
    if name == "razor":
        repetitions = settings_from_text(RazorSearch, options).repetitions
        # One slot is for the token that begins a text.
        block = min(2500, (context - 1) // repetitions)
        search = settings_from_text(RazorSearch, options, block_tokens=block)
        return find_razor_heads(model, tokenizer, seed=seed, search=search, tell=tell)
    training = settings_from_text(DuoTraining, options)
    return train_duo_gates(
        model,
        tokenizer,
        seed=seed,
        training=training,
        data=_passkeys(options, context),
        on_step=_teller(training.steps, tell),
    )


def _steering(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    seed: int,
    search: SteeringSearch,
    tell: Callable[[str], None],
) -> Calibration:
    if search.data:
        questions = read_questions(Path(search.data))
    else:
        questions = made_questions(2 * search.questions, seed=seed)
    examples = [steered_example(tokenizer, question) for question in questions]
    return find_steered_heads(model, examples, seed=seed, search=search, tell=tell)


def _passkeys(options: Mapping[str, str], context: int) -> PasskeyData:
    """A quarter of a short context is left for the questions and answers after the haystack."""
    usual = PasskeyData()
    longest = min(usual.longest, context * 3 // 4)
    shortest = min(usual.shortest, longest)
    return settings_from_text(PasskeyData, options, shortest=shortest, longest=longest)


def _teller(steps: int, tell: Callable[[str], None]) -> Callable[[Progress], None]:
    every = max(1, steps // 20)

    def on_step(progress: Progress) -> None:
        if (progress.step + 1) % every == 0:
            tell(
                f"step {progress.step + 1} of {steps}: distance {progress.distance:.4g}, "
                f"mean gate {progress.mean_gate:.3f}"
            )

    return on_step
