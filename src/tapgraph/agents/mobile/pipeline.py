"""The two ways to run the five roles, as data: what each is shown and when a run is stopped."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from tapgraph.agents.mobile.replies import RoleName
from tapgraph.errors import UsageError

__all__ = ["MOBILE_AGENT_E", "PIPELINES", "TAPGRAPH", "Pipeline", "PipelineName", "pipeline_named"]

PipelineName: TypeAlias = Literal["tapgraph", "mobile-agent-e"]


@dataclass(frozen=True, slots=True)
class Pipeline:
    """How the roles work together.

    Attributes:
        pictures: for each role how many pictures it is sent: 1 is the screen in front, 2 the one
            before the action and the one after it.
        reads_whole_screens: whether the Reflector is given both screens whole; else what changed.
        judges_unchanged_screens: whether the Reflector is asked about a screen that stayed as it
            was; else that is C without a model.
        plans_on_text: whether the Manager is given the screen as text.
        marks_targets: whether the Operator's picture shows the numbers of the elements.
        sees_loops: whether returning screens are a reason to escalate and to stop, which is no
            published rule.
        max_failures: so many failed actions in a row end the run (paper, appendix: 3; its code's
            command line: 5).
        max_repetitions: so many equal actions in a row end the run (the same sources).
        history_window: how many past actions the Operator sees (paper: m = 5).
        escalate_after: so many failed actions in a row call the Manager (paper: k = 2).
    """

    name: PipelineName
    pictures: Mapping[RoleName, int] = field(default_factory=dict)
    reads_whole_screens: bool = False
    judges_unchanged_screens: bool = False
    plans_on_text: bool = True
    marks_targets: bool = True
    sees_loops: bool = True
    max_failures: int = 5
    max_repetitions: int = 5
    history_window: int = 5
    escalate_after: int = 2


TAPGRAPH = Pipeline("tapgraph", pictures={"operator": 1})
"""At most two calls after each other for an action: Operator, then the rest side by side."""

MOBILE_AGENT_E = Pipeline(
    "mobile-agent-e",
    pictures={"manager": 1, "operator": 1, "reflector": 2, "notetaker": 1},
    reads_whole_screens=True,
    judges_unchanged_screens=True,
    plans_on_text=False,
    marks_targets=False,
    sees_loops=False,
    max_failures=3,
    max_repetitions=3,
)
"""The published order and calls: Manager, Operator, Reflector, then Notetaker on success."""

PIPELINES: Mapping[str, Pipeline] = {
    pipeline.name: pipeline for pipeline in (TAPGRAPH, MOBILE_AGENT_E)
}


def pipeline_named(name: str) -> Pipeline:
    """The pipeline of that name.

    Raises:
        UsageError: there is none.
    """
    if name not in PIPELINES:
        raise UsageError(f"no pipeline is called {name!r}; use {' or '.join(PIPELINES)}")
    return PIPELINES[name]
