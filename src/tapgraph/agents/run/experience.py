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
from tapgraph.memory import Provenance, Scope, Shortcut, Tip, TipDraft
from tapgraph.memory.admission import ForeignWords, check_tip
from tapgraph.memory.retrieval import Question, TextRetriever
from tapgraph.memory.words import likeness
from tapgraph.tools.api.retrieval import words_of
from tapgraph.tools.policy.risk import RISKS
from tapgraph.tools.policy.table import phrases

__all__ = [
    "MOST_CHANGES",
    "Lesson",
    "Rehearsed",
    "check_changes",
    "known_tips",
    "learn_tips",
    "names_of_learnt",
    "numbered_tips",
    "pass_the_gate",
    "rewrite_tips",
]

MOST_CHANGES = 3
_MOST_KNOWN = 20
_GIVEN = ("package", "person")
_SAME = 0.6
"""Tips that share so many of their words say the same."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """What all that is learnt from a run has in common.

    Attributes:
        foreign: what screens and services said.
        asked: the task, and the names of the apps that were opened for it.
        secrets: what was typed into password fields.
    """

    run: AgentRun
    step: int
    model: str
    scope: Scope
    foreign: ForeignWords
    asked: str
    secrets: Collection[str] = ()

    @property
    def provenance(self) -> Provenance:
        """Names the run, the step and the model."""
        return Provenance(run=self.run.recall.run, step=self.step, model=self.model, origin="run")

    def changed(self, change: str, entry: str, name: str, why: str) -> None:
        """Record a change of the memory in the run folder."""
        event = MemoryChanged(step=self.step, change=change, entry=entry, name=name, why=why)  # type: ignore[arg-type]
        self.run.folder.record(event)


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """How it ended that a shortcut was executed again.

    Attributes:
        why_not: why it failed; empty when it worked.
        was_reached: whether the shortcut began at all.
        where: what it was executed on, and with which values.
    """

    why_not: str
    was_reached: bool
    where: str


def pass_the_gate(lesson: Lesson, shortcut: Shortcut, ended: Rehearsed) -> None:
    """Verify or retire a shortcut by how it went once more; what never began stays a draft."""
    memory, run = lesson.run.recall.memory, lesson.run.recall.run
    if not ended.was_reached:
        lesson.run.warn(lesson.step, f"{shortcut.name} stays a draft: {ended.why_not}")
        return
    why = f"executed again on {ended.where}"
    if ended.why_not:
        memory.record("failed", [shortcut.id], run=run, why=f"{why}: {ended.why_not}")
        memory.retire(shortcut.id, reason=f"{why}, it failed: {ended.why_not}")
        lesson.changed("retire", shortcut.id, shortcut.name, f"{why}: {ended.why_not}")
        return
    memory.record("worked", [shortcut.id], run=run, why=why)
    memory.verify(shortcut.id, reason=why)
    lesson.changed("verify", shortcut.id, shortcut.name, why)


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
            f"(worked in {tip.evidence.successes} of {tip.evidence.uses} uses)"
            for number, tip in enumerate(tips, 1)
        )
        or "none"
    )


def names_of_learnt(tips: Sequence[Tip]) -> list[str]:
    """The names, as `numbered_tips` gives them, of those that a run may change."""
    return [
        f"T{number}" for number, tip in enumerate(tips, 1) if tip.provenance.origin not in _GIVEN
    ]


def check_changes(changes: Sequence[str | TipChange], known: Sequence[Tip]) -> None:
    """Tell the model what is wrong with its changes.

    Raises:
        ToolError: there are too many, one means no known tip, or one stands on nothing.
    """
    if len(changes) > MOST_CHANGES:
        raise ToolError(f"at most {MOST_CHANGES} changes, got {len(changes)}: keep the best")
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
    whole = [
        TipChange(tip=one, because=f"the run {lesson.run.recall.run}")
        if isinstance(one, str)
        else one
        for one in changes
        if one
    ]
    # Whoever copies from a screen once may have done so in other words the next time.
    quotes = dict.fromkeys(quote for one in whole for quote in _quotes(one, lesson))
    for change in whole:
        _try(lesson, change, known, tuple(quotes))


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


def _try(lesson: Lesson, change: TipChange, known: Sequence[Tip], quotes: tuple[str, ...]) -> None:
    try:
        _carry_out(lesson, change, known, quotes)
    except ValidationError as error:
        lesson.run.warn(lesson.step, f"not learnt: {error.errors()[0]['msg']}")
    except (UsageError, ToolError) as error:
        lesson.run.warn(lesson.step, f"not learnt: {error}")


def _carry_out(
    lesson: Lesson, change: TipChange, known: Sequence[Tip], quotes: tuple[str, ...]
) -> None:
    memory, why = lesson.run.recall.memory, change.because[:500]
    if change.change == "retire":
        for tip in _meant(change, known):
            memory.retire(tip.id, reason=why)
            lesson.changed("retire", tip.id, tip.text, why)
        return
    draft = TipDraft(text=change.tip, polarity=change.polarity, because=why)
    check_tip(draft, lesson.secrets)
    provenance = lesson.provenance.model_copy(update={"quotes": quotes})
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


def _quotes(change: TipChange, lesson: Lesson) -> tuple[str, ...]:
    """Where words of the change come from, if they are neither the task's nor the model's."""
    unasked = _unasked_deeds(change.tip, lesson.asked)
    risky = (f"nowhere in the task: {', '.join(unasked)}",) if unasked else ()
    foreign = lesson.foreign
    return (*foreign.origins(change.tip, change.because), *foreign.retold(change.tip), *risky)


def _unasked_deeds(text: str, asked: str) -> list[str]:
    """Words for risky deeds that the task does not have; whoever planted a tip wants such a one.

    They are in English, as in names of APIs; in other languages a tip is held by its likeness to
    what a screen said, and whatever it leads to by the policy.
    """
    known = words_of(asked)
    risky = {word for risk in RISKS if risk != "change" for word in phrases(risk, language="api")}
    told = (word for word in words_of(text) if word in risky or word.removesuffix("e") in risky)
    return [word for word in dict.fromkeys(told) if word not in known]


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
