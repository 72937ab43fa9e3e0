"""From options to a finished run with its report: what `run` and `demo` share."""

import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tapgraph.agents.mobile.agent import PhoneAgent
from tapgraph.agents.mobile.pipeline import pipeline_named
from tapgraph.agents.mobile.replies import ROLES
from tapgraph.agents.run.ledger import answered_actions
from tapgraph.agents.run.run_folder import RunFolder
from tapgraph.agents.run.task_result import TaskResult
from tapgraph.cli.open_catalog import open_catalogs
from tapgraph.cli.open_device import open_device, open_phone
from tapgraph.cli.options import DeviceKind
from tapgraph.cli.progress import open_progress
from tapgraph.cli.run_options import DEMONSTRATOR, RunOptions
from tapgraph.cli.task_output import open_human, print_result
from tapgraph.cli.terminal import print_line, print_note
from tapgraph.errors import UsageError
from tapgraph.evals.phone.demonstrator import Demonstrator
from tapgraph.evals.phones import SimulatedPhones
from tapgraph.evals.report.run_report import write_report
from tapgraph.llm_backend.model_spec import open_models
from tapgraph.llm_backend.prompt import prompts_of
from tapgraph.llm_backend.roles import RoleModels
from tapgraph.memory import MemoryStore
from tapgraph.settings import Settings
from tapgraph.tools.mobile.device import Capability, Device
from tapgraph.tools.mobile.simulator.device import SimulatedDevice
from tapgraph.tools.mobile.simulator.tasks import PhoneRecords, find_task
from tapgraph.tools.mobile.simulator.world.world import World

__all__ = ["demonstrate", "resume_run", "start_run", "telling_how_to_resume"]

_NOTICE = "Replies come from reference solutions of the simulated apps, not from a language model."


def start_run(instruction: str, options: RunOptions, *, out: Path, json: bool) -> TaskResult:
    """Do a task, show its progress, and leave a run folder with a report."""
    if not instruction.strip():
        raise UsageError("the instruction is empty; say what the phone should do")
    models = _models(options)
    if options.model == DEMONSTRATOR:
        Demonstrator().solution(instruction)
    with _device(options) as device, telling_how_to_resume(out):
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
    models = _models(options)
    with _device(options) as device, telling_how_to_resume(run):
        if isinstance(device, SimulatedDevice):
            device.replay(answered_actions(RunFolder.open(run).timeline()))
        return _worked(options, device, models, lambda agent: agent.resume(run), json=json)


def demonstrate(instruction: str, options: RunOptions, *, out: Path, json: bool) -> int:
    """Do a task on a simulated phone and check its app databases afterwards; the exit code."""
    task = find_task(instruction)
    if task is None:
        raise UsageError(f"no checker knows the task {instruction!r}")
    phone = open_phone(seed=options.seed, faults=options.faults)
    with SimulatedDevice(phone) as device, telling_how_to_resume(out):
        result = _worked(
            options,
            device,
            _models(options),
            lambda agent: agent.run(
                instruction, out=out, seed=_seed(options), options=options.to_header()
            ),
            json=json,
        )
        checked = task.check(World.generate(options.seed), PhoneRecords(phone))
    words = "; ".join(checked.reasons) or "the app databases hold what was asked for"
    if not json:
        print_line(f"checked: {words}")
    return result.outcome.exit_code or int(not checked.ok)


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
    is_demonstrator = options.model == DEMONSTRATOR
    is_simulated = Capability.SIMULATED in device.capabilities
    if is_demonstrator and not is_simulated:
        raise UsageError(
            f"the demonstrator can operate the simulated phone only, not {device.name}; "
            "give a model with --model"
        )
    notice = _NOTICE if is_demonstrator else ""
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
            pipeline=pipeline_named(options.pipeline),
            budget=options.budget,
            human=open_human(options.human),
            source=options.read_from.value,
            on_event=progress.show,
            prompts=options.prompts_folder,
            tools=[tools],
            rehearses_on=SimulatedPhones().opened if is_simulated else None,
        )
        result = work(agent)
    report = write_report(RunFolder.open(result.folder))
    print_result(result, report, json=json)
    return result


def _seed(options: RunOptions) -> int | None:
    return options.seed if options.device is DeviceKind.SIM else None


def _models(options: RunOptions) -> RoleModels:
    pipeline_named(options.pipeline)
    prompts_of(PhoneAgent.package, options.prompts_folder)
    options.access()
    if options.model == DEMONSTRATOR:
        return RoleModels(Demonstrator())
    return open_models(options.model, Settings.from_environment(), roles=ROLES)


def _device(options: RunOptions) -> Device:
    return open_device(
        options.device,
        appium_url=options.appium_url,
        udid=options.udid,
        seed=options.seed,
        faults=options.faults,
        state_dir=Path(options.state_dir) if options.state_dir else None,
        clock=options.clock,
    )
