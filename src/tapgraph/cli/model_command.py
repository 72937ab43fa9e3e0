"""`tapgraph model`: checkpoints on this machine, by name, and task embeddings for them."""

import importlib.util
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from tapgraph.cli.kernels import settings_of
from tapgraph.cli.options import JsonOption
from tapgraph.cli.terminal import print_json, print_line, print_note
from tapgraph.errors import ExtraMissing, UsageError
from tapgraph.llm_backend.model_store import KeptModel, ModelStore, place_calibrations
from tapgraph.llm_backend.settings_from_text import check_option_names, settings_from_text
from tapgraph.settings import Settings

__all__ = ["app", "get", "list_models", "make_task", "remove"]

app = typer.Typer(help="Checkpoints that local:NAME opens.")


@app.command()
def get(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME|REPO",
            help="smollm2, or OWNER/NAME[@REVISION] of a model hub (HF_ENDPOINT).",
        ),
    ],
    *,
    json: JsonOption = False,
) -> None:
    """Fetch a checkpoint once; `--model local:NAME` then works without a network."""
    settings = Settings.from_environment()
    store = ModelStore(settings.models_folder)
    kept = store.find(name)
    if kept is None:
        if any(importlib.util.find_spec(one) is None for one in ("torch", "transformers", "gguf")):
            raise ExtraMissing("local", "getting a model")
        # This loads torch, which takes seconds.
        from tapgraph.llm_backend.local.model_sources import get_model  # noqa: PLC0415

        kept = get_model(name, store, tell=print_note, endpoint=settings.hub_endpoint)
    else:
        # It may have been fetched before there were calibrations to ship.
        place_calibrations(kept.name, kept.path)
    if json:
        print_json(_record(kept))
    else:
        print_line(f"local:{kept.name}")


@app.command("list")
def list_models(*, json: JsonOption = False) -> None:
    """List the checkpoints that are kept."""
    kept = _store().kept()
    if json:
        print_json({"models": [_record(one) for one in kept]})
        return
    for one in kept:
        size, origin = f"{one.bytes_on_disk / 1e6:.0f} MB", one.origin
        print_line("  ".join(filter(None, (one.name, size, origin.license, origin.source))))


@app.command()
def remove(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As `list` shows it.")],
) -> None:
    """Delete a kept checkpoint."""
    _store().remove(name)


@app.command("task")
def make_task(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What requests will call the task.")],
    *,
    model: Annotated[str, typer.Option("--model", metavar="PATH", help="A checkpoint.")],
    examples: Annotated[
        Path,
        typer.Option(
            "--examples",
            metavar="FILE|RUN",
            help='JSON Lines of {"input": …, "output": …}, or the folder of a run with --role.',
        ),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Ends in .safetensors.")],
    role: Annotated[
        str | None,
        typer.Option("--role", metavar="ROLE", help="Whose part in the run is the task."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Of all random choices.")] = 0,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="A setting: form=lines, prompts, shots, validation, answer_tokens, steps.",
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Make an embedding of a task that stands in for its demonstrations, in one file."""
    options = settings_of(settings or [])
    if out.suffix != ".safetensors":
        raise UsageError(f"--out must end in .safetensors, got {str(out)!r}")
    # What agents load, and torch, takes seconds.
    from tapgraph.agents.run.exchanges import role_examples  # noqa: PLC0415

    try:
        from tapgraph.llm_backend.local.checkpoint import load_checkpoint  # noqa: PLC0415
        from tapgraph.llm_backend.steering.head_weights import HeadTraining  # noqa: PLC0415
        from tapgraph.llm_backend.steering.make_task import (  # noqa: PLC0415
            TaskMaking,
            make_task_embedding,
        )
        from tapgraph.llm_backend.steering.task_embedding import (  # noqa: PLC0415
            save_task_embedding,
        )
        from tapgraph.llm_backend.steering.task_prompts import (  # noqa: PLC0415
            Demonstration,
            read_demonstrations,
        )
    except ImportError as error:
        raise ExtraMissing("local", "making a task embedding") from error
    check_option_names("a task embedding", options, TaskMaking, HeadTraining)
    making = settings_from_text(TaskMaking, options)
    training = settings_from_text(HeadTraining, options)
    if role is None:
        demonstrations = read_demonstrations(examples)
    else:
        demonstrations = tuple(Demonstration(**one) for one in role_examples(examples, role))
    checkpoint = load_checkpoint(_store().path_of(model.removeprefix("local:")), dtype="float32")
    embedding = make_task_embedding(
        checkpoint,
        name,
        demonstrations,
        seed=seed,
        making=making,
        training=training,
        on_look=lambda at: print_note(f"step {at.step}: validation loss {at.loss:.3f}"),
    )
    save_task_embedding(embedding, out)
    if json:
        print_json({
            "file": str(out),
            "task": name,
            "model": checkpoint.name,
            "model_fingerprint": embedding.model_fingerprint,
            "data_sha256": embedding.data_sha256,
            "seed": seed,
            "settings": dict(embedding.settings),
        })
        return
    for key, value in embedding.settings.items():
        print_line(f"{key} = {value}")
    print_line(f"written to {out}")


def _store() -> ModelStore:
    return ModelStore(Settings.from_environment().models_folder)


def _record(kept: KeptModel) -> dict[str, object]:
    return {
        "name": kept.name,
        "path": str(kept.path),
        "bytes": kept.bytes_on_disk,
        **asdict(kept.origin),
    }
