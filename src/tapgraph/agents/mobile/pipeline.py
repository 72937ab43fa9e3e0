"""The two ways to run the five roles, as data: what each is shown and when a run is stopped."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from pydantic import TypeAdapter, ValidationError

from tapgraph.agents.mobile.replies import RoleName
from tapgraph.agents.run.history import Limits
from tapgraph.errors import UsageError

__all__ = ["MOBILE_AGENT_E", "PIPELINES", "TAPGRAPH", "Pipeline", "pipeline_from", "pipeline_named"]

LEAST_SCREEN_TOKENS = 20

Wiring: TypeAlias = Literal["side by side", "in order"]


@dataclass(frozen=True, slots=True)
class Pipeline:
    """How the roles work together.

    Attributes:
        name: what to call it; two with one name may be set differently.
        wiring: `side by side`: Operator, then the others at once, and a check of the whole task;
            `in order`: Manager, Operator, Reflector, Notetaker one after another.
        pictures: for each role how many pictures it is sent: 1 is the screen in front, 2 the one
            before the action and the one after it.
        reads_whole_screens: whether the Reflector is given both screens whole; else what changed.
        judges_unchanged_screens: whether the Reflector is asked about a screen that stayed as it
            was; else that is C without a model.
        plans_on_text: whether the Manager is given the screen as text.
        notes_on_plan: whether the Notetaker is given the plan.
        marks_targets: whether the Operator's picture shows the numbers of the elements.
        looks_closer: whether a role that sees the screen shrunken is sent the part that fits the
            subgoal too, in full.
        published_actions: whether only the nine actions of the paper are offered, and Type only
            while the keyboard is shown.
        recalls: what the agent is told of the memory: what fits the subgoal, what a model chooses
            at the start, or all.
        evolution: whether what is learnt changes single rows, or writes all tips anew.
        learns_from_failure: whether the reflectors on experience are asked after a failed task.
        screen_tokens: so long is a screen as text in a prompt; what has no room can be asked for.
        history_window: how many past actions the Operator sees (paper: m = 5).
        escalate_after: so many failed actions in a row call the Manager (paper: k = 2).
        limits: when going in circles ends the run.
    """

    name: str
    wiring: Wiring
    pictures: Mapping[RoleName, int] = field(default_factory=dict)
    reads_whole_screens: bool = False
    judges_unchanged_screens: bool = False
    plans_on_text: bool = True
    notes_on_plan: bool = False
    marks_targets: bool = True
    looks_closer: bool = False
    published_actions: bool = False
    recalls: Literal["search", "model", "all"] = "search"
    evolution: Literal["operations", "rewrite"] = "operations"
    learns_from_failure: bool = True
    screen_tokens: int = 900
    history_window: int = 5
    escalate_after: int = 2
    limits: Limits = field(default_factory=lambda: Limits(unlimited=("Swipe", "Back")))

    def __post_init__(self) -> None:
        if self.screen_tokens < LEAST_SCREEN_TOKENS:
            raise UsageError(
                f"screen_tokens must be at least {LEAST_SCREEN_TOKENS}, got {self.screen_tokens}"
            )


TAPGRAPH = Pipeline("tapgraph", "side by side", pictures={"operator": 1})
"""At most two calls after each other for an action: Operator, then the rest side by side."""

MOBILE_AGENT_E = Pipeline(
    "mobile-agent-e",
    "in order",
    pictures={"manager": 1, "operator": 1, "reflector": 2, "notetaker": 1},
    reads_whole_screens=True,
    judges_unchanged_screens=True,
    plans_on_text=False,
    notes_on_plan=True,
    marks_targets=False,
    published_actions=True,
    recalls="all",
    evolution="rewrite",
    learns_from_failure=False,
    limits=Limits(
        max_failures=3,
        max_repetitions=3,
        forgives_progress=False,
        unlimited=("Swipe", "Back"),
        max_returns=None,
        max_stale=None,
    ),
)
"""The published order and calls (arXiv 2501.11733, section 3, and its code).

Manager before every action, Operator, Reflector, and the Notetaker after success; success is what
the Manager declares; 3 failures or 3 equal actions in a row end the run (appendix; the code's
command line has 5). Deviations:

- replies are JSON objects that are checked, asked again, and then counted as failed actions; the
  Manager may also declare a task impossible;
- `Open_App` starts the app instead of looking for its icon, shortcuts look between their actions,
  and `Wait` takes seconds;
- Type stays in the list of actions while the keyboard is hidden, so that prompts begin alike; a
  hint says that it is not possible, and it is refused;
- screens are read from the view tree where it is useful, and elements may be named by number;
- there are no fixed pauses, risky touches ask, and the reflectors are shown tasks to come only
  where that is asked for;
- the run may take `max_steps` actions, one more than there.
"""

PIPELINES: Mapping[str, Pipeline] = {
    pipeline.name: pipeline for pipeline in (TAPGRAPH, MOBILE_AGENT_E)
}

_PIPELINE = TypeAdapter(Pipeline)


def pipeline_named(name: str) -> Pipeline:
    """The pipeline of that name.

    Raises:
        UsageError: there is none.
    """
    if name not in PIPELINES:
        raise UsageError(f"no pipeline is called {name!r}; use {' or '.join(PIPELINES)}")
    return PIPELINES[name]


def pipeline_from(settings: Mapping[str, Any], name: str) -> Pipeline:
    """The pipeline that a run was started with, by what its header holds.

    Raises:
        UsageError: the header holds none of this kind of agent, or one that is not known.
    """
    try:
        return _PIPELINE.validate_python(dict(settings))
    except ValidationError as error:
        raise UsageError(
            f"the run was made by the pipeline {name!r}, which this agent cannot go on with"
        ) from error
