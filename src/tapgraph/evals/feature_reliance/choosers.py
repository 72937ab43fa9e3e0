"""Who chooses on the screens of a probe: rules, a demonstrator, or an agent with a model."""

import re
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Protocol

from tapgraph.agents.mobile.agent import PhoneAgent
from tapgraph.agents.mobile.replies import ROLES, ManagerReply
from tapgraph.agents.run.budget import Budget
from tapgraph.agents.run.events import Decided, RecordedEvent
from tapgraph.errors import ExtraMissing, UsageError
from tapgraph.evals.feature_reliance.probe_screen import Menu, Probe, Slot, open_menu, slot_at
from tapgraph.evals.phone.baselines import StandIn
from tapgraph.llm_backend.chat_model import ChatModel
from tapgraph.llm_backend.model_spec import open_models
from tapgraph.llm_backend.roles import RoleModels
from tapgraph.settings import Settings
from tapgraph.tools.api.retrieval import LexicalIndex, words_of
from tapgraph.tools.mobile.actions import Tap
from tapgraph.tools.mobile.geometry import Point
from tapgraph.tools.mobile.outcome import CHANGES_TOKENS, Outcome, StepWords
from tapgraph.tools.mobile.screen import Element
from tapgraph.tools.mobile.screen_text import describe_difference, without_places
from tapgraph.tools.mobile.simulator.device import SimulatedDevice
from tapgraph.tools.mobile.simulator.guide.controls import controls, touch
from tapgraph.tools.mobile.simulator.screen_of import screen_of
from tapgraph.tools.mobile.target import target_at

__all__ = ["CHOOSERS", "Chooser", "open_chooser"]

CHOOSERS = ("bm25", "bm25-id", "random", "demonstrator", "outcomes")
"""Who needs no model; `demonstrator?error_rate=0.2` is one with noise."""


class Chooser(Protocol):
    """Chooses what to touch on a screen of a probe."""

    @property
    def name(self) -> str:
        """What to call it in tables."""
        ...

    def choose(self, probe: Probe, feature: str) -> Slot:
        """Whom it touches on the screen of that feature; on the base screen for an empty one."""
        ...


@dataclass(frozen=True, slots=True)
class Lexical:
    """Touches what shares the most words with the goal (BM25); of equals, what stands first.

    Attributes:
        reads_ids: whether the words of resource ids count as well.
    """

    reads_ids: bool = False

    @property
    def name(self) -> str:
        """Says what it reads."""
        return "bm25-id" if self.reads_ids else "bm25"

    def choose(self, probe: Probe, feature: str) -> Slot:
        """The entry with the best score; nothing where no word is shared."""
        menu = probe.menu(feature)
        lines = _lines(menu)
        ids = [one.resource_id.rpartition("/")[2] if self.reads_ids else "" for one in lines]
        index = LexicalIndex([
            Counter(words_of(f"{one.text} {name}")) for one, name in zip(lines, ids, strict=True)
        ])
        best = index.best(words_of(probe.goal), limit=1)
        return menu.entries[best[0]].slot if best else "nothing"


@dataclass(frozen=True, slots=True)
class ByDice:
    """Touches any entry; the dice are cast anew for each screen, an equal one too."""

    seed: int = 0

    @property
    def name(self) -> str:
        """Its name."""
        return "random"

    def choose(self, probe: Probe, feature: str) -> Slot:
        """One of the entries."""
        menu = probe.menu(feature)
        return _dice(self.seed, probe, feature).choice(menu.entries).slot


@dataclass(frozen=True, slots=True)
class Guided:
    """The demonstrator's way: it knows a control by its id, as its guide does on every page."""

    error_rate: float = 0.0
    seed: int = 0

    @property
    def name(self) -> str:
        """Says how much noise there is."""
        noise = f"?error_rate={self.error_rate:g}" if self.error_rate else ""
        return f"demonstrator{noise}"

    def choose(self, probe: Probe, feature: str) -> Slot:
        """Whoever has the id that the target has on the base screen, or anyone by mistake."""
        menu = probe.menu(feature)
        dice = _dice(self.seed, probe, feature)
        if dice.random() < self.error_rate:
            return dice.choice(menu.entries).slot
        wanted = probe.base.entries[probe.base.index("target")].id
        with open_menu(menu) as phone:
            found = touch(phone.system, controls(phone.system.windows, wanted)[0])
            if not isinstance(found, Tap):
                return "nothing"
            return slot_at(menu, screen_of(phone), Point(found.x, found.y))


class GuessesOutcomes(Protocol):
    """Tells the likeliest outcome of a step, such as the outcome net."""

    def guess(self, step: StepWords) -> Outcome:
        """The outcome, however unsure."""
        ...


@dataclass(frozen=True)
class ByOutcome:
    """Looks ahead: touches what leads to the page that the outcome net likes best for the goal."""

    net: "GuessesOutcomes"

    @property
    def name(self) -> str:
        """Its name."""
        return "outcomes"

    def choose(self, probe: Probe, feature: str) -> Slot:
        """The entry whose touch, with the goal as what is expected, is the likeliest to be A."""
        menu = probe.menu(feature)
        likely: dict[Slot, float] = {}
        for line, entry in zip(_lines(menu), menu.entries, strict=True):
            with open_menu(menu) as phone:
                before = screen_of(phone)
                phone.tap(line.touch_point.x, line.touch_point.y)
                changes = describe_difference(
                    before, screen_of(phone), budget_tokens=CHANGES_TOKENS
                )
            words = f"Tap {target_at(before, line.touch_point).words}"
            found = self.net.guess(StepWords(words, probe.goal, without_places(changes)))
            is_good = found.verdict == "A"
            likely[entry.slot] = found.confidence if is_good else 1 - found.confidence
        return max(likely, key=lambda slot: likely[slot])


@dataclass(frozen=True)
class Operator:
    """The phone agent for one step: the model is its Operator, and the goal is its subgoal."""

    spec: str
    model: ChatModel

    @property
    def name(self) -> str:
        """The spec."""
        return self.spec

    def choose(self, probe: Probe, feature: str) -> Slot:
        """What the agent decides to touch, by its own prompts, schemas and grounding."""
        menu = probe.menu(feature)
        decided: list[Decided] = []

        def note(recorded: RecordedEvent) -> None:
            if isinstance(recorded.event, Decided):
                decided.append(recorded.event)

        plan = ManagerReply(thought="", subgoals=[probe.goal], current=1, status="working")
        others = StandIn("the other roles", {ManagerReply: lambda _prompt, _dice: plan})
        with open_menu(menu) as phone, tempfile.TemporaryDirectory() as folder:
            screen = screen_of(phone)
            PhoneAgent(
                SimulatedDevice(phone),
                RoleModels(others, {"operator": self.model}),
                budget=Budget(max_steps=1),
                on_event=note,
            ).run(probe.goal, out=Path(folder) / "run")
        target = decided[0].target if decided else None
        return slot_at(menu, screen, target.point) if target is not None else "nothing"


def open_chooser(spec: str, *, seed: int = 0) -> Chooser:
    """The chooser of that name, or the phone agent with the model of that spec.

    Raises:
        UsageError: it is neither.
    """
    name, _, query = spec.partition("?")
    if name not in CHOOSERS:
        models = open_models(spec, Settings.from_environment(), roles=ROLES)
        return Operator(spec, models.for_role("operator"))
    if name == "demonstrator":
        return Guided(_error_rate(query), seed)
    if query:
        raise UsageError(f"{name} has no options, got {spec!r}")
    if name == "outcomes":
        return ByOutcome(_opened_net())
    return ByDice(seed) if name == "random" else Lexical(name == "bm25-id")


def _opened_net() -> GuessesOutcomes:
    try:
        # Torch is optional, and only this chooser needs it.
        from tapgraph.tools.mobile.perception.outcomes import NetJudge  # noqa: PLC0415
    except ImportError as error:
        raise ExtraMissing("vision", "the outcome net") from error
    return NetJudge.open()


def _error_rate(query: str) -> float:
    found = re.fullmatch(r"error_rate=(0(?:\.\d+)?|1(?:\.0+)?)|", query)
    if found is None:
        raise UsageError(f"the demonstrator has the option error_rate=0 to 1, got {query!r}")
    return float(found[1] or 0)


def _lines(menu: Menu) -> list[Element]:
    with open_menu(menu) as phone:
        return [one for one in screen_of(phone).elements if one.clickable]


def _dice(seed: int, probe: Probe, feature: str) -> Random:
    return Random(f"{seed}/{probe.number}/{feature}")
