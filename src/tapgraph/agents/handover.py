"""One agent does a subgoal for another: in a run folder below, on the other's budget.

The phone agent's Manager marks subgoals for an API agent; the API agent calls `phone_do` for what
only a phone can do. Either way the inner run keeps its own events, and the outer one records a
single `Delegated` and is charged with what the inner one spent.
"""

from pathlib import Path
from typing import Literal, Protocol

from tapgraph.agents.run.budget import Budget
from tapgraph.agents.run.events import Delegated, Noted
from tapgraph.agents.run.meter import Meter
from tapgraph.agents.run.outcome import Outcome
from tapgraph.agents.run.run_folder import RunFolder
from tapgraph.agents.run.task_result import RESUMABLE, TaskResult
from tapgraph.errors import ToolError
from tapgraph.tools.api.functions import PythonFunctions

__all__ = ["SubgoalAgent", "ended_before", "hand_over", "phone_functions"]


class SubgoalAgent(Protocol):
    """An agent that can do a subgoal for another one."""

    def abilities(self, task: str) -> str:
        """What it can do, as far as the task may need it, for the other agent's prompt."""
        ...

    def do_subgoal(self, subgoal: str, *, out: Path, budget: Budget) -> TaskResult:
        """Do it in the run folder `out`; a run that was stopped there is gone on with."""
        ...


def hand_over(
    agent: SubgoalAgent,
    kind: Literal["mobile", "api"],
    subgoal: str,
    *,
    folder: RunFolder,
    meter: Meter,
    step: int,
) -> Delegated:
    """How the agent did with the subgoal; a run that was killed meanwhile is gone on with.

    Args:
        agent: who does it.
        kind: what kind of agent that is; the inner run lies in a folder of this name.
        subgoal: what to do.
        folder: the outer run.
        meter: what the outer run has used; its rest is the inner run's budget.
        step: the outer step; a subgoal that was handed over in it before is not done again.

    Raises:
        BudgetExhausted: nothing is left to spend.
    """
    recorded = [event for event in folder.events() if isinstance(event, Delegated)]
    before = next((each for each in recorded if each.step == step), None)
    if before is not None:
        return before
    out = _place(folder.path / kind, len(recorded) + 1, subgoal)
    result = agent.do_subgoal(subgoal, out=out, budget=meter.left(max(0, step - 1)))
    delegated = Delegated(
        step=step,
        agent=kind,
        subgoal=subgoal,
        run=out.relative_to(folder.path).as_posix(),
        outcome=result.outcome,
        reason=result.reason,
        answer=result.answer or result.notes,
        spent=result.spent,
    )
    meter.charge(delegated)
    folder.record(delegated)
    return delegated


def ended_before(out: Path) -> TaskResult | None:
    """The result of the run in a folder where it has ended for good; else None."""
    if not (out / "run.json").exists():
        return None
    folder = RunFolder.open(out)
    header = folder.header
    if header.outcome is None or header.outcome in RESUMABLE:
        return None
    noted = [event for event in folder.events() if isinstance(event, Noted)]
    return TaskResult(
        outcome=header.outcome,
        reason=header.reason,
        answer=header.answer,
        answer_object=None,
        notes=next((each.notes for each in reversed(noted)), ""),
        spent=header.spent,
        folder=out,
    )


def phone_functions(agent: SubgoalAgent, *, folder: RunFolder, meter: Meter) -> PythonFunctions:
    """The phone agent as an API, `phone_do(subgoal)`, of the API agent's run in `folder`."""

    def phone_do(subgoal: str) -> dict[str, str]:
        """Does something on the user's phone that no other API can do, such as using its apps.

        Args:
            subgoal: what to do and what to find out, in plain words, with all that must be known.

        Returns:
            What was found out.
        """
        step = max((event.step for event in folder.events()), default=0)
        done = hand_over(agent, "mobile", subgoal, folder=folder, meter=meter, step=step)
        if done.outcome is not Outcome.SUCCESS:
            raise ToolError(f"the phone agent did not do it: {done.outcome}: {done.reason}")
        return {"answer": done.answer}

    return PythonFunctions([phone_do], origin="phone")


def _place(parent: Path, number: int, subgoal: str) -> Path:
    """The first folder from this number on that is free, or holds a run of this very subgoal."""
    while True:
        out = parent / f"{number:03d}"
        if not (out / "run.json").exists() or RunFolder.open(out).header.instruction == subgoal:
            return out
        number += 1
