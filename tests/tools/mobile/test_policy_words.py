"""Recall and false alarms of the policy on labels of twelve languages and more."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tapgraph.tools.mobile.actions import Tap
from tapgraph.tools.mobile.device import AppInfo
from tapgraph.tools.mobile.geometry import Bounds, Size
from tapgraph.tools.mobile.policy import assess
from tapgraph.tools.mobile.screen import Element, Role, Screen, numbered
from tapgraph.tools.policy.wording import risk_of

LABELS = Path(__file__).parents[2] / "data" / "policy"
LANGUAGES = {"en", "de", "fr", "es", "it", "pt", "nl", "pl", "ru", "tr", "zh", "ja"}


def labels(half: str, wanted: str) -> Iterator[tuple[str, str]]:
    """Language and label of one half of the list, of those that are risky or ordinary."""
    for row in (LABELS / f"labels_{half}.txt").read_text(encoding="utf-8").splitlines():
        if not row.startswith("#"):
            head, _, some = row.partition(": ")
            language, kind = head.split()
            if kind == wanted:
                yield from ((language, label) for label in some.split(" | "))


@pytest.mark.parametrize("half", ["aside", "seen", "later"])
def test_at_least_95_of_100_risky_labels_are_risky(half: str) -> None:
    risky = list(labels(half, "risky"))
    found = [label for _, label in risky if risk_of(label)]
    assert {language for language, _ in risky} >= LANGUAGES
    assert len(risky) > 300
    assert len(found) >= 0.95 * len(risky)


@pytest.mark.parametrize("half", ["aside", "seen", "later"])
def test_at_most_3_of_100_ordinary_labels_are_risky(half: str) -> None:
    ordinary = list(labels(half, "ordinary"))
    found = [label for _, label in ordinary if risk_of(label)]
    assert {language for language, _ in ordinary} >= LANGUAGES
    assert len(ordinary) > 300
    assert len(found) <= 0.03 * len(ordinary)


def small_screens(wanted: str) -> Iterator[tuple[str, Screen]]:
    """Language and screen of a label among other texts, or of a button without words."""
    for row in (LABELS / "screens.tsv").read_text(encoding="utf-8").splitlines():
        if row.startswith("#"):
            continue
        language, kind, where, label, name, others = row.split("\t")
        if kind != wanted:
            continue
        top = Bounds(0, 0, 1000, 100)
        judged = Element(0, top, label, Role.BUTTON, resource_id=name, clickable=True)
        texts = others.split(" | ") + ["The rest of a page."] * (0 if where == "dialog" else 12)
        below = (
            Element(0, Bounds(0, 100 * place, 1000, 100 * place + 90), text, Role.TEXT)
            for place, text in enumerate(texts, 2)
        )
        yield (
            language,
            Screen(
                size=Size(1080, 2400),
                elements=numbered([judged, *below]),
                app=AppInfo("com.example", "Example"),
                keyboard_shown=False,
                screenshot=None,
                tree_xml="",
                fingerprint="",
            ),
        )


@pytest.mark.parametrize(("wanted", "least", "most"), [("asks", 0.95, 1.0), ("free", 0.0, 0.03)])
def test_labels_among_other_texts(wanted: str, least: float, most: float) -> None:
    screens = list(small_screens(wanted))
    asking = [screen for _, screen in screens if assess(Tap(500, 50), screen)]
    assert {language for language, _ in screens} == LANGUAGES
    assert len(screens) > 200
    assert least <= len(asking) / len(screens) <= most


@pytest.mark.parametrize(
    ("risk", "some"),
    [
        ("pay", "Pay with Visa|Place order|Check out|Subscribe|Buy|支付|Перевести 500 ₽"),
        ("send", "Send email|Post|Tweet|Reply|SOS|Einladung annehmen"),
        ("delete", "Permanently delete|Factory reset|Format|Cancel my order|Block Ann|Sil"),
        ("grant", "Always allow|While using the app|Share my location|許可"),
        ("install", "Install anyway|Update all|Zainstaluj"),
    ],
)
def test_each_wording_has_its_risk(risk: str, some: str) -> None:
    assert {label: risk_of(label) for label in some.split("|")} == dict.fromkeys(
        some.split("|"), risk
    )


@pytest.mark.parametrize(
    "label",
    [
        "P\u200bay now",
        "\uff30\uff21\uff39 \uff2e\uff2f\uff37",
        "pa\u00ady",
        "Réserver",
        "Re\u0301server",
        "reserver",
    ],
)
def test_signs_that_nobody_sees_hide_nothing(label: str) -> None:
    assert risk_of(label) == "pay"


@pytest.mark.parametrize(
    "label", ["Tip: swipe to see more", "You can delete this note at any time.", "Order #4521",
              "Activar notificaciones de pedidos", "Bestellbenachrichtigungen aktivieren",
              "Activer les notifications de commande", "Sipariş bildirimlerini etkinleştir",
              "Pay day", "Ann, Can you send it to me?", "a" * 100_000, "pay " * 10_000],
)  # fmt: skip
def test_what_only_mentions_a_risk_is_free(label: str) -> None:
    assert risk_of(label) is None
