"""What a run is told of the memory: looked up when a subgoal begins, judged step by step."""

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from tapgraph.agents.run.events import Recalled, RecalledEntry
from tapgraph.agents.run.outcome import Outcome
from tapgraph.agents.run.run_folder import RunFolder
from tapgraph.llm_backend.prompt import fenced
from tapgraph.memory import MemoryStore, Scope, Shortcut, Tip
from tapgraph.memory.retrieval import Found, Question, Retriever

__all__ = ["Recall", "Remembered"]

_MOST_TIPS = 10
_MOST_SHORTCUTS = 6
_SAYS_NOTHING = {Outcome.DEVICE_LOST, Outcome.MODEL_ERROR, Outcome.NEEDS_HUMAN}
"""After these nothing follows for what the last subgoal was tried with."""
_GIVEN = {"package", "person"}
_ASKS_FOR_NAMES = 'Put the names of the learnt tips that the action follows into `tips`: ["T1"].'


@dataclass(frozen=True, slots=True)
class Remembered:
    """The entries that are of use for a subgoal."""

    tips: tuple[Tip, ...] = ()
    shortcuts: tuple[Shortcut, ...] = ()

    @property
    def tip_lines(self) -> str:
        """One line for each tip, the oldest first; those that were learnt are marked as such."""
        tips = sorted(self.tips, key=lambda tip: (tip.created_at, tip.id))
        names = {tip.id: name for name, tip in self.learnt.items()}
        return "\n".join(_line(tip, names.get(tip.id, "")) for tip in tips) or "none"

    @property
    def tips_to_name(self) -> str:
        """The same lines; where tips were learnt, the model is asked which of them it follows."""
        return f"{self.tip_lines}\n{_ASKS_FOR_NAMES}" if self.learnt else self.tip_lines

    @property
    def learnt(self) -> Mapping[str, Tip]:
        """The tips that nobody gave, by the names that they have in a prompt."""
        learnt = (tip for tip in self.tips if tip.provenance.origin not in _GIVEN)
        in_order = sorted(learnt, key=lambda tip: (tip.created_at, tip.id))
        return {f"T{number}": tip for number, tip in enumerate(in_order, 1)}

    def followed(self, names: Iterable[str]) -> tuple[str, ...]:
        """The identities of the tips that a reply names; other names mean nothing."""
        known = self.learnt
        meant = (known.get(name.strip("[] ")) for name in names)
        return tuple(dict.fromkeys(tip.id for tip in meant if tip is not None))


def _line(tip: Tip, name: str) -> str:
    words = fenced(" ".join(tip.text.split()))
    if tip.polarity == "avoid":
        words = f"Avoid this: {words}"
    if not name:
        return f"- {words}"
    evidence = tip.evidence
    record = f", worked in {evidence.successes} of {evidence.uses} uses" if evidence.uses else ""
    return f"- [{name}] (learnt{record}) {words}"


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
    _followed_last: tuple[str, tuple[str, ...]] = ("", ())
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

    def used(self, entry: str, *, worked: bool, step: int, why: str) -> None:
        """Keep how a use of a shortcut, or an action by a tip, ended; a draft that worked holds."""
        self.memory.record(
            "worked" if worked else "failed", [entry], run=self.run, step=step, why=why
        )
        if worked and self.memory.get(entry).status == "draft":
            reason = f"its guarded use in {self.run}, step {step}, worked"
            self.memory.verify(entry, reason=reason)

    def followed(
        self, tips: Sequence[str], subgoal: str, *, worked: bool, step: int, why: str
    ) -> None:
        """Keep for each tip that an action followed how that action ended."""
        for tip in tips:
            self.used(tip, worked=worked, step=step, why=why)
        before = self._followed_last[1] if self._followed_last[0] == subgoal else ()
        self._followed_last = subgoal, (*before, *tips)

    def end(self, outcome: Outcome) -> None:
        """Where the task was not done, keep that the tips failed that led the last subgoal."""
        if outcome is not Outcome.SUCCESS and outcome not in _SAYS_NOTHING:
            why = f"the run ended there: {outcome}"
            self.memory.record("failed", self._followed_last[1], run=self.run, why=why)

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
