"""What an agent can do on a phone: one frozen dataclass for each action.

The wire names and the argument names of the first nine are Mobile-Agent-E's (section 3.1 of its
paper's appendix lists them as atomic operations); the others are ours. Coordinates are pixels of
the screenshot. `usage` is what a model is told about an action: its arguments and what it does.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias, get_args

from tapgraph.errors import ToolError

__all__ = [
    "ACTION_TYPES",
    "STEP_TYPES",
    "Action",
    "Answer",
    "AskUser",
    "Back",
    "ClearText",
    "DoubleTap",
    "Enter",
    "Home",
    "LongPress",
    "OpenApp",
    "OpenLink",
    "ShowRest",
    "StartActivity",
    "Swipe",
    "SwitchApp",
    "Tap",
    "Type",
    "Wait",
    "action_from_wire",
    "action_to_wire",
]


@dataclass(frozen=True, slots=True)
class OpenApp:
    """Start an app by the label that a person reads under its icon."""

    wire_name: ClassVar[str] = "Open_App"
    usage: ClassVar[str] = "app_name: open an installed app by its label"
    app_name: str


@dataclass(frozen=True, slots=True)
class Tap:
    """Touch a point shortly."""

    wire_name: ClassVar[str] = "Tap"
    usage: ClassVar[str] = "x, y"
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Swipe:
    """Drag a finger from the first point to the second."""

    wire_name: ClassVar[str] = "Swipe"
    usage: ClassVar[str] = "x1, y1, x2, y2: scroll or drag"
    x1: int
    y1: int
    x2: int
    y2: int


@dataclass(frozen=True, slots=True)
class Type:
    """Add text to the focused field."""

    wire_name: ClassVar[str] = "Type"
    usage: ClassVar[str] = "text: add text to the focused input; the keyboard must be shown"
    text: str


@dataclass(frozen=True, slots=True)
class Enter:
    """Press the keyboard's action key (search, done, new line)."""

    wire_name: ClassVar[str] = "Enter"
    usage: ClassVar[str] = "the keyboard's action key: search, done, new line"


@dataclass(frozen=True, slots=True)
class SwitchApp:
    """Show the recently used apps."""

    wire_name: ClassVar[str] = "Switch_App"
    usage: ClassVar[str] = "show the recent apps"


@dataclass(frozen=True, slots=True)
class Back:
    """Press Back."""

    wire_name: ClassVar[str] = "Back"
    usage: ClassVar[str] = ""


@dataclass(frozen=True, slots=True)
class Home:
    """Go to the launcher."""

    wire_name: ClassVar[str] = "Home"
    usage: ClassVar[str] = ""


@dataclass(frozen=True, slots=True)
class Wait:
    """Give a slow page time."""

    wire_name: ClassVar[str] = "Wait"
    usage: ClassVar[str] = "seconds: for a page that still loads"
    seconds: float = 2.0


@dataclass(frozen=True, slots=True)
class LongPress:
    """Hold a finger on a point for a second."""

    wire_name: ClassVar[str] = "Long_Press"
    usage: ClassVar[str] = "x, y"
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class DoubleTap:
    """Touch a point twice quickly."""

    wire_name: ClassVar[str] = "Double_Tap"
    usage: ClassVar[str] = "x, y"
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class ClearText:
    """Empty the focused field."""

    wire_name: ClassVar[str] = "Clear_Text"
    usage: ClassVar[str] = "empty the focused input"


@dataclass(frozen=True, slots=True)
class ShowRest:
    """Be told of the screen what there was no room for; nothing happens on the phone."""

    wire_name: ClassVar[str] = "Show_Rest"
    usage: ClassVar[str] = "list the elements of this screen that were left out"


@dataclass(frozen=True, slots=True)
class Answer:
    """Give the user the result; nothing happens on the phone."""

    wire_name: ClassVar[str] = "Answer"
    usage: ClassVar[str] = "text: give the user the result in words"
    text: str


@dataclass(frozen=True, slots=True)
class AskUser:
    """Ask the user a question; nothing happens on the phone."""

    wire_name: ClassVar[str] = "Ask_User"
    usage: ClassVar[str] = "question: only when you cannot decide as the user would"
    question: str


@dataclass(frozen=True, slots=True)
class OpenLink:
    """Open a link in the app that it belongs to; in shortcuts only."""

    wire_name: ClassVar[str] = "Open_Link"
    usage: ClassVar[str] = "url: open a link in its app"
    url: str


@dataclass(frozen=True, slots=True)
class StartActivity:
    """Start a page of an app by its component, `com.example/.Search`; in shortcuts only."""

    wire_name: ClassVar[str] = "Start_Activity"
    usage: ClassVar[str] = "component: start a page of an app"
    component: str


Action: TypeAlias = (
    OpenApp
    | Tap
    | Swipe
    | Type
    | Enter
    | SwitchApp
    | Back
    | Home
    | Wait
    | LongPress
    | DoubleTap
    | ClearText
    | ShowRest
    | Answer
    | AskUser
    | OpenLink
    | StartActivity
)

STEP_TYPES: Mapping[str, type[Action]] = {kind.wire_name: kind for kind in get_args(Action)}
"""From wire name to class: what a step of a shortcut may be, links among them."""
ACTION_TYPES: Mapping[str, type[Action]] = {
    name: kind for name, kind in STEP_TYPES.items() if kind not in {OpenLink, StartActivity}
}
"""From wire name to class: what an agent is offered."""


def action_to_wire(action: Action) -> dict[str, object]:
    """The action as `{"name": ..., "arguments": {...}}`.

    >>> action_to_wire(Tap(3, 4))
    {'name': 'Tap', 'arguments': {'x': 3, 'y': 4}}
    """
    return {"name": action.wire_name, "arguments": dataclasses.asdict(action)}


def action_from_wire(wire: Mapping[str, object]) -> Action:
    """The action that a wire object names.

    Raises:
        ToolError: the name is unknown, or an argument is missing, unknown or of another type.

    >>> action_from_wire({"name": "Type", "arguments": {"text": "a // b"}})
    Type(text='a // b')
    """
    name = wire.get("name")
    if not isinstance(name, str) or name not in STEP_TYPES:
        raise ToolError(f"no action is called {name!r}; use one of {', '.join(ACTION_TYPES)}")
    kind = STEP_TYPES[name]
    arguments = wire.get("arguments") or {}
    if not isinstance(arguments, Mapping):
        raise ToolError(f"{name}: arguments must be an object, got {arguments!r}")
    fields = {field.name: field for field in dataclasses.fields(kind)}
    unknown = [str(key) for key in arguments if key not in fields]
    missing = [
        key
        for key, field in fields.items()
        if field.default is dataclasses.MISSING and key not in arguments
    ]
    if unknown or missing:
        raise ToolError(
            f"{name} takes {', '.join(fields) or 'no arguments'}"
            + (f"; missing: {', '.join(missing)}" if missing else "")
            + (f"; unknown: {', '.join(unknown)}" if unknown else "")
        )
    values: dict[str, Any] = {
        str(key): _converted(name, str(key), fields[str(key)].type, value)
        for key, value in arguments.items()
    }
    return kind(**values)


def _converted(action: str, field: str, wanted: object, value: object) -> object:
    if wanted is str and isinstance(value, str):
        return value
    if wanted in (int, float) and isinstance(value, int | float) and not isinstance(value, bool):
        return round(value) if wanted is int else float(value)
    kind = getattr(wanted, "__name__", str(wanted))
    raise ToolError(f"{action}: {field} must be of type {kind}, got {value!r}")
