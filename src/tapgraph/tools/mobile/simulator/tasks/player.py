"""Carrying out a reference solution on a phone in this process, without an agent and a model."""

from dataclasses import dataclass

from tapgraph.errors import ToolError
from tapgraph.tools.mobile.device import AppInfo
from tapgraph.tools.mobile.screen import Screen, fingerprint_of
from tapgraph.tools.mobile.screen_text import describe, parse_description
from tapgraph.tools.mobile.simulator.device import SimulatedDevice
from tapgraph.tools.mobile.simulator.phone import Phone
from tapgraph.tools.mobile.simulator.tasks.step_check import StepCheck, check_step
from tapgraph.tools.mobile.simulator.tasks.subgoal import Glance, Move
from tapgraph.tools.mobile.simulator.tasks.task import Solution
from tapgraph.tools.mobile.tree_elements import elements_from_tree
from tapgraph.tools.mobile.ui_tree import parse_ui_tree

__all__ = ["PlayedStep", "Playthrough", "follow_solution", "read_screen"]


@dataclass(frozen=True, slots=True)
class PlayedStep:
    """One action, the subgoal it served, and what came of it."""

    subgoal: str
    move: Move
    check: StepCheck


@dataclass(frozen=True, slots=True)
class Playthrough:
    """All steps, the notes at the end, and whether every subgoal was reached."""

    steps: tuple[PlayedStep, ...]
    notes: str
    is_complete: bool


def follow_solution(phone: Phone, solution: Solution, *, max_steps: int = 120) -> Playthrough:
    """Follow a solution until all its subgoals are reached or the steps are used up."""
    device = SimulatedDevice(phone)
    steps: list[PlayedStep] = []
    notes, current = "", ""
    glance = _glance(phone, notes)
    while True:
        before = glance
        if subgoal := solution.next_subgoal(before, current=current):
            notes = subgoal.notes_after(before)
            glance = before = _with_notes(before, notes)
        subgoal = solution.next_subgoal(before, current=current)
        if subgoal is None or len(steps) >= max_steps:
            return Playthrough(tuple(steps), notes, subgoal is None)
        current = subgoal.text
        move = subgoal.next_move(before)
        try:
            device.perform(move.action)
        except ToolError as error:
            check = StepCheck("C", str(error))
            glance = _glance(phone, notes)
        else:
            glance = _glance(phone, notes)
            check = check_step(before, glance, move.action)
        steps.append(PlayedStep(current, move, check))


def read_screen(phone: Phone) -> Screen:
    """What is on the phone's screen, without a picture."""
    package, activity = phone.foreground
    xml = phone.page_source()
    elements = elements_from_tree(parse_ui_tree(xml), phone.size, front_package=package)
    label = next((app.label for app in phone.apps if app.package == package), package)
    app = AppInfo(package, label, activity)
    keyboard_shown = phone.keyboard_shown
    return Screen(
        size=phone.size,
        elements=elements,
        app=app,
        keyboard_shown=keyboard_shown,
        screenshot=None,
        tree_xml=xml,
        fingerprint=fingerprint_of(app, elements, keyboard_shown=keyboard_shown),
    )


def _glance(phone: Phone, notes: str) -> Glance:
    screen = read_screen(phone)
    elements = parse_description(describe(screen))
    return Glance(elements, screen.app.label, screen.keyboard_shown, notes)


def _with_notes(glance: Glance, notes: str) -> Glance:
    return Glance(glance.elements, glance.app, glance.keyboard_shown, notes)
