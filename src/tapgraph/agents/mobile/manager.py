"""The Manager plans (Mobile-Agent-E, section 3.1).

In the default pipeline it runs at the start, when the Operator is stuck, and when a subgoal is
reported done: beside the Reflector where the Operator foresaw it, else beside the next Operator,
which goes on with the next subgoal meanwhile. Deviation from the paper: its reply names the
status of the task, so that no wording can be mistaken for "finished".
"""

from typing import Any

from langgraph.runtime import Runtime

from tapgraph.agents.mobile.close_step import plan_taken
from tapgraph.agents.mobile.replies import DelegatingManagerReply, ManagerReply
from tapgraph.agents.mobile.state import PhoneState, Plan, Proposal
from tapgraph.agents.mobile.team import PhoneTeam
from tapgraph.agents.mobile.wording import app_line, plan_lines, shortcut_purposes
from tapgraph.errors import InvalidReply
from tapgraph.llm_backend.prompt import fenced

__all__ = ["manager", "manager_ahead", "manager_beside"]


def manager(state: PhoneState, runtime: Runtime[PhoneTeam]) -> dict[str, Any]:
    """A plan, or the last one changed where trouble or a finished subgoal asks for it.

    An invalid reply leaves the plan as it was; without one, the task itself is the only subgoal.
    """
    team = runtime.context
    plan = _asked(state, team)
    if plan is not None:
        update = plan_taken(plan, state["step"], team)
    else:
        update = {
            "plan": state["plan"] if state["plan"].subgoals else Plan((state["instruction"],))
        }
    return update | {"escalation": "", "missing": ""}


def manager_beside(state: PhoneState, runtime: Runtime[PhoneTeam]) -> dict[str, Any]:
    """The plan for `close_step` to take over when the action beside it has succeeded."""
    return _proposed(state, runtime.context, is_foreseen=True)


def manager_ahead(state: PhoneState, runtime: Runtime[PhoneTeam]) -> dict[str, Any]:
    """The plan for `close_step` to take over, made beside the next Operator."""
    return _proposed(state, runtime.context, is_foreseen=False)


def _proposed(state: PhoneState, team: PhoneTeam, *, is_foreseen: bool) -> dict[str, Any]:
    plan = _asked(state, team)
    return {"plan_proposed": Proposal(plan, is_foreseen) if plan is not None else None}


def _asked(state: PhoneState, team: PhoneTeam) -> Plan | None:
    """The Manager's plan; None, with a warning, when its reply cannot be used."""
    fields = {
        "plan": plan_lines(state["plan"]),
        "progress": state["progress"] or "none yet",
        "notes": state["notes"] or "none yet",
        "trouble": _trouble(state) or "none",
    }
    blocks = {
        "instruction": state["instruction"],
        "screen": team.screens.to_read(state["screen"]) if team.pipeline.plans_on_text else "",
    }
    rules, schema = _rules(state, team)
    asked = team.run.prompts.conversation("manager", rules, fields, blocks=blocks)
    try:
        reply = team.ask("manager", state, asked, schema)
    except InvalidReply as error:
        team.run.warn(state["step"], f"Manager: {error}")
        return None
    return Plan(
        subgoals=tuple(subgoal or state["instruction"] for subgoal in reply.subgoals),
        current=min(reply.current, len(reply.subgoals)) - 1,
        status=reply.status,
        by_api=tuple(reply.by_api) if isinstance(reply, DelegatingManagerReply) else (),
        thought=reply.thought,
    )


def _rules(state: PhoneState, team: PhoneTeam) -> tuple[dict[str, str], type[ManagerReply]]:
    """What the prompt says that seldom changes, and the reply that it allows."""
    rules = {
        "actions": ", ".join([*team.offer.actions, *_tool_names(team)]),
        "apps": app_line(team.offer.apps) or "not known",
        "shortcuts": shortcut_purposes(team.remembered(state).shortcuts),
        "apis": "",
        "by_api": "",
    }
    if team.api_agent is None or team.pipeline.wiring == "in order":
        return rules, ManagerReply
    words = team.run.prompts.filled(
        "manager_apis", {"apis": team.api_agent.abilities(state["instruction"])}
    )
    return rules | {"apis": f"\n{words}", "by_api": ', "by_api": []'}, DelegatingManagerReply


def _tool_names(team: PhoneTeam) -> list[str]:
    return [f"{fenced(name)} (a tool)" for name in team.offer.names if team.offer.is_tool(name)]


def _trouble(state: PhoneState) -> str:
    parts = [state["escalation"]]
    if state["missing"]:
        parts.append(f"A check of the whole task found this undone: {state['missing']}")
    return "\n".join(part for part in parts if part)
