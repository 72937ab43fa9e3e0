"""German: every word of the phone, the kit and the apps has its German form."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from importlib.resources import files

import pytest
from lxml import etree
from tests.tools.mobile.simulator.kit_walker import CLOCK, Walker, deeds_of

from tapgraph.tools.mobile.simulator import Phone, build_phone
from tapgraph.tools.mobile.simulator.apps.browser import BROWSER
from tapgraph.tools.mobile.simulator.apps.flights import CITIES
from tapgraph.tools.mobile.simulator.apps.kit_apps import KIT_APPS
from tapgraph.tools.mobile.simulator.apps.stays import STAYS
from tapgraph.tools.mobile.simulator.kit.kit_app import AppSpec
from tapgraph.tools.mobile.simulator.kit.style import Style
from tapgraph.tools.mobile.simulator.phone_profile import PhoneProfile
from tapgraph.tools.mobile.simulator.speech import Speech
from tapgraph.tools.mobile.simulator.views import Field, View
from tapgraph.tools.mobile.simulator.web.web import Web
from tapgraph.tools.mobile.ui_tree import parse_ui_tree

GERMAN = PhoneProfile(language="de")
SLOT = re.compile(r"\{[^{}]*\}")
NAMES = {app.label for app in KIT_APPS}
"""Names of apps: a brand stays as it is."""
each_app = pytest.mark.parametrize("spec", KIT_APPS, ids=lambda spec: spec.label)


def table() -> list[list[str]]:
    folder = files("tapgraph.tools.mobile.simulator")
    text = (folder / "words_de.tsv").read_text(encoding="utf-8")
    return [line.split("\t") for line in text.splitlines()]


@dataclass(frozen=True, kw_only=True)
class ListeningStyle(Style):
    """Remembers every wording that the app could have used."""

    heard: set[str] = field(default_factory=set)

    def say(self, words: str) -> str:
        self.heard.update(words.split("|"))
        return super().say(words)


def listened_to(walker: Walker) -> set[str]:
    """What the app says on its pages and of its acts."""
    style = walker.app.style
    values = {one.name: getattr(style, one.name) for one in fields(Style)}
    listening = ListeningStyle(**values)
    walker.app.style = listening
    texts_of(walker)
    for deed in deeds_of(walker.spec):
        act = deed.act
        for words in (act.words, act.confirm, act.details, act.toast, act.yes):
            listening.say(words)
        listening.say(getattr(act, "on_words", ""))
    for question in walker.spec.interruptions:
        for words in (question.title, question.message, *question.answers):
            listening.say(words)
    return listening.heard


def texts_of(walker: Walker) -> set[str]:
    """What is said on the pages and in the dialogs of their controls and acts."""
    texts = set(said_by(walker.app.first_activity().build()))
    for page in walker.graph.pages:
        way = next(walker.ways(page), None)
        at = walker.app.scene(page, None if way is None else way.subject)
        root = at.scene.build()
        texts |= set(said_by(root))
        for view in root.walk():
            if view.on_click is not None and re.fullmatch("menu|sort|field_.*", view.id):
                view.on_click()
                texts |= set(said_in_dialog(walker))
        for act in walker.app.pages[page].all_acts():
            if act.confirm and at.subject is not None:
                act.run(at)
                texts |= set(said_in_dialog(walker))
    return texts


def said_in_dialog(walker: Walker) -> Iterator[str]:
    """What the dialog in front says; closes it."""
    activities = walker.phone.system.activities
    if activities.dialog is None:
        return
    dialog = activities.dialog.dialog
    yield from (dialog.title, dialog.message)
    yield from (button.label for button in (*dialog.buttons, *dialog.items))
    activities.dismiss_dialog(walker.app)


def said_by(root: View) -> Iterator[str]:
    for view in root.walk():
        yield from (view.text, view.desc)
        if isinstance(view, Field):
            yield view.hint


def contents_of(walker: Walker) -> set[str]:
    """The texts that the app only shows: those of its database and of the world."""
    found: set[str] = set()
    database = walker.app.database
    for entity in walker.spec.entities:
        for row in database.execute(f'SELECT * FROM "{entity.name}"'):  # noqa: S608
            found |= {str(value) for value in row}
    world = walker.app.world
    found |= {city.name for city in world.cities}
    for place in world.places:
        found |= {*place.route, place.name, place.state_at(CLOCK)}
    if walker.spec is STAYS:
        found |= set(CITIES)
    if walker.spec is BROWSER:
        web = Web(world)
        found |= {one.url.removeprefix("https://") for one in web.documents()}
        found |= {text for one in web.documents() for text in texts_on_the_web(web, one.url)}
    flat = {text.replace("\n", " ") for text in found}
    return found | flat | NAMES


def texts_on_the_web(web: Web, url: str) -> Iterator[str]:
    """What a page says, with its hints; sites are written in English."""
    root = etree.fromstring(web.open(url).html, etree.HTMLParser())
    for text in root.itertext():
        yield " ".join(str(text).split())
    for one in root.iter("input"):
        yield one.get("placeholder", "")


def is_alike(text: str) -> bool:
    """Whether German says it as English does, such as `12 kcal`."""
    return any(
        re.fullmatch(".*".join(map(re.escape, SLOT.split(english))), text, re.IGNORECASE)
        for english, german in table()
        if english == german and has_words(english)
    )


def has_words(text: str) -> bool:
    return re.search(r"[^\W\d_]{2}", SLOT.sub("", text)) is not None


def without(text: str, contents: set[str]) -> str:
    for value in sorted(contents, key=len, reverse=True):
        if len(value) > 1:
            text = text.replace(value, " ").replace(value.upper(), " ")
    return text


@each_app
def test_every_wording_of_an_app_has_a_german_form(spec: AppSpec) -> None:
    known = {english for english, _ in table()}
    walker = Walker(spec)
    contents = contents_of(walker)
    missing = {
        words for words in listened_to(walker) - known if has_words(words) and words not in contents
    }
    assert missing == set()


@each_app
def test_no_words_of_an_app_are_the_same_in_both_languages(spec: AppSpec) -> None:
    """But contents, and words that German has too."""
    for seed in (1, 2):
        english, german = Walker(spec, seed), Walker(spec, seed, GERMAN)
        same = texts_of(english) & texts_of(german)
        contents = contents_of(english)
        left = {text for text in same - contents if has_words(without(text, contents))}
        assert {text for text in left if not is_alike(text)} == set()


@pytest.mark.parametrize(
    "place", ["home", "drawer", "nothing found", "shade", "recents", "permission", "no network"]
)
def test_words_of_the_system_are_german(place: str) -> None:
    said = {}
    for language in ("en", "de"):
        with build_phone(seed=4, profile=PhoneProfile.parse(language)) as phone:
            show(phone, place)
            nodes = parse_ui_tree(phone.page_source()).walk()
            labels = {app.label for app in phone.apps}
            words = {word for one in nodes for word in (one.text, one.content_desc)}
            said[language] = {word for word in words - labels if has_words(word)}
    assert said["de"]
    same = {words for words in said["de"] & said["en"] if not is_alike(words)}
    assert same <= {"ABC", "xyzzy"}


def show(phone: Phone, place: str) -> None:
    if place in {"drawer", "nothing found"}:
        phone.swipe(540, 1600, 540, 600)
    if place == "nothing found":
        phone.tap(540, 200)
        phone.type_text("xyzzy")
    elif place == "shade":
        phone.open_notifications()
    elif place == "recents":
        phone.press_key(187)
    elif place == "permission":
        phone.open_app("com.google.android.apps.maps")
    elif place == "no network":
        phone.status.wifi = False
        phone.open_app("com.walmart.android")


def test_both_columns_have_the_same_slots_and_edges() -> None:
    for english, german in table():
        assert sorted(SLOT.findall(english)) == sorted(SLOT.findall(german)), english
        is_before_a_number = english.endswith(" ") or german.startswith(" ")
        assert is_before_a_number or german == german.strip(), english
        assert english.endswith(" ") == german.endswith(" "), english


def test_table_is_in_order_and_has_nothing_twice() -> None:
    keys = [english for english, _ in table()]
    assert keys == sorted(set(keys), key=lambda words: (words.casefold(), words))


def test_labels_of_androids_own_apps_are_german_and_brands_are_not() -> None:
    with build_phone(profile=GERMAN) as phone:
        labels = {app.package: app.label for app in phone.apps}
    assert labels["com.google.android.calendar"] == "Kalender"
    assert labels["com.google.android.contacts"] == "Kontakte"
    assert labels["com.google.android.deskclock"] == "Uhr"
    assert labels["com.google.android.youtube"] == "YouTube"


@each_app
def test_ids_are_the_same_in_both_languages(spec: AppSpec) -> None:
    ids = []
    for profile in (PhoneProfile(), GERMAN):
        walker = Walker(spec, 1, profile)
        found = set()
        for page in walker.graph.pages:
            way = next(walker.ways(page), None)
            scene = walker.app.scene(page, None if way is None else way.subject).scene
            found |= {view.id for view in scene.build().walk()}
        ids.append(found)
    assert ids[0] == ids[1]


def test_german_amounts_can_be_typed_as_german_writes_them() -> None:
    german = Speech("de")
    assert german.written_number("1.250,50") == "1,250.50"
    assert german.written_number("12,5") == "12.5"
    assert german.written_number("12.50") == "12.50"
