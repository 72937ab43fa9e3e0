"""Which actions a person must confirm, decided below the model and without one.

An action is judged by what it touches: whatever a model was talked into by a page, nothing is
paid, sent, deleted, granted or installed without a yes. The words are those of
`tools/policy/risky_words.tsv`, in whatever language the phone speaks.
"""

from collections.abc import Iterator
from itertools import chain

from tapgraph.tools.mobile.actions import (
    Action,
    DoubleTap,
    Enter,
    LongPress,
    OpenLink,
    StartActivity,
    Swipe,
    Tap,
    Type,
)
from tapgraph.tools.mobile.geometry import Point
from tapgraph.tools.mobile.label_text import label_text
from tapgraph.tools.mobile.screen import Element, Role, Screen
from tapgraph.tools.mobile.tree_elements import KEYBOARD_PACKAGE
from tapgraph.tools.mobile.ui_tree import UiNode, UiTree
from tapgraph.tools.policy.plain_label import names_amount
from tapgraph.tools.policy.risk import Risk, RiskyDeed
from tapgraph.tools.policy.wording import (
    asks_for_code,
    risk_of,
    risk_of_name,
    says_no,
    says_yes,
    shows_payment,
    tells_of_loss,
)

__all__ = ["assess", "may_touch"]

_SHORT_SWIPE_SHARE = 0.05
"""A finger that moves less than this share of the short side may still press what it is on."""
_SMALL_DIALOG = 10
"""A screen with no more elements than this asks one thing."""
_LINE_BREAKS = frozenset("\n\r\v\f\x85\u2028\u2029")
_KEYBOARD_TOP_SHARE, _ACTION_KEY_LEFT_SHARE = 0.6, 0.78
"""Where a keyboard that tells no keys has its action key: below and right of these shares."""
_KEY_RISKS: frozenset[Risk] = frozenset({"pay", "send"})
_MOST_DETAILS = 12


def may_touch(action: Action) -> bool:
    """Whether the action can press something, so that the screen must be read just before it."""
    return isinstance(action, Tap | LongPress | DoubleTap | Swipe | Enter | Type)


def assess(action: Action, screen: Screen, tree: UiTree | None = None) -> RiskyDeed | None:
    """The risk of an action, None when the policy has nothing against it.

    Judged are touches and both ends of a swipe that may press; Enter, typed line breaks and the
    keys of the keyboard, where its action key sends or pays; and a code typed where one is asked
    for. Everything under the finger counts: the words of a card with those of the button on it,
    the name that a programmer gave a button, and for "OK" and "Continue" what the screen asks.

    Args:
        action: what is about to be done.
        screen: what the action meets.
        tree: the hierarchy behind the screen, for its keyboard; None where there is none.
    """
    match action:
        case Tap(x, y) | LongPress(x, y) | DoubleTap(x, y):
            risky = _touched(Point(x, y), screen, tree)
        case Swipe():
            risky = _swiped(action, screen, tree)
        case Enter():
            risky = _entered(screen, tree)
        case Type(text):
            risky = _typed(text, screen, tree)
        case OpenLink(url):
            # Where a link leads, and what it does there, nobody knows before.
            risky = RiskyDeed("grant", f"the link {url}")
        case StartActivity(component):
            risk = risk_of_name(component.removesuffix("Activity"))
            risky = RiskyDeed(risk, component) if risk is not None else None
        case _:
            return None
    if risky is None or risky.risk not in _KEY_RISKS:
        return risky
    return RiskyDeed(risky.risk, risky.label, tuple(_details(screen, risky.label)))


def _touched(point: Point, screen: Screen, tree: UiTree | None) -> RiskyDeed | None:
    key = _key_at(point, tree)
    if key is not None:
        risk = risk_of(key)
        return RiskyDeed(risk, f"the key {key}") if risk in _KEY_RISKS and risk else None
    if _is_on_silent_action_key(point, screen, tree):
        return _entered(screen, tree)
    for element in _under(point, screen):
        risk = _risk_of_element(element, screen)
        if risk is not None:
            return RiskyDeed(risk, " ".join(element.text.split()) or element.resource_id)
    return None


def _under(point: Point, screen: Screen) -> Iterator[Element]:
    """What a touch may reach: what takes it, and what stands on that at the point."""
    taker = screen.element_at(point)
    if taker is None or taker.role is Role.INPUT:
        return
    yield taker
    for element in screen.elements:
        is_on_it = element.bounds.contains(point) and element.bounds.area <= taker.bounds.area
        is_its_label = not taker.text and taker.bounds.contains(element.bounds.center)
        if element is not taker and (is_on_it or is_its_label) and element.role is not Role.INPUT:
            yield element


def _risk_of_element(element: Element, screen: Screen) -> Risk | None:
    """The risk by its words, its name or what the screen asks; keys of a keypad have none."""
    if element.role is Role.KEY:
        return None
    risk = risk_of(element.text)
    if risk is None and element.clickable:
        risk = risk_of_name(element.resource_id)
    if risk is None and says_yes(element.text):
        risk = _risk_of_question(element, screen)
    elif risk is None and _may_answer(element):
        risk = _risk_of_dialog(element, screen)
    return risk


def _may_answer(element: Element) -> bool:
    """Whether it may be an answer of a dialog, in words that mean neither yes nor no."""
    is_button = element.clickable and element.checked is None
    return is_button and not says_no(element.text, element.resource_id)


def _risk_of_dialog(answer: Element, screen: Screen) -> Risk | None:
    """What an answer in other words than yes and no may agree to, where one thing is asked."""
    if len(screen.elements) > _SMALL_DIALOG:
        return None
    told = [one.text for one in screen.elements if one is not answer and not one.is_actionable]
    if any(map(tells_of_loss, told)):
        return "delete"
    asked = (risk_of(text) for text in told if _is_question(text))
    return next((risk for risk in asked if risk is not None), None)


def _risk_of_question(answer: Element, screen: Screen) -> Risk | None:
    """What a screen asks that "OK" or "Continue" would agree to."""
    others = [one for one in screen.elements if one is not answer and one.text]
    is_dialog = len(screen.elements) <= _SMALL_DIALOG
    for element in others:
        if _is_question(element.text) or (is_dialog and not element.is_actionable):
            risk = risk_of(element.text)
            if risk is not None:
                return risk
    if _asks_for_code(screen):
        return "grant"
    texts = [one.text for one in others]
    is_payment = any(map(shows_payment, texts)) and any(map(names_amount, texts))
    return "pay" if is_payment else None


def _is_question(text: str) -> bool:
    return text.rstrip().endswith(("?", "\uff1f", "\u061f"))


def _asks_for_code(screen: Screen) -> bool:
    has_input = any(element.role is Role.INPUT for element in screen.elements)
    return has_input and any(asks_for_code(element.text) for element in screen.elements)


def _swiped(swipe: Swipe, screen: Screen, tree: UiTree | None) -> RiskyDeed | None:
    start, end = Point(swipe.x1, swipe.y1), Point(swipe.x2, swipe.y2)
    far_px = max(abs(start.x - end.x), abs(start.y - end.y))
    least_px = _SHORT_SWIPE_SHARE * min(screen.size.width_px, screen.size.height_px)
    first, last = screen.element_at(start), screen.element_at(end)
    is_one_thing = first is not None and first is last and not first.scrollable
    if far_px <= least_px or is_one_thing:
        return _touched(start, screen, tree) or _touched(end, screen, tree)
    slides = first is not None and (first.role is Role.SLIDER or first.clickable)
    is_confirmed_by_it = slides and first is not None and _tells_to_slide(first.text)
    return _touched(start, screen, tree) if is_confirmed_by_it else None


def _tells_to_slide(label: str) -> bool:
    return any(word in label.casefold() for word in ("slide", "swipe", "drag", "desliz", "gliss"))


def _entered(screen: Screen, tree: UiTree | None) -> RiskyDeed | None:
    """What the keyboard's action key does: by its own word, else by the form that it may send."""
    keys = [label for node in _keyboard(tree) if (label := _label(node))]
    for key in keys:
        risk = risk_of(key)
        if risk is not None and risk in _KEY_RISKS:
            return RiskyDeed(risk, f"the key {key}")
    if _asks_for_code(screen):
        return RiskyDeed("grant", "Enter where a code is asked for")
    if keys or _is_searching(screen):
        return None
    for element in screen.elements:
        risk = _risk_of_element(element, screen) if element.clickable else None
        if risk is not None and risk in _KEY_RISKS:
            return RiskyDeed(risk, f"Enter beside {element.text or element.resource_id}")
    return None


def _is_searching(screen: Screen) -> bool:
    """Whether the field that is typed into searches, or none is."""
    fields = [one for one in screen.elements if one.role is Role.INPUT]
    focused = [one for one in fields if one.focused] or fields
    return not any("search" not in f"{one.resource_id} {one.text}".casefold() for one in focused)


def _typed(text: str, screen: Screen, tree: UiTree | None) -> RiskyDeed | None:
    if not _LINE_BREAKS.isdisjoint(text):
        risky = _entered(screen, tree)
        if risky is not None:
            return risky
    code = text.strip().replace(" ", "").replace("-", "")
    if code.isdigit() and 4 <= len(code) <= 8 and _asks_for_code(screen):
        return RiskyDeed("grant", f"type {text.strip()} where a code is asked for")
    return None


def _keyboard(tree: UiTree | None) -> Iterator[UiNode]:
    """The views of the keyboard's window, none where the dump does not tell them."""
    if tree is None or len(tree.windows) == 1:
        return iter(())
    windows = [one for one in tree.windows if KEYBOARD_PACKAGE.search(one.package)]
    return chain.from_iterable(window.walk() for window in windows)


def _key_at(point: Point, tree: UiTree | None) -> str | None:
    """The label of the key at the point; None where no keyboard's key is."""
    keys = [node for node in _keyboard(tree) if node.bounds.contains(point) and _label(node)]
    smallest = min(keys, key=lambda node: node.bounds.area, default=None)
    return None if smallest is None else _label(smallest)


def _label(node: UiNode) -> str:
    return label_text(node.text) or label_text(node.content_desc)


def _is_on_silent_action_key(point: Point, screen: Screen, tree: UiTree | None) -> bool:
    """Whether the action key of a keyboard that the hierarchy does not tell may be there."""
    if not screen.keyboard_shown or next(_keyboard(tree), None) is not None:
        return False
    element = screen.element_at(point)
    return (
        (element is None or element.scrollable)
        and point.y >= _KEYBOARD_TOP_SHARE * screen.size.height_px
        and point.x >= _ACTION_KEY_LEFT_SHARE * screen.size.width_px
    )


def _details(screen: Screen, label: str) -> Iterator[str]:
    """What a person must know of recipient and amount: filled fields and amounts, in order."""
    told = 0
    for element in screen.elements:
        is_filled = element.role is Role.INPUT and not (element.shows_hint or element.password)
        words = " ".join(element.text.split())
        if words and words != label and told < _MOST_DETAILS and (is_filled or names_amount(words)):
            told += 1
            yield words
