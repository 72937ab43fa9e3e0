"""What the user can do on a page: a control, what it asks first, and what it changes."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

from tapgraph.tools.mobile.simulator.app import Dialog, DialogButton
from tapgraph.tools.mobile.simulator.kit.effect import Change, Effect, Refused
from tapgraph.tools.mobile.simulator.kit.record import Record, Value
from tapgraph.tools.mobile.simulator.kit.scene import At
from tapgraph.tools.mobile.simulator.kit.time_code import is_time_code
from tapgraph.tools.mobile.simulator.views import Button, Column, Field, IconButton, Label, View

__all__ = ["Act", "Flip", "identifier"]


def identifier(words: str) -> str:
    """The id of a control from its first wording.

    >>> identifier("Add to cart|Add to bag")
    'add_to_cart'
    """
    return re.sub(r"[^a-z0-9]+", "_", words.split("|")[0].lower()).strip("_")


@dataclass(frozen=True, kw_only=True)
class Act:
    """A control and what it does, in this order: ask, want a code, change, tell, lead on.

    Attributes:
        words: its wordings, parted by `|`.
        glyph: its icon; without one it is always a button with words.
        effects: what it changes.
        event: recorded with the thing's number as subject; its id where empty.
        opens: the page that it leads to.
        about: what that page is about, the thing itself unless told.
        confirm: a question that it asks first, a template; `details` stands below, and `yes` on the
            button that does it, its own words unless told.
        code_of: the account whose time code it wants; empty for none.
        toast: what the app says afterwards.
        leaves: whether the page closes afterwards.
        is_possible: whether it can be tapped.
        is_there: whether it is shown.
        creates: for a main act: it makes something new, so it may float.
    """

    words: str = field(kw_only=False)
    glyph: str = ""
    effects: Sequence[Effect] = ()
    event: str = ""
    opens: str = ""
    about: Callable[[At], Record | None] | None = None
    confirm: str = ""
    details: str = ""
    yes: str = ""
    code_of: str = ""
    toast: str = ""
    leaves: bool = False
    is_possible: Callable[[At], bool] | None = None
    is_there: Callable[[At], bool] | None = None
    creates: bool = False

    @property
    def id(self) -> str:
        """Resource entry name of its control."""
        return identifier(self.words)

    def face(self, at: At) -> tuple[str, str]:
        """What it says and its icon, now."""
        return at.style.say(self.words), self.glyph

    def changes(self) -> Sequence[Effect]:
        """What it changes."""
        return self.effects

    def leads_to(self, at: At) -> Record | None:
        """What the page that it opens is about."""
        return self.about(at) if self.about is not None else at.subject

    def run(self, at: At) -> None:
        """Do it, or ask first."""
        words, _ = self.face(at)
        if self.confirm:
            say = at.style.say
            yes = DialogButton(say(self.yes) or words, partial(self._unlock, at))
            question = at.tell(self.confirm)
            details = at.tell(self.details)
            buttons = (DialogButton(say("Cancel")), yes)
            at.app.show_dialog(Dialog(title=question, message=details, buttons=buttons))
        else:
            self._unlock(at)

    def _unlock(self, at: At) -> None:
        if not self.code_of:
            self._apply(at)
            return
        at.scene.hold("code", "")
        say = at.style.say
        message = at.style.speech.say(
            "Type the 6-digit code for {account} from your authenticator app.", account=self.code_of
        )
        verify = DialogButton(say("Verify"), partial(self._check, at))
        at.app.show_dialog(
            Dialog(
                title=say("Enter your code|Security code|Confirm it is you"),
                message=message,
                content=partial(_code_field, at),
                buttons=(DialogButton(say("Cancel")), verify),
            )
        )

    def _check(self, at: At) -> None:
        if is_time_code(self.code_of, at.held("code"), at.scene.now):
            self._apply(at)
        else:
            at.app.toast(at.style.say("This code is wrong or too old"))

    def _apply(self, at: At) -> None:
        try:
            for effect in self.changes():
                effect.apply(at)
        except Refused as refusal:
            at.app.toast(at.style.speech.say(str(refusal)))
            return
        if self.changes() or self.event:
            detail = "" if at.subject is None else at.subject.title
            subject = "" if at.subject is None else at.subject.id
            at.app.note(self.event or self.id, subject, detail)
        if self.toast:
            at.app.toast(at.tell(self.toast))
        if self.leaves:
            at.scene.finish()
        if self.opens:
            at.app.go(self.opens, self.leads_to(at))

    # How it looks.

    def can_run(self, at: At) -> bool:
        """Whether its control can be tapped."""
        return self.is_possible is None or self.is_possible(at)

    def shows(self, at: At) -> bool:
        """Whether it is there at all."""
        return self.is_there is None or self.is_there(at)

    def is_on(self, at: At) -> bool:
        """Whether what it turns on is on, which screen readers are told."""
        del at
        return False

    def icon(self, at: At, color: str) -> View:
        """As an icon; without a glyph, or where the style wants words, as words."""
        words, glyph = self.face(at)
        if not glyph:
            return self.button(at, "text", color=color)
        return IconButton(
            glyph,
            id=self.id,
            desc=words if at.style.speaks else "",
            color=color,
            enabled=self.can_run(at),
            selected=self.is_on(at),
            on_click=partial(self.run, at),
        )

    def button(
        self,
        at: At,
        look: Literal["filled", "tonal", "outlined", "text"],
        *,
        color: str = "",
        wide: bool = False,
    ) -> View:
        """As a button with words."""
        words, glyph = self.face(at)
        style = at.style
        ink = (color or style.tint) if look in {"outlined", "text"} else ""
        return Button(
            words,
            id=self.id,
            glyph=glyph if style.has_icon_bar and look != "text" else "",
            style=look,
            color=style.accent,
            foreground=ink,
            background=style.paper if look == "outlined" else "",
            corner_dp=min(20, style.corner_dp),
            width="match" if wide else "wrap",
            height=48 if wide else "wrap",
            enabled=self.can_run(at),
            on_click=partial(self.run, at),
        )


@dataclass(frozen=True, kw_only=True)
class Flip(Act):
    """Turns a flag of the thing on or off.

    Attributes:
        column: the flag.
        on_words: what it says while the flag is on.
        on_glyph: its icon while the flag is on.
        counts: a column of numbers that is one higher while the flag is on.
    """

    column: str
    on_words: str = ""
    on_glyph: str = ""
    counts: str = ""

    def face(self, at: At) -> tuple[str, str]:
        """What it says and its icon, now."""
        if at.record.flag(self.column):
            return at.style.say(self.on_words or self.words), self.on_glyph or self.glyph
        return super().face(at)

    def is_on(self, at: At) -> bool:
        """Whether the flag is set."""
        return at.record.flag(self.column)

    def changes(self) -> Sequence[Effect]:
        """The flag, and what counts it."""
        return (Change(self._turned), *self.effects)

    def _turned(self, at: At) -> Mapping[str, Value]:
        step = -1 if at.record.flag(self.column) else 1
        values: dict[str, Value] = {self.column: int(step > 0)}
        if self.counts:
            values[self.counts] = at.record.number(self.counts) + step
        return values


def _code_field(at: At) -> View:
    say = at.style.say
    hold = partial(at.scene.hold, "code")
    return Column([
        Label(say("Code"), size_sp=12, color=at.style.muted),
        Field(say("6 digits"), id="code", on_change=hold, autofocus=True),
    ])
