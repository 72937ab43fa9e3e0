"""From options to a finished run of the API agent with its report."""

from collections.abc import Callable
from pathlib import Path

from tapgraph.agents.api.agent import ApiAgent
from tapgraph.agents.api.replies import API_ROLES
from tapgraph.agents.run.run_folder import RunFolder
from tapgraph.agents.run.task_result import TaskResult
from tapgraph.cli.api_options import ApiOptions
from tapgraph.cli.open_catalog import open_catalogs
from tapgraph.cli.progress import open_progress
from tapgraph.cli.task_output import note_highlights, open_human, print_result, told_again
from tapgraph.errors import UsageError
from tapgraph.evals.report.run_report import write_report
from tapgraph.llm_backend.model_spec import open_models
from tapgraph.llm_backend.prompt import prompts_of
from tapgraph.memory import MemoryStore
from tapgraph.settings import Settings

__all__ = ["resume_api_run", "start_api_run"]


def start_api_run(instruction: str, options: ApiOptions, *, out: Path, json: bool) -> TaskResult:
    """Do a task, show its progress, and leave a run folder with a report."""
    if not instruction.strip():
        raise UsageError("the instruction is empty; say what should be done")
    return _worked(
        options,
        lambda agent: agent.run(instruction, out=out, options=options.to_header()),
        json=json,
    )


def resume_api_run(run: Path, options: ApiOptions, *, json: bool) -> TaskResult:
    """Go on with a run that was stopped."""
    return told_again(run, json=json) or _worked(
        options, lambda agent: agent.resume(run), json=json
    )


def _worked(
    options: ApiOptions, work: Callable[[ApiAgent], TaskResult], *, json: bool
) -> TaskResult:
    settings = Settings.from_environment()
    models = open_models(options.model, settings, roles=API_ROLES)
    note_highlights(models, wanted=options.highlight)
    prompts_of(ApiAgent.package, options.prompts_folder)
    with (
        open_catalogs(options.catalogs, options.access()) as runner,
        MemoryStore.open(options.memory or settings.memory_file) as memory,
        open_progress(options.budget, json=json) as progress,
    ):
        agent = ApiAgent(
            runner=runner,
            model=models,
            memory=memory,
            budget=options.budget,
            human=open_human(options.human),
            policy=options.rules(),
            on_event=progress.show,
            prompts=options.prompts_folder,
            highlight=options.highlight,
        )
        result = work(agent)
    report = write_report(RunFolder.open(result.folder))
    print_result(result, report, json=json)
    return result
