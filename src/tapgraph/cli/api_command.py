"""`tapgraph api`: a task done by calling APIs."""

import dataclasses
from pathlib import Path
from typing import Annotated, Any

import typer

from tapgraph.agents.run.budget import Budget
from tapgraph.cli.api_options import ApiOptions
from tapgraph.cli.options import (
    CatalogOption,
    HumanOption,
    JsonOption,
    MaxCostOption,
    MaxSecondsOption,
    MaxStepsOption,
    MaxTokensOption,
    OutOption,
    PromptsOption,
    ResumeOption,
    SecretOption,
    given_limits,
    human_or_default,
    refuse_what_a_run_holds,
)
from tapgraph.errors import UsageError

__all__ = ["api"]


def api(
    instruction: Annotated[str, typer.Argument(help="What to do, in plain words.")] = "",
    *,
    catalog: CatalogOption = None,
    model: Annotated[
        str | None,
        typer.Option(metavar="SPEC", help="openai:NAME or http://HOST:PORT/v1#NAME."),
    ] = None,
    secret: SecretOption = None,
    prompts: PromptsOption = None,
    memory: Annotated[
        str | None, typer.Option(metavar="URL", help="Tips: a file or database URL.")
    ] = None,
    human: HumanOption = None,
    max_steps: MaxStepsOption = None,
    max_tokens: MaxTokensOption = None,
    max_seconds: MaxSecondsOption = None,
    max_cost: MaxCostOption = None,
    out: OutOption = None,
    resume: ResumeOption = None,
    json: JsonOption = False,
) -> int:
    """Do a task by calling APIs."""
    # The graph takes a second to load, and no other command needs it.
    from tapgraph.agents.run.agent import new_folder  # noqa: PLC0415
    from tapgraph.cli.api_session import resume_api_run, start_api_run  # noqa: PLC0415
    from tapgraph.cli.open_catalog import parse_secrets  # noqa: PLC0415

    given = given_limits(max_steps, max_tokens, max_seconds, max_cost)
    if resume is not None:
        refuse_what_a_run_holds(instruction, out, catalog, secret, prompts)
        return resume_api_run(resume, _resumed(resume, given), json=json).outcome.exit_code
    if not catalog:
        raise UsageError(
            "name the APIs with --catalog: an OpenAPI document, an MCP config or a folder"
        )
    if model is None:
        raise UsageError("choosing APIs needs a model: add --model openai:NAME or a URL")
    parse_secrets(secret or ())
    options = ApiOptions(
        catalogs=tuple(catalog),
        model=model,
        secrets=tuple(secret or ()),
        prompts=str(prompts) if prompts else None,
        memory=memory,
        human=human_or_default(human),
        budget=dataclasses.replace(Budget(), **given),
    )
    folder = out or new_folder(instruction)
    return start_api_run(instruction, options, out=folder, json=json).outcome.exit_code


def _resumed(run: Path, given: dict[str, Any]) -> ApiOptions:
    """The options of the run, with the limits that are given anew."""
    # Pillow and pydantic are not needed to print help.
    from tapgraph.agents.run.run_folder import RunFolder  # noqa: PLC0415

    header = RunFolder.open(run).header
    return ApiOptions.from_header(header.options, dataclasses.replace(header.budget, **given))
