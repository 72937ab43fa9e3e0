"""One agent does a subgoal for another: in a run folder below, on the other's budget.

The phone agent's Manager marks subgoals for an API agent; the API agent calls `phone_do` for what
only a phone can do. Either way the inner run keeps its own events, and the outer one records a
single `Delegated` and is charged with what the inner one spent.
"""

import time
from pathlib import Path

from tapgraph.agents.run.agent import Agent
from tapgraph.agents.run.agent_run import AgentRun
from tapgraph.agents.run.events import Delegated
from tapgraph.agents.run.outcome import AgentKind, Outcome
from tapgraph.agents.run.run_folder import RunFolder
from tapgraph.errors import ToolError
from tapgraph.tools.api.functions import PythonFunctions

__all__ = ["hand_over", "phone_functions"]


def hand_over(
    agent: Agent, kind: AgentKind, subgoal: str, *, run: AgentRun, step: int
) -> Delegated:
    """How the agent did with the subgoal; a run that was killed meanwhile is gone on with.

    Args:
        agent: who does it.
        kind: what kind of agent that is; the inner run lies in a folder of this name.
        subgoal: what to do.
        run: the outer run; the rest of its budget is the inner run's.
        step: the outer step; a subgoal that was handed over in it before is not done again.

    Raises:
        BudgetExhausted: nothing is left to spend.
    """
    folder = run.folder
    recorded = [event for event in folder.events() if isinstance(event, Delegated)]
    before = next((each for each in recorded if each.step == step), None)
    if before is not None:
        return before
    out = _place(folder.path / kind, len(recorded) + 1, subgoal)
    began_s = time.monotonic()
    result = agent.do_subgoal(subgoal, out=out, budget=run.meter.left(max(0, step - 1)))
    run.timer.add("delegated", time.monotonic() - began_s)
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
    run.meter.charge(delegated)
    folder.record(delegated)
    return delegated


def phone_functions(agent: Agent, run: AgentRun) -> PythonFunctions:
    """The phone agent as an API, `phone_do(subgoal)`, of the API agent's run."""

    def phone_do(subgoal: str) -> dict[str, str]:
        """Does something on the user's phone that no other API can do, such as using its apps.

        Args:
            subgoal: what to do and what to find out, in plain words, with all that must be known.

        Returns:
            What was found out.
        """
        step = max((event.step for event in run.folder.events()), default=0)
        done = hand_over(agent, "mobile", subgoal, run=run, step=step)
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
