"""What a run stands: faults of the model, the phone, the services, the disk, signals and encodings.

    python benchmarks/faults.py [--only KIND] [--json FILE]

Each fault meets a run in a process of its own. The run must end in one of the eight ways (one that
was killed, once it is resumed), with its folder, its report and one sentence, within two seconds of
its limit, below 1 GB of memory, and without a traceback; no call may reach a service, and no touch
the phone, more often than the run says that it was sent. Prints a table, and ends with exit
code 1 if a run did not.
"""

import argparse
import contextlib
import io
import json
import os
import platform
import resource
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from fault_phone import COMMANDS, WRONGS, Wrong, alarm_replies, served_phone, url_in
from fault_servers import CALL, FINISH, VERIFIED, answering

from tapgraph.agents.api.agent import ApiAgent
from tapgraph.agents.mobile.agent import PhoneAgent
from tapgraph.agents.mobile.replies import NotetakerReply, ReflectorReply
from tapgraph.agents.run.agent import Agent
from tapgraph.agents.run.budget import Budget
from tapgraph.agents.run.events import ActionStarted
from tapgraph.agents.run.human import AbsentHuman
from tapgraph.agents.run.outcome import Outcome
from tapgraph.agents.run.run_folder import RunFolder
from tapgraph.cli.task_output import print_result
from tapgraph.errors import DeviceLost, EnvironmentMissing, ToolError
from tapgraph.evals.report.run_report import write_report
from tapgraph.llm_backend.chat_model import ChatModel, Reply
from tapgraph.llm_backend.openai_model import OpenAIModel
from tapgraph.llm_backend.scripted_model import ScriptedModel
from tapgraph.tools.api.calls import CallResult
from tapgraph.tools.api.catalog import Api, ApiCatalog
from tapgraph.tools.api.json_value import Json
from tapgraph.tools.mobile.appium_device import AppiumDevice

LIMIT_S = 4.0
PHONE_LIMIT_S = 8.0
"""A phone behind a server needs so long where nothing goes wrong and the machine is busy."""
GRACE_S = 2.0
MOST_MIB = 1000
TASK = "Turn on the alarm at 08:30"


class BrokenPromise(Exception):
    """A run that ended in another way than it must."""


@dataclass(frozen=True)
class Fault:
    """A fault and the run that it meets: `run` is called in a new process, with the run's folder.

    Attributes:
        resumes: goes on with the run in another process where the first was stopped by a signal.
        beside: what stands beside the run's folder and outlives the processes.
    """

    kind: str
    name: str
    run: Callable[[Path], object]
    resumes: Callable[[Path], object] | None = None
    beside: Callable[[Path], AbstractContextManager[object]] = nullcontext


@dataclass
class Service:
    """One API that does as it is told when it is called, and writes down each call."""

    log: Path
    does: Callable[[], Json] = lambda: "sunny"
    catalog: ApiCatalog = field(
        default_factory=lambda: ApiCatalog([Api("get_weather", "Tells the weather.")])
    )

    def call(self, identifier: str, arguments: Mapping[str, Json]) -> CallResult:
        """What it does."""
        with self.log.open("a") as log:
            log.write("called\n")
        value = self.does()
        return CallResult(value, str(value)[:1000], 0.0)


def api_agent(
    folder: Path,
    model: ChatModel | None = None,
    does: Callable[[], Json] | None = None,
    **fields: Any,
) -> ApiAgent:
    """An agent that calls its service once and tells what it said."""
    log = folder.with_name("calls.txt")
    service = Service(log) if does is None else Service(log, does)
    usual = ScriptedModel([CALL, FINISH, *[VERIFIED] * 40])
    return ApiAgent(service, model or usual, budget=Budget(max_seconds=LIMIT_S), **fields)


def finish(agent: Agent, folder: Path, instruction: str = "What is the weather?") -> None:
    """Do the task, or go on with it, and print and report how it ended."""
    is_there = (folder / "run.json").exists()
    result = agent.resume(folder) if is_there else agent.run(instruction, out=folder)
    try:
        report = write_report(RunFolder.open(folder))
    except OSError:
        report = folder / "report.html"
    print_result(result, report, json=False)
    if not result.reason or len(result.reason.splitlines()) > 1:
        raise BrokenPromise(f"no sentence: {result.reason!r}")
    if result.spent.seconds > (agent.budget.max_seconds or 0) + GRACE_S:
        raise BrokenPromise(f"it took {result.spent.seconds:.1f} s")


def model_faults() -> Iterator[Fault]:
    """Servers that answer wrongly, once or always, at the first or a later request."""
    for name, answer in answering().items():
        for first in (0, 1, 2):
            for is_once in (True, False):

                def run(folder: Path, answer: Any = answer, at: Any = (first, is_once)) -> None:
                    with answer(*at) as url:
                        model = OpenAIModel(url, "m", max_retries=1, timeout_s=2)
                        finish(api_agent(folder, model), folder)

                often = "once" if is_once else "always"
                yield Fault("model", f"{name}, {often} from request {first + 1}", run)


def raising(error: Exception) -> Callable[[], Any]:
    """Something that raises the error."""

    def do() -> Any:
        raise error

    return do


def sleeping() -> Any:
    """Never comes back."""
    time.sleep(3600)


_BREAKS: dict[str, Callable[[], Any]] = {
    "is lost": raising(DeviceLost("the cable is out")),
    "refuses": raising(ToolError("not now")),
    "raises what nobody expects": raising(RuntimeError("\ud83d bug\nin two lines")),
    "gives nothing": lambda: None,
    "never answers": sleeping,
}


def phone_run(folder: Path, on_event: Callable[[Any], None] | None = None) -> None:
    """Turn on an alarm of the phone that is served beside the folder, or go on with that."""
    with AppiumDevice.connect(url_in(folder.parent)) as phone:
        agent = PhoneAgent(
            phone,
            ScriptedModel(alarm_replies),
            human=AbsentHuman("allow"),
            budget=Budget(max_seconds=PHONE_LIMIT_S),
            on_event=on_event,
        )
        finish(agent, folder, TASK)
        ended = time.monotonic()
    if time.monotonic() - ended > GRACE_S:
        raise BrokenPromise(f"the phone was left after {time.monotonic() - ended:.1f} s")


def device_faults() -> Iterator[Fault]:
    """An Appium server that does wrong, behind which the simulated phone goes on."""
    wrongs = [
        Wrong(command, instead, at, is_once)
        for command in COMMANDS
        for instead in WRONGS
        for at, is_once in ((1, False), (2, True))
    ]
    huge = Wrong("the picture", "a picture of 30,000 x 30,000", 1, is_once=False)
    for wrong in (*wrongs, huge):
        often = "once" if wrong.is_once else "always"
        yield Fault(
            "device",
            f"{wrong.command}: {wrong.instead}, {often} from {wrong.at}",
            phone_run,
            beside=partial(served_phone, wrong=wrong),
        )


def service_faults() -> Iterator[Fault]:
    """Services that break, hang, or answer with what is hard to keep."""
    deep: list[Any] = []
    for _ in range(900):
        deep = [deep]
    answers: dict[str, Callable[[], Any]] = {
        "is away": raising(EnvironmentMissing("the server is away")),
        "has no secret": raising(EnvironmentMissing("set WEATHER_KEY")),
        "breaks in recursion": raising(RecursionError("deep")),
        "breaks in memory": raising(MemoryError()),
        "answers 900 deep": lambda: deep,
        "answers a megabyte": lambda: "x" * 1_000_000,
        "answers lone surrogates": lambda: "\ud800\udfff\x00\x1b[2J\u202e",
        "answers NaN": lambda: float("nan"),
        **_BREAKS,
    }
    for name, does in answers.items():

        def run(folder: Path, does: Any = does) -> None:
            finish(api_agent(folder, does=does), folder)

        yield Fault("service", name, run)


def disk_faults() -> Iterator[Fault]:
    """A disk that is full: no file may grow beyond so many bytes; and folders that are damaged."""
    for size in (*range(0, 4000, 200), 5000, 8000, 12_000, 20_000, 30_000, 40_000, 50_000, 60_000):

        def run(folder: Path, size: int = size) -> None:
            agent = api_agent(folder)
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
            try:
                finish(agent, folder)
            finally:
                resource.setrlimit(
                    resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
                )

        yield Fault(
            "disk",
            f"files end at {size} bytes",
            run,
            lambda folder: finish(api_agent(folder), folder),
        )


def resumed(folder: Path) -> None:
    """Go on with a run, and call the service only where that was not done before."""
    events = RunFolder.open(folder).events()
    has_called = any(isinstance(event, ActionStarted) for event in events)
    model = ScriptedModel([*([] if has_called else [CALL]), FINISH, *[VERIFIED] * 40])
    finish(api_agent(folder, model), folder)


def signal_faults() -> Iterator[Fault]:
    """A process that is killed or interrupted at each of its events, and resumed."""
    for number in (signal.SIGKILL, signal.SIGINT, signal.SIGTERM):
        for at in range(1, 16):

            def run(folder: Path, number: int = number, at: int = at) -> None:
                seen: list[Any] = []

                def observe(recorded: Any) -> None:
                    seen.append(recorded)
                    if len(seen) == at:
                        os.kill(os.getpid(), number)

                finish(api_agent(folder, on_event=observe), folder)

            name = f"{signal.Signals(number).name} at event {at}"
            yield Fault("signal", name, run, resumed)
    for at in range(1, 28, 2):
        run = partial(phone_run, on_event=_killed_at(at))
        yield Fault("signal", f"SIGKILL at event {at} of a phone", run, phone_run, served_phone)
    yield Fault("signal", "Ctrl-C while two roles wait", interrupted_twice, phone_run, served_phone)


def _killed_at(at: int) -> Callable[[Any], None]:
    seen: list[Any] = []

    def observe(recorded: Any) -> None:
        seen.append(recorded)
        if len(seen) == at:
            os.kill(os.getpid(), signal.SIGKILL)

    return observe


def interrupted_twice(folder: Path) -> None:
    """A run whose Reflector and Notetaker both wait for a model when Ctrl-C comes."""
    waiting = threading.Barrier(3)
    pressed: list[float] = []

    def answer(messages: Any, schema: Any) -> Reply:
        if schema in {ReflectorReply, NotetakerReply}:
            waiting.wait()
            threading.Event().wait(3600)
        return alarm_replies(messages, schema)

    def press() -> None:
        waiting.wait()
        pressed.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=press, daemon=True).start()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with AppiumDevice.connect(url_in(folder.parent)) as phone:
        limit = Budget(max_seconds=PHONE_LIMIT_S)
        agent = PhoneAgent(phone, ScriptedModel(answer), human=AbsentHuman("allow"), budget=limit)
        try:
            finish(agent, folder, TASK)
        except KeyboardInterrupt:
            if time.monotonic() - pressed[0] > GRACE_S:
                raise BrokenPromise(f"{time.monotonic() - pressed[0]:.1f} s") from None
            raise


def encoding_faults() -> Iterator[Fault]:
    """Terminals that know few letters, and instructions that hold all kinds."""
    for encoding in ("ascii", "latin-1", "cp1252", "utf-8"):
        for words in (
            "Wie ist das Wetter? ✓",
            "天気は",
            "\u202etxt\x1b[2J",
            "a\ud800b",
            "x" * 9999,
        ):

            def run(folder: Path, encoding: str = encoding, words: str = words) -> None:
                raw = io.BytesIO()
                sys.stdout = io.TextIOWrapper(raw, encoding, errors="backslashreplace")
                finish(api_agent(folder), folder, words)
                sys.stdout.flush()
                if b"\x1b" in raw.getvalue():
                    raise BrokenPromise("the terminal was given orders")

            yield Fault("encoding", f"{encoding}, {words[:12]!a}", run)


KINDS = (
    model_faults,
    device_faults,
    service_faults,
    disk_faults,
    signal_faults,
    encoding_faults,
)


def tried(fault: Fault) -> dict[str, Any]:
    """What became of the run that met the fault; `problem` is empty where it did as promised."""
    with tempfile.TemporaryDirectory() as place, fault.beside(Path(place)):
        folder = Path(place) / "run"
        status, mib, errors = in_child(lambda: fault.run(folder))
        problem = _problem_of(errors, mib)
        outcome = _outcome_in(folder)
        is_stopped = os.WIFSIGNALED(status) or outcome is None
        if (
            is_stopped
            and fault.resumes is not None
            and not problem
            and (folder / "run.json").exists()
        ):
            resume = fault.resumes
            _, mib, errors = in_child(lambda: resume(folder))
            problem, outcome = _problem_of(errors, mib), _outcome_in(folder)
        elif is_stopped and fault.kind == "disk" and not problem:
            outcome = Outcome.FAILED  # Not even the header could be written; one sentence said so.
        if not problem and outcome is None:
            problem = "no outcome"
        problem = problem or _repeated(folder)
    return {
        "kind": fault.kind,
        "fault": fault.name,
        "outcome": outcome.value if outcome is not None else "",
        "mib": mib,
        "problem": problem,
    }


def in_child(work: Callable[[], object]) -> tuple[int, int, str]:
    """The wait status, the peak of memory in MiB and what stood on stderr, of work in a fork."""
    with tempfile.TemporaryFile() as errors, tempfile.TemporaryFile() as printed:
        child = os.fork()
        if child == 0:
            os.dup2(errors.fileno(), 2)
            os.dup2(printed.fileno(), 1)
            _work_and_leave(work)
        give_up = time.monotonic() + 60
        while True:
            done, status, used = os.wait4(child, os.WNOHANG)
            if done:
                break
            if time.monotonic() > give_up:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                return 0, 0, "Traceback: hung for a minute"
            time.sleep(0.01)
        errors.seek(0)
        told = errors.read().decode(errors="replace")
    return status, used.ru_maxrss // 1024, told


def _work_and_leave(work: Callable[[], object]) -> None:
    code = 0
    try:
        work()
    except KeyboardInterrupt:
        code = 130
    except BaseException as error:  # noqa: BLE001 - told to the parent
        is_sentence = type(error).__module__.startswith("tapgraph") or isinstance(error, OSError)
        text = f"error: {error}" if is_sentence else f"Traceback: {error!r}"
        with contextlib.suppress(OSError):
            os.write(2, text.encode(errors="replace"))
        code = 2
    finally:
        os._exit(code)


def _problem_of(errors: str, mib: int) -> str:
    if "Traceback" in errors:
        return errors[errors.index("Traceback") :][:300]
    return f"{mib} MiB" if mib > MOST_MIB else ""


def _outcome_in(folder: Path) -> Outcome | None:
    try:
        return RunFolder.open(folder).header.outcome
    except Exception:  # noqa: BLE001 - whatever is wrong, there is no outcome
        return None


def _repeated(folder: Path) -> str:
    """What reached a service or the phone more often than the run says that it was sent."""
    try:
        events = RunFolder.open(folder).events()
    except Exception:  # noqa: BLE001 - the folder may be what was damaged
        return ""
    started = [event.action["name"] for event in events if isinstance(event, ActionStarted)]
    for log, names in (("calls.txt", {"get_weather"}), ("touches.txt", {"Tap"})):
        place = folder.with_name(log)
        arrived = len(place.read_text().splitlines()) if place.exists() else 0
        sent = sum(name in names for name in started)
        if arrived > sent:
            return f"{arrived} arrived of {sent} that were sent"
    return ""


def main() -> int:
    """Try all faults, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", help="one kind: model, device, service, disk, signal, encoding")
    parser.add_argument("--json", type=Path, help="where the results go")
    given = parser.parse_args()
    results = []
    print(f"{'kind':9} {'faults':>6} {'as promised':>11} {'peak MiB':>8}  outcomes")
    for faults in KINDS:
        kind = faults.__name__.removesuffix("_faults")
        if given.only not in {None, kind}:
            continue
        some = [tried(fault) for fault in faults()]
        results += some
        good = sum(not one["problem"] for one in some)
        outcomes = {name: sum(one["outcome"] == name for one in some) for name in Outcome}
        told = ", ".join(f"{count} {name}" for name, count in outcomes.items() if count)
        peak = max(one["mib"] for one in some)
        print(f"{kind:9} {len(some):6} {good:11} {peak:8}  {told}", flush=True)
        for one in some:
            if one["problem"]:
                print(f"    {one['fault']}: {one['problem']}", flush=True)
    if given.json is not None:
        machine = {"python": platform.python_version(), "cpus": os.cpu_count()}
        given.json.write_text(json.dumps({"machine": machine, "results": results}, indent=1) + "\n")
    broken = sum(bool(one["problem"]) for one in results)
    print(f"{len(results)} faults, {broken} not as promised")
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main())
