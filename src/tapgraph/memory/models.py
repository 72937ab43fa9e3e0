"""What the memory holds: tips, shortcuts, where they apply, where they came from, how they did."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from tapgraph.memory.track_record import lower_bound

__all__ = [
    "OF_RESULT",
    "ArgumentType",
    "Condition",
    "Entry",
    "Evidence",
    "EvidenceKind",
    "Origin",
    "Polarity",
    "Provenance",
    "Record",
    "Revision",
    "Scope",
    "Shortcut",
    "ShortcutDraft",
    "ShortcutStep",
    "Status",
    "StepTarget",
    "Tip",
    "TipDraft",
    "Use",
    "Value",
]

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,63}$")]
CallName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_./:-]{0,127}$")]
"""The name of an action, or the identifier of an API."""
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
Label = Annotated[str, StringConstraints(max_length=500)]
Value: TypeAlias = str | int | float

OF_RESULT = "result:"
"""How a value begins that an earlier call of the same shortcut gives."""

Status: TypeAlias = Literal["draft", "verified", "trusted", "retired"]
"""Proposed, executed again with success or vouched for by a person, often right, out of use."""
Origin: TypeAlias = Literal["package", "person", "run", "import"]
"""Came with the package, was written by a person, was learnt in a run, was read from a file."""
EvidenceKind: TypeAlias = Literal["retrieved", "shown", "chosen", "worked", "failed"]
Polarity: TypeAlias = Literal["do", "avoid"]
ArgumentType: TypeAlias = Literal["text", "number"]


class Record(BaseModel):
    """Frozen data that is checked when it is made."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Scope(Record):
    """Where an entry applies; None means everywhere.

    Attributes:
        agent: the kind of agent.
        app: a package, such as `com.android.settings`.
        app_version: a version of that app.
        language: of the phone, such as `de`.
        screen_size: width and height in pixels.
    """

    agent: Literal["mobile", "api"] = "mobile"
    app: Label | None = None
    app_version: Label | None = None
    language: Label | None = None
    screen_size: tuple[int, int] | None = None


class Provenance(Record):
    """Where an entry was learnt.

    Attributes:
        run: the run; None for what was not learnt in one.
        step: the step of it.
        model: who proposed it.
        origin: how it came in.
        quotes: where foreign words in it come from, such as `a screen of com.example`; empty where
            it has none. An entry with foreign words is shown to no agent before a person has
            vouched for it.
    """

    run: str | None = None
    step: int | None = None
    model: str | None = None
    origin: Origin = "person"
    quotes: tuple[Label, ...] = ()


class Evidence(Record):
    """How an entry did so far, in its present version.

    Attributes:
        shown: how often it stood in a prompt when a subgoal began.
        uses: how often it was used and judged.
    """

    shown: int = 0
    uses: int = 0
    successes: int = 0
    failures: int = 0
    last_used_at: datetime | None = None
    last_failure_at: datetime | None = None

    @property
    def bound(self) -> float:
        """The share of uses that work, from 0 to 1, as far as that is sure."""
        return lower_bound(self.successes, self.uses)


class Use(Record):
    """One row of evidence."""

    entry_id: str
    kind: EvidenceKind
    at: datetime
    run: str | None = None
    step: int | None = None
    why: str = ""


class _Entry(Record):
    """What tips and shortcuts have in common.

    Attributes:
        id: the identity, which never changes.
        version: counts changes of the content, from 1.
        reason: why it has its status.
        merged_into: the entry that stands for it since it was merged.
    """

    id: str
    version: int
    scope: Scope
    provenance: Provenance
    evidence: Evidence
    status: Status
    reason: str = ""
    merged_into: str | None = None
    created_at: datetime
    updated_at: datetime

    @property
    def is_unvouched(self) -> bool:
        """Whether no agent may be shown it: foreign words, or a file, that nobody vouched for."""
        is_foreign = bool(self.provenance.quotes) or self.provenance.origin == "import"
        return is_foreign and self.status == "draft"


class TipDraft(Record):
    """Advice in one or two sentences.

    Attributes:
        polarity: whether it says what to do or what to avoid.
        because: what it stands on, such as `step 3 failed: nothing changed on the screen`.
    """

    text: Words
    polarity: Polarity = "do"
    because: Label = ""


class Tip(_Entry, TipDraft):
    """Advice that is kept."""


class StepTarget(Record):
    """What a step touches, by what it is, so that it is found on another screen.

    Attributes:
        text: what it says; empty for what has no words.
        text_argument: the argument that says what it says, in the place of `text`.
        role: what a person takes it for; empty where only its words are known, as from a picture,
            and for a bare place.
        resource_id: its name by its programmer.
        index: its place among equals, from 1.
        equals: how many equals the screen had.
        place: where it was touched, as shares of the screen's width and height from 0 to 1.
    """

    text: Label = ""
    text_argument: Name | None = None
    role: Label = ""
    resource_id: Label = ""
    index: int = 1
    equals: int = 1
    place: tuple[float, float] = (0.5, 0.5)


class Condition(Record):
    """What holds of a screen; what is left open is not asked.

    Attributes:
        app: the package in front.
        shows: what can be seen.
    """

    app: Label | None = None
    shows: tuple[StepTarget, ...] = ()


class ShortcutStep(Record):
    """One action of a shortcut.

    Attributes:
        action_name: the wire name of an action, or the identifier of an API.
        arguments_map: from the action's arguments to values; a text that is the name of one of the
            shortcut's arguments stands for it, `result:N/POINTER` for a part of what call N gave
            (RFC 6901), everything else stands for itself.
        target: what it touches, where that is known; it stands for `x` and `y`.
    """

    action_name: CallName
    arguments_map: Mapping[str, Value] = Field(default_factory=dict)
    target: StepTarget | None = None


class ShortcutDraft(Record):
    """A sequence of actions under a name, as an agent proposes it.

    Attributes:
        precondition: in words, for whoever chooses it.
        requires: what must hold before it, as far as that can be checked.
        ensures: what holds after it.
        argument_types: found when the shortcut is checked against the actions.
        example: values of its arguments with which it worked.
        reached_by: the steps that led to where it began, for executing it again.
    """

    name: Name
    arguments: tuple[Name, ...] = ()
    description: Words
    precondition: Words
    steps: Annotated[tuple[ShortcutStep, ...], Field(min_length=1, max_length=20)]
    requires: Condition | None = None
    ensures: Condition | None = None
    argument_types: Mapping[Name, ArgumentType] = Field(default_factory=dict)
    example: Mapping[Name, Value] = Field(default_factory=dict)
    reached_by: Annotated[tuple[ShortcutStep, ...], Field(max_length=20)] = ()

    @model_validator(mode="after")
    def _arguments_are_unique_and_used(self) -> "ShortcutDraft":
        if len(set(self.arguments)) < len(self.arguments):
            raise ValueError(f"an argument stands twice in {list(self.arguments)}")
        unused = [name for name in self.arguments if name not in self.used_values]
        if unused:
            raise ValueError(f"no step uses the arguments {unused}")
        named = {step.target.text_argument for step in self.steps if step.target} - {None}
        if unknown := sorted(name for name in named if name and name not in self.arguments):
            raise ValueError(f"a target is named by {unknown}, which are no arguments")
        return self

    @property
    def used_values(self) -> set[Value]:
        """What the steps are given: names of arguments, and values that stand for themselves."""
        used = {value for step in self.steps for value in step.arguments_map.values()}
        named = {step.target.text_argument for step in self.steps if step.target}
        return used | {name for name in named if name}


class Shortcut(_Entry, ShortcutDraft):
    """A sequence of actions that an agent can call by name."""


Entry: TypeAlias = Tip | Shortcut


class Revision(Record):
    """An earlier version of an entry."""

    entry_id: str
    version: int
    content: Mapping[str, object]
    status: Status
    why: str
    replaced_at: datetime
