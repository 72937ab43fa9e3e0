"""What a run teaches, as changes of single rows of the memory.

Mobile-Agent-E rewrites all its tips after each task (its paper, section 3.3). Whole rewrites lose
what they do not repeat, so that here a reflector proposes at most three operations, and each names
what it stands on.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from tapgraph.agents.run.agent_run import AgentRun
from tapgraph.agents.run.events import LearntTips, MemoryChanged
from tapgraph.agents.run.replies import TipChange
from tapgraph.errors import ToolError, UsageError
from tapgraph.memory import Provenance, Scope, Tip, TipDraft
from tapgraph.memory.admission import ForeignWords, admit_tip
from tapgraph.memory.retrieval import Question, TextRetriever
from tapgraph.memory.words import likeness

__all__ = ["Lesson", "check_changes", "known_tips", "learn_tips", "numbered_tips", "rewrite_tips"]

_MOST_CHANGES = 3
_MOST_KNOWN = 20
_GIVEN = ("package", "person")
_SAME = 0.6
"""Tips that share so many of their words say the same."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """What all that is learnt from a run has in common.

    Attributes:
        foreign: what screens and services said.
        secrets: what was typed into password fields.
    """

    run: AgentRun
    step: int
    model: str
    scope: Scope
    foreign: ForeignWords
    secrets: Collection[str] = ()

    @property
    def provenance(self) -> Provenance:
        """Names the run, the step and the model."""
        return Provenance(run=self.run.recall.run, step=self.step, model=self.model, origin="run")

    def changed(self, change: str, entry: str, name: str, why: str) -> None:
        """Record a change of the memory in the run folder."""
        event = MemoryChanged(step=self.step, change=change, entry=entry, name=name, why=why)  # type: ignore[arg-type]
        self.run.folder.record(event)


def known_tips(run: AgentRun, task: str) -> tuple[Tip, ...]:
    """The tips that a reflector is told of: those that have to do with the task."""
    question = Question("tip", task, run.recall.scope, most=_MOST_KNOWN, budget_tokens=1500)
    found = run.recall.retriever.find(question)
    return tuple(one.entry for one in found if isinstance(one.entry, Tip))


def numbered_tips(tips: Sequence[Tip]) -> str:
    """One line for each, with the name by which a change can mean it and how it did."""
    return (
        "\n".join(
            f"- [T{number}] {' '.join(tip.text.split())} "
            f"(worked in {tip.evidence.successes} of {tip.evidence.uses} runs)"
            for number, tip in enumerate(tips, 1)
        )
        or "none"
    )


def check_changes(changes: Sequence[str | TipChange], known: Sequence[Tip]) -> None:
    """Tell the model what is wrong with its changes.

    Raises:
        ToolError: there are too many, one means no known tip, or one stands on nothing.
    """
    if len(changes) > _MOST_CHANGES:
        raise ToolError(f"at most {_MOST_CHANGES} changes, got {len(changes)}: keep the best")
    for change in changes:
        if isinstance(change, str):
            continue
        if not change.because:
            raise ToolError("each change needs `because`: the actions that show it")
        if change.change != "retire" and not change.tip:
            raise ToolError(f"{change.change} needs `tip`, the words of the tip")
        if change.change != "add":
            _meant(change, known)


def learn_tips(lesson: Lesson, changes: Sequence[str | TipChange], known: Sequence[Tip]) -> None:
    """Carry out the changes; what may not be kept is a warning."""
    texts = [one if isinstance(one, str) else one.tip for one in changes]
    lesson.run.folder.record(LearntTips(step=lesson.step, tips=tuple(filter(None, texts))))
    for change in changes:
        if isinstance(change, str):
            if change:
                _try(lesson, TipChange(tip=change, because=_ending(lesson)), known)
        else:
            _try(lesson, change, known)


def rewrite_tips(lesson: Lesson, texts: Sequence[str]) -> None:
    """Put a new list in the place of all tips of the agent, without a gate, as in the paper."""
    memory = lesson.run.recall.memory
    kept: set[str] = set()
    for text in filter(None, texts):
        tip = memory.add_tip(text[:2000], scope=lesson.scope, provenance=lesson.provenance)
        memory.reinstate(tip, reason="the paper keeps it without a gate")
        kept.add(tip)
    for old in memory.tips(lesson.scope):
        if old.id not in kept:
            memory.retire(old.id, reason=f"rewritten after {lesson.run.recall.run}")
    lesson.run.folder.record(LearntTips(step=lesson.step, tips=tuple(filter(None, texts))))


def _ending(lesson: Lesson) -> str:
    return f"the run {lesson.run.recall.run}"


def _try(lesson: Lesson, change: TipChange, known: Sequence[Tip]) -> None:
    try:
        _carry_out(lesson, change, known)
    except ValidationError as error:
        lesson.run.warn(lesson.step, f"not learnt: {error.errors()[0]['msg']}")
    except (UsageError, ToolError) as error:
        lesson.run.warn(lesson.step, f"not learnt: {error}")


def _carry_out(lesson: Lesson, change: TipChange, known: Sequence[Tip]) -> None:
    memory, why = lesson.run.recall.memory, change.because[:500]
    if change.change == "retire":
        for tip in _meant(change, known):
            memory.retire(tip.id, reason=why)
            lesson.changed("retire", tip.id, tip.text, why)
        return
    draft = TipDraft(text=change.tip, polarity=change.polarity, because=why)
    provenance = admit_tip(draft, lesson.provenance, lesson.foreign, lesson.secrets)
    if change.change == "revise":
        tip = _meant(change, known)[0]
        memory.revise(tip.id, draft, why=why, provenance=provenance)
        lesson.changed("revise", tip.id, draft.text, why)
        return
    twin = _nearest(lesson, draft) if change.change == "add" else None
    added = memory.add_tip(draft, scope=lesson.scope, provenance=provenance)
    if twin is not None and twin.id != added:
        memory.merge([added], twin.id, why=f"says the same: {why}"[:500])
        lesson.changed("merge", twin.id, draft.text, "a known tip says the same")
        return
    lesson.changed("add", added, draft.text, why)
    if change.change == "merge":
        old = [tip.id for tip in _meant(change, known) if tip.id != added]
        memory.merge(old, added, why=why)
        lesson.changed("merge", added, draft.text, why)


def _nearest(lesson: Lesson, draft: TipDraft) -> Tip | None:
    """The tip in use that says the same in nearly the same words, and is as much to be trusted."""
    question = Question("tip", draft.text, lesson.scope, most=10, budget_tokens=5000)
    found = TextRetriever(lesson.run.recall.memory).find(question)
    tips = (one.entry for one in found if isinstance(one.entry, Tip))
    alike = [
        (likeness(tip.text, draft.text), tip) for tip in tips if tip.polarity == draft.polarity
    ]
    best = max(alike, key=lambda one: one[0], default=None)
    return best[1] if best is not None and best[0] >= _SAME else None


def _meant(change: TipChange, known: Sequence[Tip]) -> list[Tip]:
    by_name: Mapping[str, Tip] = {f"T{number}": tip for number, tip in enumerate(known, 1)}
    names = [name.strip("[] ") for name in change.of]
    if not names or (unknown := [name for name in names if name not in by_name]):
        raise ToolError(
            f"{change.change} needs `of`: which of {', '.join(by_name) or 'no'} tips it means"
            + (f"; unknown: {', '.join(unknown)}" if names else "")
        )
    meant = [by_name[name] for name in names]
    if given := [tip.text for tip in meant if tip.provenance.origin in _GIVEN]:
        raise ToolError(f"{given[0]!r} was given by people, and only they change it")
    return meant
