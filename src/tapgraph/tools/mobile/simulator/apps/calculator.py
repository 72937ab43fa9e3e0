"""A calculator with a history; its keys are its own block."""

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal, DivisionByZero, InvalidOperation, Overflow
from functools import partial
from random import Random
from typing import Final

from tapgraph.tools.mobile.simulator import kit
from tapgraph.tools.mobile.simulator.canvas import mixed
from tapgraph.tools.mobile.simulator.views import Column, Label, Row, View

__all__ = ["CALCULATOR", "calculate"]

RESULT = kit.Entity("result", {"formula": "text", "value": "text", "at": "when"})
TIMES, DIVIDED, MINUS = "\N{MULTIPLICATION SIGN}", "\N{DIVISION SIGN}", "\N{MINUS SIGN}"
_ASCII: Final = str.maketrans({TIMES: "*", DIVIDED: "/", MINUS: "-"})
KEYS: Final[Sequence[Sequence[str]]] = (
    ("AC", "DEL", "%", DIVIDED),
    ("7", "8", "9", TIMES),
    ("4", "5", "6", MINUS),
    ("1", "2", "3", "+"),
    ("00", "0", ".", "="),
)
SPOKEN = {TIMES: "multiply", DIVIDED: "divide", MINUS: "minus", "+": "plus", "=": "equals",
          "DEL": "delete", "AC": "clear", "%": "percent", ".": "point"}  # fmt: skip
LONGEST_FORMULA: Final = 40
_NUMBER = r"\d+(?:\.\d*)?%?|\.\d+%?"


def calculate(formula: str) -> str:
    """The value of a formula of numbers and signs, products before sums.

    >>> calculate("2+3*4"), calculate("10/4-1"), calculate("200*15%")
    ('14', '1.5', '30')

    Raises:
        Refused: it is no formula, or divides by zero.
    """
    formula = formula.translate(_ASCII)
    if re.fullmatch(rf"-?(?:{_NUMBER})(?:[-+*/](?:{_NUMBER}))*", formula) is None:
        raise kit.Refused("This is not complete")
    try:
        total = Decimal(0)
        for sign, term in re.findall(rf"([-+]?)((?:{_NUMBER})(?:[*/](?:{_NUMBER}))*)", formula):
            total += -_product(term) if sign == "-" else _product(term)
        value = f"{round(total, 10):f}"
    except (DivisionByZero, InvalidOperation, Overflow):
        raise kit.Refused("This cannot be calculated") from None
    return value.rstrip("0").rstrip(".") if "." in value else value


def _product(term: str) -> Decimal:
    product = Decimal(1)
    for sign, text in re.findall(rf"([*/]?)({_NUMBER})", term):
        number = Decimal(text.rstrip("%")) / (100 if text.endswith("%") else 1)
        product = product / number if sign == "/" else product * number
    return product


class Keys(kit.Block):
    """The display and the keys."""

    def body(self, at: kit.At) -> list[View]:
        """What was typed, what it is, and twenty keys."""
        style = at.style
        display = Column(
            [
                Label(at.held("formula") or "0", id="formula", size_sp=40, color=style.ink),
                Label(at.held("value"), id="result", size_sp=26, color=style.muted),
            ],
            align="end",
            padding=(20, 24),
        )
        rows: list[View] = [
            Row([self._key(at, key) for key in keys], gap=8, padding=(12, 4)) for keys in KEYS
        ]
        return [display, *rows]

    def settings(self, at: kit.At) -> Iterator[kit.Setting]:
        """`calculated`: the formula whose value is shown."""
        formula = at.held("formula")
        shown = formula if at.held("value") else ""
        yield kit.Setting("calculated", shown, partial(_next_key, formula))

    def _key(self, at: kit.At, key: str) -> View:
        style = at.style
        ground = style.accent if key == "=" else mixed(style.paper, style.ink, 0.08)
        if not key.isdecimal() and key != "=":
            ground = mixed(style.accent, style.paper, 0.75)
        return Label(
            key,
            id=f"key_{SPOKEN.get(key, key)}",
            desc=style.say(SPOKEN.get(key, "")) if style.speaks else "",
            size_sp=24,
            color=style.accent_ink if key == "=" else style.ink,
            align="center",
            background=ground,
            corner_dp=style.corner_dp + 6,
            padding=(0, 16),
            weight=1,
            on_click=partial(_press, at, key),
            class_name="android.widget.Button",
        )


def _next_key(typed: str, wanted: str) -> kit.Touch:
    key = "=" if typed == wanted else "AC"
    if wanted.startswith(typed) and typed != wanted:
        key = wanted[len(typed)]
    return kit.Touch(id=f"key_{SPOKEN.get(key, key)}")


def _press(at: kit.At, key: str) -> None:
    formula = at.held("formula")
    if key == "=":
        try:
            value = calculate(formula)
        except kit.Refused as refusal:
            at.app.toast(at.style.say(str(refusal)))
            return
        at.scene.hold("value", f"= {value}")
        at.app.store.add("result", formula=formula, value=value,
                         at=at.scene.now.isoformat(timespec="seconds"))  # fmt: skip
        at.app.note("calculated", formula, value)
        return
    at.scene.hold("value", "")
    if key in {"AC", "DEL"}:
        at.scene.hold("formula", formula[:-1] if key == "DEL" else "")
    elif len(formula) < LONGEST_FORMULA:
        at.scene.hold("formula", formula + key)


def _fill(app: kit.KitApp, random: Random) -> None:
    for _ in range(random.randrange(2, 6)):
        formula = (
            f"{random.randrange(10, 99)}{random.choice((TIMES, '+'))}{random.randrange(2, 30)}"
        )
        app.store.add("result", formula=formula, value=calculate(formula),
                      at=app.phone.clock.isoformat(timespec="minutes"))  # fmt: skip


CALCULATOR = kit.AppSpec(
    package="com.google.android.calculator", label="Calculator", glyph="calculator",
    color="#1A73E8", entities=(RESULT,), fill=_fill, tabs=("keys",), needs_network=False,
    looks=kit.Looks(accents=("#1A73E8", "#F9AB00", "#137333", "#8430CE")),
    pages=(
        kit.Page("keys", "Calculator|Calculate", (Keys(),),
                 acts=(kit.Act("History", glyph="history", opens="history"),)),
        kit.Page(
            "history", "History|Earlier results",
            blocks=(kit.Rows(
                entity="result", looks=("list",),
                face=kit.Face(title="{formula}", value="= {value}", lines=("{at:near}",)),
            ),),
            acts=(kit.Act("Clear history", glyph="trash-can-outline", confirm="Clear the history?",
                          effects=(kit.RemoveAll("result"),)),),
        ),
    ),
)  # fmt: skip
