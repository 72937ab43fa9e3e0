"""The events of a run arranged by step, as a reader wants them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tapgraph.agents.run.events import (
    ActionDone,
    ActionFailed,
    Decided,
    Delegated,
    Escalated,
    Event,
    Finished,
    HumanAnswered,
    HumanAsked,
    LearntShortcut,
    LearntTips,
    MemoryChanged,
    ModelCalled,
    Noted,
    Planned,
    RecordedEvent,
    Reflected,
    Resumed,
    Retrieved,
    ScreenSeen,
    StepTimed,
    UnknownEvent,
    Verified,
    Warned,
)

__all__ = ["RoleCalls", "RunStory", "SeenScreen", "StepStory", "tell"]


@dataclass(slots=True)
class StepStory:
    """All that belongs to one step; `number` 0 is what came before the first.

    Attributes:
        screen: what the phone showed when the action was chosen, or last in this step without one.
        parts: what was sent to the device: one action, or the parts of a shortcut.
        planned: plans made before the action was chosen.
        replanned: plans made after it.
        since_start_s: when the step began.
    """

    number: int
    since_start_s: float
    screen: ScreenSeen | None = None
    decided: Decided | None = None
    parts: list[ActionDone | ActionFailed] = field(default_factory=list)
    reflected: Reflected | None = None
    planned: list[Planned] = field(default_factory=list)
    replanned: list[Planned] = field(default_factory=list)
    notes: str = ""
    escalations: list[Escalated] = field(default_factory=list)
    verifications: list[Verified] = field(default_factory=list)
    talk: list[HumanAsked | HumanAnswered] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    shortcuts: list[LearntShortcut] = field(default_factory=list)
    tips: list[str] = field(default_factory=list)
    memory: list[MemoryChanged] = field(default_factory=list)
    calls: list[ModelCalled] = field(default_factory=list)
    retrieved: list[Retrieved] = field(default_factory=list)
    delegated: list[Delegated] = field(default_factory=list)
    timed: StepTimed | None = None


@dataclass(frozen=True, slots=True)
class SeenScreen:
    """A screen and the step to read about it."""

    seen: ScreenSeen
    step: int


@dataclass(frozen=True, slots=True)
class RoleCalls:
    """All calls of one role."""

    role: str
    calls: int
    invalid: int
    prompt_tokens: int
    completion_tokens: int
    images: int
    cost_usd: float
    latency_s: float


@dataclass(frozen=True, slots=True)
class RunStory:
    """A run by steps; `duration_s` reaches to its last event."""

    steps: tuple[StepStory, ...]
    screens: tuple[SeenScreen, ...]
    finished: Finished | None
    duration_s: float

    @property
    def calls(self) -> tuple[ModelCalled, ...]:
        """Every call of a model, oldest first."""
        return tuple(call for step in self.steps for call in step.calls)

    @property
    def by_role(self) -> tuple[RoleCalls, ...]:
        """The calls of each role together, in the order of their first call."""
        grouped: dict[str, list[ModelCalled]] = defaultdict(list)
        for call in self.calls:
            grouped[call.role].append(call)
        return tuple(
            RoleCalls(
                role,
                calls=len(calls),
                invalid=sum(not call.valid for call in calls),
                prompt_tokens=sum(call.prompt_tokens for call in calls),
                completion_tokens=sum(call.completion_tokens for call in calls),
                images=sum(call.images for call in calls),
                cost_usd=sum(call.cost_usd for call in calls),
                latency_s=sum(call.latency_s for call in calls),
            )
            for role, calls in grouped.items()
        )


def tell(timeline: Iterable[RecordedEvent]) -> RunStory:
    """Arrange the events of a run, finished or not."""
    steps: dict[int, StepStory] = {}
    acted_on: dict[int, int] = {}
    screens: list[ScreenSeen] = []
    finished: Finished | None = None
    duration_s = 0.0
    for recorded in timeline:
        event = recorded.event
        duration_s = max(duration_s, recorded.since_start_s)
        if isinstance(event, UnknownEvent):
            continue
        step = steps.setdefault(event.step, StepStory(event.step, recorded.since_start_s))
        match event:
            case ScreenSeen():
                screens.append(event)
                if step.decided is None:
                    step.screen = event
            case Decided():
                step.decided = event
                if screens:
                    step.screen = screens[-1]
                    acted_on[screens[-1].screen_id] = event.step
            case Finished():
                finished = event
            case _:
                _add(step, event)
    told = tuple(steps[number] for number in sorted(steps) if _is_worth_telling(steps[number]))
    return RunStory(
        steps=told,
        screens=tuple(
            SeenScreen(seen, acted_on.get(seen.screen_id, seen.step)) for seen in screens
        ),
        finished=finished,
        duration_s=duration_s,
    )


_LISTS: Mapping[type[Event], str] = {
    ActionDone: "parts",
    ActionFailed: "parts",
    Delegated: "delegated",
    Escalated: "escalations",
    HumanAnswered: "talk",
    HumanAsked: "talk",
    LearntShortcut: "shortcuts",
    MemoryChanged: "memory",
    ModelCalled: "calls",
    Retrieved: "retrieved",
    Verified: "verifications",
}
"""Kinds of which a step may have several, and the list of the step that keeps them."""


def _add(step: StepStory, event: Event) -> None:
    if type(event) in _LISTS:
        getattr(step, _LISTS[type(event)]).append(event)
        return
    match event:
        case Reflected():
            step.reflected = event
        case StepTimed():
            step.timed = event
        case Planned():
            (step.planned if step.decided is None else step.replanned).append(event)
        case Noted(notes=notes):
            step.notes = notes
        case LearntTips(tips=tips):
            step.tips.extend(tips)
        case Warned(text=text):
            step.warnings.append(text)
        case Resumed():
            step.warnings.append("The run had stopped here and was resumed.")


def _is_worth_telling(step: StepStory) -> bool:
    return any((
        step.screen,
        step.decided,
        step.parts,
        step.planned,
        step.verifications,
        step.warnings,
    )) or any((
        step.calls,
        step.talk,
        step.shortcuts,
        step.tips,
        step.memory,
        step.escalations,
        step.retrieved,
        step.delegated,
    ))
