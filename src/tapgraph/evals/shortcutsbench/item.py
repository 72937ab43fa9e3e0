"""One question of a benchmark, frozen: everything that decides its score but the answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import JsonValue

__all__ = ["Action", "EssentialFrom", "Item", "Source"]

Source = Literal["shortcutsbench", "metatool", "toolbench", "toolllm"]

EssentialFrom = Literal["intersection", "intersection-lines", "necessary", "none"]
"""Where the list of scored literal parameters is from: the authors' file of parameters that the
query states or implies (as JSON or as JSON Lines), or (a superset) their file of all literal
parameters, or neither."""


@dataclass(frozen=True, slots=True)
class Action:
    """A call of an API, as gold and as a model's answer.

    Attributes:
        identifier: the API.
        parameters: its parameters in the form of Apple's property lists.
    """

    identifier: str
    parameters: Mapping[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A query, what may be chosen from, and what is right.

    Attributes:
        id: the shortcut's URL, or the id of a pre-experiment query.
        source: the set it is from.
        query: what the user says.
        length: of the gold actions, by the paper's rule; None in the pre-experiment sets.
        level: 1 to 5 by that length; None in the pre-experiment sets.
        type: one of the paper's eight task types, `other`, or empty where the set has none.
        seed: what the candidates were drawn with; made from the id.
        candidates: the APIs to choose from, in the order of the prompt.
        gold: the right actions in their order.
        judged: positions in `gold` that are asked for.
        essential: literal parameters to score, by position in `gold`.
        essential_from: what `essential` was taken from.
        declared: names of parameters that a candidate has; for APIs that the catalogue describes.
        problems: what is doubtful about this item's data; empty for nearly all.
    """

    id: str
    source: Source
    query: str
    length: int | None = None
    level: int | None = None
    type: str = ""
    seed: int
    candidates: tuple[str, ...]
    gold: tuple[Action, ...]
    judged: tuple[int, ...]
    essential: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    essential_from: EssentialFrom = "none"
    declared: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    @property
    def is_pre_experiment(self) -> bool:
        """Whether only the choice of APIs is asked for."""
        return self.source != "shortcutsbench"
