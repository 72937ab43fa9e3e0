"""An authenticator: codes of accounts that change with the clock."""

from collections.abc import Iterator
from functools import partial
from random import Random

from tapgraph.tools.mobile.simulator import kit
from tapgraph.tools.mobile.simulator.apps.bank import BANK_ACCOUNT
from tapgraph.tools.mobile.simulator.kit.made_up import people
from tapgraph.tools.mobile.simulator.kit.time_code import CODE_PERIOD_S, time_code
from tapgraph.tools.mobile.simulator.views import Card, Column, IconButton, Label, Row, View

__all__ = ["AUTHENTICATOR"]

ACCOUNT = kit.Entity("account", {"name": "text", "login": "text"})
OTHERS = ("Harbor Bank Business", "Northwind Mail", "Cloud Drive", "Game Hub", "City Library")
FORM = (kit.FormField("name", "Account|Service"), kit.FormField("login", "User name|Login"))


def _fill(app: kit.KitApp, random: Random) -> None:
    login = people(random, 2)[0].lower().replace(" ", ".")
    names = [BANK_ACCOUNT, *random.sample(OTHERS, 4)]
    random.shuffle(names)
    for name in names:
        app.store.add("account", name=name, login=login)


class Codes(kit.Block):
    """The accounts with their present codes; a tap opens one, an icon copies its code."""

    def body(self, at: kit.At) -> list[View]:
        """A card for each account, and how long the codes still hold."""
        left = CODE_PERIOD_S - at.scene.now.second % CODE_PERIOD_S
        words = at.style.speech.say("New codes in {seconds} s", seconds=left)
        note = Label(words, id="left", color=at.style.muted, padding=(16, 8))
        return [note, *(self._card(kit.At(at.scene, record)) for record in at.all("account"))]

    def _card(self, at: kit.At) -> View:
        style = at.style
        code = time_code(at.record.title, at.scene.now)
        texts = Column(
            [
                Label(at.tell("{name}"), size_sp=15, color=style.ink),
                Label(code, id="code", size_sp=30, bold=True, color=style.tint),
                Label(at.tell("{login}"), size_sp=12, color=style.muted),
            ],
            weight=1,
        )
        copy = IconButton(
            "content-copy", id="copy", desc=style.say("Copy code") if style.speaks else "",
            color=style.muted, on_click=partial(_copy, at, code),
        )  # fmt: skip
        return Card(
            [Row([texts, copy])], id="account_row", key=f"account {at.record.id}",
            background=style.sheet, border=style.line, corner_dp=style.corner_dp,
            margin=(style.space_dp, 5), on_click=partial(at.app.go, "account", at.record),
        )  # fmt: skip

    def links(self) -> Iterator[kit.Link]:
        """A tap on a card."""
        yield kit.Link("account_row", "account", _doors)


def _doors(at: kit.At) -> list[kit.Door]:
    return [kit.Door(record.title, record) for record in at.all("account")]


def _copy(at: kit.At, code: str) -> None:
    at.app.phone.clipboard = code.replace(" ", "")
    at.app.note("code_copied", at.record.id, at.record.title)
    at.app.toast(at.style.say("Code copied"))


PAGES = (
    kit.Page("codes", "Authenticator|Codes|My codes", (Codes(),),
             main=kit.Act("Add account|New account", glyph="plus", opens="form", creates=True,
                          about=lambda _: None)),
    kit.Page(
        "account", "{name}", entity="account",
        blocks=(kit.Headline("{name}", ("{login}",)), kit.Buttons((
            kit.Act("Edit|Rename", glyph="pencil", opens="form"),
            kit.Act("Remove account|Delete", glyph="trash-can-outline", effects=(kit.Remove(),),
                    confirm="Remove {name}? You may lose access.", leaves=True),
        ))),
    ),
    kit.Page("form", "Account|Edit account", (kit.Form(FORM),), entity="account",
             main=kit.Act("Save|Add", glyph="check", event="saved", leaves=True,
                          effects=(kit.SaveForm("account", FORM),))),
)  # fmt: skip

AUTHENTICATOR = kit.AppSpec(
    package="com.google.android.apps.authenticator2", label="Authenticator", glyph="shield-key",
    color="#5F6368", entities=(ACCOUNT,), fill=_fill, pages=PAGES, tabs=("codes",),
    looks=kit.Looks(accents=("#1A73E8", "#5F6368", "#00796B")), needs_network=False,
)  # fmt: skip
