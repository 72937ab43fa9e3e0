"""What an agent knows of a phone when it decides, as its prompt tells it."""

import re
from dataclasses import dataclass

from tapgraph.tools.mobile.screen_text import DescribedElement

__all__ = ["Glance"]


@dataclass(frozen=True, slots=True)
class Glance:
    """A screen by its description.

    Attributes:
        elements: in reading order.
        app: label of the app in front.
        keyboard_shown: whether the soft keyboard is up.
    """

    elements: tuple[DescribedElement, ...]
    app: str
    keyboard_shown: bool

    def shows(self, pattern: str) -> bool:
        """Whether the whole text of an element matches."""
        return any(re.fullmatch(pattern, element.text) for element in self.elements)
