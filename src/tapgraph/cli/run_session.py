"""From options to a finished run with its report: what `run` and `demo` share."""

import dataclasses
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tapgraph.agents.mobile.agent import PhoneAgent
from tapgraph.agents.mobile.pipeline import Pipeline, pipeline_named
from tapgraph.agents.mobile.replies import ROLES
from tapgraph.agents.run.ledger import answered_actions
from tapgraph.agents.run.run_folder import RunFolder
from tapgraph.agents.run.task_result import TaskResult
from tapgraph.cli.open_catalog import open_catalogs
from tapgraph.cli.open_device import open_device, open_phone
from tapgraph.cli.progress import open_progress
from tapgraph.cli.run_options import RunOptions
from tapgraph.cli.task_output import note_highlights, open_human, print_result, told_again
from tapgraph.cli.terminal import print_line, print_note
from tapgraph.errors import UsageError
from tapgraph.evals.phone.baselines import open_outcome_judge
from tapgraph.evals.phone.demonstrator import Demonstrator
from tapgraph.evals.phone.sim_check import task_named, unmet
from tapgraph.evals.phones import SimulatedPhones
from tapgraph.evals.report.run_report import write_report
from tapgraph.llm_backend.model_spec import open_models
from tapgraph.llm_backend.prompt import prompts_of
from tapgraph.llm_backend.roles import RoleModels
from tapgraph.memory import MemoryStore
from tapgraph.settings import Settings
from tapgraph.tools.mobile.device import Device
from tapgraph.tools.mobile.simulator.device import SimulatedDevice

__all__ = ["demonstrate", "resume_run", "start_run", "telling_how_to_resume"]

_NOTICE = "Replies come from the task's known route, not from a language model."


def start_run(instruction: str, options: RunOptions, *, out: Path, json: bool) -> TaskResult:
    """Do a task, show its progress, and leave a run folder with a report."""
    if not instruction.strip():
        raise UsageError("the instruction is empty; say what the phone should do")
    models = _models(options)
    with open_device(options) as device, telling_how_to_resume(out):
        return _worked(
            options,
            device,
            models,
            lambda agent: agent.run(
                instruction, out=out, seed=_seed(options), options=options.to_header()
            ),
            json=json,
        )


def resume_run(run: Path, options: RunOptions, *, json: bool) -> TaskResult:
    """Go on with a run that was stopped.

    A simulated phone in this process is brought back by replaying what it had acknowledged.
    """
    told = told_again(run, json=json)
    if told is not None:
        return told
    models = _models(options)
    with open_device(options) as device, telling_how_to_resume(run):
        if isinstance(device, SimulatedDevice):
            device.replay(answered_actions(RunFolder.open(run).timeline()))
        return _worked(options, device, models, lambda agent: agent.resume(run), json=json)


def demonstrate(name: str, options: RunOptions, *, out: Path, json: bool) -> int:
    """Do a task of the suite `sim` and check the app databases afterwards; the exit code."""
    task = task_named(name, options.seed)
    phone = open_phone(seed=options.seed, faults=options.faults, phone=options.phone)
    if task.route is None:
        raise UsageError(f"no route is known for the task {name!r}")
    with SimulatedDevice(phone) as device:
        result = _worked(
            options,
            device,
            RoleModels(Demonstrator(task.route, phone)),
            lambda agent: agent.run(
                task.instruction, out=out, seed=_seed(options), options=options.to_header()
            ),
            json=json,
        )
        missing = unmet(task, phone, answer=result.answer, notes=result.notes)
    if not json:
        words = "; ".join(missing) or "the phone is as the task wants it"
        print_line(f"checked: {words}")
    return result.outcome.exit_code or int(bool(missing))


@contextmanager
def telling_how_to_resume(run: Path) -> Iterator[None]:
    """Say how a run that the user stops with Ctrl-C can go on."""
    try:
        yield
    except KeyboardInterrupt:
        if (run / "run.json").exists():
            print_note(f"go on with: tapgraph run --resume {shlex.quote(str(run))}")
        raise


def _worked(
    options: RunOptions,
    device: Device,
    models: RoleModels,
    work: Callable[[PhoneAgent], TaskResult],
    *,
    json: bool,
) -> TaskResult:
    notice = "" if options.model else _NOTICE
    place = options.memory or Settings.from_environment().memory_file
    with (
        open_catalogs(options.catalogs, options.access()) as tools,
        MemoryStore.open(place) as memory,
        open_progress(options.budget, json=json, notice=notice) as progress,
    ):
        agent = PhoneAgent(
            device=device,
            model=models,
            memory=memory,
            pipeline=_pipeline(options),
            budget=options.budget,
            human=open_human(options.human),
            policy=options.rules(),
            source=options.read_from.value,
            names_icons=options.icons,
            on_event=progress.show,
            prompts=options.prompts_folder,
            highlight=options.highlight,
            tools=[tools],
            outcome_judge=open_outcome_judge() if options.spare_reflector else None,
            rehearses_on=SimulatedPhones().opened if isinstance(device, SimulatedDevice) else None,
        )
        result = work(agent)
    report = write_report(RunFolder.open(result.folder))
    print_result(result, report, json=json)
    return result


def _seed(options: RunOptions) -> int | None:
    return options.seed if options.is_simulated else None


def _pipeline(options: RunOptions) -> Pipeline:
    named = pipeline_named(options.pipeline)
    return dataclasses.replace(
        named, screen_tokens=options.screen_tokens, looks_closer=options.look
    )


def _models(options: RunOptions) -> RoleModels:
    pipeline_named(options.pipeline)
    prompts_of(PhoneAgent.package, options.prompts_folder)
    options.access()
    options.rules()
    if options.spare_reflector:
        open_outcome_judge()
    if not options.model:
        raise UsageError("a demonstration cannot be resumed; start it again with `tapgraph demo`")
    models = open_models(options.model, Settings.from_environment(), roles=ROLES)
    note_highlights(models, wanted=options.highlight)
    return models
