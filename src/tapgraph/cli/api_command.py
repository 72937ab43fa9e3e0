"""`tapgraph api`: a task done by calling APIs."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from tapgraph.agents.run.budget import Budget
from tapgraph.cli.api_options import ApiOptions
from tapgraph.cli.exit_codes import ExitCode
from tapgraph.cli.options import (
    AllowHostOption,
    CatalogOption,
    FileOption,
    HeaderOption,
    HighlightOption,
    HumanOption,
    JsonOption,
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
    check_model,
    given_anew,
    given_limits,
    human_or_default,
)
from tapgraph.errors import UsageError

__all__ = ["api"]


def api(
    command_line: typer.Context,
    instruction: Annotated[str, typer.Argument(help="What to do, in plain words.")] = "",
    *,
    catalog: CatalogOption = None,
    model: Annotated[
        str | None,
        typer.Option(metavar="SPEC", help="openai:NAME or http://HOST:PORT/v1#NAME."),
    ] = None,
    secret: SecretOption = None,
    header: HeaderOption = None,
    server: ServerOption = None,
    allow_host: AllowHostOption = None,
    file: FileOption = None,
    check: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Only say what of an OpenAPI document can be called."),
    ] = None,
    prompts: PromptsOption = None,
    highlight: HighlightOption = False,
    policy: PolicyOption = None,
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

    if check is not None:
        return _checked(check, server or (), allow_host or (), file or (), json=json)
    check_model(model)
    given = given_limits(max_steps, max_tokens, max_seconds, max_cost)
    if resume is not None:
        options = _resumed(resume, given, given_anew(command_line))
        return resume_api_run(resume, options, json=json).outcome.exit_code
    if not catalog:
        raise UsageError(
            "name the APIs with --catalog: an OpenAPI document, an MCP config or a folder"
        )
    if model is None:
        raise UsageError("choosing APIs needs a model: add --model openai:NAME or a URL")
    options = ApiOptions(
        catalogs=tuple(catalog),
        model=model,
        secrets=tuple(secret or ()),
        headers=tuple(header or ()),
        servers=tuple(server or ()),
        allow_hosts=tuple(allow_host or ()),
        files=tuple(file or ()),
        prompts=str(prompts) if prompts else None,
        highlight=highlight,
        policy=str(policy) if policy else None,
        memory=memory,
        human=human_or_default(human),
        budget=dataclasses.replace(Budget(), **given),
    )
    options.access()
    options.rules()
    folder = out or new_folder(instruction)
    return start_api_run(instruction, options, out=folder, json=json).outcome.exit_code


def _checked(
    source: str,
    servers: Sequence[str],
    allow_hosts: Sequence[str],
    files: Sequence[str],
    *,
    json: bool,
) -> int:
    # Brings the HTTP client, which is not needed to print help.
    from tapgraph.cli.api_check import check_document  # noqa: PLC0415
    from tapgraph.cli.catalog_access import Access  # noqa: PLC0415

    access = Access.parse(servers=servers, allow_hosts=allow_hosts, files=files)
    check_document(
        source,
        server=access.servers[0][1] if access.servers else "",
        allow_hosts=access.allow_hosts,
        files=access.files,
        json=json,
    )
    return ExitCode.SUCCESS


def _resumed(run: Path, given: dict[str, Any], anew: dict[str, Any]) -> ApiOptions:
    """The options of the run, with the limits and options that are given anew."""
    # Pillow and pydantic are not needed to print help.
    from tapgraph.agents.run.run_folder import RunFolder  # noqa: PLC0415

    header = RunFolder.open(run).header
    options = ApiOptions.from_header(header.options, dataclasses.replace(header.budget, **given))
    if "policy" in anew:
        anew["policy"] = str(anew["policy"])
    return dataclasses.replace(options, **anew)
