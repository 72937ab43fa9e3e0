"""What the nodes work with beside the state: the APIs, the models, the run folder, the memory."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from pydantic import BaseModel

from tapgraph.agents.api.replies import ApiRole
from tapgraph.agents.api.state import ApiState
from tapgraph.agents.run.asking import ask_role
from tapgraph.agents.run.ledger import Ledger
from tapgraph.agents.run.meter import Meter
from tapgraph.agents.run.run_folder import RunFolder
from tapgraph.agents.run.step_timer import StepTimer
from tapgraph.llm_backend.messages import Message
from tapgraph.llm_backend.roles import RoleModels
from tapgraph.memory.store import Tip
from tapgraph.tools.api.calls import ApiRunner

__all__ = ["ApiTeam"]

Schema = TypeVar("Schema", bound=BaseModel)


@dataclass(frozen=True)
class ApiTeam:
    """Everything that nodes share and that no checkpoint holds.

    Attributes:
        clock: the user's time, with its zone.
        pinned: APIs that are always shown, whatever is searched for.
    """

    runner: ApiRunner
    models: RoleModels
    folder: RunFolder
    ledger: Ledger
    meter: Meter
    tips: Sequence[Tip]
    clock: Callable[[], datetime]
    answer_type: type[BaseModel] | None = None
    pinned: tuple[str, ...] = ()
    timer: StepTimer = field(default_factory=StepTimer)

    def ask(
        self,
        role: ApiRole,
        state: ApiState,
        conversation: tuple[Message, Message],
        schema: type[Schema],
    ) -> Schema:
        """A role's answer.

        Raises:
            BudgetExhausted: checked before each call.
            InvalidReply: no try gave an answer that fits.
            ModelUnavailable: from the model.
        """
        return ask_role(self, role, conversation, schema, step=state["step"])
