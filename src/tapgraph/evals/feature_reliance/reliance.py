"""How far a chooser relies on each feature of a screen, by probes that differ in that one only.

Reliance is that of Hermann et al. (arXiv 2310.16228): over items on which a cue and the meaning
disagree, the mean of +1 for a choice by the cue and -1 for one by the meaning. Here the generator
is ours, so the best is known: -1 for every cue, and 1 for the words, which carry the meaning.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tapgraph.errors import UsageError
from tapgraph.evals.feature_reliance.choosers import Chooser
from tapgraph.evals.feature_reliance.probe_screen import (
    FEATURES,
    GIVEN_TO_RIVAL,
    Probe,
    Slot,
    draw_probe,
)
from tapgraph.evals.runner import ItemFailure, Progress, run_items
from tapgraph.evals.stats import Estimate, wilson

__all__ = ["FeatureReliance", "Question", "Reliance", "measure_reliance"]


@dataclass(frozen=True, slots=True)
class Question:
    """One screen of one probe; `feature` is empty for the base screen."""

    probe: Probe
    feature: str

    @property
    def id(self) -> str:
        """Its identity in the file of results."""
        return _identity(self.probe.number, self.feature)


@dataclass(frozen=True, slots=True)
class Choice:
    """Whom a chooser touched."""

    slot: Slot


@dataclass(frozen=True, slots=True)
class FeatureReliance:
    """What a change of one feature did to the choices.

    Attributes:
        right: share of the choices after it that the goal means.
        changed: share of the probes in which another entry was touched than before it.
        reliance: -1 to 1; None where the feature gives no cue to the rival.
        best: what the reliance is of who goes by the meaning alone.
    """

    feature: str
    right: Estimate
    changed: Estimate
    reliance: Estimate | None
    best: float | None


@dataclass(frozen=True, slots=True)
class Reliance:
    """What a chooser relies on.

    Attributes:
        right: share of the base screens, on which all cues agree, that it chose right on.
        place: the line of the menu that it touches most often, from 1, whatever stands there.
        at_place: the share of all screens on which it touches that line; by chance 1 in 6.
        features: in the order of `FEATURES`.
        choices: by probe's number and feature, the base under the empty one.
        failures: questions that broke off; they count as no touch.
    """

    chooser: str
    probes: tuple[Probe, ...]
    right: Estimate
    place: int
    at_place: Estimate
    features: tuple[FeatureReliance, ...]
    choices: Mapping[tuple[int, str], Slot] = field(repr=False)
    failures: tuple[ItemFailure, ...] = ()


def measure_reliance(
    chooser: Chooser,
    out: Path,
    *,
    items: int,
    seed: int = 0,
    on_progress: Callable[[Progress], None] | None = None,
) -> Reliance:
    """Ask about all screens of so many probes; goes on where results lie in `out` already.

    Raises:
        UsageError: there are no items.
        EnvironmentMissing: nobody answers any more.
    """
    if items < 1:
        raise UsageError(f"items must be at least 1, got {items}")
    probes = tuple(draw_probe(number, seed=seed) for number in range(items))
    questions = [Question(probe, name) for probe in probes for name in ("", *FEATURES)]
    report = run_items(
        questions,
        lambda asked: Choice(chooser.choose(asked.probe, asked.feature)),
        out / f"choices-{seed}.jsonl",
        Choice,
        on_progress=on_progress,
    )
    choices = {
        (one.probe.number, one.feature): found.slot
        if (found := report.results.get(one.id))
        else "nothing"
        for one in questions
    }
    places = Counter(
        one.probe.menu(one.feature).index(slot) + 1
        for one in questions
        if (slot := choices[one.probe.number, one.feature]) != "nothing"
    )
    place, often = max(places.items(), key=lambda one: one[1], default=(0, 0))
    base_right = sum(choices[probe.number, ""] == "target" for probe in probes)
    return Reliance(
        chooser.name,
        probes,
        wilson(base_right, items),
        place,
        wilson(often, len(questions)),
        tuple(_feature(name, probes, choices) for name in FEATURES),
        choices,
        tuple(report.failures.values()),
    )


def _feature(
    name: str, probes: Sequence[Probe], choices: Mapping[tuple[int, str], Slot]
) -> FeatureReliance:
    before = [choices[probe.number, ""] for probe in probes]
    after = [choices[probe.number, name] for probe in probes]
    right = sum(slot == probe.right(name) for slot, probe in zip(after, probes, strict=True))
    changed = sum(one != other for one, other in zip(before, after, strict=True))
    reliance = None
    if name in GIVEN_TO_RIVAL:
        reliance = _between_signs(after.count("rival"), after.count("target"), len(after))
    best = (1.0 if name == "words" else -1.0) if reliance is not None else None
    return FeatureReliance(
        name, wilson(right, len(probes)), wilson(changed, len(probes)), reliance, best
    )


def _between_signs(plus: int, minus: int, n: int) -> Estimate:
    """The mean of signs, by the Wilson interval of the share that it is a straight map of.

    A choice of neither counts as half a success, whose variance is less than the interval assumes.
    """
    half = wilson((plus - minus + n) / 2, n)
    if half.value is None or half.low is None or half.high is None:
        return half
    return Estimate(2 * half.value - 1, 2 * half.low - 1, 2 * half.high - 1, n, n)


def _identity(number: int, feature: str) -> str:
    return f"{number}/{feature.replace(' ', '-') or 'base'}"
