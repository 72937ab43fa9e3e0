"""Whether actions and the Reflector's verdicts were right, judged by a machine.

Mobile-Agent-E's Action Accuracy and Reflection Accuracy (arXiv 2501.11733, section 4) are the
shares that a person finds correct. Here the judge is `check_step`, which compares the screens
before and after a step as a careful reflector would:

- an action is right when its outcome is A: something changed, no crash, lost network or pop-up came
  up, and no other app than the one meant came to the front. Whether it was the best way on is not
  judged, so the share is an upper bound of what a person would find;
- a verdict of a model is right when it is that outcome (A, B or C). Verdicts that the agent found
  without a model are not counted;
- a reply that named no usable action, and an action that the phone refused, are wrong, with C as
  their outcome; a shortcut is judged by its last action; steps that do not touch the phone
  (answers, questions, tools, other agents) are left out.
"""

from dataclasses import dataclass

from tapgraph.agents.run.events import (
    ActionDone,
    ActionFailed,
    Decided,
    Delegated,
    Event,
    Reflected,
    ScreenSeen,
)
from tapgraph.agents.run.run_folder import RunFolder
from tapgraph.evals.phone.glance import Glance
from tapgraph.evals.phone.step_check import check_step
from tapgraph.evals.stats import NOTHING, Tally
from tapgraph.tools.mobile.actions import ACTION_TYPES, action_from_wire
from tapgraph.tools.mobile.screen_text import describe, parse_description
from tapgraph.tools.mobile.simulator.activity_manager import PERMISSION_PACKAGE

__all__ = ["StepAccuracy", "judge_steps"]


@dataclass(frozen=True, slots=True)
class StepAccuracy:
    """Right ones of all that could be judged."""

    actions: Tally
    reflections: Tally


def judge_steps(folder: RunFolder) -> StepAccuracy:
    """The accuracy of a run on the simulated phone, finished or not."""
    actions = reflections = NOTHING
    seen = before = 0
    step: list[Event] = []
    for event in folder.events():
        if isinstance(event, ScreenSeen):
            seen = event.screen_id
            before = before or seen
        step.append(event)
        if not isinstance(event, Reflected):
            continue
        outcome = _outcome(folder, step, before, seen)
        if outcome:
            actions += Tally(int(outcome == "A"), 1)
            if event.judged_by == "model":
                reflections += Tally(int(event.verdict == outcome), 1)
        before, step = seen, []
    return StepAccuracy(actions, reflections)


def _outcome(folder: RunFolder, step: list[Event], before: int, after: int) -> str:
    """A, B or C; empty for a step that did not touch the phone."""
    sent = [
        event
        for event in step
        if isinstance(event, ActionDone | ActionFailed) and event.action["name"] in ACTION_TYPES
    ]
    if not sent:
        off_phone = any(isinstance(event, Decided | Delegated) for event in step)
        return "" if off_phone else "C"
    last = sent[-1]
    if isinstance(last, ActionFailed):
        return "C"
    action = action_from_wire(last.action)
    return check_step(_glance(folder, before), _glance(folder, after), action).outcome


def _glance(folder: RunFolder, screen_id: int) -> Glance:
    screen = folder.load_elements(screen_id)
    app = screen.app
    # `check_step` knows who asks for permissions by its package.
    label = app.package if app.package == PERMISSION_PACKAGE else app.label
    return Glance(parse_description(describe(screen)), label, screen.keyboard_shown)
