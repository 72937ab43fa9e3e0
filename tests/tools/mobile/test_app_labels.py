import pytest

from tapgraph.errors import AppNotFound
from tapgraph.tools.mobile.app_labels import match_app
from tapgraph.tools.mobile.device import AppInfo

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


def test_name_that_fits_two_apps_is_not_guessed() -> None:
    with pytest.raises(AppNotFound, match="'Google Files', 'Google Photos'"):
        match_app(APPS, "Google")


def test_phone_without_apps_says_so() -> None:
    with pytest.raises(AppNotFound, match="no apps are installed"):
        match_app([], "Maps")
