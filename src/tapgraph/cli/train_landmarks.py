"""`tapgraph kernels train landmark`: a checkpoint that Landmark Attention works in."""

from pathlib import Path
from typing import Annotated

import typer

from tapgraph.cli.kernels import settings_of
from tapgraph.cli.options import JsonOption
from tapgraph.cli.terminal import print_json, print_line, print_note
from tapgraph.errors import ExtraMissing, UsageError
from tapgraph.llm_backend.model_store import ModelStore
from tapgraph.settings import Settings

__all__ = ["train_system"]


def train_system(
    system: Annotated[str, typer.Argument(metavar="SYSTEM", help="landmark.")],
    *,
    model: Annotated[str, typer.Option("--model", metavar="PATH", help="A checkpoint.")],
    texts: Annotated[
        Path,
        typer.Option(
            "--texts", metavar="FILE", help="To train on: plain text, or .jsonl with `text`."
        ),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="For the new checkpoint.")],
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Of the texts' order.")] = 0,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="Such as steps=300, block=50, tokens=500."
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Fine-tune a checkpoint so that an attention system can work in it."""
    if system != "landmark":
        raise UsageError(f"only landmark attention needs a trained model, got {system!r}")
    try:
        from tapgraph.llm_backend.calibration.train_landmarks import (  # noqa: PLC0415
            check_landmark_training,
            train_landmarks,
        )
    except ImportError as error:
        raise ExtraMissing("local", "training with landmarks") from error
    options = settings_of(settings or [])
    check_landmark_training(options, out)
    path = ModelStore(Settings.from_environment().models_folder).path_of(model)
    trained = train_landmarks(path, texts, out, seed=seed, options=options, tell=print_note)
    if json:
        print_json({
            "model": str(out),
            "block": trained.block,
            "landmark_id": trained.landmark_id,
            "trained_slots": trained.trained_slots,
        })
        return
    print_line(f"written to {out}; use it with local:{out}?attention=landmark")
