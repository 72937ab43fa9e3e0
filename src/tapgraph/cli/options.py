"""Options that several commands share."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from tapgraph.errors import UsageError

__all__ = [
    "AllowHostOption",
    "AppiumUrlOption",
    "CapabilityOption",
    "CatalogOption",
    "ClockOption",
    "DeviceOption",
    "DeviceSettingOption",
    "FaultsOption",
    "FileOption",
    "HeaderOption",
    "HighlightOption",
    "HumanKind",
    "HumanOption",
    "IconsOption",
    "JsonOption",
    "LookOption",
    "MaxCostOption",
    "MaxSecondsOption",
    "MaxStepsOption",
    "MaxTokensOption",
    "OutOption",
    "PhoneOption",
    "PolicyOption",
    "PortOption",
    "PromptsOption",
    "ResumeOption",
    "SecretOption",
    "SeedOption",
    "ServerOption",
    "SettingOption",
    "StateDirOption",
    "UdidOption",
    "WebDriverUrlOption",
    "WebUrlOption",
    "check_model",
    "given_anew",
    "given_limits",
    "human_or_default",
]


class HumanKind(StrEnum):
    """Who answers the agent's questions."""

    ASK = "ask"
    ASSUME = "assume"
    ALLOW = "allow"
    STOP = "stop"


PortOption: TypeAlias = Annotated[
    int, typer.Option(min=0, max=65_535, help="Where to listen; 0 takes a free port.")
]
DeviceOption: TypeAlias = Annotated[
    str,
    typer.Option(
        "--device",
        metavar="NAME",
        help="sim (a fresh simulated phone), appium, web, mobilegym, mobilegym:picture, "
        "replay:RUN, MODULE:FACTORY, or what an installed package registers.",
    ),
]
AppiumUrlOption: TypeAlias = Annotated[
    str, typer.Option("--appium-url", metavar="URL", help="Where the Appium server listens.")
]
UdidOption: TypeAlias = Annotated[
    str | None, typer.Option("--udid", metavar="ID", help="Which phone, where there are several.")
]
WebUrlOption: TypeAlias = Annotated[
    str | None,
    typer.Option("--web-url", metavar="URL", help="The page of --device web, or a file."),
]
WebDriverUrlOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--webdriver-url", metavar="URL", help="Its WebDriver server; else a Chromium is started."
    ),
]
CapabilityOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--capability",
        metavar="KEY=JSON",
        help="For the session of an Appium or WebDriver server; can be given several times.",
    ),
]
_SETTING = "For the Appium driver, or an argument of a factory; can be given several times."
SettingOption: TypeAlias = Annotated[
    list[str] | None, typer.Option("--setting", metavar="KEY=JSON", help=_SETTING)
]
DeviceSettingOption: TypeAlias = Annotated[
    list[str] | None, typer.Option("--device-setting", metavar="KEY=JSON", help=_SETTING)
]
SeedOption: TypeAlias = Annotated[
    int, typer.Option("--seed", metavar="N", help="World of the simulated phone.")
]
FaultsOption: TypeAlias = Annotated[
    str,
    typer.Option(
        "--faults",
        metavar="PLAN",
        help="What goes wrong on the simulated phone, such as tap@3,popup@5,call@7,network@4-6.",
    ),
]
PhoneOption: TypeAlias = Annotated[
    str,
    typer.Option(
        "--phone",
        metavar="KIND",
        help="Which simulated phone: small or tablet, dark, de, font=1.3, with commas between.",
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
IconsOption: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--icons",
        help="Name the icons of elements without words, and what a screen without a useful "
        "hierarchy looks like; needs tapgraph[vision].",
    ),
]
LookOption: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--look",
        help="Show a model that sees the screen shrunken the part that fits the subgoal in full.",
    ),
]
JsonOption: TypeAlias = Annotated[
    bool,
    typer.Option("--json", help="Print one JSON object on stdout, everything else on stderr."),
]
CatalogOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--catalog",
        metavar="FILE",
        help="An OpenAPI document (file or URL), an MCP config with mcpServers, or a folder of "
        "shortcuts; can be given several times.",
    ),
]
SecretOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--secret",
        metavar="CATALOG/SCHEME=VARIABLE",
        help="The environment variable that holds the secret of a security scheme (SCHEME.client "
        "and SCHEME.refresh for OAuth 2), or of a variable or header of an MCP server; CATALOG is "
        "the stem of the file, the server's name or its host. The model never sees it.",
    ),
]
HeaderOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--header",
        metavar="CATALOG/NAME=VARIABLE",
        help="A header for every call, whose whole value an environment variable holds.",
    ),
]
ServerOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--server",
        metavar="[CATALOG=]URL",
        help="The server of an OpenAPI document, in the place of the one that it names.",
    ),
]
AllowHostOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-host",
        metavar="HOST",
        help="A host that may lie inside a local network, or be the own server of an operation.",
    ),
]
FileOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--file", metavar="PATH", help="A file that calls may upload."),
]
PromptsOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--prompts", metavar="DIR", help="Texts in the place of the agent's own; docs/custom.md."
    ),
]
HighlightOption: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--highlight",
        help="Highlight the task, the subgoal and the tips, for models that follow highlights; "
        "docs/steering.md.",
    ),
]
PolicyOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--policy",
        metavar="FILE",
        help="Your own rules, in TOML, about what is allowed, asked and denied; docs/security.md.",
    ),
]
HumanOption: TypeAlias = Annotated[
    HumanKind | None,
    typer.Option(
        "--human",
        help="Who answers questions: you (the default on a terminal), or a policy: assume leaves "
        "questions to the agent and refuses what is risky, allow allows it, stop ends the run.",
    ),
]
SpareReflectorOption: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--spare-reflector",
        help="A small net judges actions where it is sure, in the place of the model's Reflector; "
        "needs tapgraph[vision], docs/perception.md.",
    ),
]
MaxStepsOption: TypeAlias = Annotated[
    int | None, typer.Option("--max-steps", metavar="N", help="Steps; 40.")
]
MaxTokensOption: TypeAlias = Annotated[int | None, typer.Option("--max-tokens", metavar="N")]
MaxSecondsOption: TypeAlias = Annotated[float | None, typer.Option("--max-seconds", metavar="S")]
MaxCostOption: TypeAlias = Annotated[float | None, typer.Option("--max-cost", metavar="USD")]
OutOption: TypeAlias = Annotated[
    Path | None,
    typer.Option("--out", metavar="DIR", help="The run folder; by default under runs/."),
]
ResumeOption: TypeAlias = Annotated[
    Path | None,
    typer.Option("--resume", metavar="RUN", help="Go on with a run that was stopped."),
]


def human_or_default(human: HumanKind | None) -> HumanKind:
    """Who was named, else a person where one sits at a terminal."""
    return human or (HumanKind.ASK if sys.stdin.isatty() else HumanKind.ASSUME)


def given_limits(
    max_steps: int | None,
    max_tokens: int | None,
    max_seconds: float | None,
    max_cost: float | None,
) -> dict[str, Any]:
    """The fields of a `Budget` that the command line names."""
    limits = {
        "max_steps": max_steps,
        "max_tokens": max_tokens,
        "max_seconds": max_seconds,
        "max_cost_usd": max_cost,
    }
    return {name: limit for name, limit in limits.items() if limit is not None}


_TAKEN_ANEW = frozenset({
    *(
        "resume",
        "json",
        "model",
        "human",
        "policy",
        "memory",
        "appium_url",
        "udid",
        "webdriver_url",
    ),
    *("max_steps", "max_tokens", "max_seconds", "max_cost"),
})


def given_anew(command_line: typer.Context) -> dict[str, Any]:
    """The options beside `--resume` that take the place of the run's own.

    Raises:
        UsageError: one was given that a run takes from its folder.
    """
    given = [
        name
        for name in command_line.params
        if (source := command_line.get_parameter_source(name)) and source.name == "COMMANDLINE"
    ]
    held = [name for name in given if name not in _TAKEN_ANEW]
    if held:
        name = held[0] if held[0] == "instruction" else f"--{held[0].replace('_', '-')}"
        raise UsageError(f"--resume takes {name} from the run; leave it out")
    anew = {"model", "human", "policy", "memory", "appium_url", "udid", "webdriver_url"}
    return {name: command_line.params[name] for name in given if name in anew}


def check_model(model: str | None) -> None:
    """Return when a model is named, or none.

    Raises:
        UsageError: it is named by nothing.
    """
    if model is not None and not model.strip():
        raise UsageError("--model is empty; give a spec such as openai:NAME, or leave it out")
