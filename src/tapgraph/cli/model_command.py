"""`tapgraph model`: checkpoints on this machine, by name."""

import importlib.util
from dataclasses import asdict
from typing import Annotated

import typer

from tapgraph.cli.options import JsonOption
from tapgraph.cli.terminal import print_json, print_line, print_note
from tapgraph.errors import ExtraMissing
from tapgraph.llm_backend.model_store import KeptModel, ModelStore
from tapgraph.settings import Settings

__all__ = ["app", "get", "list_models", "remove"]

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


def _store() -> ModelStore:
    return ModelStore(Settings.from_environment().models_folder)


def _record(kept: KeptModel) -> dict[str, object]:
    return {
        "name": kept.name,
        "path": str(kept.path),
        "bytes": kept.bytes_on_disk,
        **asdict(kept.origin),
    }
