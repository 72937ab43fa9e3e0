"""A run that is killed with SIGKILL goes on where it was, and repeats nothing on the phone."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tapgraph.agents.mobile.agent import PhoneAgent
from tapgraph.agents.run.budget import Budget
from tapgraph.agents.run.events import ActionDone, ActionStarted, ModelCalled
from tapgraph.agents.run.ledger import answered_actions
from tapgraph.agents.run.outcome import Outcome
from tapgraph.agents.run.run_folder import RunFolder
from tapgraph.errors import UnreadableRun, UsageError
from tapgraph.llm_backend.chat_model import ChatModel
from tapgraph.llm_backend.roles import RoleModels
from tapgraph.memory import MemoryStore
from tapgraph.tools.mobile.appium_device import AppiumDevice
from tapgraph.tools.mobile.simulator.builder import build_phone
from tapgraph.tools.mobile.simulator.device import SimulatedDevice
from tapgraph.tools.mobile.simulator.phone import Phone
from tapgraph.tools.mobile.simulator.server.simulator_server import SimulatorServer

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


def resumed_outcome(server: SimulatorServer, model: ChatModel, folder: Path) -> Outcome:
    with (
        AppiumDevice.connect(server.url) as device,
        MemoryStore.open(folder / "memory.db") as memory,
    ):
        agent = PhoneAgent(device=device, model=RoleModels(model), memory=memory)
        return agent.resume(folder / "run").outcome


@pytest.mark.parametrize(
    ("event", "ordinal"),
    [
        pytest.param(*point, marks=[] if point in FAST else [pytest.mark.slow])
        for point in KILL_POINTS
    ],
)
def test_a_killed_run_resumes_and_repeats_no_acknowledged_action(
    event: str, ordinal: int, server: SimulatorServer, tmp_path: Path, known_routes: Any,
    openai_server: Any, phone_brain: Any,
) -> None:  # fmt: skip
    knowing = known_routes.KnowsRoutes(server.phone)
    model = openai_server(phone_brain.PhoneBrain(knowing)).spec()
    script = Path(__file__).with_name("killed_run.py")
    command = [sys.executable, str(script), server.url, model, str(tmp_path)]
    command += [NOTE, event, str(ordinal)]
    killed = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    before = RunFolder.open(tmp_path / "run")
    done_before = [each for each in before.events() if isinstance(each, ActionDone)]
    if event == "finished":
        assert before.header.outcome is None
    assert resumed_outcome(server, knowing, tmp_path) is Outcome.SUCCESS
    assert known_routes.is_done(NOTE, server.phone)
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
    memory: MemoryStore, tmp_path: Path, known_routes: Any
) -> None:
    with build_phone(seed=7) as first:
        agent = PhoneAgent(
            device=SimulatedDevice(first),
            model=RoleModels(known_routes.KnowsRoutes(first)),
            memory=memory,
            budget=Budget(max_steps=4),
        )
        assert agent.run(NOTE, out=tmp_path / "run").outcome is Outcome.BUDGET
        shown = first.page_source()
    with build_phone(seed=7) as second:
        device = SimulatedDevice(second)
        device.replay(answered_actions(RunFolder.open(tmp_path / "run").timeline()))
        assert second.page_source() == shown
        model = RoleModels(known_routes.KnowsRoutes(second))
        agent = PhoneAgent(device=device, model=model, memory=memory)
        result = agent.resume(tmp_path / "run")
        assert result.outcome is Outcome.SUCCESS
        assert known_routes.is_done(NOTE, second)


def test_a_resumed_run_is_charged_with_what_it_had_used(
    memory: MemoryStore, phone: Phone, tmp_path: Path, knowing: ChatModel
) -> None:
    def agent(budget: Budget) -> PhoneAgent:
        return PhoneAgent(
            device=SimulatedDevice(phone),
            model=RoleModels(knowing),
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


def test_a_finished_run_is_not_resumed(
    memory: MemoryStore, phone: Phone, tmp_path: Path, knowing: ChatModel
) -> None:
    agent = PhoneAgent(device=SimulatedDevice(phone), model=RoleModels(knowing), memory=memory)
    agent.run("Turn on the alarm at 08:30", out=tmp_path / "run")
    with pytest.raises(UsageError, match="has ended: success"):
        agent.resume(tmp_path / "run")
    with pytest.raises(UnreadableRun):
        agent.resume(tmp_path / "nothing")
