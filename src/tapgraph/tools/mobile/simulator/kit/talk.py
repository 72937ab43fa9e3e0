"""Conversations: what was said as bubbles, and the line to write in."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from tapgraph.tools.mobile.simulator.canvas import mixed
from tapgraph.tools.mobile.simulator.kit.act import Act
from tapgraph.tools.mobile.simulator.kit.block import Block
from tapgraph.tools.mobile.simulator.kit.effect import Insert
from tapgraph.tools.mobile.simulator.kit.record import Record, Value
from tapgraph.tools.mobile.simulator.kit.scene import At
from tapgraph.tools.mobile.simulator.kit.setting import Setting, Touch
from tapgraph.tools.mobile.simulator.views import Column, Field, Label, Row, Spacer, View

__all__ = ["DRAFT", "Bubbles", "Composer"]

DRAFT: Final = "draft"
"""Under which name a page holds what is being written."""


@dataclass(frozen=True)
class Bubbles(Block):
    """What was said, the user's own words at the end of the line.

    Attributes:
        entity: has the columns `text`, `is_mine` and `sent`.
        where: which belong to the page.
    """

    entity: str
    where: Callable[[At, Record], bool]

    def body(self, at: At) -> list[View]:
        """The bubbles, the first said first."""
        said = [record for record in at.all(self.entity) if self.where(at, record)]
        return [self._bubble(At(at.scene, record)) for record in said]

    def _bubble(self, at: At) -> View:
        style, is_mine = at.style, at.record.flag("is_mine")
        ground = mixed(style.accent, style.paper, 0.75) if is_mine else style.sheet
        bubble = Column(
            [
                Label(at.tell("{text}"), size_sp=15, color=style.ink),
                Label(at.tell("{sent:near}"), size_sp=11, color=style.muted),
            ],
            id="message",
            background=ground,
            border="" if is_mine else style.line,
            corner_dp=max(8, style.corner_dp),
            padding=(12, 8),
            weight=4,
        )
        gap = Spacer(weight=1)
        parts: list[View] = [gap, bubble] if is_mine else [bubble, gap]
        return Row(parts, key=f"{self.entity} {at.record.id}", padding=(style.space_dp, 4))


@dataclass(frozen=True)
class Composer(Block):
    """A line at the foot to write in, with a button that sends it.

    Attributes:
        entity: what is made.
        values: of the new thing, all but `text`.
        words: of the button.
        event: recorded for each.
    """

    entity: str
    values: Callable[[At], Mapping[str, Value]]
    event: str
    words: str = "Send|Send message|Post"
    hint: str = "Message|Write a message|Type here"

    def foot(self, at: At) -> list[View]:
        """The line."""
        style = at.style
        field = Field(
            style.say(self.hint),
            id="composer",
            value=at.held(DRAFT),
            on_change=partial(at.scene.hold, DRAFT),
            style="filled",
            corner_dp=style.corner_dp,
            background=style.sheet if style.is_dark else "#EDF1F8",
            foreground=style.ink,
            weight=1,
        )
        send = self._act().icon(at, style.tint)
        return [Row([field, send], padding=(style.space_dp, 8), gap=4)]

    def acts(self) -> Iterator[Act]:
        """Sending."""
        yield self._act()

    def settings(self, at: At) -> Iterator[Setting]:
        """`draft`."""
        yield Setting(DRAFT, at.held(DRAFT), lambda wanted: Touch(id="composer", text=wanted))

    def _act(self) -> Act:
        return Act(
            self.words,
            glyph="send",
            event=self.event,
            effects=(_SendDraft(self.entity, self._values),),
            is_possible=_has_draft,
        )

    def _values(self, at: At) -> Mapping[str, Value]:
        return {**self.values(at), "text": at.held(DRAFT).strip()}


@dataclass(frozen=True)
class _SendDraft(Insert):
    def apply(self, at: At) -> None:
        super().apply(at)
        at.scene.hold(DRAFT, "")
        at.app.phone.close_keyboard()


def _has_draft(at: At) -> bool:
    return bool(at.held(DRAFT).strip())
