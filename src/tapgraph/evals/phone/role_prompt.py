"""A role's prompt taken apart again, for stand-ins that read what a model would read."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from tapgraph.evals.phone.glance import Glance
from tapgraph.tools.mobile.geometry import Point
from tapgraph.tools.mobile.screen_text import DescribedElement, parse_description, parse_reading

__all__ = ["Prompt", "read_prompt"]

_HEAD = re.compile(r'app ("(?:[^"\\]|\\.)*") .*, keyboard (shown|hidden)')
_EMPTY = frozenset({"none yet", "none"})


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt taken apart: its sections by heading, and what it shows of the phone."""

    sections: Mapping[str, str]
    glance: Glance
    has_screen: bool

    @property
    def notes(self) -> str:
        """What the agent wrote down so far."""
        return self.sections.get("Notes", self.sections.get("Notes so far", ""))


def read_prompt(text: str) -> Prompt:
    """The user's part of a role's conversation."""
    before, fence, screen = text.rpartition("\n<screen>\n")
    if not fence:
        before, screen = text, ""
    sections: dict[str, str] = {}
    for part in f"\n{before}".split("\n## ")[1:]:
        heading, _, body = part.partition("\n")
        sections[heading] = "" if body.strip() in _EMPTY else body.strip()
    head = _HEAD.search(screen)
    label = json.loads(head[1]) if head else ""
    lines = screen.partition("</screen>")[0]
    elements = parse_description(lines) or tuple(
        DescribedElement(0, read.role, read.text, Point(0, 0), read.states)
        for read in parse_reading(lines)
    )
    shown = head is not None and head[2] == "shown"
    return Prompt(sections, Glance(elements, label, shown), bool(fence))
