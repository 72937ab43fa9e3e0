"""A stand-in for a model on the simulated phone: it answers from reference solutions.

It is no language model. It recognises the task by its instruction, reads the screen that is in
the prompt, and says what the reference solution of the simulated apps does there. It shows the
graph at work and serves as a test oracle; it says nothing about what a model can do.
"""

import re
from collections.abc import Callable, Mapping, Sequence
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
from tapgraph.errors import UsageError
from tapgraph.evals.phone.role_prompt import Prompt, read_prompt
from tapgraph.llm_backend.chat_model import ModelTraits, Reply, ToolSpec, Usage
from tapgraph.llm_backend.messages import Message
from tapgraph.tools.mobile.actions import Tap, Wait, action_to_wire
from tapgraph.tools.mobile.geometry import Point
from tapgraph.tools.mobile.simulator.tasks import find_solution
from tapgraph.tools.mobile.simulator.tasks.rules import GENERAL_RULES
from tapgraph.tools.mobile.simulator.tasks.subgoal import Glance
from tapgraph.tools.mobile.simulator.tasks.task import Solution
from tapgraph.tools.token_estimate import estimate_tokens

__all__ = ["DEMONSTRATOR_TRAITS", "Demonstrator"]

DEMONSTRATOR_TRAITS = ModelTraits(
    "demonstrator (reference solutions, not a language model)", is_demonstrator=True
)

_CURRENT = re.compile(r"\d+\. (.*) \(current\)")
_COUNTED = re.compile(r"(\d+) of \d+ subgoals are done")
_UNDONE = "A check of the whole task found this undone: "


class Demonstrator:
    """A `ChatModel` for tasks that the simulated phone has a reference solution for."""

    def __init__(self) -> None:
        self._roles: Mapping[type[BaseModel], Callable[[Prompt, Solution], BaseModel]] = {
            ManagerReply: _plan,
            OperatorReply: _act,
            ReflectorReply: _judge,
            NotetakerReply: _note,
            VerifierReply: _verify,
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
        """What the role's reply would be in the reference solution.

        Token counts are estimates, for the look of the reports.

        Raises:
            UsageError: there is no reference solution for the task.
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
        if schema is ShortcutReply:
            return ShortcutReply(worth_keeping=False)
        if schema is TipsReply:
            return TipsReply(tips=[])
        if schema is not None and issubclass(schema, OperatorReply):
            schema = OperatorReply
        role = self._roles.get(schema) if schema is not None else None
        if role is None:
            raise UsageError(f"the demonstrator plays the roles of the phone agent, not {schema!r}")
        prompt = read_prompt(prompt_text)
        return role(prompt, self.solution(prompt.sections["Task"]))

    def solution(self, instruction: str) -> Solution:
        """The reference solution for an instruction.

        Raises:
            UsageError: there is none.
        """
        solution = find_solution(instruction)
        if solution is None:
            raise UsageError(
                f"the demonstrator has no reference solution for {instruction[:80]!r}; give a real "
                "model, or a task such as 'Turn on Do Not Disturb'"
            )
        return solution


def _plan(prompt: Prompt, solution: Solution) -> ManagerReply:
    texts = [subgoal.text for subgoal in solution.subgoals]
    number = _next_subgoal(prompt, solution)
    return ManagerReply(
        thought="This is the order of the reference solution.",
        subgoals=texts,
        current=min(number, len(texts)),
        status="working" if number <= len(texts) else "finished",
    )


def _next_subgoal(prompt: Prompt, solution: Solution) -> int:
    """Its number, one more than there are when all are done."""
    trouble = prompt.sections["Trouble"]
    for number, subgoal in enumerate(solution.subgoals, 1):
        if trouble.endswith(f"{_UNDONE}{subgoal.text}"):
            return number
    counted = _COUNTED.match(prompt.sections["Progress"])
    if not prompt.has_screen and counted is not None:
        return int(counted[1]) + 1
    plan_so_far = prompt.sections["Plan so far"]
    found = _CURRENT.search(plan_so_far)
    is_all_done = bool(plan_so_far) and found is None
    current = found[1] if found else ""
    following = None if is_all_done else solution.next_subgoal(prompt.glance, current=current)
    return solution.subgoals.index(following) + 1 if following else len(solution.subgoals) + 1


def _act(prompt: Prompt, solution: Solution) -> OperatorReply:
    wanted = prompt.sections["Current subgoal"].partition("\nHint: ")[0].strip()
    by_text = {subgoal.text: subgoal for subgoal in solution.subgoals}
    subgoal = by_text.get(wanted, solution.subgoals[0])
    move = subgoal.next_move(prompt.glance)
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
    )


def _judge(prompt: Prompt, solution: Solution) -> ReflectorReply:
    progress = prompt.sections["Progress before"]
    for rule in GENERAL_RULES:
        move = rule(prompt.glance)
        if move is not None and not isinstance(move.action, Wait) and "allow" not in move.thought:
            return ReflectorReply(verdict="B", error=move.thought, progress=progress)
    wanted = prompt.sections["Current subgoal"]
    subgoal = next((each for each in solution.subgoals if each.text == wanted), None)
    if subgoal is None:
        return ReflectorReply(verdict="A", progress=progress)
    glance = prompt.glance
    after_noting = Glance(
        glance.elements, glance.app, glance.keyboard_shown, subgoal.notes_after(glance)
    )
    is_done = subgoal.is_done(after_noting)
    number = solution.subgoals.index(subgoal) + (1 if is_done else 0)
    return ReflectorReply(
        verdict="A",
        progress=f"{number} of {len(solution.subgoals)} subgoals are done.",
        subgoal_done=is_done,
    )


def _note(prompt: Prompt, solution: Solution) -> NotetakerReply:
    wanted = prompt.sections["Current subgoal"]
    for subgoal in solution.subgoals:
        if subgoal.text == wanted:
            return NotetakerReply(notes=subgoal.notes_after(prompt.glance))
    return NotetakerReply(notes=prompt.glance.notes)


def _verify(prompt: Prompt, solution: Solution) -> VerifierReply:
    last = solution.subgoals[-1]
    is_done = last.is_done(prompt.glance)
    return VerifierReply(complete=is_done, missing="" if is_done else last.text)
