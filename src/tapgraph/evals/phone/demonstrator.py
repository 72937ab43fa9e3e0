"""A stand-in for a model on the simulated phone: it follows the route of a task.

It is no language model. It knows the task's route and looks at the state of the phone, not only at
the prompt, so it says what to do however the apps look and whatever came between. It shows the
graph at work and serves as a test oracle; it says nothing about what a model can do.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

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
from tapgraph.agents.mobile.state import PlanStatus
from tapgraph.errors import ToolError, UsageError
from tapgraph.evals.phone.role_prompt import Prompt, read_prompt
from tapgraph.llm_backend.chat_model import ModelTraits, Reply, ToolSpec, Usage
from tapgraph.llm_backend.messages import Message
from tapgraph.tools.mobile.actions import Action, Back, Tap, Wait, action_to_wire
from tapgraph.tools.mobile.geometry import Point
from tapgraph.tools.mobile.simulator.device import SimulatedDevice
from tapgraph.tools.mobile.simulator.guide import Guide, LostWay, Move, Route
from tapgraph.tools.mobile.simulator.phone import Phone
from tapgraph.tools.token_estimate import estimate_tokens

__all__ = ["DEMONSTRATOR_TRAITS", "Demonstrator"]

DEMONSTRATOR_TRAITS = ModelTraits(
    "demonstrator (reference solutions, not a language model)", is_demonstrator=True
)

_CURRENT = re.compile(r"(\d+)\. .* \(current\)")
_IN_VAIN = "Give up, as it cannot be done"
_UNDONE = "A check of the whole task found this undone: "


class Demonstrator:
    """A `ChatModel` that knows a route on a phone, on which no one else gives it the way.

    With `foresees` its Operator says that an action completes the subgoal where it does on a copy
    of the phone, as a model's Operator would expect it.
    """

    def __init__(self, route: Route, phone: Phone, *, foresees: bool = False) -> None:
        self._route = route
        self._phone = phone
        self._foresees = foresees
        self._guide = Guide(phone)
        words = [aim.words for aim in route.aims] + ([] if route.is_possible else [_IN_VAIN])
        self._subgoals = [f"{place}: {one}" for place, one in enumerate(words, 1)]
        self._roles: Mapping[type[BaseModel], Callable[[Prompt], BaseModel]] = {
            ManagerReply: self._plan,
            OperatorReply: self._act,
            ReflectorReply: self._judge,
            NotetakerReply: self._note,
            VerifierReply: self._verify,
        }

    @property
    def traits(self) -> ModelTraits:
        """Says that this is no model."""
        return DEMONSTRATOR_TRAITS

    def reply(
        self,
        messages: Sequence[Message],
        *,
        schema: type[BaseModel] | None = None,
        tools: Sequence[ToolSpec] = (),  # noqa: ARG002  part of the protocol
        max_tokens: int | None = None,  # noqa: ARG002
        temperature: float | None = None,  # noqa: ARG002
        stop: Sequence[str] = (),  # noqa: ARG002
    ) -> Reply:
        """What the role's reply would be on the route.

        Token counts are estimates, for the look of the reports.

        Raises:
            UsageError: it is none of the roles.
        """
        question = next(message for message in messages if message.role == "user")
        answer = self._answer(question.text, schema)
        text = answer.model_dump_json()
        prompt_tokens = sum(estimate_tokens(message.text) for message in messages)
        return Reply(
            text,
            parsed=answer,
            usage=Usage(prompt_tokens, estimate_tokens(text)),
            model="demonstrator",
        )

    def _answer(self, prompt_text: str, schema: type[BaseModel] | None) -> BaseModel:
        # An engine that enforces schemas is given narrower ones of some roles.
        asked = schema or BaseModel
        if issubclass(asked, ShortcutReply):
            return ShortcutReply(worth_keeping=False)
        if issubclass(asked, TipsReply):
            return TipsReply(tips=[])
        role = next((role for reply, role in self._roles.items() if issubclass(asked, reply)), None)
        if role is None:
            raise UsageError(f"the demonstrator plays the roles of the phone agent, not {schema!r}")
        return role(read_prompt(prompt_text))

    def _is_reached(self, place: int) -> bool:
        if place == len(self._route.aims):
            return False
        return self._guide.is_reached(self._route.aims[place], self._route.times(place))

    def _plan(self, prompt: Prompt) -> ManagerReply:
        place = self._next(prompt)
        over: PlanStatus = "finished" if self._route.is_possible else "impossible"
        return ManagerReply(
            thought="This is the order of the route.",
            subgoals=self._subgoals,
            current=min(place + 1, len(self._subgoals)),
            status="working" if place < len(self._route.aims) else over,
        )

    def _next(self, prompt: Prompt) -> int:
        """The place of the next aim; how many there are when all are reached."""
        trouble = prompt.sections["Trouble"]
        for place, subgoal in enumerate(self._subgoals):
            if trouble.endswith(f"{_UNDONE}{subgoal}"):
                return place
        plan_so_far = prompt.sections["Plan so far"]
        current = _CURRENT.search(plan_so_far)
        if plan_so_far and current is None:
            return len(self._subgoals)
        place = int(current[1]) - 1 if current else 0
        while place < len(self._subgoals) and self._is_reached(place):
            place += 1
        return place

    def _aim(self, prompt: Prompt) -> int:
        wanted = prompt.sections["Current subgoal"].partition("\nHint: ")[0].strip()
        return self._subgoals.index(wanted) if wanted in self._subgoals else 0

    def _act(self, prompt: Prompt) -> OperatorReply:
        place = self._aim(prompt)
        move = self._move(place)
        wire: dict[str, Any] = action_to_wire(move.action)
        arguments = dict(wire["arguments"])
        if isinstance(move.action, Tap):
            point = Point(move.action.x, move.action.y)
            for element in prompt.glance.elements:
                if element.center == point:
                    arguments = {"element": element.number}
                    break
        return OperatorReply(
            thought=move.thought,
            action=str(wire["name"]),
            arguments=arguments,
            description=move.expectation,
            completes_subgoal=self._foresees and self._will_reach(place, move.action),
        )

    def _will_reach(self, place: int, action: Action) -> bool:
        if place == len(self._route.aims):
            return True
        with self._phone.fork() as copy:
            with suppress(ToolError):
                SimulatedDevice(copy).perform(action)
            return Guide(copy).is_reached(self._route.aims[place], self._route.times(place))

    def _move(self, place: int) -> Move:
        if place == len(self._route.aims) or self._is_reached(place):
            return Move(Wait(1.0), "There is nothing left to do here.", "All stays as it is.")
        try:
            return self._guide.move(self._route.aims[place])
        except LostWay as lost:
            return Move(Back(), str(lost), "The page before this one.")

    def _judge(self, prompt: Prompt) -> ReflectorReply:
        progress = prompt.sections["Progress before"]
        if self._guide.trouble:
            return ReflectorReply(verdict="B", error=self._guide.trouble, progress=progress)
        place = self._aim(prompt)
        is_done = self._is_reached(place)
        return ReflectorReply(
            verdict="A",
            progress=f"{place + is_done} of {len(self._subgoals)} subgoals are done.",
            subgoal_done=is_done,
        )

    def _note(self, prompt: Prompt) -> NotetakerReply:
        place = self._aim(prompt)
        lines = [line for line in prompt.notes.splitlines() if line.strip()]
        if self._is_reached(place):
            facts = dict.fromkeys(self._route.aims[place].facts)
            lines += [fact for fact in facts if fact not in lines]
        return NotetakerReply(notes="\n".join(lines))

    def _verify(self, prompt: Prompt) -> VerifierReply:
        del prompt
        last = len(self._route.aims) - 1
        aim = self._route.aims[last]
        is_done = bool(aim.answer or aim.question) or self._is_reached(last)
        return VerifierReply(complete=is_done, missing="" if is_done else self._subgoals[last])
