"""A shortcut whose actions need leave: the node runs again, and neither repeats nor mixes up."""

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest
from PIL import Image
from pydantic import BaseModel

from tapgraph.agents.mobile.agent import PhoneAgent
from tapgraph.agents.mobile.replies import (
    ManagerReply,
    NotetakerReply,
    OperatorReply,
    ReflectorReply,
    ShortcutReply,
    TipsReply,
    VerifierReply,
)
from tapgraph.agents.run.events import HumanAsked, Reflected
from tapgraph.agents.run.human import AbsentHuman, CallbackHuman, Human, HumanRequest
from tapgraph.agents.run.outcome import Outcome
from tapgraph.errors import ToolError
from tapgraph.llm_backend.messages import Message
from tapgraph.llm_backend.roles import RoleModels
from tapgraph.llm_backend.scripted_model import Answer, ScriptedModel
from tapgraph.memory import MemoryStore
from tapgraph.memory.models import ShortcutDraft, ShortcutStep
from tapgraph.memory.shortcut_check import ActionArguments
from tapgraph.tools.mobile.actions import Action, Tap
from tapgraph.tools.mobile.device import ActionReceipt, AppInfo, Capability
from tapgraph.tools.mobile.geometry import Size
from tapgraph.tools.mobile.ui_tree import UiTree, parse_ui_tree

Events = Callable[[Any], list[Any]]

ROW_PX = 100
LABELS = ("one", "Send", "two", "Delete", "three", "four")
TAP = {"Tap": ActionArguments(required=frozenset({"x", "y"}))}


class Board:
    """A device with one button a row and a count of touches.

    Unless `keeps` is set, a touch takes its button away, and those below move up.
    """

    name = "board"
    capabilities = frozenset({Capability.UI_TREE, Capability.VIRTUAL_TIME})

    def __init__(self, *labels: str, keeps: bool) -> None:
        self.labels = list(labels)
        self.touched: list[str] = []
        self._keeps = keeps

    def ui_tree(self) -> UiTree:
        rows = "".join(
            f'<node class="android.widget.Button" package="org.example" text="{label}" '
            f'clickable="true" bounds="[0,{row * ROW_PX}][1080,{(row + 1) * ROW_PX}]"/>'
            for row, label in enumerate(self.labels, 1)
        )
        count = (
            '<node class="android.widget.TextView" package="org.example" '
            f'text="{len(self.touched)} touches" bounds="[0,2000][500,2100]"/>'
        )
        return parse_ui_tree(f"<hierarchy>{rows}{count}</hierarchy>")

    def perform(self, action: Action) -> ActionReceipt:
        if not isinstance(action, Tap):
            raise ToolError("there is nothing but buttons")
        label = self.labels[action.y // ROW_PX - 1]
        self.touched.append(label)
        if not self._keeps:
            self.labels.remove(label)
        return ActionReceipt(action, 0.0, "")

    def screenshot(self) -> Image.Image:
        return Image.new("RGB", (1080, 2400))

    def size(self) -> Size:
        return Size(1080, 2400)

    def current_app(self) -> AppInfo:
        return AppInfo("org.example", "Example")

    def local_time(self) -> datetime | None:
        return None

    def keyboard_shown(self) -> bool:
        return False

    def installed_apps(self) -> Sequence[AppInfo]:
        return ()

    def close(self) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        pass


@pytest.fixture
def agent_on(memory: MemoryStore) -> Callable[[Board, Human], PhoneAgent]:
    """An agent that calls one shortcut, which touches the first five rows."""
    steps = tuple(
        ShortcutStep(action_name="Tap", arguments_map={"x": 540, "y": row * ROW_PX + ROW_PX // 2})
        for row in range(1, 6)
    )
    draft = ShortcutDraft(
        name="Touch_All", arguments=(), description="d", precondition="p", steps=steps
    )
    memory.add_shortcut(draft, actions=TAP)

    def build(board: Board, human: Human) -> PhoneAgent:
        models = RoleModels(ScriptedModel(_answer))
        return PhoneAgent(device=board, model=models, memory=memory, human=human)

    return build


def _answer(messages: Sequence[Message], schema: type[BaseModel] | None) -> Answer:
    answers: dict[str, Answer] = {
        "ManagerReply": ManagerReply(thought="", subgoals=["Touch"], current=1, status="working"),
        "OperatorReply": OperatorReply(
            thought="", action="Touch_All", description="", completes_subgoal=False
        ),
        "ReflectorReply": ReflectorReply(verdict="A", subgoal_done=True),
        "NotetakerReply": NotetakerReply(notes=""),
        "VerifierReply": VerifierReply(complete=True),
        "ShortcutReply": ShortcutReply(worth_keeping=False),
        "TipsReply": TipsReply(tips=[]),
    }
    assert schema is not None
    return answers[schema.__name__]


@pytest.mark.parametrize("keeps", [True, False])
@pytest.mark.parametrize(
    ("said", "touched"),
    [
        (("yes", "yes"), ["one", "Send", "two", "Delete", "three"]),
        (("yes", "no"), ["one", "Send", "two"]),
        (("no", "yes"), ["one"]),
    ],
)
def test_each_risky_action_inside_a_shortcut_gets_its_own_answer(
    said: tuple[str, str],
    touched: list[str],
    keeps: bool,
    agent_on: Callable[[Board, Human], PhoneAgent],
    events: Events,
    tmp_path: Path,
) -> None:
    answers = dict(zip(("send", "delete"), said, strict=True))

    def answer(request: HumanRequest) -> str:
        return answers[request.text.partition(":")[0]]

    board = Board(*LABELS, keeps=keeps)
    agent_on(board, CallbackHuman(answer)).run("Touch", out=tmp_path / "run")
    assert board.touched == touched
    asked = [event.text.partition(":")[0] for event in events(HumanAsked)]
    assert asked == ["send", "delete"][: 1 if said[0] == "no" else 2]
    assert events(Reflected)[0].verdict == "A"


@pytest.mark.parametrize("keeps", [True, False])
def test_a_run_that_is_stopped_inside_a_shortcut_goes_on_there(
    keeps: bool, agent_on: Callable[[Board, Human], PhoneAgent], tmp_path: Path
) -> None:
    def leave(request: HumanRequest) -> str:
        if request.text.startswith("delete"):
            raise KeyboardInterrupt
        return "yes"

    board = Board(*LABELS, keeps=keeps)
    with pytest.raises(KeyboardInterrupt):
        agent_on(board, CallbackHuman(leave)).run("Touch", out=tmp_path / "run")
    assert board.touched == list(LABELS[:3])
    result = agent_on(board, AbsentHuman("allow")).resume(tmp_path / "run")
    assert result.outcome is Outcome.SUCCESS
    assert board.touched == list(LABELS[:5])
