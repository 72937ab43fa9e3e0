"""Shortcuts: played action by action, on the screen as it is, with leave where that is needed."""

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self

import pytest
from PIL import Image
from pydantic import BaseModel

from tapgraph.agents.mobile.replies import (
    ManagerReply,
    NotetakerReply,
    OperatorReply,
    ReflectorReply,
    ShortcutReply,
    TipsReply,
    VerifierReply,
)
from tapgraph.agents.run.events import ActionDone, HumanAsked, Reflected
from tapgraph.agents.run.human import AbsentHuman, CallbackHuman, HumanRequest
from tapgraph.errors import ToolError
from tapgraph.llm_backend.messages import Message
from tapgraph.llm_backend.scripted_model import Answer, ScriptedModel
from tapgraph.memory.models import ActionArguments, ShortcutDraft, ShortcutStep
from tapgraph.memory.store import MemoryStore
from tapgraph.tools.mobile.actions import Action, Tap
from tapgraph.tools.mobile.device import ActionReceipt, AppInfo, Capability
from tapgraph.tools.mobile.geometry import Size
from tapgraph.tools.mobile.ui_tree import UiTree, parse_ui_tree

Events = Callable[[Any], list[Any]]

ROW_PX = 100
TAP = {"Tap": ActionArguments(required=frozenset({"x", "y"}))}


class Board:
    """A device with one button a row; a touch takes its button away, and the rest moves up."""

    name = "board"
    capabilities = frozenset({Capability.UI_TREE, Capability.VIRTUAL_TIME})

    def __init__(self, *labels: str, dead: str = "") -> None:
        self.labels = list(labels)
        self.touched: list[str] = []
        self._dead = dead

    def ui_tree(self) -> UiTree:
        rows = "".join(
            f'<node class="android.widget.Button" package="org.example" text="{label}" '
            f'clickable="true" bounds="[0,{row * ROW_PX}][1080,{(row + 1) * ROW_PX}]"/>'
            for row, label in enumerate(self.labels, 1)
        )
        return parse_ui_tree(f"<hierarchy>{rows}</hierarchy>")

    def perform(self, action: Action) -> ActionReceipt:
        if not isinstance(action, Tap):
            raise ToolError("there is nothing but buttons")
        label = self.labels[action.y // ROW_PX - 1]
        self.touched.append(label)
        if label != self._dead:
            self.labels.remove(label)
        return ActionReceipt(action, 0.0, "")

    def screenshot(self) -> Image.Image:
        return Image.new("RGB", (1080, 2400))

    def size(self) -> Size:
        return Size(1080, 2400)

    def current_app(self) -> AppInfo:
        return AppInfo("org.example", "Example")

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
def play(memory: MemoryStore, run_task: Any) -> Callable[..., None]:
    """Lets an agent use a shortcut that touches those rows of the first screen, once."""

    def run(board: Board, rows: Sequence[int], **fields: Any) -> None:
        steps = tuple(
            ShortcutStep(
                action_name="Tap", arguments_map={"x": 540, "y": row * ROW_PX + ROW_PX // 2}
            )
            for row in rows
        )
        draft = ShortcutDraft(
            name="Touch_All", arguments=(), description="d", precondition="p", steps=steps
        )
        memory.add_shortcut(draft, actions=TAP)
        run_task("Touch", ScriptedModel(_answer), device=board, **fields)

    return run


def _answer(messages: Sequence[Message], schema: type[BaseModel] | None) -> Answer:
    answers: dict[type[BaseModel] | None, Answer] = {
        ManagerReply: ManagerReply(thought="", subgoals=["Touch"], current=1, status="working"),
        OperatorReply: OperatorReply(
            thought="", action="Touch_All", description="", completes_subgoal=False
        ),
        ReflectorReply: ReflectorReply(outcome="A", subgoal_done=True),
        NotetakerReply: NotetakerReply(notes=""),
        VerifierReply: VerifierReply(complete=True),
        ShortcutReply: ShortcutReply(worth_keeping=False),
        TipsReply: TipsReply(tips=[]),
    }
    return answers[schema]


def test_targets_are_found_again_where_they_moved_to(play: Any) -> None:
    board = Board("one", "two", "three")
    play(board, [1, 2, 3])
    assert board.touched == ["one", "two", "three"]


def test_a_target_that_is_gone_is_a_partial_result(play: Any, events: Events) -> None:
    board = Board("one", "two")
    play(board, [1, 1])
    assert board.touched == ["one"] * 1
    assert len(events(ActionDone)) == 1


def test_an_action_that_changes_nothing_stops_the_shortcut(play: Any) -> None:
    board = Board("one", "two", "three", dead="one")
    play(board, [1, 2, 3], human=AbsentHuman("stop"))
    assert set(board.touched) == {"one"}


@pytest.mark.parametrize(
    ("said", "touched"),
    [
        (("yes", "yes"), ["one", "Send", "two", "Delete", "three"]),
        (("yes", "no"), ["one", "Send", "two"]),
        (("no", "yes"), ["one"]),
    ],
)
def test_each_risky_action_inside_a_shortcut_gets_its_own_answer(
    said: tuple[str, str], touched: list[str], play: Any, events: Events
) -> None:
    answers = dict(zip(("send", "delete"), said, strict=True))

    def answer(request: HumanRequest) -> str:
        return answers[request.text.partition(":")[0]]

    board = Board("one", "Send", "two", "Delete", "three", "four")
    play(board, [1, 2, 3, 4, 5], human=CallbackHuman(answer))
    assert board.touched == touched
    asked = [event.text.partition(":")[0] for event in events(HumanAsked)]
    assert asked == ["send", "delete"][: 1 if said[0] == "no" else 2]
    assert events(Reflected)[0].outcome == "A"
