"""What a GUI model wants done, whatever format it answers in."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from tapgraph.errors import InvalidReply
from tapgraph.llm_backend.chat_model import CoordinateSpace, Reply

__all__ = ["Dialect", "GuiCall", "asked", "finished", "given_up", "scrolled", "swiped", "touched"]

_FINGER = {"down": "up", "up": "down", "right": "left", "left": "right"}


@dataclass(frozen=True, slots=True)
class GuiCall:
    """One action in tapgraph's words, with points as the model wrote them.

    Attributes:
        thought: what the model said around the call.
        action: an action's wire name, such as `Tap`.
        arguments: the action's arguments. Points (`x`, `y`, or `x1`, `y1`, `x2`, `y2`) stand in the
            model's own coordinate space. A `Swipe` may have a `direction` (the way of the finger:
            up, down, left, right) in place of two points, and with it the point `x`, `y` that it
            should cross, if the model named one.
        is_finished: the model says that what it was asked for is done.
        repairs: what had to be mended in the reply, one phrase each.
    """

    thought: str
    action: str
    arguments: Mapping[str, str | int | float]
    is_finished: bool = False
    repairs: tuple[str, ...] = ()


class Dialect(Protocol):
    """How one family of GUI models is told to answer, and how its answers are read."""

    @property
    def name(self) -> str:
        """What the dialect is called in a model's spec."""
        ...

    @property
    def coordinate_space(self) -> CoordinateSpace:
        """How the family's newest models write points."""
        ...

    @property
    def instructions(self) -> str:
        """How to reply, in the model's own action space: the end of a system prompt."""
        ...

    def read(self, reply: Reply) -> GuiCall:
        """The one action that a reply asks for.

        Raises:
            InvalidReply: there is none, more than one, or one that cannot be read with certainty;
                the text tells the model why.
        """
        ...


def touched(thought: str, action: str, point: tuple[float, float]) -> GuiCall:
    """A touch of one point."""
    return GuiCall(thought, action, {"x": point[0], "y": point[1]})


def swiped(thought: str, start: tuple[float, float], end: tuple[float, float]) -> GuiCall:
    """A swipe from one point to another."""
    arguments = {"x1": start[0], "y1": start[1], "x2": end[0], "y2": end[1]}
    return GuiCall(thought, "Swipe", arguments)


def scrolled(thought: str, shown: str, point: tuple[float, float] | None) -> GuiCall:
    """A swipe that shows what lies further up, down, left or right.

    Raises:
        InvalidReply: `shown` is none of them.
    """
    if shown not in _FINGER:
        raise InvalidReply(f"a direction must be one of {', '.join(_FINGER)}, got {shown[:40]!r}")
    arguments: dict[str, str | int | float] = {"direction": _FINGER[shown]}
    if point is not None:
        arguments |= {"x": point[0], "y": point[1]}
    return GuiCall(thought, "Swipe", arguments)


def finished(thought: str, text: str) -> GuiCall:
    """The answer of a model that has reached its goal; empty where it has nothing to tell."""
    return GuiCall(thought, "Answer", {"text": text.strip()}, is_finished=True)


def given_up(thought: str, text: str) -> GuiCall:
    """The answer of a model that holds its goal to be out of reach.

    An Operator cannot end a task in failure; that is for the Manager to judge. So `is_finished`
    stays False, and the text says that nothing was achieved: it counts as a failed action.
    """
    return GuiCall(thought, "Answer", {"text": f"Not done: {text or thought or 'no reason given'}"})


def asked(thought: str, question: str) -> GuiCall:
    """A call for the user; without a question of its own, the thought tells the user why."""
    return GuiCall(
        thought, "Ask_User", {"question": question or thought or "I need your help to go on."}
    )
