"""Hands a subgoal that needs no screen to the API agent; ours, only in the default pipeline."""

from typing import Any

from langgraph.runtime import Runtime

from tapgraph.agents.handover import hand_over
from tapgraph.agents.mobile.close_step import DELEGATE
from tapgraph.agents.mobile.state import Decision, Judgement, PhoneState
from tapgraph.agents.mobile.team import PhoneTeam
from tapgraph.agents.run.outcome import Outcome

__all__ = ["delegate"]


def delegate(state: PhoneState, runtime: Runtime[PhoneTeam]) -> dict[str, Any]:
    """The current subgoal done by the API agent, for `close_step` to note, or trouble.

    Handing over counts as a step, and so does each step of the API agent.
    """
    team, subgoal, step = runtime.context, state["plan"].current_subgoal, state["step"] + 1
    if team.api_agent is None:
        raise TypeError("delegate must run with an API agent")
    done = hand_over(team.api_agent, "api", subgoal, run=team.run, step=step)
    succeeded = done.outcome is Outcome.SUCCESS
    error = "" if succeeded else f"the API agent did not do it: {done.outcome}: {done.reason}"
    screen, _ = team.look(step)
    update: dict[str, Any] = {
        "step": step,
        "screen_before": state["screen"],
        "screen": screen,
        "decision": Decision(DELEGATE, {"subgoal": subgoal}, "The API agent did the subgoal."),
        "judgement": Judgement(
            "A" if succeeded else "C", error, state["progress"], succeeded, "tool"
        ),
    }
    if succeeded:
        line = f"The API agent did {subgoal!r} and says: {done.answer or 'done'}"
        update["notes_proposed"] = "\n".join(part for part in (state["notes"], line) if part)
    return update
