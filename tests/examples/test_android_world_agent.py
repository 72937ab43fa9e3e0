"""AndroidWorld's adapter against a stand-in of what it uses of AndroidWorld."""

import importlib.util
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from tapgraph.tools.mobile.simulator import build_phone
from tapgraph.tools.mobile.simulator.server import SimulatorServer

ADAPTER = Path(__file__).parents[2] / "examples" / "android_world_agent.py"


@dataclass
class JsonAction:
    action_type: str
    text: str | None = None
    goal_status: str | None = None


@dataclass
class Result:
    done: bool
    data: dict[str, Any]


class Agent:
    """What `EnvironmentInteractingAgent` gives its subclasses."""

    def __init__(self, env: Any, name: str = "") -> None:
        self._env, self._name, self._max_steps = env, name, None

    @property
    def env(self) -> Any:
        return self._env

    def set_max_steps(self, max_steps: Any) -> None:
        self._max_steps = max_steps


@dataclass
class Env:
    actions: list[JsonAction] = field(default_factory=list)

    def execute_action(self, action: JsonAction) -> None:
        self.actions.append(action)


@pytest.fixture
def adapter(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    stand_ins: dict[str, Any] = {
        "android_world": SimpleNamespace(),
        "android_world.agents": SimpleNamespace(
            base_agent=SimpleNamespace(
                EnvironmentInteractingAgent=Agent, AgentInteractionResult=Result
            )
        ),
        "android_world.env": SimpleNamespace(json_action=SimpleNamespace(JSONAction=JsonAction)),
    }
    for name, module in stand_ins.items():
        monkeypatch.setitem(sys.modules, name, module)
    spec = importlib.util.spec_from_file_location("android_world_agent", ADAPTER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("max_steps", "result", "says"),
    [
        (20, "", [("status", "complete")]),
        (20, "Done at noon.", [("answer", "Done at noon."), ("status", "complete")]),
        (1, "", [("status", "infeasible")]),
    ],
)
def test_a_task_is_one_step_and_its_end_is_said(
    max_steps: int,
    result: str,
    says: list[tuple[str, str]],
    adapter: ModuleType,
    openai_server: Callable[..., Any],
    phone_brain: ModuleType,
    known_routes: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    with build_phone(seed=7) as phone, SimulatorServer(phone) as server:
        brain = phone_brain.PhoneBrain(known_routes.KnowsRoutes(phone), result=result)
        model = openai_server(brain).spec()
        agent = adapter.TapgraphAgent(env := Env(), model, appium_url=server.url)
        agent.set_max_steps(max_steps)
        ended = agent.step(known_routes.NOTE)
        assert known_routes.is_done(known_routes.NOTE, phone) is (says[-1][1] == "complete")
    assert ended.done
    assert Path(ended.data["run"]).is_dir()
    assert [(one.action_type, one.text or one.goal_status) for one in env.actions] == says
