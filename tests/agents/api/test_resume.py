"""A run that is killed with SIGKILL goes on where it was, and repeats no call."""

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tapgraph.agents.api.agent import ApiAgent
from tapgraph.agents.api.replies import API_ROLES
from tapgraph.agents.run.budget import Budget
from tapgraph.agents.run.events import ActionDone, ActionStarted, ModelCalled, Reflected
from tapgraph.agents.run.human import AbsentHuman, CallbackHuman
from tapgraph.agents.run.outcome import Outcome
from tapgraph.agents.run.run_folder import RunFolder
from tapgraph.agents.run.task_result import TaskResult
from tapgraph.errors import UnreadableRun, UsageError
from tapgraph.llm_backend.model_spec import open_models
from tapgraph.llm_backend.roles import RoleModels
from tapgraph.memory import MemoryStore
from tapgraph.settings import Settings
from tapgraph.tools.api.openapi import open_service
from tapgraph.tools.policy.rules import PolicyRules, Rule

KILL_POINTS = [
    "run_started@1",
    "retrieved@1",
    "chooser@1",
    "decided@1",
    "action_started@1",
    "action_done@1",
    "human_asked@1",
    "human_answered@1",
    "action_failed@1",
    "action_started@3",
    "action_done@2",
    "reflected@4",
    "step_timed@4",
    "action_started@4",
    "action_done@3",
    "verified@1",
    "learnt_tips@1",
    "finished@1",
]
FAST = {"action_started@3", "action_done@2"}


def resumed(service: str, model: str, folder: Path, place: str) -> TaskResult:
    with (
        open_service(f"{service}/openapi.json") as runner,
        MemoryStore.open(folder / "memory.db") as memory,
    ):
        agent = ApiAgent(
            runner=runner,
            model=open_models(model, Settings.from_environment(), roles=API_ROLES),
            memory=memory,
            human=CallbackHuman(lambda request: place),
            policy=PolicyRules((Rule("allow", tool="*"),)),
        )
        return agent.resume(folder / "run")


@pytest.mark.parametrize(
    "fatal",
    [
        pytest.param(point, marks=[] if point in FAST else [pytest.mark.slow])
        for point in KILL_POINTS
    ],
)
def test_a_killed_run_resumes_and_repeats_no_acknowledged_call(
    fatal: str,
    openai_server: Callable[..., Any],
    notes_calendar: ModuleType,
    meeting: ModuleType,
    tmp_path: Path,
) -> None:
    model = openai_server(meeting.respond).spec()
    script = Path(__file__).with_name("killed_run.py")
    with notes_calendar.start() as service:
        command = [sys.executable, str(script), service.url, model, str(tmp_path)]
        command += [meeting.INSTRUCTION, fatal, meeting.PLACE]
        killed = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        before = RunFolder.open(tmp_path / "run")
        done_before = [each for each in before.events() if isinstance(each, ActionDone)]
        assert before.header.outcome is None
        assert resumed(service.url, model, tmp_path, meeting.PLACE).outcome is Outcome.SUCCESS
        assert meeting.is_done(service.state), service.state
        posts = [each for each in service.state.requests if each.startswith("POST")]
    events = RunFolder.open(tmp_path / "run").events()
    done = [each.step for each in events if isinstance(each, ActionDone)]
    started = [each.step for each in events if isinstance(each, ActionStarted)]
    assert len(done) == len(set(done))
    assert len(started) == len(set(started))
    assert done[: len(done_before)] == [each.step for each in done_before]
    assert posts.count("POST /v1/notes") == 1
    assert posts.count("POST /v1/events") == 2
    unsure = [e for e in events if isinstance(e, Reflected) and "may or may not" in e.error]
    assert len(unsure) == fatal.startswith("action_started")


def test_a_resumed_run_is_charged_with_what_it_had_used_and_goes_on_with_more(
    contacts: Any, memory: MemoryStore, chooses: Any, tmp_path: Path
) -> None:
    model = chooses(
        {"action": "call", "api": "list_people"},
        {
            "action": "call",
            "api": "log",
            "arguments": {"at": {"from_call": 1, "pointer": "/0/name"}},
        },
        {"action": "finish", "answer": "done"},
    )

    def agent(max_steps: int) -> ApiAgent:
        return ApiAgent(
            runner=contacts.runner(),
            model=RoleModels(model),
            memory=memory,
            budget=Budget(max_steps=max_steps),
            human=AbsentHuman("allow"),
        )

    run = tmp_path / "run"
    assert agent(1).run("Log Ann", out=run).outcome is Outcome.BUDGET
    assert agent(1).resume(run).outcome is Outcome.BUDGET
    ended = agent(9).resume(run)
    assert ended.outcome is Outcome.SUCCESS
    assert contacts.logged == ["Ann"]
    assert ended.spent.steps == 3
    calls = [e for e in RunFolder.open(run).events() if isinstance(e, ModelCalled)]
    assert ended.spent.tokens == sum(e.prompt_tokens + e.completion_tokens for e in calls)
    with pytest.raises(UsageError, match="has ended: success"):
        agent(9).resume(run)
    with pytest.raises(UnreadableRun):
        agent(9).resume(tmp_path / "nothing")
