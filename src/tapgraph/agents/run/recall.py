"""What a run is told of the memory: looked up when a subgoal begins, and judged when it ends."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from tapgraph.agents.run.events import Recalled, RecalledEntry
from tapgraph.agents.run.outcome import Outcome
from tapgraph.agents.run.run_folder import RunFolder
from tapgraph.llm_backend.prompt import fenced
from tapgraph.memory import MemoryStore, Scope, Shortcut, Tip
from tapgraph.memory.models import EvidenceKind
from tapgraph.memory.retrieval import Found, Question, Retriever

__all__ = ["Recall", "Remembered"]

_MOST_TIPS = 10
_MOST_SHORTCUTS = 6
_SAYS_NOTHING = {Outcome.DEVICE_LOST, Outcome.MODEL_ERROR, Outcome.NEEDS_HUMAN}
"""After these nothing follows for the tips that were shown."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """The entries that are of use for a subgoal."""

    tips: tuple[Tip, ...] = ()
    shortcuts: tuple[Shortcut, ...] = ()

    @property
    def tip_lines(self) -> str:
        """One line for each tip, the oldest first; those that were learnt are marked as such."""
        tips = sorted(self.tips, key=lambda tip: (tip.created_at, tip.id))
        return "\n".join(_line(tip) for tip in tips) or "none"


def _line(tip: Tip) -> str:
    words = fenced(" ".join(tip.text.split()))
    if tip.polarity == "avoid":
        words = f"Avoid this: {words}"
    if tip.provenance.origin in {"package", "person"}:
        return f"- {words}"
    evidence = tip.evidence
    record = f", worked in {evidence.successes} of {evidence.uses} runs" if evidence.uses else ""
    return f"- (learnt{record}) {words}"


@dataclass
class Recall:
    """Asks the memory once for each subgoal, and keeps what became of what it gave.

    Attributes:
        memory: what is asked.
        retriever: how it is asked.
        folder: where the run is recorded.
        scope: the agent's, without an app.
        keeps_record: whether evidence is kept; else the memory is only read.
        tries_drafts: whether shortcuts that were not executed again may be tried.
    """

    memory: MemoryStore
    retriever: Retriever
    folder: RunFolder
    scope: Scope = field(default_factory=Scope)
    keeps_record: bool = True
    tries_drafts: bool = False
    _known: dict[str, Remembered] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def run(self) -> str:
        """The name under which the run stands in the memory."""
        return self.folder.path.name

    def for_subgoal(self, subgoal: str, *, step: int, app: str | None = None) -> Remembered:
        """What is of use for a subgoal; the app is the one in front when it begins."""
        with self._lock:
            if subgoal not in self._known:
                self._known[subgoal] = self._asked(subgoal, step, app)
            return self._known[subgoal]

    def shortcut(self, name: str) -> Shortcut | None:
        """The shortcut of a name: one that was given in this run, else one of the memory."""
        with self._lock:
            given = [one for known in self._known.values() for one in known.shortcuts]
        found = next((one for one in given if one.name == name), None)
        if found is not None:
            return found
        others = self.memory.shortcuts(self.scope)
        return next((one for one in others if one.name == name and not one.is_unvouched), None)

    def used(self, shortcut: Shortcut, *, worked: bool, step: int, why: str) -> None:
        """Keep how a use of a shortcut ended; a draft that worked is verified by it."""
        self.memory.record(
            "worked" if worked else "failed", [shortcut.id], run=self.run, step=step, why=why
        )
        if worked and shortcut.status == "draft":
            reason = f"its guarded use in {self.run}, step {step}, worked"
            self.memory.verify(shortcut.id, reason=reason)

    def end(self, outcome: Outcome) -> None:
        """Keep for each tip that was shown how the run ended.

        A draft is verified by a run in which it was shown and that succeeded.
        """
        if not self.keeps_record or outcome in _SAYS_NOTHING:
            return
        tips = {tip.id: tip for known in self._known.values() for tip in known.tips}
        worked = outcome is Outcome.SUCCESS
        kind: EvidenceKind = "worked" if worked else "failed"
        self.memory.record(kind, tips, run=self.run, why="" if worked else f"the run: {outcome}")
        for tip in tips.values():
            if worked and tip.status == "draft":
                self.memory.verify(tip.id, reason=f"shown in {self.run}, which succeeded")

    def _asked(self, subgoal: str, step: int, app: str | None) -> Remembered:
        scope = self.scope.model_copy(update={"app": app})
        question = Question("tip", subgoal, scope, most=_MOST_TIPS)
        tips = self.retriever.find(question)
        shortcuts = self.retriever.find(
            replace(
                question,
                kind="shortcut",
                most=_MOST_SHORTCUTS,
                tries_drafts=self.tries_drafts,
            )
        )
        self.folder.record(
            Recalled(step=step, query=subgoal, tips=_told(tips), shortcuts=_told(shortcuts))
        )
        if self.keeps_record:
            found = [one.entry.id for one in (*tips, *shortcuts)]
            self.memory.record("shown", found, run=self.run, step=step, why=subgoal)
        return Remembered(
            tuple(one.entry for one in tips if isinstance(one.entry, Tip)),
            tuple(one.entry for one in shortcuts if isinstance(one.entry, Shortcut)),
        )


def _told(found: Sequence[Found]) -> tuple[RecalledEntry, ...]:
    return tuple(
        RecalledEntry(
            id=one.entry.id,
            version=one.entry.version,
            name=one.entry.name if isinstance(one.entry, Shortcut) else one.entry.text,
            score=one.score,
            reasons=one.reasons,
        )
        for one in found
    )
