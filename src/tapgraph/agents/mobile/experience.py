"""The reflectors on experience (Mobile-Agent-E, section 3.3), and what becomes of what they say.

Deviations of the default pipeline: they also run after a failed task; they change single rows and
write nothing anew; a shortcut is made of actions of the run, and executed again before it is
verified; tasks to come are shown to them only where the user wants it. The pipeline
`mobile-agent-e` keeps the paper's whole rewrite of the tips, and its shortcuts without a gate.
"""

from collections.abc import Iterable
from typing import Any

from langgraph.runtime import Runtime
from pydantic import ValidationError

from tapgraph.agents.mobile.action_arguments import ACTION_ARGUMENTS, PUBLISHED_ARGUMENTS
from tapgraph.agents.mobile.learnt_shortcut import PastRun, draft_from
from tapgraph.agents.mobile.offered_shortcut import offered_shortcut
from tapgraph.agents.mobile.replies import RoleName, ShortcutReply
from tapgraph.agents.mobile.state import PhoneState
from tapgraph.agents.mobile.team import PhoneTeam
from tapgraph.agents.mobile.wording import (
    history_lines,
    numbered_history,
    plan_lines,
    shortcut_lines,
)
from tapgraph.agents.run.events import LearntShortcut
from tapgraph.agents.run.experience import (
    Lesson,
    check_changes,
    known_tips,
    learn_tips,
    numbered_tips,
    pass_the_gate,
    rewrite_tips,
)
from tapgraph.agents.run.offered_tips import offered_tips
from tapgraph.agents.run.replies import TipsReply
from tapgraph.errors import ToolError, UsageError
from tapgraph.memory import Scope, Shortcut, ShortcutDraft, ShortcutStep
from tapgraph.memory.admission import ForeignWords, admit_shortcut
from tapgraph.tools.mobile.actions import ACTION_TYPES
from tapgraph.tools.mobile.geometry import Point
from tapgraph.tools.mobile.screen import Screen

__all__ = ["shortcut_reflector", "tips_reflector"]


def shortcut_reflector(state: PhoneState, runtime: Runtime[PhoneTeam]) -> dict[str, Any]:
    """Keeps at most one new shortcut that the run suggests, or a better version of one."""
    team = runtime.context
    screens = _screens(state, team)
    past = PastRun(
        state["history"], {one.fingerprint: one for one in screens}, state["instruction"]
    )
    rewrites = team.pipeline.evolution == "rewrite"
    rules = {
        "actions": ", ".join(name for name in ACTION_ARGUMENTS if name in ACTION_TYPES),
        "shortcuts": shortcut_lines(team.remembered(state).shortcuts),
    }
    asked = team.run.prompts.conversation(
        "shortcut_writer" if rewrites else "shortcut_reflector",
        rules,
        _experience(state, team, "shortcut_reflector"),
        blocks={"instruction": state["instruction"]},
        asks="experience",
    )

    def check(reply: ShortcutReply) -> None:
        if reply.worth_keeping and not rewrites:
            try:
                admit_shortcut(draft_from(reply, past), ACTION_ARGUMENTS)
            except ValidationError as error:
                raise ToolError(error.errors()[0]["msg"]) from error
            except UsageError as error:
                raise ToolError(str(error)) from error

    schema = ShortcutReply
    if team.traits("shortcut_reflector").enforces_schemas and not rewrites:
        schema = offered_shortcut(past, [one.name for one in _in_use(team)])
    reply = team.run.reflected(
        state["step"],
        "Shortcut reflector",
        lambda: team.ask("shortcut_reflector", state, asked, schema, check=check),
    )
    if reply is None:
        return {}
    lesson = _lesson(state, team, "shortcut_reflector", screens)
    kept = _taken(reply, past, lesson, team) if reply.worth_keeping else None
    told = {"worth_keeping", "revises"}
    learnt = reply.model_dump(exclude=told) if kept is not None else None
    team.run.folder.record(LearntShortcut(step=state["step"], shortcut=learnt))
    # Where there is no phone to execute it on, its next use is watched.
    if kept is not None and not rewrites and team.rehearsal is not None and not kept.is_unvouched:
        pass_the_gate(lesson, kept, team.rehearsal.execute(kept))
    return {}


def tips_reflector(state: PhoneState, runtime: Runtime[PhoneTeam]) -> dict[str, Any]:
    """Keeps what would have helped to know before."""
    team = runtime.context
    rewrites = team.pipeline.evolution == "rewrite"
    recall = team.run.recall
    known = recall.memory.tips(recall.scope)
    if not rewrites:
        known = known_tips(team.run, state["instruction"])
    asked = team.run.prompts.conversation(
        "tips_writer" if rewrites else "tips_reflector",
        {"tips": "\n".join(f"- {tip.text}" for tip in known) if rewrites else numbered_tips(known)},
        _experience(state, team, "tips_reflector"),
        blocks={"instruction": state["instruction"]},
        asks="experience",
    )

    def check(reply: TipsReply) -> None:
        if not rewrites:
            check_changes(reply.tips, known)

    schema = TipsReply
    if team.traits("tips_reflector").enforces_schemas and not rewrites:
        schema = offered_tips(known)
    reply = team.run.reflected(
        state["step"],
        "Tips reflector",
        lambda: team.ask("tips_reflector", state, asked, schema, check=check),
    )
    if reply is None:
        return {}
    lesson = _lesson(state, team, "tips_reflector", _screens(state, team))
    if rewrites:
        rewrite_tips(lesson, [one if isinstance(one, str) else one.tip for one in reply.tips])
    else:
        learn_tips(lesson, reply.tips, known)
    return {}


def _experience(state: PhoneState, team: PhoneTeam, role: RoleName) -> dict[str, str]:
    traits = team.traits(role)
    lines = history_lines if team.pipeline.evolution == "rewrite" else numbered_history
    return {
        "plan": plan_lines(state["plan"]),
        "progress": state["progress"] or "none",
        "history": lines(state["history"], traits),
        "ending": team.run.ending(state),
        "future": team.run.future_lines,
    }


def _screens(state: PhoneState, team: PhoneTeam) -> list[Screen]:
    return [team.run.folder.load_elements(number) for number in range(1, state["screen"] + 1)]


def _lesson(
    state: PhoneState, team: PhoneTeam, role: RoleName, screens: Iterable[Screen]
) -> Lesson:
    opened = [one.arguments.get("app_name") for one in state["history"] if one.name == "Open_App"]
    asked = " ".join(map(str, (state["instruction"], *opened)))
    said: dict[str, list[str]] = {}
    for screen in screens:
        texts = said.setdefault(f"a screen of {screen.app.package}", [])
        texts += [one.text for one in screen.elements if one.text]
    if team.offer.tools is not None:
        said["a tool"] = state["notes"].splitlines()
    return Lesson(
        run=team.run,
        step=state["step"],
        model=team.traits(role).name,
        scope=team.run.recall.scope,
        foreign=ForeignWords(said, task=asked),
        asked=asked,
        secrets=_secrets(state, screens),
    )


def _secrets(state: PhoneState, screens: Iterable[Screen]) -> set[str]:
    """What was typed while a password field had the focus, or into one that was touched for it."""
    by_fingerprint = {screen.fingerprint: screen for screen in screens}
    found: set[str] = set()
    for action in state["history"]:
        screen, text = by_fingerprint.get(action.before), action.arguments.get("text")
        if screen is None or not isinstance(text, str):
            continue
        focused = [one for one in screen.elements if one.focused]
        x, y = action.arguments.get("x"), action.arguments.get("y")
        if isinstance(x, int) and isinstance(y, int) and (at := screen.element_at(Point(x, y))):
            focused = [at]
        if any(one.password for one in focused):
            found.add(text)
    return found


def _taken(reply: ShortcutReply, past: PastRun, lesson: Lesson, team: PhoneTeam) -> Shortcut | None:
    """The shortcut as it stands in the memory now; None, with a warning, if it may not be kept."""
    try:
        if team.pipeline.evolution == "rewrite":
            return _copied(reply, lesson)
        return _kept(reply, past, lesson, team)
    except ValidationError as error:
        lesson.run.warn(lesson.step, f"not learnt: {error.errors()[0]['msg']}")
    except (UsageError, ToolError) as error:
        lesson.run.warn(lesson.step, f"not learnt: {error}")
    return None


def _kept(reply: ShortcutReply, past: PastRun, lesson: Lesson, team: PhoneTeam) -> Shortcut:
    """The shortcut as it stands in the memory now.

    Raises:
        UsageError: it may not be kept.
        ToolError: it is not made of the run's actions.
    """
    memory = team.run.recall.memory
    admission = admit_shortcut(draft_from(reply, past), ACTION_ARGUMENTS, secrets=lesson.secrets)
    draft = admission.draft
    if team.offer.is_tool(draft.name):
        raise UsageError(f"{draft.name!r} is the name of a tool")
    quotes = lesson.foreign.origins(draft.description, draft.precondition)
    provenance = lesson.provenance.model_copy(update={"quotes": quotes})
    why = "; ".join(admission.repairs) or f"learnt from {lesson.run.recall.run}"
    known = next((one for one in _in_use(team) if one.name == reply.revises), None)
    if known is not None:
        memory.revise(known.id, draft, why=why, actions=ACTION_ARGUMENTS, provenance=provenance)
        lesson.changed("revise", known.id, draft.name, why)
        return _shortcut(memory.get(known.id))
    if twin := next((one for one in _in_use(team) if _same_steps(one, draft)), None):
        raise UsageError(f"{twin.name} does the same as {draft.name}")
    scope = Scope(app=_app_of(draft))
    kept = memory.add_shortcut(draft, actions=ACTION_ARGUMENTS, scope=scope, provenance=provenance)
    lesson.changed("add", kept, draft.name, why)
    return _shortcut(memory.get(kept))


def _copied(reply: ShortcutReply, lesson: Lesson) -> Shortcut:
    """As the paper keeps it: by name, if its actions exist, without a gate."""
    memory = lesson.run.recall.memory
    draft = ShortcutDraft(
        name=reply.name,
        arguments=tuple(reply.arguments),
        description=reply.description,
        precondition=reply.precondition or "None.",
        steps=tuple(
            ShortcutStep(action_name=step.action, arguments_map=step.arguments)
            for step in reply.steps
        ),
    )
    kept = memory.add_shortcut(draft, actions=PUBLISHED_ARGUMENTS, provenance=lesson.provenance)
    memory.reinstate(kept, reason="the paper keeps it without a gate")
    lesson.changed("add", kept, draft.name, "learnt as in the paper")
    return _shortcut(memory.get(kept))


def _in_use(team: PhoneTeam) -> tuple[Shortcut, ...]:
    return team.run.recall.memory.shortcuts(team.run.recall.scope)


def _same_steps(one: Shortcut, draft: ShortcutDraft) -> bool:
    def kinds(steps: Iterable[ShortcutStep]) -> list[object]:
        return [(step.action_name, step.target and _identity(step)) for step in steps]

    return kinds(one.steps) == kinds(draft.steps)


def _identity(step: ShortcutStep) -> tuple[str, ...]:
    target = step.target
    return (target.role, target.resource_id, target.text) if target is not None else ()


def _app_of(draft: ShortcutDraft) -> str | None:
    """The app that a shortcut begins and ends in; None for one that leads from one to another."""
    begins = draft.requires.app if draft.requires is not None else None
    ends = draft.ensures.app if draft.ensures is not None else None
    return begins if begins == ends else None


def _shortcut(entry: object) -> Shortcut:
    if not isinstance(entry, Shortcut):
        raise TypeError("a shortcut must come back as one")
    return entry
