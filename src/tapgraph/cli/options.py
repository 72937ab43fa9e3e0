"""Options that several commands share."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

__all__ = [
    "AppiumUrlOption",
    "ClockOption",
    "DeviceKind",
    "DeviceOption",
    "FaultsOption",
    "JsonOption",
    "SeedOption",
    "StateDirOption",
    "UdidOption",
]


class DeviceKind(StrEnum):
    """What is behind `--device`."""

    SIM = "sim"
    APPIUM = "appium"


DeviceOption: TypeAlias = Annotated[
    DeviceKind,
    typer.Option("--device", help="A fresh simulated phone, or a phone behind an Appium server."),
]
AppiumUrlOption: TypeAlias = Annotated[
    str, typer.Option("--appium-url", metavar="URL", help="Where the Appium server listens.")
]
UdidOption: TypeAlias = Annotated[
    str | None, typer.Option("--udid", metavar="ID", help="Which phone, where there are several.")
]
SeedOption: TypeAlias = Annotated[
    int, typer.Option("--seed", metavar="N", help="World of the simulated phone.")
]
FaultsOption: TypeAlias = Annotated[
    str,
    typer.Option(
        "--faults",
        metavar="PLAN",
        help="What goes wrong on the simulated phone, such as tap@3,popup@5,network@4-6.",
    ),
]
StateDirOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--state-dir", metavar="DIR", help="Where the simulated phone keeps its app databases."
    ),
]
ClockOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--clock", metavar="TIME", help="Its time at the start, such as 2026-05-14T10:24."
    ),
]
JsonOption: TypeAlias = Annotated[
    bool,
    typer.Option("--json", help="Print one JSON object on stdout, everything else on stderr."),
]
