"""`tapgraph eval reliance`: what a chooser goes by."""

import re
from collections.abc import Sequence
from dataclasses import asdict
from hashlib import blake2b
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tapgraph.cli.exit_codes import ExitCode
from tapgraph.cli.options import JsonOption
from tapgraph.cli.terminal import print_json, print_line
from tapgraph.errors import UsageError

if TYPE_CHECKING:
    from tapgraph.evals.feature_reliance.reliance import Reliance

__all__ = ["reliance"]


def reliance(
    *,
    model: Annotated[
        list[str],
        typer.Option(
            metavar="SPEC",
            help="As for `run`, or bm25, bm25-id, random, outcomes, demonstrator?error_rate=0.2; "
            "can be given several times to compare them.",
        ),
    ],
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Where choices and the page go; resumes there.")
    ],
    items: Annotated[
        int, typer.Option(metavar="N", help="Probes; each has a screen for every feature.")
    ] = 30,
    seed: Annotated[int, typer.Option(metavar="N", help="Of the probes and of noise.")] = 0,
    json: JsonOption = False,
) -> int:
    """What a chooser relies on, by its choices on screens that differ in one feature only.

    A model plays the Operator of the phone agent. Leaves the choices, summary.json and
    reliance.html. Ends with 1 when screens broke off: they count as no touch, and the same command
    tries them again.
    """
    # The graph takes a second to load, and no other command needs it.
    from rich.console import Console  # noqa: PLC0415

    from tapgraph.cli.eval_progress import ProgressLines  # noqa: PLC0415
    from tapgraph.evals.feature_reliance.choosers import open_chooser  # noqa: PLC0415
    from tapgraph.evals.feature_reliance.page import write_reliance_page  # noqa: PLC0415
    from tapgraph.evals.feature_reliance.reliance import measure_reliance  # noqa: PLC0415

    if len(set(model)) < len(model):
        raise UsageError("a model is named twice with --model")
    choosers = [open_chooser(spec, seed=seed) for spec in model]
    measured = [
        measure_reliance(
            chooser,
            out / _folder_name(chooser.name),
            items=items,
            seed=seed,
            on_progress=ProgressLines(Console(stderr=True, highlight=False)).show,
        )
        for chooser in choosers
    ]
    summary = {"choosers": [_wire(one) for one in measured]}
    (out / "summary.json").write_text(dumps(summary, indent=1) + "\n", "utf-8")
    page = write_reliance_page(measured, out / "reliance.html")
    if json:
        print_json(summary | {"page": str(page)})
    else:
        _print(measured)
        print_line(f"the screens side by side: {page}")
    return ExitCode.FAILED if any(one.failures for one in measured) else ExitCode.SUCCESS


def _folder_name(chooser: str) -> str:
    """A name for a folder, of its own for each chooser."""
    readable = re.sub(r"[^A-Za-z0-9.-]+", "-", chooser)[:60].strip("-.")
    return f"{readable}-{blake2b(chooser.encode(), digest_size=4).hexdigest()}"


def _print(measured: Sequence["Reliance"]) -> None:
    from tapgraph.evals.feature_reliance.page import (  # noqa: PLC0415 - as above
        percent,
        reliance_rows,
    )

    for one in measured:
        print_line(
            f"{one.chooser}: {len(one.probes)} probes, right where all cues agree "
            f"{percent(one.right)} %, touches line {one.place} on {percent(one.at_place)} %"
        )
        rows = reliance_rows(one)
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        for row in rows:
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            print_line("  ".join(cells).rstrip())
        if one.failures:
            print_line(f"{len(one.failures)} screens broke off, the last: {one.failures[-1].error}")


def _wire(one: "Reliance") -> dict[str, Any]:
    return {
        "chooser": one.chooser,
        "probes": len(one.probes),
        "right": asdict(one.right),
        "place": one.place,
        "at_place": asdict(one.at_place),
        "features": {feature.feature: asdict(feature) for feature in one.features},
        "failed": len(one.failures),
    }
