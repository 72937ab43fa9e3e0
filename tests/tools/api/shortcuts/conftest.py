"""Short ways to write actions, and to run them."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tapgraph.tools.api.shortcuts.content import Content
from tapgraph.tools.api.shortcuts.runtime import run_workflow
from tapgraph.tools.api.shortcuts.system import SimulatedSystem
from tapgraph.tools.api.shortcuts.workflow import Workflow

Run = Callable[..., Content]


def action(name: str, **parameters: object) -> dict[str, object]:
    identifier = name if name.startswith("com.") else f"is.workflow.actions.{name}"
    return {"WFWorkflowActionIdentifier": identifier, "WFWorkflowActionParameters": parameters}


@pytest.fixture(scope="session")
def act() -> Callable[..., dict[str, object]]:
    """An action from the last words of its identifier and its parameters."""
    return action


@pytest.fixture
def system() -> SimulatedSystem:
    """A fresh simulated system."""
    return SimulatedSystem()


@pytest.fixture
def run(system: SimulatedSystem) -> Run:
    """Runs actions on `system` and gives the shortcut's output."""

    def runs(*actions: Mapping[str, object], given: Content = None) -> Content:
        return run_workflow(Workflow.from_actions(list(actions)), system, given=given).output

    return runs


@pytest.fixture(scope="session")
def real_data(shared_data: Path) -> Path:
    """The authors' files, which the repository does not hold."""
    folder = shared_data / "shortcutsbench"
    if not folder.is_dir():
        pytest.skip(f"no ShortcutsBench data at {folder}")
    return folder
