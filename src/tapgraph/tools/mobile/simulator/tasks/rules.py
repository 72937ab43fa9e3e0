"""Rules that many reference solutions share."""

import re
from collections.abc import Callable

from tapgraph.tools.mobile.actions import ClearText, Enter, OpenApp, Swipe, Tap, Type, Wait
from tapgraph.tools.mobile.screen_text import DescribedElement
from tapgraph.tools.mobile.simulator.tasks.subgoal import Glance, Move, Rule

__all__ = [
    "GENERAL_RULES",
    "is_text_shown",
    "leave_page_without_field",
    "open_app",
    "scroll_down",
    "search_for",
    "searched_for",
    "tap",
    "tap_text",
]

_SCROLL_PX = 850
_UPPER_MARGIN_PX = 330


def tap(element: DescribedElement, thought: str, expectation: str) -> Move:
    """A tap on the middle of an element."""
    return Move(Tap(element.center.x, element.center.y), thought, expectation)


def tap_text(pattern: str, *roles: str, expectation: str = "It opens.") -> Rule:
    """Tap the first element whose text matches."""

    def rule(glance: Glance) -> Move | None:
        element = glance.first(pattern, *(roles or ("button",)))
        if element is None:
            return None
        return tap(element, f"I tap {element.text[:60]!r}.", expectation)

    return rule


def open_app(label: str) -> Rule:
    """Start the app where another one is in front."""

    def rule(glance: Glance) -> Move | None:
        if glance.app == label:
            return None
        return Move(OpenApp(label), f"{label} is not in front, so I open it.", f"{label} opens.")

    return rule


def scroll_down(thought: str) -> Rule:
    """Scroll the lowest list by less than its height."""

    def rule(glance: Glance) -> Move | None:
        lists = glance.of_role("list")
        if not lists:
            return None
        middle = max(lists, key=lambda element: element.center.y).center
        start = middle.y + _SCROLL_PX // 2
        end = max(_UPPER_MARGIN_PX, start - _SCROLL_PX)
        return Move(Swipe(middle.x, start, middle.x, end), thought, "The list moves up.")

    return rule


def leave_page_without_field(glance: Glance) -> Move | None:
    """Go up from a page that cannot be searched."""
    if glance.of_role("input"):
        return None
    return tap_text("Navigate up", expectation="The page before this one.")(glance)


def search_for(query: str) -> Rule:
    """Type a query into the page's only field, and enter it; or tap the field first."""

    def rule(glance: Glance) -> Move | None:
        fields = [field for field in glance.of_role("input") if "disabled" not in field.states]
        if not fields:
            return None
        field = fields[0]
        if "focused" not in field.states or not glance.keyboard_shown:
            return tap(field, "I touch the search field to type.", "The keyboard appears.")
        if "hint" in field.states or not field.text:
            return Move(Type(query), f"I type {query!r}.", f"The field holds {query!r}.")
        if is_text_shown(field.text, query):
            return Move(Enter(), "The query stands there, so I start the search.", "Results.")
        return Move(ClearText(), "The field holds something else.", "The field is empty.")

    return rule


def searched_for(glance: Glance, query: str) -> bool:
    """Whether the results of that query are shown: the field holds it and has no focus."""
    return any(
        is_text_shown(field.text, query)
        and "hint" not in field.states
        and "focused" not in field.states
        for field in glance.of_role("input")
    )


def is_text_shown(shown: str, full: str) -> bool:
    """Whether a text of the screen is the full one, or its beginning where it was cut.

    >>> is_text_shown("A long li…", "A long line"), is_text_shown("A short", "A short line")
    (True, False)
    """
    wanted = full.strip()
    if shown.endswith("…"):
        return wanted.startswith(shown[:-1].rstrip())
    return shown == wanted


def _answer_dialog(shown: str, buttons: str, thought: str) -> Callable[[Glance], Move | None]:
    def rule(glance: Glance) -> Move | None:
        if not any(re.search(shown, element.text) for element in glance.elements):
            return None
        button = glance.first(buttons, "button")
        return None if button is None else tap(button, thought, "It goes away.")

    return rule


def _wait_while_loading(glance: Glance) -> Move | None:
    if not glance.of_role("progress"):
        return None
    return Move(Wait(2.0), "The page is still loading.", "The page is complete.")


GENERAL_RULES: tuple[Rule, ...] = (
    _answer_dialog("keeps stopping|has stopped", "Close app|OK", "The app crashed; I close it."),
    _answer_dialog("^Allow ", "While using the app|Allow|Only this time", "I allow this."),
    _answer_dialog(
        "(?i)no connection|no internet|you're offline",
        "(?i)retry|try again",
        "The network failed; I try once more.",
    ),
    _answer_dialog(
        "(?i)enjoying|rate |update|newsletter|sign up|what's new|offer|notifications?|premium",
        "(?i)not now|no,? thanks|skip|maybe later|later|dismiss|close|got it",
        "A pop-up is in the way; I dismiss it.",
    ),
    _wait_while_loading,
)
"""What to do about prompts, pop-ups, failures and waiting, on every page."""
