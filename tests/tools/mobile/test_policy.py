"""Which actions on a screen want a person's yes."""

import pytest

from tapgraph.tools.mobile.actions import (
    Action,
    Back,
    DoubleTap,
    Enter,
    LongPress,
    OpenApp,
    OpenLink,
    StartActivity,
    Swipe,
    Tap,
    Type,
)
from tapgraph.tools.mobile.device import AppInfo
from tapgraph.tools.mobile.geometry import Bounds, Size
from tapgraph.tools.mobile.policy import assess
from tapgraph.tools.mobile.screen import Element, Role, Screen, numbered
from tapgraph.tools.mobile.ui_tree import parse_ui_tree
from tapgraph.tools.policy.risk import RiskyDeed


def thing(
    text: str,
    place: tuple[int, int, int, int] = (0, 0, 400, 100),
    role: Role = Role.BUTTON,
    name: str = "",
    *,
    focused: bool = False,
) -> Element:
    is_usable = role not in {Role.TEXT, Role.IMAGE}
    return Element(
        0, Bounds(*place), text, role, resource_id=name, clickable=is_usable, focused=focused
    )


def screen(*things: Element, keyboard_shown: bool = False) -> Screen:
    return Screen(
        size=Size(1080, 2400),
        elements=numbered(things),
        app=AppInfo("com.example", "Example"),
        keyboard_shown=keyboard_shown,
        screenshot=None,
        tree_xml="",
        fingerprint="f",
    )


def risk(action: Action, *things: Element) -> str | None:
    found = assess(action, screen(*things))
    return found.risk if found else None


@pytest.mark.parametrize(
    "touch",
    [Tap(50, 50), DoubleTap(50, 50), LongPress(50, 50), Swipe(50, 50, 50, 50),
     Swipe(50, 50, 60, 60), Swipe(500, 50, 390, 50), Swipe(10, 50, 390, 90)],
)  # fmt: skip
def test_whatever_may_press_a_button_is_judged(touch: Action) -> None:
    wide = thing("Delete", (0, 0, 400, 100))
    near = touch == Swipe(500, 50, 390, 50)
    assert risk(touch, wide) == (None if near else "delete")


def test_both_ends_of_a_short_swipe_are_judged() -> None:
    assert risk(Swipe(420, 50, 380, 50), thing("Pay now")) == "pay"


def test_a_long_swipe_over_a_button_is_free_unless_that_is_how_it_is_used() -> None:
    assert risk(Swipe(50, 50, 50, 900), thing("Install")) is None
    assert risk(Swipe(50, 50, 1000, 50), thing("Slide to pay")) == "pay"


def test_a_touch_beside_the_button_and_a_key_of_the_phone_are_free() -> None:
    assert risk(Tap(500, 500), thing("Delete")) is None
    assert risk(Back(), thing("Delete")) is None
    assert risk(OpenApp("Delete"), thing("Delete")) is None


def test_a_field_that_holds_a_risky_word_may_be_focused() -> None:
    assert risk(Tap(50, 50), thing("Delete", role=Role.INPUT)) is None


def test_the_delete_key_of_a_keypad_is_free() -> None:
    assert risk(Tap(50, 50), thing("Delete", role=Role.KEY)) is None


def test_what_is_asked_is_the_label_in_one_line() -> None:
    assert assess(Tap(50, 50), screen(thing(" Delete \n note "))) == RiskyDeed(
        "delete", "Delete note"
    )


def test_a_button_without_words_is_judged_by_its_name_and_by_the_words_on_it() -> None:
    assert risk(Tap(50, 50), thing("", name="com.chat:id/fab_send")) == "send"
    assert risk(Tap(50, 50), thing("", name="com.chat:id/fab_search")) is None
    words = thing("Order now", (100, 20, 300, 80), Role.TEXT)
    assert risk(Tap(20, 50), thing(""), words) == "pay"


def test_the_words_on_a_card_under_the_finger_count() -> None:
    card = thing("Cappuccino, $4.50")
    words = thing("Add and pay", (300, 20, 390, 80), Role.TEXT)
    assert risk(Tap(350, 50), card, words) == "pay"
    assert risk(Tap(50, 50), card, words) is None


def test_a_name_helps_where_the_language_is_not_known() -> None:
    assert risk(Tap(50, 50), thing("Đặt hàng", name="vn.shop:id/btn_place_order")) == "pay"


@pytest.mark.parametrize("yes", ["OK", "Yes", "Confirm", "Weiter", "Continuer", "確認", "Devam"])
@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("Delete this event?", "delete"),
        ("Möchten Sie diese Notiz wirklich löschen?", "delete"),
        ("Are you sure you want to pay $12?", "pay"),
        ("¿Seguro que quieres eliminar la nota?", "delete"),
        ("确定要删除吗\uff1f", "delete"),
        ("Allow Maps to access this device's location?", "grant"),
    ],
)
def test_a_yes_is_as_risky_as_the_question(yes: str, question: str, kind: str) -> None:
    asked = thing(question, (0, 200, 900, 300), Role.TEXT)
    assert risk(Tap(50, 50), thing(yes), asked) == kind
    assert risk(Tap(50, 50), thing("Cancel"), asked) is None
    assert risk(Tap(50, 50), thing(yes), thing("Choose a color", asked_at(asked))) is None


def asked_at(element: Element) -> tuple[int, int, int, int]:
    place = element.bounds
    return place.left, place.top, place.right, place.bottom


def test_going_on_from_a_payment_sheet_or_a_code_is_risky() -> None:
    total = thing("Total $31.98", (0, 200, 900, 300), Role.TEXT)
    assert risk(Tap(50, 50), thing("Continue"), total) == "pay"
    code = thing("Enter the verification code", (0, 200, 900, 300), Role.TEXT)
    field = thing("", (0, 400, 900, 500), Role.INPUT)
    assert risk(Tap(50, 50), thing("Verify"), code, field) == "grant"
    assert risk(Type("123456"), code, field) == "grant"
    assert risk(Type("hello"), code, field) is None
    assert risk(Enter(), code, field) == "grant"


@pytest.mark.parametrize(
    "asks",
    ["Enter the 6-digit code we texted you", "Geben Sie den SMS-Code ein", "Confirm your PIN",
     "Saisissez le code reçu par SMS", "Introduce el código que te enviamos",
     "Inserisci il codice ricevuto via SMS", "Digite o código que enviamos por SMS",
     "Voer de sms-code in", "Wpisz kod z SMS-a", "Введите код подтверждения",
     "SMS ile gelen kodu girin",
     "请输入短信验证码", "SMSで届いた認証コードを入力", "Two-step verification"],
)  # fmt: skip
def test_a_code_is_asked_for_in_many_languages(asks: str) -> None:
    words = thing(asks, (0, 200, 900, 300), Role.TEXT)
    field = thing("", (0, 400, 900, 500), Role.INPUT)
    assert risk(Tap(50, 50), thing("Continue"), words, field) == "grant"
    assert risk(Tap(50, 50), thing("Continue"), words) is None


@pytest.mark.parametrize(
    "total",
    ["Summe 12,99 €", "Total 15,90 €", "Importe total 20 €", "Totale 9,99 €", "合計 1,200円",
     "Total a pagar R$ 30,00", "Totaal € 12,50", "Do zapłaty 25,00 zł", "Итого 500 ₽",
     "Toplam 150 TL", "合计 ¥25.00", "You pay £4.20", "Amount €12.00"],
)  # fmt: skip
def test_a_payment_is_seen_in_many_languages(total: str) -> None:
    words = thing(total, (0, 200, 900, 300), Role.TEXT)
    assert risk(Tap(50, 50), thing("Confirm"), words) == "pay"
    assert risk(Tap(50, 50), thing("Back"), words) is None


def test_who_pays_is_shown_recipient_and_amount() -> None:
    found = assess(
        Tap(50, 50),
        screen(
            thing("Send"),
            thing("Ann Lee", (0, 200, 900, 300), Role.INPUT),
            thing("You send €250.00", (0, 300, 900, 400), Role.TEXT),
            thing("Recent", (0, 400, 900, 500), Role.TEXT),
        ),
    )
    assert found == RiskyDeed("send", "Send", ("Ann Lee", "You send €250.00"))


def keyboard(action_key: str) -> str:
    def key(place: str, words: str) -> str:
        return f'<node class="Key" package="com.keys" bounds="{place}" content-desc="{words}"/>'

    return (
        '<hierarchy><node class="F" package="com.chat" bounds="[0,0][1080,1600]"/>'
        '<node class="F" package="com.keyboard.inputmethod" bounds="[0,1600][1080,2400]">'
        + key("[0,1700][100,1800]", "q")
        + key("[900,2200][1080,2400]", action_key)
        + "</node></hierarchy>"
    )


CHAT = (
    thing("Message", (0, 1500, 900, 1600), Role.INPUT, focused=True),
    thing("Send", (900, 1500, 1080, 1600)),
)
PRESSES = [Enter(), Type("hello\n"), Type("one\ntwo"), Type("one\u2028two")]


@pytest.mark.parametrize("press", [*PRESSES, Tap(1000, 2300)])
def test_the_action_key_is_what_it_says(press: Action) -> None:
    for word, expected in (("Send", "send"), ("Отправить", "send"), ("Enter", None)):
        tree = parse_ui_tree(keyboard(word))
        found = assess(press, screen(*CHAT, keyboard_shown=True), tree)
        assert (found.risk if found else None) == expected


@pytest.mark.parametrize("press", [*PRESSES, Tap(1050, 2350)])
def test_a_keyboard_that_tells_nothing_may_send_what_is_beside_it(press: Action) -> None:
    found = assess(press, screen(*CHAT, keyboard_shown=True))
    assert found is not None
    assert found.risk == "send"


def test_enter_in_a_search_and_a_letter_key_are_free() -> None:
    search = thing("Search products", (0, 100, 900, 200), Role.INPUT, focused=True)
    shop = screen(search, thing("Buy now", (0, 500, 900, 600)), keyboard_shown=True)
    assert assess(Enter(), shop) is None
    tree = parse_ui_tree(keyboard("Send"))
    assert assess(Tap(50, 1750), screen(*CHAT, keyboard_shown=True), tree) is None


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        (OpenLink("https://example.com/x"), "grant"),
        (OpenLink("tel:112"), "grant"),
        (StartActivity("com.shop/.PlaceOrderActivity"), "pay"),
        (StartActivity("com.shop/.SearchActivity"), None),
    ],
)
def test_a_link_always_asks_and_an_activity_by_its_name(
    action: Action, expected: str | None
) -> None:
    assert risk(action) == expected


@pytest.mark.parametrize(
    ("told", "answer", "wanted"),
    [
        ("Ban spamer01?", "Get rid of them", "delete"),
        ("Your chats will be gone for good.", "Nuke my profile", "delete"),
        ("Alle Daten werden endgültig entfernt.", "Weg damit", "delete"),
        ("Ban spamer01?", "Not now", None),
        ("Ban spamer01?", "Keep the member", None),
        ("Which colour?", "Red", None),
    ],
)
def test_what_a_dialog_asks_counts_for_answers_in_other_words(
    told: str, answer: str, wanted: str | None
) -> None:
    asked = thing(told, (0, 200, 400, 300), Role.TEXT)
    assert risk(Tap(50, 50), thing(answer), asked) == wanted


def test_a_name_in_a_dialog_that_declines_is_free() -> None:
    asked = thing("Delete all photos?", (0, 200, 400, 300), Role.TEXT)
    assert risk(Tap(50, 50), thing("", name="app:id/btn_cancel"), asked) is None
    assert risk(Tap(50, 50), thing("", name="app:id/ic_lixeira_ok"), asked) == "delete"
