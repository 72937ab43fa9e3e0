"""What the nodes of the phone agent work with beside the state."""

import dataclasses
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from PIL import Image
from pydantic import BaseModel

from tapgraph.agents.mobile.offer import Offer
from tapgraph.agents.mobile.pipeline import Pipeline
from tapgraph.agents.mobile.rehearsal import Rehearsal
from tapgraph.agents.mobile.replies import RoleName
from tapgraph.agents.mobile.screen_store import ScreenStore
from tapgraph.agents.mobile.state import PhoneState
from tapgraph.agents.run.agent import Agent
from tapgraph.agents.run.agent_run import AgentRun
from tapgraph.agents.run.recall import Remembered
from tapgraph.llm_backend.chat_model import ModelTraits, Reply
from tapgraph.llm_backend.messages import ImagePart, Message, TextPart
from tapgraph.memory import Shortcut
from tapgraph.tools.mobile.actions import ACTION_TYPES
from tapgraph.tools.mobile.device import Device
from tapgraph.tools.mobile.geometry import Size
from tapgraph.tools.mobile.marks import draw_marks
from tapgraph.tools.mobile.outcome import OutcomeJudge
from tapgraph.tools.mobile.perception.where_to_look import by_words, window_around
from tapgraph.tools.mobile.picture_change import cropped_to_change
from tapgraph.tools.mobile.screen import Screen

__all__ = ["PhoneTeam"]

Schema = TypeVar("Schema", bound=BaseModel)

_SEE_THE_SCREEN = {"manager": 1, "reflector": 2, "verifier": 1}
"""How many pictures go to the roles of a model with `pictures=all`."""
_LARGEST_PART = 0.5
"""Of the screen's width and height, where it is looked at more closely."""


@dataclass(frozen=True)
class PhoneTeam:
    """What the nodes share and no checkpoint holds.

    Attributes:
        run: what both agents' nodes have.
        offer: what the Operator may do, but for the shortcuts of a subgoal.
        outcome_judge: who tells an action's outcome in the Reflector's place where it is sure;
            None for nobody.
        rehearsal: where new shortcuts are executed again; None where there is no phone for that.
        api_agent: who does subgoals that the Manager gives away; None for nobody.
    """

    run: AgentRun
    device: Device
    screens: ScreenStore
    pipeline: Pipeline
    offer: Offer
    api_agent: Agent | None = None
    rehearsal: Rehearsal | None = None
    outcome_judge: OutcomeJudge | None = None

    def remembered(self, state: PhoneState) -> Remembered:
        """What the memory has for the current subgoal; for the task, before there is one."""
        plan = state["plan"]
        words = plan.current_subgoal if plan.subgoals else state["instruction"]
        app = self.screens[state["screen"]].app.package
        found = self.run.recall.for_subgoal(words, step=state["step"], app=app)
        known = [one for one in found.shortcuts if not self.offer.is_tool(one.name)]
        return dataclasses.replace(found, shortcuts=tuple(known))

    def shortcut(self, name: str) -> Shortcut | None:
        """The shortcut that a decision names; None where it names something else."""
        if name in ACTION_TYPES or self.offer.is_tool(name):
            return None
        return self.run.recall.shortcut(name)

    def traits(self, role: str) -> ModelTraits:
        """What is known of the model that plays the role."""
        return self.run.models.for_role(role).traits

    def ask(
        self,
        role: RoleName | str,
        state: PhoneState,
        conversation: tuple[Message, Message],
        schema: type[Schema],
        *,
        check: Callable[[Schema], object] | None = None,
        read: Callable[[Reply], Schema] | None = None,
    ) -> Schema:
        """A role's answer, with the pictures that it is due.

        Raises:
            BudgetExhausted: checked before each call.
            InvalidReply: no try gave an answer that fits.
            ModelUnavailable: from the model.
        """
        instructions, question = conversation
        pictures = self._pictures(role, state)
        shown: list[ImagePart | TextPart] = [ImagePart(picture) for picture in pictures]
        if len(pictures) == 1 and (closer := self._closer(role, state, pictures[0])) is not None:
            shown += [ImagePart(closer), TextPart(self.run.prompts.filled("look", {}))]
        messages = (instructions, Message("user", (*shown, *question.parts)))
        return self.run.ask(role, messages, schema, step=state["step"], check=check, read=read)

    def look(self, step: int, *, before: Screen | None = None) -> tuple[int, Screen]:
        """The screen in front once it is still, and its number; its time is counted."""
        number, screen = self.screens.look(step, before=before)
        self.run.timer.add("device", screen.device_s)
        self.run.timer.add("picture", screen.picture_s + screen.ocr_s)
        return number, screen

    def _pictures(self, role: str, state: PhoneState) -> Sequence[Image.Image]:
        sees = self.traits(role).pictures
        now = self.screens[state["screen"]]
        if sees == "none" or (sees == "operator" and role != "operator" and now.elements):
            return ()
        wanted = self.pipeline.pictures.get(role, 0)  # type: ignore[call-overload]
        if sees == "all":
            wanted = max(wanted, _SEE_THE_SCREEN.get(role, 0))
        if not now.elements:
            wanted = max(wanted, 1)
        if now.screenshot is None or not wanted:
            return ()
        # GUI models point at what they see, and know no numbers.
        if role == "operator" and self.pipeline.marks_targets and not self.traits(role).dialect:
            began_s = time.monotonic()
            marked = draw_marks(now)
            self.run.timer.add("picture", time.monotonic() - began_s)
            return (marked,)
        before = self.screens[state["screen_before"]].screenshot if wanted == 2 else None
        if before is None:
            return (now.screenshot,)
        if self.pipeline.reads_whole_screens:
            return before, now.screenshot
        return cropped_to_change(before, now.screenshot)

    def _closer(self, role: str, state: PhoneState, whole: Image.Image) -> Image.Image | None:
        """The part of the screen in front that fits the subgoal, as large as the model may see it.

        None where it is not wanted, the model sees the whole in full, or nothing fits.
        """
        longest, plan = self.traits(role).image_max_px, state["plan"]
        if not self.pipeline.looks_closer or longest is None or longest >= max(whole.size):
            return None
        screen = self.screens[state["screen"]]
        fitting = by_words(screen.elements, plan.current_subgoal) if plan.subgoals else ()
        if not fitting:
            return None
        share = min(_LARGEST_PART, longest / max(whole.size))
        window = Size(int(share * whole.width), int(share * whole.height))
        part = window_around(fitting[0].bounds, screen.size, window)
        return whole.crop((part.left, part.top, part.right, part.bottom))
