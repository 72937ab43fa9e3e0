"""What happens in a run, one frozen record per kind, and how each is written as a line.

`step` counts from 1; what happens before the first step has step 0. Texts may come from screens
and models: whoever shows them escapes them.
"""

import dataclasses
import functools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar, Literal, TypeAlias, get_args

from pydantic import TypeAdapter, ValidationError

from tapgraph.agents.run.budget import Spent
from tapgraph.agents.run.history import Verdict
from tapgraph.agents.run.outcome import Outcome
from tapgraph.tools.mobile.target import Target

__all__ = [
    "EVENT_TYPES",
    "ActionDone",
    "ActionFailed",
    "ActionStarted",
    "Decided",
    "Delegated",
    "Escalated",
    "Event",
    "Finished",
    "HumanAnswered",
    "HumanAsked",
    "JudgedBy",
    "LearntShortcut",
    "LearntTips",
    "ModelCalled",
    "Noted",
    "Planned",
    "RecordedEvent",
    "Reflected",
    "Resumed",
    "Retrieved",
    "RunStarted",
    "ScreenSeen",
    "StepTimed",
    "UnknownEvent",
    "Verified",
    "Warned",
    "WireAction",
    "line_from_event",
    "recorded_event_from_line",
]

WireAction: TypeAlias = dict[str, Any]
"""An action as `{"name": ..., "arguments": {...}}`."""

JudgedBy: TypeAlias = Literal["model", "unchanged screen", "tool"]
"""Who found the verdict; `tool` is what carried the action out."""


class _Happening:
    """What the classes of events share: a name on the wire, made from the name of the class."""

    __slots__ = ()
    kind: ClassVar[str]

    def __init_subclass__(cls) -> None:
        cls.kind = re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()


@dataclass(frozen=True, slots=True)
class RunStarted(_Happening):
    """The run begins."""

    instruction: str
    pipeline: str
    step: int = 0


@dataclass(frozen=True, slots=True)
class Resumed(_Happening):
    """A run that had stopped goes on; `step` is the last one that was begun before."""

    step: int = 0


@dataclass(frozen=True, slots=True)
class ScreenSeen(_Happening):
    """A stable screen was read; `screen_id` is its number in the run folder.

    Attributes:
        elements: how many elements were found.
        source: where they came from: `tree`, `ocr` or `both`.
        elapsed_s: from asking the device to the finished screen.
    """

    step: int
    screen_id: int
    app: str
    activity: str
    keyboard_shown: bool
    elements: int
    fingerprint: str
    source: str
    elapsed_s: float


@dataclass(frozen=True, slots=True)
class ModelCalled(_Happening):
    """A model was asked; `valid` is False when its reply broke the schema or it did not answer.

    Attributes:
        cached_tokens: how many of `prompt_tokens` the server had read before.
        reasoning_tokens: how many of `completion_tokens` it thought with.
        reasoning: what the model thought before it answered, where the server tells it.
        repairs: what was put right in the reply without asking again.
    """

    step: int
    role: str
    model: str
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float
    latency_s: float
    attempt: int = 1
    valid: bool = True
    images: int = 0
    error: str = ""
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    reasoning: str = ""
    repairs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Planned(_Happening):
    """The plan was made or changed."""

    step: int
    thought: str
    subgoals: tuple[str, ...]
    current_subgoal: str
    status: str = ""


@dataclass(frozen=True, slots=True)
class Retrieved(_Happening):
    """APIs were looked for; `apis` are the ones that the model can choose from now."""

    step: int
    query: str
    apis: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Delegated(_Happening):
    """Another agent did a subgoal; its own run folder is `run`, below this one where it can be."""

    step: int
    agent: Literal["mobile", "api"]
    subgoal: str
    run: str
    outcome: Outcome
    reason: str
    answer: str
    spent: Spent


@dataclass(frozen=True, slots=True)
class Decided(_Happening):
    """The next action was chosen; `target` is what it touches, where it touches anything."""

    step: int
    thought: str
    action: WireAction
    description: str
    target: Target | None = None


@dataclass(frozen=True, slots=True)
class ActionStarted(_Happening):
    """An action is about to be sent; `part` counts from 0 inside a shortcut."""

    step: int
    part: int
    action: WireAction


@dataclass(frozen=True, slots=True)
class ActionDone(_Happening):
    """The device acknowledged the action."""

    step: int
    part: int
    action: WireAction
    elapsed_s: float
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ActionFailed(_Happening):
    """The action could not be done; `error` is what the model is told."""

    step: int
    part: int
    action: WireAction
    error: str


@dataclass(frozen=True, slots=True)
class Reflected(_Happening):
    """The action was judged: A it worked, B it led to a wrong page, C it failed."""

    step: int
    verdict: Verdict
    error: str
    progress: str
    judged_by: JudgedBy


@dataclass(frozen=True, slots=True)
class Noted(_Happening):
    """The notes after this step, all of them."""

    step: int
    notes: str


@dataclass(frozen=True, slots=True)
class Escalated(_Happening):
    """So many failures came in a row that the plan is made anew."""

    step: int
    failures: int


@dataclass(frozen=True, slots=True)
class Verified(_Happening):
    """Whether the task is complete was checked; `missing` says what is not done."""

    step: int
    complete: bool
    missing: str = ""


@dataclass(frozen=True, slots=True)
class HumanAsked(_Happening):
    """A person is asked to answer or to confirm."""

    step: int
    kind_of_question: Literal["question", "confirmation"]
    text: str


@dataclass(frozen=True, slots=True)
class HumanAnswered(_Happening):
    """What the person, or the policy in their place, said."""

    step: int
    text: str


@dataclass(frozen=True, slots=True)
class LearntShortcut(_Happening):
    """The shortcut that was learnt from the run, None when there was none."""

    step: int
    shortcut: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class LearntTips(_Happening):
    """The tips that were learnt from the run."""

    step: int
    tips: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Warned(_Happening):
    """Something that a person should know and that did not stop the run."""

    step: int
    text: str


@dataclass(frozen=True, slots=True)
class StepTimed(_Happening):
    """Where the step's time went; what models, device, pictures and a delegate leave is ours."""

    step: int
    total_s: float
    model_s: float
    device_s: float
    picture_s: float
    delegated_s: float = 0.0

    @property
    def ours_s(self) -> float:
        """Seconds spent in tapgraph itself; at least 0, as model calls may run side by side."""
        theirs_s = self.model_s + self.device_s + self.picture_s + self.delegated_s
        return max(0.0, self.total_s - theirs_s)


@dataclass(frozen=True, slots=True)
class Finished(_Happening):
    """The run is over."""

    step: int
    outcome: Outcome
    reason: str
    answer: str
    spent: Spent


@dataclass(frozen=True, slots=True)
class UnknownEvent(_Happening):
    """A line that this version cannot read; `text` is the line."""

    text: str
    step: int = 0


Event: TypeAlias = (
    RunStarted
    | Resumed
    | ScreenSeen
    | ModelCalled
    | Planned
    | Retrieved
    | Delegated
    | Decided
    | ActionStarted
    | ActionDone
    | ActionFailed
    | Reflected
    | Noted
    | Escalated
    | Verified
    | HumanAsked
    | HumanAnswered
    | LearntShortcut
    | LearntTips
    | Warned
    | StepTimed
    | Finished
    | UnknownEvent
)

EVENT_TYPES: Mapping[str, type[Event]] = {
    event_type.kind: event_type for event_type in get_args(Event) if event_type is not UnknownEvent
}
"""From the `kind` of a line to its class."""


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """An event and when it happened; `since_start_s` does not count pauses between resumptions."""

    event: Event
    at: datetime
    since_start_s: float


def line_from_event(recorded: RecordedEvent) -> str:
    """One line of JSON, without its end."""
    event = recorded.event
    wire = {
        "kind": event.kind,
        "at": recorded.at.astimezone(UTC).isoformat(timespec="milliseconds"),
        "since_start_s": round(recorded.since_start_s, 3),
    }
    wire |= {field.name: getattr(event, field.name) for field in dataclasses.fields(event)}
    return json.dumps(wire, default=dataclasses.asdict, ensure_ascii=False, separators=(",", ":"))


def recorded_event_from_line(line: str) -> RecordedEvent:
    """The event that a line holds; `UnknownEvent` when this version cannot read it."""
    unknown = RecordedEvent(UnknownEvent(line), datetime.fromtimestamp(0, UTC), 0.0)
    try:
        wire = json.loads(line)
    except (json.JSONDecodeError, RecursionError):
        return unknown
    if not isinstance(wire, dict):
        return unknown
    try:
        at = datetime.fromisoformat(wire["at"])
        since_start_s = float(wire["since_start_s"])
        fields = {name: value for name, value in wire.items() if name not in _ENVELOPE}
        event: Event = _reader(wire["kind"]).validate_python(fields)
    except (KeyError, TypeError, ValueError, ValidationError):
        return unknown
    return RecordedEvent(event, at, since_start_s)


_ENVELOPE = ("kind", "at", "since_start_s")


@functools.cache
def _reader(kind: str) -> TypeAdapter[Any]:
    return TypeAdapter(EVENT_TYPES[kind])
