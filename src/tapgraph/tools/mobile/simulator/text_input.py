"""Focus, what fields hold while they are edited, and whether the keyboard is up."""

from collections.abc import Iterable
from dataclasses import dataclass

from tapgraph.tools.mobile.simulator.views import Field, View

__all__ = ["TextInput"]


@dataclass(frozen=True, slots=True)
class _Held:
    """A field's text, and the value that its activity gave when it was last looked at."""

    text: str
    declared: str


class TextInput:
    """The phone's side of all text fields, which it knows by their identity.

    Attributes:
        keyboard_shown: whether the soft keyboard is up.
        field: the focused field in the current views.
    """

    def __init__(self) -> None:
        self.keyboard_shown = False
        self.field: Field | None = None
        self._focus = ""
        self._held: dict[str, _Held] = {}
        self._met: set[str] = set()

    def __getstate__(self) -> dict[str, object]:
        """All but the focused view, which `mark_focus` finds again."""
        return vars(self) | {"field": None}

    def take_in(self, views: Iterable[View]) -> None:
        """Fill the fields of fresh views with what they hold; a new one may take the focus."""
        for view in views:
            if not isinstance(view, Field):
                continue
            held = self._held.get(view.identity)
            if held is None or held.declared != view.value:
                held = _Held(view.value, view.value)
                self._held[view.identity] = held
                if view.autofocus and view.enabled and view.identity not in self._met:
                    self.focus(view)
                self._met.add(view.identity)
            view.value = held.text

    def fill(self, views: Iterable[View]) -> None:
        """Fill fields with what they hold without taking note of anything."""
        for view in views:
            if isinstance(view, Field):
                held = self._held.get(view.identity)
                if held is not None and held.declared == view.value:
                    view.value = held.text

    def mark_focus(self, views: Iterable[View]) -> None:
        """Find the focused field among the views that touches can reach."""
        self.field = next(
            (
                view
                for view in views
                if isinstance(view, Field) and view.identity == self._focus and view.enabled
            ),
            None,
        )
        if self.field is None:
            self.drop()
        else:
            self.field.focused = True

    def focus(self, field: Field) -> None:
        """Give a field the focus and raise the keyboard."""
        self._focus = field.identity
        self.keyboard_shown = True

    def drop(self) -> None:
        """Take the focus away and hide the keyboard."""
        self._focus = ""
        self.field = None
        self.keyboard_shown = False

    def put(self, text: str) -> None:
        """Make the focused field hold a text and tell its activity; nothing without a focus."""
        field = self.field
        if field is None or field.value == text:
            return
        declared = self._held[field.identity].declared
        self._held[field.identity] = _Held(text, declared)
        field.value = text
        if field.on_change is not None:
            field.on_change(text)

    def submit(self) -> None:
        """The keyboard's action key: a new line, or hide the keyboard and tell the activity."""
        field = self.field
        if field is None:
            return
        if field.action == "newline":
            self.put(field.value + "\n")
            return
        self.keyboard_shown = False
        if field.on_submit is not None:
            field.on_submit(field.value)

    def forget(self, scope: str) -> None:
        """Drop what belongs to a page that was closed."""
        inside = f"{scope}/"
        self._held = {key: held for key, held in self._held.items() if not key.startswith(inside)}
        self._met = {key for key in self._met if not key.startswith(inside)}
