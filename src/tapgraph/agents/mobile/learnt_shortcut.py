"""From actions of a run to a shortcut: named targets, conditions, values as arguments."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tapgraph.agents.mobile.replies import ShortcutReply, ShortcutStepReply
from tapgraph.agents.mobile.shortcut_targets import step_target
from tapgraph.agents.mobile.state import PhoneStep
from tapgraph.errors import ToolError
from tapgraph.memory import Condition, ShortcutDraft, ShortcutStep, StepTarget
from tapgraph.memory.models import Value
from tapgraph.tools.mobile.actions import ACTION_TYPES
from tapgraph.tools.mobile.screen import Screen
from tapgraph.tools.mobile.target import Target

__all__ = ["PastRun", "draft_from", "path_to", "repeated"]

_STARTS_ANYWHERE = ("Open_App", "Home")
_MOST_REACHED_BY = 20


@dataclass(frozen=True, slots=True)
class PastRun:
    """The actions of a run, the screens by their fingerprints, and what the user asked for."""

    history: Sequence[PhoneStep]
    screens: Mapping[str, Screen] = field(default_factory=dict)
    instruction: str = ""

    def action(self, number: int) -> PhoneStep:
        """The action of a step.

        Raises:
            ToolError: there is none, or it did not work.
        """
        found = next((one for one in self.history if one.step == number), None)
        if found is None:
            numbers = ", ".join(str(one.step) for one in self.history)
            raise ToolError(f"from_action: the run has no action {number}; it has {numbers}")
        if found.verdict != "A":
            raise ToolError(f"from_action: action {number} did not work, and is not to be repeated")
        return found

    def package(self, fingerprint: str) -> str | None:
        """The app that was in front on a screen."""
        screen = self.screens.get(fingerprint)
        return screen.app.package if screen is not None else None


def draft_from(reply: ShortcutReply, past: PastRun) -> ShortcutDraft:
    """The shortcut that a reply means by actions of the run; one named twice in a row counts once.

    Raises:
        ToolError: it names an action that is none of the run's, or of another kind, touches
            something without saying which action of the run did, or types words of this task.
    """
    example: dict[str, Value] = {}
    steps: list[ShortcutStep] = []
    actions: list[PhoneStep] = []
    for step in reply.steps:
        made, action = _step_from(step, reply.arguments, past, example)
        typed = made.arguments_map.get("text") if made.action_name == "Type" else None
        if isinstance(typed, str) and typed not in reply.arguments and typed in past.instruction:
            raise ToolError(f"Type: {typed!r} is of this task only; make it an argument")
        if action is not None and actions[-1:] == [action] and made == steps[-1]:
            continue
        steps.append(made)
        if action is not None:
            actions.append(action)
    first, last = (actions[0], actions[-1]) if actions else (None, None)
    starts_anywhere = bool(steps) and steps[0].action_name in _STARTS_ANYWHERE
    return ShortcutDraft(
        name=reply.name,
        arguments=tuple(reply.arguments),
        description=reply.description,
        precondition=reply.precondition or "None.",
        steps=tuple(steps),
        requires=_requires(steps[0], first, past) if first is not None and steps else None,
        ensures=_ensures(first, last, past) if first is not None and last is not None else None,
        example=example,
        reached_by=() if first is None or starts_anywhere else path_to(first, past),
    )


def _step_from(
    step: ShortcutStepReply, arguments: Sequence[str], past: PastRun, example: dict[str, Value]
) -> tuple[ShortcutStep, PhoneStep | None]:
    if step.action not in ACTION_TYPES:
        raise ToolError(f"{step.action!r} is no action; a shortcut is made of actions")
    given = dict(step.arguments)
    if step.from_action is None:
        if fixed := [name for name in ("x", "y") if isinstance(given.get(name), int | float)]:
            raise ToolError(
                f"{step.action}: {', '.join(fixed)} fits one screen only; give from_action"
            )
        return ShortcutStep(action_name=step.action, arguments_map=given), None
    action = past.action(step.from_action)
    if action.name != step.action:
        raise ToolError(f"action {action.step} of the run was {action.name}, not {step.action}")
    named = given.pop("target", None)
    made = repeated(action)
    values = dict(made.arguments_map)
    for name, value in given.items():
        if name in values:
            if value in arguments:
                example[str(value)] = values[name]
            values[name] = value
    target = made.target
    if target is not None and named in arguments:
        example[str(named)] = target.text
        target = target.model_copy(update={"text": "", "text_argument": named})
    return made.model_copy(update={"arguments_map": values, "target": target}), action


def repeated(action: PhoneStep) -> ShortcutStep:
    """The action as a step of its own, with everything as it was."""
    values = {
        name: value
        for name, value in action.arguments.items()
        if isinstance(value, str | int | float)
    }
    if action.name == "Swipe":
        return ShortcutStep(action_name="Swipe", arguments_map={"direction": _direction(action)})
    target: StepTarget | None = None
    if isinstance(action.target, Target) and {"x", "y"} <= set(values):
        target = step_target(action.target)
        values = {name: value for name, value in values.items() if name not in {"x", "y"}}
    return ShortcutStep(action_name=action.name, arguments_map=values, target=target)


def _direction(action: PhoneStep) -> str:
    if action.direction:
        return action.direction
    x1, y1, x2, y2 = (_number(action, name) for name in ("x1", "y1", "x2", "y2"))
    if abs(x2 - x1) > abs(y2 - y1):
        return "right" if x2 > x1 else "left"
    return "down" if y2 > y1 else "up"


def _number(action: PhoneStep, name: str) -> float:
    value = action.arguments.get(name)
    return float(value) if isinstance(value, int | float) else 0.0


def _requires(step: ShortcutStep, first: PhoneStep, past: PastRun) -> Condition | None:
    if step.action_name in _STARTS_ANYWHERE:
        return None
    target = step.target
    is_named = target is not None and bool(target.role and (target.text or target.resource_id))
    shows = (target,) if target is not None and is_named else ()
    return Condition(app=past.package(first.before), shows=shows)


def _ensures(first: PhoneStep, last: PhoneStep, past: PastRun) -> Condition | None:
    """The app in front afterwards, and what is there by id that was not there at first."""
    before, after = past.screens.get(first.before), past.screens.get(last.after)
    if after is None:
        return None
    known = {one.resource_id for one in before.elements} if before is not None else set()
    ids = [one.resource_id for one in after.elements]
    fresh = next(
        (
            one
            for one in after.elements
            if one.resource_id and one.resource_id not in known and ids.count(one.resource_id) == 1
        ),
        None,
    )
    shows = (
        (StepTarget(role=fresh.role.value, resource_id=fresh.resource_id),)
        if fresh is not None
        else ()
    )
    return Condition(app=after.app.package, shows=shows)


def path_to(first: PhoneStep, past: PastRun) -> tuple[ShortcutStep, ...]:
    """The actions that worked since an app was last opened, up to where the shortcut begins."""
    before = [one for one in past.history if one.step < first.step and one.verdict == "A"]
    before = [one for one in before if one.name in ACTION_TYPES]
    starts = [place for place, one in enumerate(before) if one.name in _STARTS_ANYWHERE]
    since = before[starts[-1] :] if starts else before
    return tuple(repeated(one) for one in since[-_MOST_REACHED_BY:])
