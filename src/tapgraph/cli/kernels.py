"""`tapgraph kernels`: attention systems for long contexts."""

from __future__ import annotations

import dataclasses
import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer
from rich.console import Console
from rich.table import Table

from tapgraph.cli.options import JsonOption
from tapgraph.cli.terminal import print_json, print_line, print_note
from tapgraph.errors import ExtraMissing, UsageError
from tapgraph.llm_backend.model_store import ModelStore
from tapgraph.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tapgraph.kernels.attention_system import AttentionSystem

__all__ = ["app", "calibrate_system", "list_systems", "settings_of"]

app = typer.Typer(help="Attention systems for long contexts.")


@app.command("list")
def list_systems(*, json: JsonOption = False) -> None:
    """Tell of each attention system what it saves, what it needs and when it fails."""
    systems = _systems("listing attention systems")
    if json:
        told = {
            name: {**dataclasses.asdict(system.about), "dense_below": _dense_below(system)}
            for name, system in systems.items()
        }
        print_json(told)
        return
    console = Console(highlight=False)
    for name, system in systems.items():
        console.print(f"[bold]{name}[/]")
        console.print(_about_table(system))


@app.command("calibrate")
def calibrate_system(
    system: Annotated[
        str, typer.Argument(metavar="SYSTEM", help="razor, duo, sale, dhsa or steering.")
    ],
    *,
    model: Annotated[str, typer.Option("--model", metavar="PATH", help="A checkpoint.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="By default beside the checkpoint's weights."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Of all random choices.")] = 0,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A setting, such as steps=100."),
    ] = None,
    pattern: Annotated[
        Path | None,
        typer.Option(
            "--pattern",
            metavar="DIR",
            help="For duo: the gates that its authors publish, instead of learning them.",
        ),
    ] = None,
    dtype: Annotated[
        str,
        typer.Option(
            "--dtype",
            metavar="DTYPE",
            help="Of the weights: float32, bfloat16, float16, or auto, as a server has them.",
        ),
    ] = "float32",
    json: JsonOption = False,
) -> None:
    """Learn what an attention system must know of a model, and write it to one file."""
    options = settings_of(settings or [])
    # Without torch transformers would print a warning of its own.
    _systems("calibrating attention systems")
    try:
        from tapgraph.llm_backend.calibration.calibrate import (  # noqa: PLC0415
            calibrate,
            check_calibration,
        )
        from tapgraph.llm_backend.calibration.calibration_file import (  # noqa: PLC0415
            save_calibration,
        )
        from tapgraph.llm_backend.calibration.duo_patterns import (  # noqa: PLC0415
            read_duo_pattern,
        )
        from tapgraph.llm_backend.local.checkpoint import load_checkpoint  # noqa: PLC0415
        from tapgraph.llm_backend.local.systems import calibration_path  # noqa: PLC0415
    except ImportError as error:
        raise ExtraMissing("local", "calibrating attention systems") from error
    check_calibration(system, options)
    if pattern is not None and system != "duo":
        raise UsageError(f"--pattern is for duo, got {system!r}")
    model_path = ModelStore(Settings.from_environment().models_folder).path_of(model)
    checkpoint = load_checkpoint(model_path, dtype=dtype)
    if pattern is not None:
        calibration = read_duo_pattern(pattern, checkpoint.model)
    else:
        calibration = calibrate(
            system,
            checkpoint.model,
            checkpoint.tokenizer,
            seed=seed,
            options=options,
            tell=print_note,
        )
    path = out or calibration_path(system, model_path)
    save_calibration(calibration, path)
    if json:
        print_json({
            "file": str(path),
            "system": system,
            "model": model,
            "model_fingerprint": calibration.model_fingerprint,
            "data_sha256": calibration.data_sha256,
            "seed": seed,
            "settings": dict(calibration.settings),
        })
        return
    for name, value in calibration.settings.items():
        print_line(f"{name} = {value}")
    print_line(f"written to {path}")


def settings_of(settings: list[str]) -> dict[str, str]:
    """`NAME=VALUE` by name.

    Raises:
        UsageError: one is not of that form.
    """
    options = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals or not name:
            raise UsageError(f"--set must be NAME=VALUE, got {setting!r}")
        options[name] = value
    return options


def _systems(purpose: str) -> Mapping[str, type[AttentionSystem]]:
    try:
        # Torch is optional, and not needed to print help.
        from tapgraph.kernels.systems import SYSTEMS  # noqa: PLC0415
    except ImportError as error:
        raise ExtraMissing("local", purpose) from error
    return SYSTEMS


def _about_table(system: type[AttentionSystem]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(min_width=12, style="dim")
    table.add_column(overflow="fold")
    for field in dataclasses.fields(system.about):
        table.add_row(f"  {field.name.replace('_', ' ')}", getattr(system.about, field.name))
    table.add_row("  dense below", f"{_dense_below(system):,} tokens, with the default settings")
    return table


def _dense_below(system: type[AttentionSystem]) -> int:
    """Of the default settings, which tell it without what is learnt of a model."""
    make: Any = system
    import torch  # noqa: PLC0415 - as for the systems themselves

    config = get_type_hints(make.__init__)["config"]()
    needed = [
        parameter
        for parameter in list(inspect.signature(make).parameters.values())[1:]
        if parameter.default is inspect.Parameter.empty
    ]
    dense_below: int = make(
        config, *(torch.ones((1, 1), dtype=torch.bool) for _ in needed)
    ).dense_below
    return dense_below
