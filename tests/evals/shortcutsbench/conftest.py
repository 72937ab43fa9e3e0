"""Small items of our own in the authors' formats, and the real data where it is present."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tapgraph.evals.shortcutsbench.data_files import load_shortcuts
from tapgraph.evals.shortcutsbench.item import Item
from tapgraph.evals.shortcutsbench.transcript import Answer

OWN_DATA = Path(__file__).parents[2] / "data" / "shortcutsbench"


@pytest.fixture(scope="session")
def own_data() -> Path:
    """A folder in the layout of the authors' files with five shortcuts."""
    return OWN_DATA


@pytest.fixture(scope="session")
def own_items() -> dict[str, Item]:
    """The five shortcuts by the letter that their URL repeats."""
    return {item.id[-1]: item for item in load_shortcuts(OWN_DATA).items}


@pytest.fixture(scope="session")
def real_data(shared_data: Path) -> Path:
    """The authors' files, which the repository does not hold."""
    folder = shared_data / "shortcutsbench"
    if not folder.is_dir():
        pytest.skip(f"no ShortcutsBench data at {folder}")
    return folder


@pytest.fixture(scope="session")
def real_items(real_data: Path) -> tuple[Item, ...]:
    """The four real items."""
    return load_shortcuts(real_data).items


@pytest.fixture(scope="session")
def said() -> Callable[..., Answer]:
    """An answer from a position, an identifier's last words, and parameters."""

    def make(position: int, name: str, **parameters: object) -> Answer:
        identifier = (
            name if name in {"Finish"} or name.startswith("com.") else f"is.workflow.actions.{name}"
        )
        call = {
            "Thought": "",
            "WFWorkflowActionIdentifier": identifier,
            "WFWorkflowActionParameters": parameters,
        }
        return Answer(position, json.dumps(call, ensure_ascii=False))

    return make
