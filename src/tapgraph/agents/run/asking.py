"""Asking the model of a role: within the budget, each call recorded, counted and timed."""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from pydantic import BaseModel

from tapgraph.agents.run.events import ModelCalled
from tapgraph.agents.run.meter import Meter
from tapgraph.agents.run.run_folder import RunFolder
from tapgraph.agents.run.step_timer import StepTimer
from tapgraph.llm_backend.messages import Message
from tapgraph.llm_backend.roles import RoleModels
from tapgraph.llm_backend.structured import CallRecord, ask

__all__ = ["Asker", "ask_role"]

Schema = TypeVar("Schema", bound=BaseModel)


class Asker(Protocol):
    """What asking takes; the team of each agent has it."""

    @property
    def models(self) -> RoleModels:
        """Who answers for each role."""
        ...

    @property
    def folder(self) -> RunFolder:
        """Where calls are recorded."""
        ...

    @property
    def meter(self) -> Meter:
        """What counts them."""
        ...

    @property
    def timer(self) -> StepTimer:
        """What times them."""
        ...


def ask_role(
    asker: Asker,
    role: str,
    messages: Sequence[Message],
    schema: type[Schema],
    *,
    step: int,
    check: Callable[[Schema], object] | None = None,
) -> Schema:
    """A role's answer in the given step; a `ToolError` of `check` is told to the model as well.

    Raises:
        BudgetExhausted: checked before each call.
        InvalidReply: no try gave an answer that fits.
        ModelUnavailable: from the model.
    """

    def record(call: CallRecord) -> None:
        event = ModelCalled(
            step=step,
            role=role,
            model=call.model,
            prompt_tokens=call.usage.prompt_tokens,
            completion_tokens=call.usage.completion_tokens,
            cost_usd=call.usage.cost_usd,
            latency_s=call.latency_s,
            attempt=call.attempt,
            valid=call.valid,
            images=call.images,
            error=call.error,
        )
        asker.meter.add(event)
        asker.timer.add_model(call.latency_s)
        asker.folder.record(event)

    def prepare() -> None:
        asker.meter.check(max(0, step - 1))
        asker.folder.file_screens()

    asked = ask(
        asker.models.for_role(role),
        messages,
        schema,
        check=check,
        before_call=prepare,
        on_call=record,
    )
    return asked.answer
