"""What the nodes work with beside the state: the phone, the models, the run folder, the memory."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from PIL import Image
from pydantic import BaseModel

from tapgraph.agents.handover import SubgoalAgent
from tapgraph.agents.mobile.pipeline import Pipeline
from tapgraph.agents.mobile.replies import RoleName
from tapgraph.agents.mobile.screens import ScreenStore
from tapgraph.agents.mobile.state import PhoneState
from tapgraph.agents.run.asking import ask_role
from tapgraph.agents.run.ledger import Ledger
from tapgraph.agents.run.meter import Meter
from tapgraph.agents.run.run_folder import RunFolder
from tapgraph.agents.run.step_timer import StepTimer
from tapgraph.llm_backend.messages import Message, user
from tapgraph.llm_backend.roles import RoleModels
from tapgraph.memory.store import MemoryStore, Shortcut, Tip
from tapgraph.tools.mobile.device import Device
from tapgraph.tools.mobile.marks import draw_marks

__all__ = ["Team"]

Schema = TypeVar("Schema", bound=BaseModel)


@dataclass(frozen=True)
class Team:
    """Everything that nodes share and that no checkpoint holds."""

    device: Device
    screens: ScreenStore
    models: RoleModels
    folder: RunFolder
    ledger: Ledger
    meter: Meter
    pipeline: Pipeline
    memory: MemoryStore
    tips: Sequence[Tip]
    shortcuts: Sequence[Shortcut]
    answer_type: type[BaseModel] | None = None
    api_agent: SubgoalAgent | None = None
    timer: StepTimer = field(default_factory=StepTimer)

    def ask(
        self,
        role: RoleName,
        state: PhoneState,
        conversation: tuple[Message, Message],
        schema: type[Schema],
        *,
        check: Callable[[Schema], object] | None = None,
    ) -> Schema:
        """A role's answer, with the pictures that it is due.

        Raises:
            BudgetExhausted: checked before each call.
            InvalidReply: no try gave an answer that fits.
            ModelUnavailable: from the model.
        """
        instructions, question = conversation
        sees_images = self.models.for_role(role).traits.sees_images
        pictures = self._pictures(role, state) if sees_images else ()
        return ask_role(
            self,
            role,
            (instructions, user(question.text, *pictures)),
            schema,
            step=state["step"],
            check=check,
        )

    def _pictures(self, role: RoleName, state: PhoneState) -> tuple[Image.Image, ...]:
        now = self.screens[state["screen"]]
        if role == "operator" and self.pipeline.marks_targets and now.screenshot is not None:
            began_s = time.monotonic()
            marked = draw_marks(now)
            self.timer.add_picture(time.monotonic() - began_s)
            return (marked,)
        count = self.pipeline.pictures.get(role, 0)
        if not now.elements:
            count = max(count, 1)
        shown = (self.screens[state["screen_before"]], now) if count == 2 else (now,)
        pictures = (screen.screenshot for screen in shown[:count])
        return tuple(picture for picture in pictures if picture is not None)
