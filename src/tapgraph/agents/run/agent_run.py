"""One run of an agent: what every node of its graph works with, whichever agent it is."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel

from tapgraph.agents.run.events import (
    JudgedBy,
    ModelCalled,
    Reflected,
    Verified,
    Warned,
)
from tapgraph.agents.run.exchanges import exchange_line
from tapgraph.agents.run.history import Limits, RunState, StepRecord, stop_of
from tapgraph.agents.run.human import ask_leave
from tapgraph.agents.run.ledger import Acknowledged, Ledger
from tapgraph.agents.run.meter import Meter
from tapgraph.agents.run.patience import Patience, PatientModel, PatientRunner
from tapgraph.agents.run.recall import Recall
from tapgraph.agents.run.replies import VerifierReply
from tapgraph.agents.run.run_folder import RunFolder
from tapgraph.agents.run.step_timer import StepTimer
from tapgraph.errors import (
    BudgetExhausted,
    DeviceLost,
    DeviceUnavailable,
    EnvironmentMissing,
    InvalidReply,
    ModelUnavailable,
    ToolError,
)
from tapgraph.llm_backend.chat_model import Reply, ToolSpec
from tapgraph.llm_backend.messages import Message
from tapgraph.llm_backend.prompt import Prompts
from tapgraph.llm_backend.roles import RoleModels
from tapgraph.llm_backend.structured import CallRecord, ask
from tapgraph.tools.api.calls import ApiRunner
from tapgraph.tools.api.catalog import Api
from tapgraph.tools.api.json_value import Json, excerpt, json_text
from tapgraph.tools.api.policy import amounts_of, assess_call
from tapgraph.tools.mobile.actions import Action, action_to_wire
from tapgraph.tools.mobile.device import Device
from tapgraph.tools.policy.rules import NO_RULES, Deed, PolicyRules

__all__ = ["AgentRun"]

Schema = TypeVar("Schema", bound=BaseModel)

_LONGEST_RECORDED = 8000
_SEVERAL = 2


@dataclass(frozen=True)
class AgentRun:
    """Everything that the nodes of both agents share and that no checkpoint holds.

    Attributes:
        recall: what the memory gives for a subgoal.
        patience: how long it waits for others.
        rules: what the user allows, wants to be asked about, and forbids.
        future_tasks: what the user will want next; told to those who reflect on experience.
        learns: whether what the experience reflectors say can be kept.
    """

    folder: RunFolder
    ledger: Ledger
    meter: Meter
    models: RoleModels
    prompts: Prompts
    limits: Limits
    recall: Recall
    patience: Patience = field(default_factory=lambda: Patience(lambda: None))
    rules: PolicyRules = NO_RULES
    learns: bool = True
    future_tasks: Sequence[str] = ()
    answer_type: type[BaseModel] | None = None
    timer: StepTimer = field(default_factory=StepTimer)

    def ask(
        self,
        role: str,
        messages: Sequence[Message],
        schema: type[Schema],
        *,
        step: int,
        tools: Sequence[ToolSpec] = (),
        check: Callable[[Schema], object] | None = None,
        read: Callable[[Reply], Schema] | None = None,
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
                cached_tokens=call.usage.cached_tokens,
                reasoning_tokens=call.usage.reasoning_tokens,
                reasoning=call.reasoning,
                repairs=call.repairs,
            )
            self.meter.add(event)
            self.timer.add_model(call.latency_s)
            self.folder.record(event)

        def prepare() -> None:
            self.meter.check(max(0, step - 1))
            self.folder.file_screens()

        asked = ask(
            PatientModel(self.models.for_role(role), self.patience),
            messages,
            schema,
            tools=tools,
            check=check,
            read=read,
            before_call=prepare,
            on_call=record,
        )
        if asked.replies[-1].text:
            self.folder.keep_exchange(exchange_line(role, messages, asked.replies[-1].text))
        return asked.answer

    @property
    def future_lines(self) -> str:
        """One line for each task to come."""
        return "\n".join(f"- {' '.join(task.split())}" for task in self.future_tasks) or "not told"

    def answer_form(self, otherwise: str) -> str:
        """What the user must be given at the end; `otherwise` where no type is asked for."""
        if self.answer_type is None:
            return otherwise
        schema = json.dumps(self.answer_type.model_json_schema(), ensure_ascii=False)
        return f"the result that the task asks for, as JSON of: {schema}"

    def warn(self, step: int, text: str) -> None:
        """Record something that a person should know and that does not stop the run."""
        self.folder.record(Warned(step=step, text=text))

    def close_step(
        self, record: StepRecord, judged_by: JudgedBy, *, progress: str = ""
    ) -> dict[str, Any]:
        """The step put into the history, with its verdict and its times in the run folder."""
        self.folder.record(
            Reflected(
                step=record.step,
                verdict=record.verdict,
                error=record.error,
                progress=progress,
                judged_by=judged_by,
            )
        )
        self.folder.record(self.timer.close(record.step))
        return {"history": [record]}

    def verify(self, state: RunState, ask_verifier: Callable[[], VerifierReply]) -> dict[str, Any]:
        """Success, or what is missing; a reply that cannot be used is a check that found it so."""
        try:
            reply = ask_verifier()
            complete, missing = reply.complete, reply.missing or "the check gave no reason"
        except InvalidReply as error:
            complete, missing = False, f"the check itself failed: {error}"
        missing = "" if complete else " ".join(missing.split())
        self.folder.record(Verified(step=state["step"], complete=complete, missing=missing))
        if complete:
            return {"done": "the whole task was verified", "missing": ""}
        return {"verifications": state["verifications"] + 1, "missing": missing}

    def reflected(self, step: int, who: str, ask_reflector: Callable[[], Schema]) -> Schema | None:
        """What a reflector on experience says; None, with a warning, where it cannot be asked.

        The task is over by then, so nothing that goes wrong here changes how it ended.
        """
        try:
            return ask_reflector()
        except (BudgetExhausted, InvalidReply, ModelUnavailable) as error:
            self.warn(step, f"{who}: {error}")
            return None

    def ending(self, state: RunState) -> str:
        """How the run ended so far, in words."""
        stop = stop_of(state, self.limits)
        return f"{stop.outcome}: {stop.reason}" if stop else "it was stopped"

    def perform(self, device: Device, action: Action, *, step: int, part: int = 0) -> None:
        """Carry out an action on a phone, at most once in all lives of the run.

        One that was sent before a kill and never answered is not sent again: the screen shows what
        became of it.

        Raises:
            ToolError: the phone could not do it, now or before the run was resumed.
        """

        def act() -> Acknowledged:
            receipt = device.perform(action)
            return Acknowledged(receipt.elapsed_s, receipt.detail)

        answer = self.ledger.once(step, part, action_to_wire(action), act)
        if answer is not None:
            self.timer.add("device", answer.elapsed_s)

    def call_api(
        self, runner: ApiRunner, step: int, identifier: str, arguments: Mapping[str, Json]
    ) -> None:
        """Call an API, at most once in all lives of the run; what it gave is kept for the step.

        Raises:
            ToolError: it failed, the user did not allow it, or nobody knows whether it was done.
            NobodyThere: it needs a yes, and the user cannot be asked.
        """
        was_sent = self.ledger.was_sent(step)
        if not was_sent:
            self._ask_leave_to_call(runner.catalog[identifier], arguments)
        delegated_before_s = self.timer.spent_s("delegated")
        answer = self._sent(runner, step, identifier, arguments)
        if answer is not None and not was_sent:
            delegated_s = self.timer.spent_s("delegated") - delegated_before_s
            self.timer.add("device", max(0.0, answer.elapsed_s - delegated_s))
        elif not self.folder.has_result(step):
            raise ToolError(
                "the run was interrupted while this was called: it may or may not have been "
                "carried out; check before repeating it"
            )

    def is_free(self, api: Api, arguments: Mapping[str, Json]) -> bool:
        """Whether the call needs nobody's leave."""
        deed, _ = _deed(api, arguments)
        return self.rules.verdict(deed) == "allow"

    def _ask_leave_to_call(self, api: Api, arguments: Mapping[str, Json]) -> None:
        deed, words = _deed(api, arguments)
        self.ask_leave(deed, words)

    def ask_leave(self, deed: Deed, words: str, *, matter: str = "", part: int = 0) -> None:
        """Return when the deed may go ahead, by the policy, the user's rules and the user.

        Raises:
            ToolError: a rule forbids it, or the user said no.
            NobodyThere: it needs a yes, and the user cannot be asked.
        """
        match self.rules.verdict(deed):
            case "deny":
                raise ToolError(f"the user's policy forbids this ({words}); find another way")
            case "ask":
                ask_leave(words, matter=matter, part=part)

    def call_together(
        self, runner: ApiRunner, calls: Mapping[int, tuple[str, Mapping[str, Json]]]
    ) -> None:
        """Call the APIs of several steps at once; `call_api` then gives each step its answer.

        For calls that are free: nobody is asked for leave.

        Raises:
            EnvironmentMissing: what an API needs is gone.
        """
        waiting = {step: call for step, call in calls.items() if not self.ledger.was_sent(step)}
        began = time.monotonic()
        with ThreadPoolExecutor(max(1, len(waiting))) as pool:
            sent = [pool.submit(self._sent, runner, step, *call) for step, call in waiting.items()]
        if sent:
            self.timer.add("device", time.monotonic() - began)
        for one in sent:
            with suppress(ToolError):
                one.result()

    def _sent(
        self, runner: ApiRunner, step: int, identifier: str, arguments: Mapping[str, Json]
    ) -> Acknowledged | None:
        patient = PatientRunner(runner, self.patience) if self.patience.is_limited else runner

        def act() -> Acknowledged:
            try:
                result = patient.call(identifier, arguments)
            except (ModelUnavailable, DeviceLost, DeviceUnavailable):
                raise
            except EnvironmentMissing as error:
                if len({api.origin for api in runner.catalog}) < _SEVERAL:
                    raise
                # The other services may still be there.
                raise ToolError(f"{identifier} cannot be called: {error}") from error
            self.folder.save_result(step, result.value)
            return Acknowledged(result.elapsed_s, result.text)

        wire = {"name": identifier, "arguments": _recorded(arguments)}
        return self.ledger.once(step, 0, wire, act)


def _deed(api: Api, arguments: Mapping[str, Json]) -> tuple[Deed, str]:
    """The call as rules see it, and as a person should read it."""
    risky = assess_call(api, arguments)
    deed = Deed(
        tool=api.identifier,
        amounts=tuple(amounts_of(dict(arguments))),
        risk=risky.risk if risky is not None else None,
    )
    return deed, f"{risky.risk}: {risky.label}" if risky is not None else f"call {api.identifier}"


def _recorded(arguments: Mapping[str, Json]) -> dict[str, Json]:
    """The arguments as the events keep them: where they are long, only their beginnings."""
    if len(json_text(arguments)) <= _LONGEST_RECORDED:
        return dict(arguments)
    return {
        name: excerpt(json_text(value), _LONGEST_RECORDED // len(arguments))
        for name, value in arguments.items()
    }
