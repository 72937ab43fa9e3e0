from collections.abc import Iterable
from pathlib import Path

import pytest

from tapgraph.errors import AppNotFound
from tapgraph.tools.mobile.app_labels import match_app, told_apart
from tapgraph.tools.mobile.device import AppInfo
from tapgraph.tools.mobile.package_labels import (
    is_openable,
    label_from_package,
    name_rows,
    names_of_package,
)

APPS = [
    AppInfo("com.amazon.shop", "Amazon Shopping"),
    AppInfo("com.bestbuy", "Best Buy"),
    AppInfo("com.maps", "Maps"),
    AppInfo("com.notes", "Notes"),
    AppInfo("com.sticky", "Sticky Notes"),
    AppInfo("com.trip", "Tripadvisor"),
    AppInfo("com.twitter", "X"),
    AppInfo("com.cafe", "Café Müller"),
    AppInfo("com.files", "Google Files"),
    AppInfo("com.photos", "Google Photos"),
]


@pytest.mark.parametrize(
    ("wanted", "package"),
    [
        ("Maps", "com.maps"),
        ("com.maps", "com.maps"),
        ("google maps", "com.maps"),
        ("the Maps app", "com.maps"),
        ("Amazon", "com.amazon.shop"),
        ("amazon shopping app", "com.amazon.shop"),
        ("BestBuy", "com.bestbuy"),
        ("best-buy", "com.bestbuy"),
        ("notes", "com.notes"),
        ("sticky", "com.sticky"),
        ("Trip Advisor", "com.trip"),
        ("tripadviser", "com.trip"),
        ("X", "com.twitter"),
        ("X (Twitter)", "com.twitter"),
        ("cafe muller", "com.cafe"),
        ("Photos", "com.photos"),
    ],
)
def test_name_finds_the_app_that_a_person_means(wanted: str, package: str) -> None:
    assert match_app(APPS, wanted).package == package


@pytest.mark.parametrize("wanted", ["Spotify", "", "   ", "x-ray viewer", "!?"])
def test_unknown_name_is_refused_with_the_closest_labels(wanted: str) -> None:
    with pytest.raises(AppNotFound, match="closest are"):
        match_app(APPS, wanted)


def test_error_names_the_label_that_is_nearly_meant() -> None:
    with pytest.raises(AppNotFound, match="'Tripadvisor'"):
        match_app(APPS, "trippad")


def test_name_that_fits_two_apps_is_not_guessed_and_a_package_answers() -> None:
    apps = [AppInfo("com.a.files", "Acme Files"), AppInfo("com.a.photos", "Acme Photos")]
    with pytest.raises(
        AppNotFound, match=r"'Acme Files' \(com.a.files\), 'Acme Photos' \(com.a.photos\)"
    ):
        match_app(apps, "Acme")
    assert match_app(apps, "com.a.photos").package == "com.a.photos"


def test_phone_without_apps_says_so() -> None:
    with pytest.raises(AppNotFound, match="no apps are installed"):
        match_app([], "Maps")


def on_phone(packages: Iterable[str]) -> list[AppInfo]:
    """The apps of a phone that tells packages only."""
    return [AppInfo(one, label_from_package(one)) for one in packages if is_openable(one)]


def test_every_name_opens_its_package_of_an_emulator(phone_cases: Path) -> None:
    apps = on_phone((phone_cases / "packages_emulator_2018.txt").read_text("utf-8").split())
    rows = (phone_cases / "names.tsv").read_text("utf-8").splitlines()[1:]
    expected = [tuple(row.split("\t")) for row in rows]
    assert [(name, match_app(apps, name).package) for name, _ in expected] == expected


@pytest.mark.parametrize(
    "wanted",
    [
        "Docs",
        "Google Keep",
        "Play Games",
        "Email",
        "YouTube Music",
        "Messenger",
        "Open Camera",
        "Files by Google",
        "Samsung Calendar",
        "Google Home",
        "Contacts+",
        "Facebook Lite",
        "Music",
    ],
)
def test_app_that_an_emulator_does_not_have_is_not_replaced_by_another(
    phone_cases: Path, wanted: str
) -> None:
    apps = on_phone((phone_cases / "packages_emulator_2018.txt").read_text("utf-8").split())
    with pytest.raises(AppNotFound, match=r"closest are '.+' \(.+\), "):
        match_app(apps, wanted)


SAMSUNG = [
    "android",
    "com.android.systemui",
    "com.android.settings",
    "com.android.settings.intelligence",
    "com.android.providers.settings",
    "com.samsung.android.dialer",
    "com.samsung.android.app.contacts",
    "com.samsung.android.providers.contacts",
    "com.samsung.android.messaging",
    "com.sec.android.app.camera",
    "com.sec.android.gallery3d",
    "com.sec.android.app.clockpackage",
    "com.sec.android.app.popupcalculator",
    "com.samsung.android.calendar",
    "com.google.android.calendar",
    "com.sec.android.app.myfiles",
    "com.sec.android.app.sbrowser",
    "com.android.chrome",
    "com.samsung.android.app.notes",
    "com.samsung.android.app.cocktailbarservice",
    "com.sec.android.app.launcher",
    "com.whatsapp",
    "com.tencent.mm",
    "com.samsung.android.app.settings.bixby.overlay",
    "com.android.vending",
]


@pytest.mark.parametrize(
    ("wanted", "package"),
    [
        ("Settings", "com.android.settings"),
        ("Einstellungen", "com.android.settings"),
        ("设置", "com.android.settings"),
        ("설정", "com.android.settings"),
        ("Configuración", "com.android.settings"),
        ("सेटिंग", "com.android.settings"),
        ("Téléphone", "com.samsung.android.dialer"),
        ("Контакты", "com.samsung.android.app.contacts"),
        ("カメラ", "com.sec.android.app.camera"),
        ("Galería", "com.sec.android.gallery3d"),
        ("Samsung Internet", "com.sec.android.app.sbrowser"),
        ("Browser", "com.sec.android.app.sbrowser"),
        ("My Files", "com.sec.android.app.myfiles"),
        ("微信", "com.tencent.mm"),
        ("WeChat (微信)", "com.tencent.mm"),
        ("Samsung Notes", "com.samsung.android.app.notes"),
        ("Samsung Camera", "com.sec.android.app.camera"),
        ("Whatsap", "com.whatsapp"),
        ("com.google.android.calendar", "com.google.android.calendar"),
    ],
)
def test_names_in_other_languages_open_the_makers_own_app(wanted: str, package: str) -> None:
    assert match_app(on_phone(SAMSUNG), wanted).package == package


@pytest.mark.parametrize("wanted", ["Google Camera", "WhatsApp Business", "Calendar", "Kalender"])
def test_another_makers_app_and_one_of_two_equals_are_not_guessed(wanted: str) -> None:
    with pytest.raises(AppNotFound, match=r"\(com\."):
        match_app(on_phone(SAMSUNG), wanted)


def test_equal_labels_are_told_apart_and_each_can_be_opened() -> None:
    apps = told_apart(on_phone(SAMSUNG))
    calendars = [app for app in apps if app.label.startswith("Calendar")]
    assert [app.label for app in calendars] == [
        "Calendar (com.samsung.android.calendar)",
        "Calendar (com.google.android.calendar)",
    ]
    assert [match_app(apps, app.label) for app in calendars] == calendars


def test_label_that_a_phone_tells_in_its_language_has_its_other_names() -> None:
    apps = [AppInfo("com.vendor.einst", "Einstellungen"), AppInfo("com.vendor.uhr", "Uhr")]
    assert match_app(apps, "Settings").package == "com.vendor.einst"


def test_the_table_holds_some_hundred_apps_with_names_and_packages() -> None:
    rows = name_rows()
    assert len(rows) >= 400
    assert all(row.names and row.packages for row in rows)
    assert names_of_package("com.android.settings")[0] == "Settings"


@pytest.mark.parametrize(
    "package",
    [
        "android",
        "com.android.providers.media",
        "com.google.android.syncadapters.contacts",
        "com.vendor.theme.overlay",
        "com.google.android.overlay.modules.permissioncontroller",
        "com.qualcomm.qti.services.systemhelper",
        "com.samsung.android.app.cocktailbarservice",
    ],
)
def test_packages_that_serve_others_are_no_apps(package: str) -> None:
    assert not is_openable(package)
