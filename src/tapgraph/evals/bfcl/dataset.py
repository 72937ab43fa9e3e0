"""The questions of the package `bfcl-eval`, which is read where it is installed.

The package pins several hundred others that only its own runs need: `pip install --no-deps
bfcl-eval mpmath` is enough here.
"""

import importlib.util
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Literal, TypeAlias

from tapgraph.errors import EnvironmentMissing, UsageError
from tapgraph.llm_backend.messages import Message, assistant, system, user

__all__ = [
    "CATEGORIES",
    "CONVERSATIONS",
    "Conversation",
    "Language",
    "Question",
    "Task",
    "load_tasks",
]

_PACKAGE = "bfcl_eval"
QUESTIONS = (
    *("simple_python", "simple_java", "simple_javascript"),
    *("multiple", "parallel", "parallel_multiple", "irrelevance"),
    *("live_simple", "live_multiple", "live_parallel", "live_parallel_multiple"),
    *("live_irrelevance", "live_relevance"),
)
CONVERSATIONS = tuple(
    f"multi_turn_{one}" for one in ("base", "miss_func", "miss_param", "long_context")
)
CATEGORIES = (*QUESTIONS, *CONVERSATIONS)
"""The categories that are judged by rules: web search and memory need other services."""

Language: TypeAlias = Literal["python", "java", "javascript"]
Row: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Question:
    """A single turn.

    Attributes:
        id: its name in the data.
        category: one of `QUESTIONS`.
        messages: what is said.
        functions: the descriptions of the functions, as the data writes them.
        gold: the calls that are right, each with the values that each argument may have; None where
            only whether something is called is judged.
    """

    id: str
    category: str
    messages: tuple[Message, ...]
    functions: tuple[Row, ...]
    gold: tuple[Mapping[str, Mapping[str, Sequence[Any]]], ...] | None

    @property
    def language(self) -> Language:
        """The language that values are written in."""
        if self.category == "simple_java":
            return "java"
        return "javascript" if self.category == "simple_javascript" else "python"


@dataclass(frozen=True, slots=True)
class Conversation:
    """Several turns over objects that the calls change.

    Attributes:
        id: its name in the data.
        category: one of `CONVERSATIONS`.
        turns: what is said in each; nothing where functions that were held back are handed in.
        classes: the objects.
        start: the state that each begins in.
        excluded: functions that are not offered.
        held_back: functions that are offered from a turn on, by its number.
        gold: the calls of each turn in Python.
    """

    id: str
    category: str
    turns: tuple[tuple[Message, ...], ...]
    classes: tuple[str, ...]
    start: Row
    excluded: tuple[str, ...]
    held_back: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    gold: tuple[tuple[str, ...], ...] = ()


Task: TypeAlias = Question | Conversation


def load_tasks(categories: Sequence[str], *, limit: int | None = None) -> tuple[Task, ...]:
    """The tasks of the categories; with a limit only the first ones of each.

    Raises:
        UsageError: a category is unknown.
        EnvironmentMissing: the package is not installed, or of a version that this cannot read.
    """
    unknown = [one for one in categories if one not in CATEGORIES]
    if unknown:
        raise UsageError(f"no category is called {unknown[0]!r}; there are {', '.join(CATEGORIES)}")
    folder = _data_folder()
    tasks: list[Task] = []
    for category in categories:
        gold = {
            row["id"]: row["ground_truth"] for row in _rows(folder / "possible_answer", category)
        }
        read = _conversation if category in CONVERSATIONS else _question
        for row in islice(_rows(folder, category), limit):
            try:
                tasks.append(read(row, category, gold.get(row["id"])))
            except (KeyError, TypeError) as error:
                raise EnvironmentMissing(
                    f"bfcl-eval's {category} is of another form: {error}"
                ) from error
    return tuple(tasks)


def _data_folder() -> Path:
    found = importlib.util.find_spec(_PACKAGE)
    places = found.submodule_search_locations if found is not None else None
    folder = Path(places[0]) / "data" if places else None
    if folder is None or not folder.is_dir():
        raise EnvironmentMissing(
            "the data of BFCL is not here: pip install --no-deps bfcl-eval mpmath"
        )
    return folder


def _rows(folder: Path, category: str) -> Iterator[Row]:
    places = sorted(folder.glob(f"BFCL_v*_{category}.json"))
    exact = [one for one in places if one.stem.split("_", 2)[2] == category]
    if not exact and folder.name == "data":
        raise EnvironmentMissing(f"the installed bfcl-eval has no category {category}")
    for line in exact[-1].read_text(encoding="utf-8").split("\n") if exact else ():
        if line.strip():
            yield json.loads(line)


def _question(row: Row, category: str, gold: Any) -> Question:
    return Question(
        id=row["id"],
        category=category,
        messages=_messages(row["question"][0]),
        functions=tuple(row["function"]),
        gold=tuple(gold) if gold is not None else None,
    )


def _conversation(row: Row, category: str, gold: Any) -> Conversation:
    held_back = row.get("missed_function", {})
    return Conversation(
        id=row["id"],
        category=category,
        turns=tuple(_messages(turn) for turn in row["question"]),
        classes=tuple(row["involved_classes"]),
        start=row["initial_config"],
        excluded=tuple(row.get("excluded_function", ())),
        held_back={int(turn): tuple(names) for turn, names in held_back.items()},
        gold=tuple(tuple(calls) for calls in gold),
    )


def _messages(said: Sequence[Row]) -> tuple[Message, ...]:
    speak = {"system": system, "user": user, "assistant": assistant}
    return tuple(speak[one["role"]](one["content"]) for one in said)
