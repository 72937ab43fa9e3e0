"""Forms: what the user fills in, and how it becomes a thing."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Final, Literal

from tapgraph.tools.mobile.simulator.app import Dialog, DialogButton
from tapgraph.tools.mobile.simulator.kit.block import Block
from tapgraph.tools.mobile.simulator.kit.effect import Effect, Refused
from tapgraph.tools.mobile.simulator.kit.record import Record, Value
from tapgraph.tools.mobile.simulator.kit.scene import At
from tapgraph.tools.mobile.simulator.kit.setting import Setting, Touch
from tapgraph.tools.mobile.simulator.views import (
    Column,
    Field,
    Icon,
    Label,
    Row,
    Switch,
    View,
)

__all__ = ["Form", "FormField", "SaveForm", "SaveNew", "filled_in"]

FieldKind = Literal[
    "line", "long", "email", "number", "money", "choice", "flag", "when", "day", "thing"
]
_DAYS_AHEAD: Final = 45
_DEAREST_CENTS: Final = 10**9
_MOST_DIGITS: Final = 12
_DAY_KEY: Final = "day"
_TIME_KEY: Final = "time"


@dataclass(frozen=True, kw_only=True)
class FormField:
    """Something to fill in.

    Attributes:
        column: of the entity that the form makes or changes.
        words: its name on the form.
        kind: `choice` offers `options`, `thing` the things of the entity `of`.
        is_needed: whether the form can be saved without it.
        starts_as: what it holds first; unless told, what the thing has that the page is about.
        where: which things are offered.
    """

    column: str = field(kw_only=False)
    words: str = field(kw_only=False)
    kind: FieldKind = "line"
    options: Sequence[str] = ()
    of: str = ""
    is_needed: bool = True
    starts_as: Callable[[At], str] | None = None
    where: Callable[[At, Record], bool] | None = None

    @property
    def held_as(self) -> str:
        """Under which name the page holds it."""
        return f"field {self.column}"


def filled_in(at: At, one: FormField) -> str:
    """What a field holds now: what the user gave it, else what it starts as."""
    subject = at.scene.record
    initial = ""
    if one.starts_as is not None:
        initial = one.starts_as(at)
    elif subject is not None and one.column in subject.values:
        initial = str(subject.values[one.column])
        if one.kind == "money":
            initial = at.style.speech.number(subject.number(one.column) / 100, 2)
    elif one.kind == "choice":
        initial = one.options[0]
    elif one.kind == "day":
        initial = (at.scene.now + timedelta(days=2)).date().isoformat()
    elif one.kind == "when":
        whole_hour = at.scene.now.replace(minute=0, second=0, microsecond=0)
        initial = (whole_hour + timedelta(hours=1)).isoformat(timespec="minutes")
    return at.held(one.held_as, initial)


def _parsed(at: At, one: FormField) -> Value:
    text = filled_in(at, one).strip()
    if one.is_needed and not text:
        raise _refused(at, one, "Fill in: {name}")
    if one.kind in {"number", "thing", "flag"}:
        if not text.isdecimal():
            raise _refused(at, one, "Fill in: {name}")
        if len(text) > _MOST_DIGITS:
            raise _refused(at, one, "This number is too large: {name}")
        return int(text)
    if one.kind == "email" and text and not re.fullmatch(r"[^@\s]+@[^@\s]+", text):
        raise _refused(at, one, "This is no e-mail address: {name}")
    return _cents(at, one, text) if one.kind == "money" else text


def _cents(at: At, one: FormField, text: str) -> int:
    amount = at.style.speech.written_number(text.strip("$ "))
    whole, _, part = amount.replace(",", "").partition(".")
    if not (whole.isdecimal() and (not part or part.isdecimal()) and len(part) <= 2):
        raise _refused(at, one, "This is no amount: {name}")
    if len(whole) > _MOST_DIGITS:
        raise _refused(at, one, "This amount is not possible: {name}")
    cents = int(whole) * 100 + int((part or "0").ljust(2, "0"))
    if not 0 < cents < _DEAREST_CENTS:
        raise _refused(at, one, "This amount is not possible: {name}")
    return cents


def _refused(at: At, one: FormField, words: str) -> Refused:
    name = at.style.say(one.words)
    # German keeps the capitals of its nouns.
    name = name.lower() if at.style.speech.language == "en" else name
    return Refused(at.style.speech.say(words, name=name))


@dataclass(frozen=True)
class SaveForm(Effect):
    """Makes a thing from a form, or changes the one that the page is about.

    Attributes:
        more: further values, taken after the fields are checked; may refuse.
    """

    entity: str
    fields: Sequence[FormField]
    more: Callable[[At], Mapping[str, Value]] | None = None

    def apply(self, at: At) -> None:
        """Check all fields, then save."""
        values = self.values(at)
        if at.subject is not None and at.subject.entity.name == self.entity:
            at.app.store.change(at.subject, **values)
        else:
            at.app.store.add(self.entity, **values)

    def values(self, at: At) -> Mapping[str, Value]:
        """What the columns get.

        Raises:
            Refused: something is missing.
        """
        values = {one.column: _parsed(at, one) for one in self.fields}
        return values if self.more is None else {**values, **self.more(at)}


@dataclass(frozen=True)
class SaveNew(SaveForm):
    """Makes a thing from a form, also on a page that is about another one."""

    def apply(self, at: At) -> None:
        """Check all fields, then make it."""
        at.app.store.add(self.entity, **self.values(at))


@dataclass(frozen=True)
class Form(Block):
    """Fields below one another; the page's main act saves them."""

    fields: Sequence[FormField]

    def body(self, at: At) -> list[View]:
        """The fields."""
        fields = [self._field(at, one) for one in self.fields]
        return [Column(fields, gap=at.style.space_dp, padding=(at.style.space_dp, 12))]

    def settings(self, at: At) -> Iterator[Setting]:
        """Each field by its column, as the form keeps it: moments in ISO 8601, things by number."""
        for one in self.fields:
            yield Setting(one.column, filled_in(at, one), partial(_toward, at, one))

    def _field(self, at: At, one: FormField) -> View:
        if one.kind in {"choice", "thing"}:
            return _chooser(at, one, _told(at, one), partial(_choose, at, one))
        if one.kind in {"when", "day"}:
            moment = datetime.fromisoformat(filled_in(at, one))
            day = at.style.speech.day(moment)
            day_chooser = _chooser(at, one, day, partial(_choose_day, at, one, moment))
            if one.kind == "day":
                return day_chooser
            return Row(
                [
                    day_chooser,
                    _chooser(at, one, f"{moment:%H:%M}", partial(_choose_time, at, one, moment)),
                ],
                gap=8,
            )
        if one.kind == "flag":
            return _switch(at, one)
        words = at.style.say(one.words)
        field = Field(
            words,
            id=f"field_{one.column}",
            value=filled_in(at, one),
            on_change=partial(at.scene.hold, one.held_as),
            multiline=one.kind == "long",
            action="newline" if one.kind == "long" else "done",
            min_lines=4 if one.kind == "long" else 1,
            corner_dp=min(16, at.style.corner_dp),
            background=at.style.sheet,
            foreground=at.style.ink,
        )
        if at.style.choose("labels", (True, False)):
            return Column([Label(words, size_sp=13, color=at.style.muted), field], gap=2)
        return field


def _toward(at: At, one: FormField, wanted: str) -> Touch:
    name = f"field_{one.column}"
    match one.kind:
        case "flag":
            return Touch(id=name)
        case "choice":
            return Touch(id=name, item=at.style.speech.say(wanted))
        case "thing":
            return Touch(id=name, item=at.app.store.get(one.of, int(wanted)).title)
        case "when" | "day":
            return _toward_moment(at, one, wanted)
        case _:
            return Touch(id=name, text=wanted)


def _toward_moment(at: At, one: FormField, wanted: str) -> Touch:
    """First the day, then the time."""
    name = f"field_{one.column}"
    moment, present = map(datetime.fromisoformat, (wanted, filled_in(at, one)))
    if moment.date() == present.date():
        return Touch(id=name, key=_TIME_KEY, item=f"{moment:%H:%M}")
    return Touch(id=name, key=_DAY_KEY, item=at.style.speech.day(moment))


def _chooser(at: At, one: FormField, told: str, on_click: Callable[[], None]) -> View:
    style = at.style
    text = Column(
        [
            Label(style.say(one.words), size_sp=12, color=style.muted),
            Label(told, size_sp=16, color=style.ink, max_lines=1),
        ],
        weight=1,
    )
    return Row(
        [text, Icon("menu-down", color=style.muted)],
        id=f"field_{one.column}",
        key=_TIME_KEY if ":" in told and one.kind == "when" else _DAY_KEY,
        background=style.sheet,
        border=style.line,
        corner_dp=min(16, style.corner_dp),
        padding=(14, 8),
        weight=1,
        on_click=on_click,
    )


def _switch(at: At, one: FormField) -> View:
    is_on = filled_in(at, one) == "1"
    return Row(
        [
            Label(at.style.say(one.words), size_sp=16, weight=1, color=at.style.ink),
            Switch("", checked=is_on, color=at.style.accent, width=56),
        ],
        id=f"field_{one.column}",
        on_click=partial(at.scene.hold, one.held_as, "0" if is_on else "1"),
    )


def _told(at: At, one: FormField) -> str:
    value = filled_in(at, one)
    if one.kind == "choice":
        return at.style.speech.say(value)
    if value.isdecimal():
        return at.app.store.get(one.of, int(value)).title
    return at.style.speech.say("Choose")


def _choose(at: At, one: FormField) -> None:
    if one.kind == "choice":
        entries = [(option, at.style.speech.say(option)) for option in one.options]
    else:
        entries = [
            (str(record.id), record.title)
            for record in at.all(one.of)
            if one.where is None or one.where(at, record)
        ]
    _offer(at, one, entries, filled_in(at, one))


def _choose_day(at: At, one: FormField, moment: datetime) -> None:
    days = [at.scene.now + timedelta(days=ahead) for ahead in range(_DAYS_AHEAD)]
    entries = [
        (_written(one, datetime.combine(day, moment.time())),
         at.style.speech.day(day))
        for day in days
    ]  # fmt: skip
    _offer(at, one, entries, _written(one, moment))


def _written(one: FormField, moment: datetime) -> str:
    day_only = one.kind == "day"
    return moment.date().isoformat() if day_only else moment.isoformat(timespec="minutes")


def _choose_time(at: At, one: FormField, moment: datetime) -> None:
    midnight = moment.replace(hour=0, minute=0)
    times = [midnight + timedelta(minutes=30 * half) for half in range(48)]
    entries = [(time.isoformat(timespec="minutes"), f"{time:%H:%M}") for time in times]
    _offer(at, one, entries, moment.isoformat(timespec="minutes"))


def _offer(at: At, one: FormField, entries: Sequence[tuple[str, str]], chosen: str) -> None:
    items = [
        DialogButton(told, partial(at.scene.hold, one.held_as, value), selected=value == chosen)
        for value, told in entries
    ]
    at.app.show_dialog(Dialog(title=at.style.say(one.words), items=items))
