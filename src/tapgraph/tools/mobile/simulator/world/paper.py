"""Papers of the scholar search: who wrote them, what they cite, and how often they are cited."""

# ruff: noqa: E501 - one entry of data is easier to read on one line

from dataclasses import dataclass
from random import Random
from typing import Final

from tapgraph.tools.mobile.simulator.world.review_text import FIRST_NAMES

__all__ = ["Paper", "Scholar", "generate_papers", "generate_scholars"]


@dataclass(frozen=True, slots=True)
class Scholar:
    """Somebody who writes papers; `number` is the identity within the world."""

    number: int
    name: str
    affiliation: str


@dataclass(frozen=True, slots=True)
class Paper:
    """A paper.

    Attributes:
        number: its identity within the world.
        authors: numbers of scholars, the first author first.
        citations: how often it is cited, by papers that the world does not hold too.
        cites: numbers of the papers of this world that it cites.
        is_survey: whether it reviews the work of others.
    """

    number: int
    title: str
    authors: tuple[int, ...]
    year: int
    venue: str
    abstract: str
    citations: int
    cites: tuple[int, ...]
    is_survey: bool


_LAST_NAMES: Final = (
    "Abiola Brandt Castellanos Dubois Eriksson Fontaine Grewal Hoshino Ivanova Jankowski Kowalczyk Lindgren "
    "Mbeki Nakamura Oyelaran Petrov Quispe Rahimi Sorensen Tachibana"
)
_PLACES: Final = (
    "Prairie State University",
    "Lakeside Institute of Technology",
    "Harbor Labs",
    "University of Porto Verde",
)
_VENUES: Final = (
    "Conference on Vision and Patterns",
    "Journal of Language Agents",
    "Annual Meeting on Learning",
    "arXiv preprint",
)
_SEGMENT: Final = "Segment Anything"
_CITING: Final = (
    "Visual Instructions for Everyday Objects", "Promptable Masks for Medical Images", "Tracking Whatever Moves",
    "Masks in Three Dimensions from a Single Click", "Remote Sensing with Promptable Models", "Inpainting What Was Segmented",
    "Faster Masks on Small Devices", "Grounding Words in Regions", "Underwater Segmentation without Labels",
    "A Critical Look at Promptable Segmentation", "Matting Hair from Coarse Masks", "Segmenting Fields from the Air",
    "Masks as Tokens for Robots", "Evaluating Zero-Shot Masks", "Counting Cells with Points",
)  # fmt: skip
_SURVEYS: Final = (
    "A Survey on Large Language Model Agents", "LLM Agents: A Review of Planning, Memory and Tools",
    "The Landscape of LLM Agents: A Survey", "Multi-Agent Systems of Language Models: A Survey",
    "Evaluation of LLM Agents: A Systematic Review",
)  # fmt: skip
_AGENTS: Final = (
    "Agents That Read Screens", "Tool Use without Training in LLM Agents", "Self-Correction in LLM Agents Fails Quietly",
    "A Phone World for LLM Agents", "Memory Streams for Long Tasks", "Planning before Tapping: LLM Agents on Phones",
)  # fmt: skip
_OTHERS: Final = (
    "Attention over a Million Tokens", "Solid-State Batteries at Room Temperature", "River Otters and the Return of Kelp",
    "Sleep and Memory in Honey Bees", "Segmenting Markets of Anything but Luxury",
)  # fmt: skip
_FINDINGS: Final = (
    "Experiments on eleven data sets show gains of up to 9 percent.", "The code and the data are open to everyone.",
    "A study with forty people confirms the findings.", "We close with three open questions.",
    "Surprisingly, a simple baseline comes close.", "The method runs on a single graphics card.",
)  # fmt: skip


def generate_scholars(random: Random) -> tuple[Scholar, ...]:
    """All scholars, each with a name of its own."""
    firsts = random.sample(FIRST_NAMES, 20)
    lasts = random.sample(_LAST_NAMES.split(), 20)
    return tuple(
        Scholar(number, f"{first} {last}", random.choice(_PLACES))
        for number, (first, last) in enumerate(zip(firsts, lasts, strict=True), 1)
    )


def generate_papers(random: Random, scholars: tuple[Scholar, ...]) -> tuple[Paper, ...]:
    """All papers; twelve of them cite "Segment Anything", no two of these equally often cited."""
    citing = random.sample(_CITING, 12)
    counts = random.sample(range(3, 4800), len(citing))
    counts[0] = max(counts) + random.randint(40, 900)
    random.shuffle(counts)
    papers = [_paper(random, 1, _SEGMENT, scholars, random.randint(6100, 14000))]
    for title, count in zip(citing, counts, strict=True):
        papers.append(_paper(random, len(papers) + 1, title, scholars, count, cites=(1,)))
    for title in (*_SURVEYS, *_AGENTS, *_OTHERS):
        papers.append(_paper(random, len(papers) + 1, title, scholars, random.randint(2, 2600)))
    return tuple(papers)


def _paper(
    random: Random,
    number: int,
    title: str,
    scholars: tuple[Scholar, ...],
    citations: int,
    *,
    cites: tuple[int, ...] = (),
) -> Paper:
    kind = "We review what is known on" if title in _SURVEYS else "We present a study on"
    basis = f", building on {_SEGMENT}" if cites else ""
    words = "Large language models are LLMs for short. " if title in (*_SURVEYS, *_AGENTS) else ""
    return Paper(
        number=number,
        title=title,
        authors=tuple(one.number for one in random.sample(scholars, random.randint(2, 4))),
        year=2023 if number == 1 else random.randint(2023, 2026),
        venue=random.choice(_VENUES),
        abstract=f"{kind} {title.lower()}{basis}. {words}{' '.join(random.sample(_FINDINGS, 3))}",
        citations=citations,
        cites=cites,
        is_survey=title in _SURVEYS,
    )
