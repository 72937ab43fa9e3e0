"""What happens in a run, one frozen record per kind, and how each is written as a line.

`step` counts from 1; what happens before the first step has step 0. Texts may come from screens
and models: whoever shows them escapes them.
"""

import dataclasses
import functools
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar, Final, Literal, TypeAlias

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
    "MemoryChanged",
    "ModelCalled",
    "Noted",
    "Planned",
    "Recalled",
    "RecalledEntry",
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

JudgedBy: TypeAlias = Literal["model", "unchanged screen", "tool", "outcome judge"]
"""Who found the verdict; `tool` is what carried the action out."""


EVENT_TYPES: Final[dict[str, type["Event"]]] = {}
"""From the `kind` of a line to its class."""


@dataclass(frozen=True, slots=True)
class Event:
    """What all events have: a step, and a name on the wire, made from the name of the class."""

    kind: ClassVar[str]
    step: int

    def __init_subclass__(cls) -> None:
        cls.kind = re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()
        EVENT_TYPES[cls.kind] = cls


@dataclass(frozen=True, slots=True)
class RunStarted(Event):
    """The run begins."""

    instruction: str
    pipeline: str


@dataclass(frozen=True, slots=True)
class Resumed(Event):
    """A run that had stopped goes on; `step` is the last one that was begun before."""


@dataclass(frozen=True, slots=True)
class ScreenSeen(Event):
    """A stable screen was read; `screen_id` is its number in the run folder.

    Attributes:
        elements: how many elements were found.
        source: where they came from: `tree`, `ocr` or `both`.
        elapsed_s: from asking the device to the finished screen.
    """

    screen_id: int
    app: str
    activity: str
    keyboard_shown: bool
    elements: int
    fingerprint: str
    source: str
    elapsed_s: float


@dataclass(frozen=True, slots=True)
class ModelCalled(Event):
    """A model was asked; `valid` is False when its reply broke the schema or it did not answer.

    Attributes:
        cached_tokens: how many of `prompt_tokens` the server had read before.
        reasoning_tokens: how many of `completion_tokens` it thought with.
        reasoning: what the model thought before it answered, where the server tells it.
        repairs: what was put right in the reply without asking again.
    """

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
class Planned(Event):
    """The plan was made or changed."""

    thought: str
    subgoals: tuple[str, ...]
    current_subgoal: str
    status: str = ""


@dataclass(frozen=True, slots=True)
class RecalledEntry:
    """A tip or a shortcut that stands in prompts from now on, and why."""

    id: str
    version: int
    name: str
    score: float
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Recalled(Event):
    """The memory was asked what is of use, as when a subgoal begins."""

    query: str
    tips: tuple[RecalledEntry, ...]
    shortcuts: tuple[RecalledEntry, ...]


@dataclass(frozen=True, slots=True)
class Retrieved(Event):
    """APIs were looked for; `apis` are the ones that the model can choose from now."""

    query: str
    apis: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Delegated(Event):
    """Another agent did a subgoal; its own run folder is `run`, below this one where it can be."""

    agent: Literal["mobile", "api"]
    subgoal: str
    run: str
    outcome: Outcome
    reason: str
    answer: str
    spent: Spent


@dataclass(frozen=True, slots=True)
class Decided(Event):
    """The next action was chosen; `target` is what it touches, where it touches anything."""

    thought: str
    action: WireAction
    description: str
    target: Target | None = None


@dataclass(frozen=True, slots=True)
class ActionStarted(Event):
    """An action is about to be sent; `part` counts from 0 inside a shortcut."""

    part: int
    action: WireAction


@dataclass(frozen=True, slots=True)
class ActionDone(Event):
    """The device acknowledged the action."""

    part: int
    action: WireAction
    elapsed_s: float
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ActionFailed(Event):
    """The action could not be done; `error` is what the model is told."""

    part: int
    action: WireAction
    error: str


@dataclass(frozen=True, slots=True)
class Reflected(Event):
    """The action was judged: A it worked, B it led to a wrong page, C it failed."""

    verdict: Verdict
    error: str
    progress: str
    judged_by: JudgedBy


@dataclass(frozen=True, slots=True)
class Noted(Event):
    """The notes after this step, all of them."""

    notes: str


@dataclass(frozen=True, slots=True)
class Escalated(Event):
    """So many failures came in a row that the plan is made anew."""

    failures: int


@dataclass(frozen=True, slots=True)
class Verified(Event):
    """Whether the task is complete was checked; `missing` says what is not done."""

    complete: bool
    missing: str = ""


@dataclass(frozen=True, slots=True)
class HumanAsked(Event):
    """A person is asked to answer or to confirm."""

    kind_of_question: Literal["question", "confirmation"]
    text: str


@dataclass(frozen=True, slots=True)
class HumanAnswered(Event):
    """What the person, or the policy in their place, said."""

    text: str


@dataclass(frozen=True, slots=True)
class LearntShortcut(Event):
    """The shortcut that was learnt from the run, None when there was none."""

    shortcut: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class LearntTips(Event):
    """The tips that were learnt from the run."""

    tips: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MemoryChanged(Event):
    """A row of the memory was changed by what was learnt; `why` says what it stands on."""

    change: Literal["add", "revise", "retire", "merge", "verify"]
    entry: str
    name: str
    why: str


@dataclass(frozen=True, slots=True)
class Warned(Event):
    """Something that a person should know and that did not stop the run."""

    text: str


@dataclass(frozen=True, slots=True)
class StepTimed(Event):
    """Where the step's time went; what models, device, pictures and a delegate leave is ours."""

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
class Finished(Event):
    """The run is over."""

    outcome: Outcome
    reason: str
    answer: str
    spent: Spent


@dataclass(frozen=True, slots=True)
class UnknownEvent(Event):
    """A line that this version cannot read; `text` is the line."""

    text: str


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
    unknown = RecordedEvent(UnknownEvent(0, line), datetime.fromtimestamp(0, UTC), 0.0)
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
        event = _reader(wire["kind"]).validate_python(fields)
    except (KeyError, TypeError, ValueError, ValidationError):
        return unknown
    return RecordedEvent(event, at, since_start_s)


_ENVELOPE = ("kind", "at", "since_start_s")


@functools.cache
def _reader(kind: str) -> TypeAdapter[Event]:
    return TypeAdapter(EVENT_TYPES[kind])
