"""How long a run waits for others: no longer than it may last, and not at all once it is stopped.

A model, a phone and a service each have limits of their own, which are for silences, may be minutes
long, or are somebody else's code. So what they are asked runs in a thread of its own, which is
left behind when the run's time is up: a thread that does not keep the process alive. A model in
this process is told then, and stops (`llm_backend.unwanted`).
"""

import contextvars
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Generic, TypeVar

from pydantic import BaseModel

from tapgraph.errors import BudgetExhausted, ModelUnavailable
from tapgraph.llm_backend.chat_model import ChatModel, ModelTraits, Reply, ToolSpec
from tapgraph.llm_backend.messages import Message
from tapgraph.llm_backend.unwanted import unwanted_when
from tapgraph.tools.api.calls import ApiRunner, CallResult
from tapgraph.tools.api.catalog import ApiCatalog
from tapgraph.tools.api.json_value import Json

__all__ = ["Patience", "PatientModel", "PatientRunner"]

Given = TypeVar("Given")

_LONGEST_CALL_S = 1800.0
"""A call of a model that takes longer than this has hung, whatever its server still sends."""
_POLL_S = 0.1


class Patience:
    """Waits for others while the run may go on."""

    def __init__(self, seconds_left: Callable[[], float | None]) -> None:
        self._seconds_left = seconds_left
        self._is_stopped = threading.Event()

    @property
    def is_limited(self) -> bool:
        """Whether the run's time is limited at all."""
        return self._seconds_left() is not None

    def stop(self) -> None:
        """Let nobody wait any longer."""
        self._is_stopped.set()

    def wait_for(self, work: Callable[[], Given], *, whom: str) -> Given:
        """What `work` gives.

        Raises:
            BudgetExhausted: the run's time is up, or it was stopped, before that.
            ModelUnavailable: it takes longer than any call may.
        """
        errand = _Errand(work)
        errand.start()
        try:
            self._await(errand, whom)
        finally:
            errand.is_over.set()
        return errand.result()

    def _await(self, errand: "_Errand[Given]", whom: str) -> None:
        gives_up = time.monotonic() + _LONGEST_CALL_S
        while not errand.done.wait(self._next_look_s()):
            if self._is_stopped.is_set():
                raise BudgetExhausted("the run was stopped")
            left_s = self._seconds_left()
            if left_s is not None and left_s <= 0:
                raise BudgetExhausted(f"the seconds are used up; {whom} was still at work")
            if time.monotonic() > gives_up:
                raise ModelUnavailable(f"{whom} took longer than {_LONGEST_CALL_S:g} s")

    def _next_look_s(self) -> float:
        left_s = self._seconds_left()
        return _POLL_S if left_s is None else max(0.0, min(_POLL_S, left_s))

    @contextmanager
    def stopped_by_interrupts(self) -> Iterator[None]:
        """Ctrl-C also ends the waiting of threads beside the main one."""
        former = signal.getsignal(signal.SIGINT)
        if threading.current_thread() is not threading.main_thread() or not callable(former):
            yield
            return

        def stop(number: int, frame: FrameType | None) -> None:
            self.stop()
            former(number, frame)

        signal.signal(signal.SIGINT, stop)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, former)


class _Errand(Generic[Given]):
    """Work in a thread that ends with the process."""

    def __init__(self, work: Callable[[], Given]) -> None:
        self._work = work
        self._given: list[Given] = []
        self._error: BaseException | None = None
        self.done = threading.Event()
        self.is_over = threading.Event()
        """Nobody waits for it any more."""

    def start(self) -> None:
        run = contextvars.copy_context().run
        threading.Thread(target=run, args=(self._go,), daemon=True, name="run-errand").start()

    def result(self) -> Given:
        if self._error is not None:
            raise self._error
        return self._given[0]

    def _go(self) -> None:
        try:
            with unwanted_when(self.is_over.is_set):
                self._given.append(self._work())
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            self._error = error
        finally:
            self.done.set()


class PatientModel:
    """A `ChatModel` whose replies are waited for while the run may go on."""

    def __init__(self, model: ChatModel, patience: Patience) -> None:
        self._model = model
        self._patience = patience

    @property
    def traits(self) -> ModelTraits:
        """Those of the model."""
        return self._model.traits

    def reply(
        self,
        messages: Sequence[Message],
        *,
        schema: type[BaseModel] | None = None,
        tools: Sequence[ToolSpec] = (),
        max_tokens: int | None = None,
        temperature: float | None = None,
        stop: Sequence[str] = (),
    ) -> Reply:
        """The model's reply.

        Raises:
            BudgetExhausted: the run's time was up before it came.
            ModelUnavailable: from the model.
        """
        return self._patience.wait_for(
            lambda: self._model.reply(
                messages,
                schema=schema,
                tools=tools,
                max_tokens=max_tokens,
                temperature=temperature,
                stop=stop,
            ),
            whom=self._model.traits.name,
        )


class PatientRunner:
    """An `ApiRunner` whose answers are waited for while the run may go on."""

    def __init__(self, runner: ApiRunner, patience: Patience) -> None:
        self._runner = runner
        self._patience = patience

    @property
    def catalog(self) -> ApiCatalog:
        """The APIs that can be called."""
        return self._runner.catalog

    def call(self, identifier: str, arguments: Mapping[str, Json]) -> CallResult:
        """What the call gave.

        Raises:
            BudgetExhausted: the run's time was up before it did.
            ToolError: from the runner.
            EnvironmentMissing: from the runner.
        """
        return self._patience.wait_for(
            lambda: self._runner.call(identifier, arguments), whom=identifier
        )
