"""How plans, histories and screens read in a prompt; the same words for every role."""

import json
from collections.abc import Sequence

from pydantic import BaseModel

from tapgraph.agents.mobile.state import Plan, StepRecord
from tapgraph.memory.store import Shortcut, Tip
from tapgraph.tools.mobile.screen import Screen
from tapgraph.tools.mobile.screen_text import quoted

__all__ = [
    "ATOMIC_ACTIONS",
    "action_lines",
    "history_lines",
    "plan_lines",
    "screen_block",
    "shortcut_lines",
    "tip_lines",
    "wire_text",
]

ATOMIC_ACTIONS = {
    "Open_App": "app_name: open an installed app by its label",
    "Tap": "x, y",
    "Long_Press": "x, y",
    "Double_Tap": "x, y",
    "Swipe": "x1, y1, x2, y2: scroll or drag",
    "Type": "text: add text to the focused input; the keyboard must be shown",
    "Clear_Text": "empty the focused input",
    "Enter": "the keyboard's action key: search, done, new line",
    "Switch_App": "show the recent apps",
    "Back": "",
    "Home": "",
    "Wait": "seconds: for a page that still loads",
    "Answer": "text: give the user the result in words",
    "Ask_User": "question: only when you cannot decide as the user would",
}
"""What the Operator is told about each action."""


def action_lines(answer_type: type[BaseModel] | None = None) -> str:
    """One line for each action; with a type, `Answer` takes JSON of it."""
    actions = dict(ATOMIC_ACTIONS)
    if answer_type is not None:
        schema = json.dumps(answer_type.model_json_schema(), ensure_ascii=False)
        actions["Answer"] = f"text: the result that the task asks for, as JSON of: {schema}"
    return "\n".join(f"- {name}: {takes}".removesuffix(": ") for name, takes in actions.items())


def plan_lines(plan: Plan | None) -> str:
    """The subgoals, numbered, with what is done and what is next."""
    if plan is None:
        return "none yet"
    return "\n".join(
        f"{number}. {subgoal}{_mark(number - 1, plan)}"
        for number, subgoal in enumerate(plan.subgoals, 1)
    )


def _mark(index: int, plan: Plan) -> str:
    if index < plan.current or plan.status == "finished":
        return " (done)"
    by_api = " (by the API agent)" if index + 1 in plan.by_api else ""
    return (" (current)" if index == plan.current else "") + by_api


def wire_text(name: str, arguments: dict[str, object]) -> str:
    """An action in one line, in which typed text cannot end the block of a screen."""
    if not arguments:
        return name
    return f"{name} {json.dumps(arguments, ensure_ascii=False)}".replace("<", "\\u003c")


def history_lines(history: Sequence[StepRecord]) -> str:
    """One line for each action, its verdict and what went wrong."""
    if not history:
        return "none yet"
    return "\n".join(
        f"- {wire_text(record.name, record.arguments)}: {_one_line(record.description)} -> "
        f"{record.grade}" + (f", {_one_line(record.error)}" if record.error else "")
        for record in history
    )


def _one_line(words: str) -> str:
    return " ".join(words.split())


def shortcut_lines(shortcuts: Sequence[Shortcut]) -> str:
    """One line for each shortcut: how to call it, what it does, when it may be used."""
    return (
        "\n".join(
            f"- {shortcut.name}({', '.join(shortcut.arguments)}): {shortcut.description} "
            f"Precondition: {shortcut.precondition}"
            for shortcut in shortcuts
        )
        or "none"
    )


def tip_lines(tips: Sequence[Tip]) -> str:
    """One line for each tip."""
    return "\n".join(f"- {tip.text}" for tip in tips) or "none"


def screen_block(screen: Screen, lines: str) -> str:
    """A screen in a prompt: its head and lines between the marks around untrusted text."""
    keyboard = "shown" if screen.keyboard_shown else "hidden"
    size = f"{screen.size.width_px}x{screen.size.height_px}"
    head = f"app {quoted(screen.app.label)} {screen.app.package}, {size}, keyboard {keyboard}"
    return f"<screen>\n{head}\n{lines}\n</screen>"
