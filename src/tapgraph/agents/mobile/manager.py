"""The Manager plans (Mobile-Agent-E, section 3.1).

In the default pipeline it runs at the start, when the Operator is stuck, and when a subgoal is
reported done: beside the Reflector where the Operator foresaw it, else beside the next Operator,
which goes on with the next subgoal meanwhile. Deviation from the paper: its reply names the
status of the task, so that no wording can be mistaken for "finished".
"""

from typing import Any

from langgraph.runtime import Runtime

from tapgraph.agents.mobile.prompts import conversation
from tapgraph.agents.mobile.replies import DelegatingManagerReply, ManagerReply
from tapgraph.agents.mobile.state import PhoneState, Plan
from tapgraph.agents.mobile.team import Team
from tapgraph.agents.mobile.wording import plan_lines, shortcut_lines
from tapgraph.agents.run.events import Planned, Warned
from tapgraph.errors import InvalidReply
from tapgraph.llm_backend.prompt import fill, load_prompt

__all__ = ["manager", "manager_beside"]


def manager(state: PhoneState, runtime: Runtime[Team]) -> dict[str, Any]:
    """A plan, or the last one changed where trouble or a finished subgoal asks for it.

    An invalid reply leaves the plan as it was; without one, the task itself is the only subgoal.
    """
    team = runtime.context
    try:
        plan = _ask(state, team)
    except InvalidReply as error:
        team.folder.record(Warned(step=state["step"], text=f"Manager: {error}"))
        plan = state.get("plan") or Plan(subgoals=(state["instruction"],))
    return {"plan": plan, "escalation": "", "missing": ""}


def manager_beside(state: PhoneState, runtime: Runtime[Team]) -> dict[str, Any]:
    """The plan for `close_step` to take over, made while other roles work."""
    team = runtime.context
    try:
        return {"plan_proposed": _ask(state, team)}
    except InvalidReply as error:
        team.folder.record(Warned(step=state["step"], text=f"Manager: {error}"))
        return {"plan_proposed": None}


def _ask(state: PhoneState, team: Team) -> Plan:
    fields = {
        "instruction": state["instruction"],
        "shortcuts": shortcut_lines(team.shortcuts),
        "plan": plan_lines(state.get("plan")),
        "progress": state["progress"] or "none yet",
        "notes": state["notes"] or "none yet",
        "trouble": _trouble(state) or "none",
        "screen": team.screens.to_read(state["screen"]) if team.pipeline.plans_on_text else "",
    }
    rules, schema = _handing_over(state, team)
    reply = team.ask("manager", state, conversation("manager", rules, "manager", fields), schema)
    plan = Plan(
        subgoals=tuple(subgoal or state["instruction"] for subgoal in reply.subgoals),
        current=min(reply.current, len(reply.subgoals)) - 1,
        status=reply.status,
        by_api=tuple(reply.by_api) if isinstance(reply, DelegatingManagerReply) else (),
    )
    team.folder.record(
        Planned(
            step=state["step"],
            thought=reply.thought,
            subgoals=plan.subgoals,
            current_subgoal=plan.current_subgoal,
            status=plan.status,
        )
    )
    return plan


def _handing_over(state: PhoneState, team: Team) -> tuple[dict[str, str], type[ManagerReply]]:
    """What the prompt says about the API agent, and the reply that it allows."""
    if team.api_agent is None or team.pipeline.name != "tapgraph":
        return {"apis": "", "by_api": ""}, ManagerReply
    template = load_prompt("tapgraph.agents.mobile", "manager_apis")
    words = fill(template, apis=team.api_agent.abilities(state["instruction"]))
    return {"apis": f"\n{words}", "by_api": ', "by_api": []'}, DelegatingManagerReply


def _trouble(state: PhoneState) -> str:
    parts = [state["escalation"]]
    if state["missing"]:
        parts.append(f"A check of the whole task found this undone: {state['missing']}")
    return "\n".join(part for part in parts if part)
