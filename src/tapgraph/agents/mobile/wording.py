"""How plans, histories and screens read in a prompt; the same words for every role."""

import json
from collections.abc import Sequence

from tapgraph.agents.mobile.grounding import written_point
from tapgraph.agents.mobile.offer import Offer
from tapgraph.agents.mobile.state import Decision, PhoneStep, Plan
from tapgraph.llm_backend.chat_model import ModelTraits
from tapgraph.llm_backend.prompt import fenced
from tapgraph.memory import Shortcut
from tapgraph.tools.mobile.geometry import Point
from tapgraph.tools.mobile.screen import Screen
from tapgraph.tools.mobile.screen_text import quoted
from tapgraph.tools.mobile.target import Target

__all__ = [
    "ANSWER",
    "action_lines",
    "app_line",
    "deed_words",
    "history_lines",
    "numbered_history",
    "plan_lines",
    "screen_block",
    "shortcut_lines",
    "shortcut_purposes",
    "tool_lines",
]

_MOST_APPS = 60
_TOOL_TOKENS = 120


ANSWER = "the result that the task asks for, in words"
"""What the user is given at the end where no type is asked for."""


def action_lines(offer: Offer, answer: str = ANSWER) -> str:
    """One line for each action on offer; `answer` is what `Answer` must hold."""
    usages = {name: kind.usage for name, kind in offer.actions.items()}
    if "Answer" in usages and answer != ANSWER:
        usages["Answer"] = f"text: {answer}"
    return "\n".join(f"- {name}: {usage}".removesuffix(": ") for name, usage in usages.items())


def tool_lines(offer: Offer) -> str:
    """What the Operator may call beside the phone."""
    if offer.tools is None:
        return ""
    tools = (api.signature(budget_tokens=_TOOL_TOKENS) for api in offer.tools.catalog)
    return "\n".join(f"- {fenced(tool)}" for tool in tools)


def app_line(apps: Sequence[str]) -> str:
    """The labels of installed apps, as many as a prompt has room for."""
    names = [quoted(label) for label in dict.fromkeys(apps)]
    more = f" and {len(names) - _MOST_APPS} more" if len(names) > _MOST_APPS else ""
    return ", ".join(names[:_MOST_APPS]) + more


def plan_lines(plan: Plan) -> str:
    """The subgoals, numbered, with what is done and what is next."""
    if not plan.subgoals:
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


def deed_words(deed: Decision | PhoneStep, traits: ModelTraits) -> str:
    """An action in one line that names its target; bare points as the model writes them.

    What was typed cannot end the block of a screen.
    """
    target, others = deed.target, dict(deed.arguments)
    if deed.direction:
        inside = f" on {target.words}" if target is not None and target.words else ""
        return f"{deed.name} {deed.direction}{inside}"
    if target is None:
        return _with_arguments(deed.name, others)
    for name in ("x", "y", "x1", "y1"):
        others.pop(name, None)
    x, y = others.pop("x2", None), others.pop("y2", None)
    if isinstance(x, int) and isinstance(y, int):
        start, end = target, Target(Point(x, y), target.size)
        points = f"from {written_point(start, traits)} to {written_point(end, traits)}"
        return f"{deed.name} {points}"
    return _with_arguments(f"{deed.name} {target.words or written_point(target, traits)}", others)


def _with_arguments(name: str, arguments: dict[str, object]) -> str:
    if not arguments:
        return name
    values = list(arguments.values())
    told = values[0] if len(values) == 1 else arguments
    return fenced(f"{name} {json.dumps(told, ensure_ascii=False)}")


def history_lines(history: Sequence[PhoneStep], traits: ModelTraits) -> str:
    """One line for each action, its verdict and what went wrong."""
    if not history:
        return "none yet"
    return "\n".join(
        f"- {deed_words(record, traits)}: {_one_line(record.description)} -> "
        f"{record.verdict}" + (f", {_one_line(record.error)}" if record.error else "")
        for record in history
    )


def numbered_history(history: Sequence[PhoneStep], traits: ModelTraits) -> str:
    """The same lines with the numbers by which the actions can be meant."""
    lines = (history_lines([record], traits).removeprefix("- ") for record in history)
    numbers = (record.step for record in history)
    return "\n".join(f"- ({n}) {line}" for n, line in zip(numbers, lines, strict=True)) or "none"


def _one_line(words: str) -> str:
    return " ".join(words.split())


def shortcut_lines(shortcuts: Sequence[Shortcut]) -> str:
    """One line for each shortcut: how to call it, what it does, when it may be used."""
    return (
        "\n".join(
            f"- {shortcut.name}({', '.join(shortcut.arguments)}): "
            f"{_one_line(shortcut.description)} Precondition: {_one_line(shortcut.precondition)}"
            for shortcut in shortcuts
        )
        or "none"
    )


def shortcut_purposes(shortcuts: Sequence[Shortcut]) -> str:
    """What each shortcut does, without how it is called, for those who plan."""
    return " ".join(_one_line(shortcut.description) for shortcut in shortcuts) or "none"


def screen_block(screen: Screen, lines: str) -> str:
    """A screen in a prompt between the marks around untrusted text: its head, warnings, lines."""
    keyboard = "shown" if screen.keyboard_shown else "hidden"
    size = f"{screen.size.width_px}x{screen.size.height_px}"
    head = f"app {quoted(screen.app.label)} {screen.app.package}, {size}, keyboard {keyboard}"
    if screen.local_time:
        head += f", {screen.local_time}"
    said = "".join(f"... {fenced(warning)}\n" for warning in screen.warnings)
    return f"<screen>\n{head}\n{said}{lines}\n</screen>"
