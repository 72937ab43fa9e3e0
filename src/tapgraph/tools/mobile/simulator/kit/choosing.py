"""Blocks in which the user chooses one of several: chips and tabs within a page."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import Literal

from tapgraph.tools.mobile.simulator.kit.block import Block, Link, heading
from tapgraph.tools.mobile.simulator.kit.scene import At
from tapgraph.tools.mobile.simulator.kit.setting import Setting, Touch
from tapgraph.tools.mobile.simulator.kit.style import Style
from tapgraph.tools.mobile.simulator.views import (
    Chip,
    Column,
    Divider,
    Label,
    Row,
    ScrollRow,
    Spacer,
    View,
)

__all__ = ["Choices", "Tabs", "underlined_tab"]


@dataclass(frozen=True)
class Choices(Block):
    """Chips of which one is chosen; acts and rows read it by `at.held(name, default)`."""

    name: str
    options: Sequence[str]
    heading: str = ""

    def body(self, at: At) -> list[View]:
        """The chips; the first is chosen until the user chooses."""
        chosen = at.held(self.name, self.options[0])
        chips: list[View] = [
            Chip(
                at.style.say(option),
                key=option,
                id=f"choose_{self.name}",
                color=at.style.tint,
                foreground="#1F1F1F" if option == chosen else at.style.ink,
                background=at.style.paper,
                checked=option == chosen,
                selected=option == chosen,
                on_click=partial(at.scene.hold, self.name, option),
            )
            for option in self.options
        ]
        return [
            *heading(at, self.heading),
            ScrollRow(chips, gap=8, padding=(at.style.space_dp, 6), id=f"choices_{self.name}"),
        ]

    def settings(self, at: At) -> Iterator[Setting]:
        """The choice."""
        chosen = at.held(self.name, self.options[0])
        chip = f"choose_{self.name}"
        yield Setting(self.name, chosen, lambda wanted: Touch(id=chip, key=wanted))


@dataclass(frozen=True)
class Tabs(Block):
    """Tabs within a page, of which one is chosen; rows read it by `at.held(name, first)`.

    Attributes:
        when: whether they are there only while something, or nothing, is searched for.
        contents: by option, blocks that only it shows.
    """

    name: str
    options: Sequence[str]
    when: Literal["always", "searching", "browsing"] = "always"
    contents: Mapping[str, Sequence[Block]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "contents", MappingProxyType(dict(self.contents)))

    def head(self, at: At) -> list[View]:
        """The tabs; the chosen one is underlined."""
        if self.when != "always" and (self.when == "searching") != bool(at.held("query")):
            return []
        chosen = at.held(self.name, self.options[0])
        tabs: list[View] = []
        for option in self.options:
            choose = partial(self._choose, at, option)
            tab = underlined_tab(at.style, at.style.say(option), option == chosen, choose)
            tab.key = option
            tabs.append(tab)
        return [Row(tabs, id=self.name), Divider(color=at.style.line)]

    def _choose(self, at: At, option: str) -> None:
        at.scene.hold(self.name, option)
        at.app.note("tab", option, self.name)

    def settings(self, at: At) -> Iterator[Setting]:
        """The tab, and what the blocks of the chosen one have."""
        chosen = at.held(self.name, self.options[0])
        yield Setting(self.name, chosen, lambda wanted: Touch(id="", key=wanted))
        for block in self.contents.get(chosen, ()):
            yield from block.settings(at)

    def inner(self) -> Iterator[Block]:
        """What all tabs show."""
        for blocks in self.contents.values():
            yield from blocks

    def links(self) -> Iterator[Link]:
        """Those of what all tabs show."""
        for block in self.inner():
            yield from block.links()

    def body(self, at: At) -> list[View]:
        """What the chosen tab shows."""
        blocks = self.contents.get(at.held(self.name, self.options[0]), ())
        return [view for block in blocks for view in block.body(at)]


def underlined_tab(style: Style, words: str, is_chosen: bool, on_click: Callable[[], None]) -> View:
    """A tab with a line below it where it is the chosen one."""
    color = style.tint if is_chosen else style.muted
    return Column(
        [
            Label(words, bold=is_chosen, color=color, max_lines=1),
            Spacer(width="match", height=3, background=color if is_chosen else ""),
        ],
        key=words,
        weight=1,
        align="center",
        gap=4,
        padding=(0, 10, 0, 0),
        selected=is_chosen,
        on_click=on_click,
        class_name="com.google.android.material.tabs.TabLayout$Tab",
    )
