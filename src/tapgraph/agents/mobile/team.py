"""What the nodes work with beside the state: the phone, the models, the run folder, the memory."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from PIL import Image
from pydantic import BaseModel

from tapgraph.agents.mobile.ledger import Ledger
from tapgraph.agents.mobile.pipeline import Pipeline
from tapgraph.agents.mobile.replies import RoleName
from tapgraph.agents.mobile.screens import ScreenStore
from tapgraph.agents.mobile.state import PhoneState
from tapgraph.agents.run.events import ModelCalled, StepTimed
from tapgraph.agents.run.meter import Meter
from tapgraph.agents.run.run_folder import RunFolder
from tapgraph.llm_backend.messages import Message, user
from tapgraph.llm_backend.roles import RoleModels
from tapgraph.llm_backend.structured import CallRecord, ask
from tapgraph.memory.store import MemoryStore, Shortcut, Tip
from tapgraph.tools.mobile.device import Device

__all__ = ["StepTimer", "Team"]

Schema = TypeVar("Schema", bound=BaseModel)


class StepTimer:
    """Where the time of the current step went; model calls that overlap count once."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._began = clock()
        self._model_calls: list[tuple[float, float]] = []
        self._device_s = 0.0
        self._picture_s = 0.0

    def add_model(self, latency_s: float) -> None:
        """Count a call of a model that has just ended."""
        with self._lock:
            now = self._clock()
            self._model_calls.append((now - latency_s, now))

    def add_device(self, seconds: float) -> None:
        """Count time that the phone took, pictures apart."""
        with self._lock:
            self._device_s += seconds

    def add_picture(self, seconds: float) -> None:
        """Count time that taking and reading a picture took."""
        with self._lock:
            self._picture_s += seconds

    def close(self, step: int) -> StepTimed:
        """The times since the last call."""
        with self._lock:
            now = self._clock()
            timed = StepTimed(
                step=step,
                total_s=now - self._began,
                model_s=_covered(self._model_calls),
                device_s=self._device_s,
                picture_s=self._picture_s,
            )
            self._began = now
            self._model_calls.clear()
            self._device_s = self._picture_s = 0.0
        return timed


def _covered(spans: list[tuple[float, float]]) -> float:
    """How long at least one span lasts."""
    total, reached = 0.0, float("-inf")
    for begin, end in sorted(spans):
        total += max(0.0, end - max(begin, reached))
        reached = max(reached, end)
    return total


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
    timer: StepTimer = field(default_factory=StepTimer)

    def ask(
        self,
        role: RoleName,
        state: PhoneState,
        conversation: tuple[Message, Message],
        schema: type[Schema],
    ) -> Schema:
        """A role's answer, with the pictures that it is due.

        Raises:
            BudgetExhausted: checked before each call.
            InvalidReply: no try gave an answer that fits.
            ModelUnavailable: from the model.
        """
        model = self.models.for_role(role)
        instructions, question = conversation
        pictures = self._pictures(role, state) if model.traits.sees_images else ()
        asked = ask(
            model,
            (instructions, user(question.text, *pictures)),
            schema,
            before_call=lambda: self.meter.check(max(0, state["step"] - 1)),
            on_call=lambda call: self._record(role, state["step"], call),
        )
        return asked.answer

    def _pictures(self, role: RoleName, state: PhoneState) -> tuple[Image.Image, ...]:
        now = self.screens[state["screen"]]
        count = self.pipeline.pictures.get(role, 0)
        if not now.elements:
            count = max(count, 1)
        shown = (self.screens[state["screen_before"]], now) if count == 2 else (now,)
        pictures = (screen.screenshot for screen in shown[:count])
        return tuple(picture for picture in pictures if picture is not None)

    def _record(self, role: RoleName, step: int, call: CallRecord) -> None:
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
        self.meter.add(event)
        self.timer.add_model(call.latency_s)
        self.folder.record(event)
