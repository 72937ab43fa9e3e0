"""`tapgraph run`: a task on a phone."""

import dataclasses
from pathlib import Path
from typing import Annotated, Any

import typer

from tapgraph.agents.run.budget import Budget
from tapgraph.cli.device_spec import DeviceSpec, takes_device
from tapgraph.cli.options import (
    AllowHostOption,
    CatalogOption,
    FileOption,
    HeaderOption,
    HighlightOption,
    HumanOption,
    IconsOption,
    JsonOption,
    LookOption,
    MaxCostOption,
    MaxSecondsOption,
    MaxStepsOption,
    MaxTokensOption,
    OutOption,
    PolicyOption,
    PromptsOption,
    ResumeOption,
    SecretOption,
    ServerOption,
    SpareReflectorOption,
    check_model,
    given_anew,
    given_limits,
    human_or_default,
)
from tapgraph.cli.run_options import DEFAULT_SCREEN_TOKENS, ReadFromKind, RunOptions
from tapgraph.errors import UsageError

__all__ = ["run"]


@takes_device()
def run(
    command_line: typer.Context,
    instruction: Annotated[str, typer.Argument(help="What to do, in plain words.")] = "",
    *,
    device: DeviceSpec,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="SPEC",
            help="openai:NAME, http://HOST:PORT/v1#NAME or local:PATH.",
        ),
    ] = None,
    memory: Annotated[
        str | None, typer.Option(metavar="URL", help="Tips and shortcuts: a file or database URL.")
    ] = None,
    pipeline: Annotated[
        str, typer.Option(metavar="NAME", help="tapgraph or mobile-agent-e.")
    ] = "tapgraph",
    read_from: Annotated[
        ReadFromKind, typer.Option(help="What screens are read from; auto avoids OCR.")
    ] = ReadFromKind.AUTO,
    icons: IconsOption = False,
    look: LookOption = False,
    screen_tokens: Annotated[
        int,
        typer.Option(
            min=20, help="How long a screen may be in a prompt; the rest is told on demand."
        ),
    ] = DEFAULT_SCREEN_TOKENS,
    spare_reflector: SpareReflectorOption = False,
    catalog: CatalogOption = None,
    secret: SecretOption = None,
    header: HeaderOption = None,
    server: ServerOption = None,
    allow_host: AllowHostOption = None,
    file: FileOption = None,
    prompts: PromptsOption = None,
    highlight: HighlightOption = False,
    policy: PolicyOption = None,
    human: HumanOption = None,
    max_steps: MaxStepsOption = None,
    max_tokens: MaxTokensOption = None,
    max_seconds: MaxSecondsOption = None,
    max_cost: MaxCostOption = None,
    out: OutOption = None,
    resume: ResumeOption = None,
    json: JsonOption = False,
) -> int:
    """Do a task on a phone."""
    # The graph takes a second to load, and no other command needs it.
    from tapgraph.agents.run.agent import new_folder  # noqa: PLC0415
    from tapgraph.cli.run_session import resume_run, start_run  # noqa: PLC0415

    check_model(model)
    given = given_limits(max_steps, max_tokens, max_seconds, max_cost)
    if resume is not None:
        options = _resumed(resume, given, given_anew(command_line))
        return resume_run(resume, options, json=json).outcome.exit_code
    if not model:
        raise UsageError(
            "a task needs a model: add --model openai:NAME, a URL or local:PATH; "
            "`tapgraph demo` needs none"
        )
    options = RunOptions(
        **vars(device),
        model=model,
        catalogs=tuple(catalog or ()),
        secrets=tuple(secret or ()),
        headers=tuple(header or ()),
        servers=tuple(server or ()),
        allow_hosts=tuple(allow_host or ()),
        files=tuple(file or ()),
        prompts=str(prompts) if prompts else None,
        highlight=highlight,
        policy=str(policy) if policy else None,
        memory=memory,
        pipeline=pipeline,
        read_from=read_from,
        icons=icons,
        look=look,
        screen_tokens=screen_tokens,
        spare_reflector=spare_reflector,
        human=human_or_default(human),
        budget=dataclasses.replace(Budget(), **given),
    )
    folder = out or new_folder(instruction)
    return start_run(instruction, options, out=folder, json=json).outcome.exit_code


def _resumed(run: Path, given: dict[str, Any], anew: dict[str, Any]) -> RunOptions:
    """The options of the run, with the limits and options that are given anew."""
    # Pillow and pydantic are not needed to print help.
    from tapgraph.agents.run.run_folder import RunFolder  # noqa: PLC0415

    header = RunFolder.open(run).header
    options = RunOptions.from_header(header.options, dataclasses.replace(header.budget, **given))
    if "policy" in anew:
        anew["policy"] = str(anew["policy"])
    return dataclasses.replace(options, **anew)
