"""A run that is killed with SIGKILL goes on where it was, and repeats nothing on the phone."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tapgraph.agents.mobile.agent import PhoneAgent
from tapgraph.agents.run.budget import Budget
from tapgraph.agents.run.events import ActionDone, ActionStarted, ModelCalled
from tapgraph.agents.run.ledger import answered_actions
from tapgraph.agents.run.outcome import Outcome
from tapgraph.agents.run.run_folder import RunFolder
from tapgraph.errors import UnreadableRun, UsageError
from tapgraph.evals.phone.demonstrator import Demonstrator
from tapgraph.llm_backend.roles import RoleModels
from tapgraph.memory import MemoryStore
from tapgraph.tools.mobile.appium_device import AppiumDevice
from tapgraph.tools.mobile.simulator.builder import build_phone
from tapgraph.tools.mobile.simulator.device import SimulatedDevice
from tapgraph.tools.mobile.simulator.phone import Phone
from tapgraph.tools.mobile.simulator.server.simulator_server import SimulatorServer
from tapgraph.tools.mobile.simulator.tasks import PhoneRecords, find_task
from tapgraph.tools.mobile.simulator.world.world import World

NOTE = 'Write a note called "Shop" with the text "Milk // 2 l # fresh".'

KILL_POINTS = [
    ("screen_seen", 1),
    ("planned", 1),
    ("operator", 2),
    ("decided", 2),
    ("action_started", 3),
    ("action_done", 4),
    ("screen_seen", 4),
    ("reflector", 3),
    ("notetaker", 4),
    ("reflected", 5),
    ("step_timed", 4),
    ("verified", 1),
    ("learnt_shortcut", 1),
    ("learnt_tips", 1),
    ("finished", 1),
]
FAST = {("action_done", 4), ("reflector", 3)}


@pytest.fixture
def server() -> Iterator[SimulatorServer]:
    with build_phone(seed=7) as phone, SimulatorServer(phone) as running:
        yield running


def resumed_outcome(server: SimulatorServer, folder: Path) -> Outcome:
    with (
        AppiumDevice.connect(server.url) as device,
        MemoryStore.open(folder / "memory.db") as memory,
    ):
        agent = PhoneAgent(device=device, model=RoleModels(Demonstrator()), memory=memory)
        return agent.resume(folder / "run").outcome


def is_done(phone: Phone) -> bool:
    task = find_task(NOTE)
    assert task is not None
    return task.check(World.generate(7), PhoneRecords(phone)).ok


@pytest.mark.parametrize(
    ("event", "ordinal"),
    [
        pytest.param(*point, marks=[] if point in FAST else [pytest.mark.slow])
        for point in KILL_POINTS
    ],
)
def test_a_killed_run_resumes_and_repeats_no_acknowledged_action(
    event: str, ordinal: int, server: SimulatorServer, tmp_path: Path
) -> None:
    script = Path(__file__).with_name("killed_run.py")
    command = [sys.executable, str(script), server.url, str(tmp_path), NOTE, event, str(ordinal)]
    killed = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    before = RunFolder.open(tmp_path / "run")
    done_before = [each for each in before.events() if isinstance(each, ActionDone)]
    if event == "finished":
        assert before.header.outcome is None
    assert resumed_outcome(server, tmp_path) is Outcome.SUCCESS
    assert is_done(server.phone)
    events = RunFolder.open(tmp_path / "run").events()
    done = [(each.step, each.part) for each in events if isinstance(each, ActionDone)]
    started = [(each.step, each.part) for each in events if isinstance(each, ActionStarted)]
    assert len(done) == len(set(done))
    assert len(started) == len(set(started))
    assert done[: len(done_before)] == [(each.step, each.part) for each in done_before]
    typed = [
        each.action["arguments"]["text"]
        for each in events
        if isinstance(each, ActionDone) and each.action["name"] == "Type"
    ]
    assert sorted(typed) == sorted(set(typed))


def test_a_simulated_phone_in_process_is_brought_back_by_replay(
    memory: MemoryStore, tmp_path: Path
) -> None:
    with build_phone(seed=7) as first:
        agent = PhoneAgent(
            device=SimulatedDevice(first),
            model=RoleModels(Demonstrator()),
            memory=memory,
            budget=Budget(max_steps=4),
        )
        assert agent.run(NOTE, out=tmp_path / "run").outcome is Outcome.BUDGET
        shown = first.page_source()
    with build_phone(seed=7) as second:
        device = SimulatedDevice(second)
        device.replay(answered_actions(RunFolder.open(tmp_path / "run").timeline()))
        assert second.page_source() == shown
        agent = PhoneAgent(device=device, model=RoleModels(Demonstrator()), memory=memory)
        result = agent.resume(tmp_path / "run")
        assert result.outcome is Outcome.SUCCESS
        assert is_done(second)


def test_a_resumed_run_is_charged_with_what_it_had_used(
    memory: MemoryStore, phone: Phone, tmp_path: Path
) -> None:
    def agent(budget: Budget) -> PhoneAgent:
        return PhoneAgent(
            device=SimulatedDevice(phone),
            model=RoleModels(Demonstrator()),
            memory=memory,
            budget=budget,
        )

    first = agent(Budget(max_tokens=5000)).run(NOTE, out=tmp_path / "run")
    second = agent(Budget(max_tokens=5000)).resume(tmp_path / "run")
    assert second.outcome is Outcome.BUDGET
    assert second.spent.tokens == first.spent.tokens
    third = agent(Budget()).resume(tmp_path / "run")
    assert third.outcome is Outcome.SUCCESS
    calls = [each for each in RunFolder.open(tmp_path / "run").events()
             if isinstance(each, ModelCalled)]  # fmt: skip
    assert third.spent.tokens == sum(each.prompt_tokens + each.completion_tokens for each in calls)


def test_a_finished_run_is_not_resumed(memory: MemoryStore, phone: Phone, tmp_path: Path) -> None:
    agent = PhoneAgent(
        device=SimulatedDevice(phone), model=RoleModels(Demonstrator()), memory=memory
    )
    agent.run("Turn on Do Not Disturb", out=tmp_path / "run")
    with pytest.raises(UsageError, match="has ended: success"):
        agent.resume(tmp_path / "run")
    with pytest.raises(UnreadableRun):
        agent.resume(tmp_path / "nothing")
