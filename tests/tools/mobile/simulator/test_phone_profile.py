"""One phone is not like another: screens, densities, font sizes, darkness, languages."""

import re
from collections.abc import Iterator

import pytest
from appium.options.android import UiAutomator2Options
from appium.webdriver.webdriver import WebDriver

from tapgraph.errors import UsageError
from tapgraph.evals.phones import SimulatedPhones
from tapgraph.tools.mobile.appium_device import AppiumDevice
from tapgraph.tools.mobile.geometry import Bounds, Size
from tapgraph.tools.mobile.simulator import Phone, build_phone
from tapgraph.tools.mobile.simulator.canvas import is_dark
from tapgraph.tools.mobile.simulator.phone_profile import PhoneProfile
from tapgraph.tools.mobile.simulator.server.simulator_server import SimulatorServer
from tapgraph.tools.mobile.ui_tree import UiNode, parse_ui_tree

KINDS = ("", "small", "tablet", "small,font=1.5", "tablet,dark,de")
NOTES, SETTINGS = "com.tapgraph.notes", "com.android.settings"


@pytest.fixture(params=KINDS)
def phone(request: pytest.FixtureRequest) -> Iterator[Phone]:
    with build_phone(seed=3, profile=PhoneProfile.parse(request.param)) as built:
        yield built


def nodes(phone: Phone) -> list[UiNode]:
    return list(parse_ui_tree(phone.page_source()).walk())


def node(phone: Phone, name: str) -> UiNode:
    return next(one for one in nodes(phone) if one.resource_id.rpartition("/")[2] == name)


def mean_light(phone: Phone, box: Bounds) -> float:
    part = phone.screenshot().crop((box.left, box.top, box.right, box.bottom)).convert("L")
    counts = part.histogram()
    return sum(light * count for light, count in enumerate(counts)) / sum(counts)


def whole(phone: Phone) -> Bounds:
    return Bounds(0, 0, phone.size.width_px, phone.size.height_px)


@pytest.mark.parametrize(
    ("text", "screen", "dpi"),
    [
        ("", Size(1080, 2400), 420),
        ("small", Size(720, 1280), 320),
        ("tablet", Size(2560, 1600), 320),
    ],
)
def test_a_word_says_which_screen(text: str, screen: Size, dpi: int) -> None:
    profile = PhoneProfile.parse(text)
    assert (profile.screen, profile.dpi) == (screen, dpi)


def test_settings_are_read_in_any_order() -> None:
    wanted = PhoneProfile(is_dark=True, language="de", font_scale=1.3)
    assert PhoneProfile.parse("de, font=1.3,dark") == wanted
    assert PhoneProfile.parse("dark,de,font=1.3") == wanted


@pytest.mark.parametrize("text", ["huge", "fr", "font=large", "font=9", "font=", "small tablet"])
def test_what_no_phone_is_like_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        PhoneProfile.parse(text)


def test_screen_that_is_too_narrow_is_refused() -> None:
    with pytest.raises(UsageError, match="480x800 pixels at 320 dpi"):
        PhoneProfile(screen=Size(480, 800), dpi=320)


def test_picture_and_tree_have_the_screens_size_at_each_rotation(phone: Phone) -> None:
    for rotation in (0, 1):
        phone.rotate(rotation)
        size = phone.profile.size_at(rotation)
        assert phone.screenshot().size == (size.width_px, size.height_px)
        head = phone.page_source().splitlines()[1]
        assert f'width="{size.width_px}" height="{size.height_px}"' in head


def test_launcher_fills_its_grid_with_apps_that_do_not_overlap(phone: Phone) -> None:
    for rotation in (0, 1):
        phone.rotate(rotation)
        labels = {app.label for app in phone.apps}
        icons = [one.bounds for one in nodes(phone) if one.content_desc in labels]
        assert len(icons) >= 8
        inside = whole(phone)
        for number, icon in enumerate(icons):
            assert icon.intersection(inside) == icon
            assert all(icon.intersection(other).is_empty for other in icons[number + 1 :])


def test_keys_of_the_keyboard_can_be_typed_with(phone: Phone) -> None:
    phone.open_app(NOTES)
    field = node(phone, "search" if has(phone, "search") else "search_field").bounds.center
    phone.tap(field.x, field.y)
    assert phone.keyboard_shown
    for letter in "tag":
        key = next(one for one in nodes(phone) if one.content_desc == letter).bounds.center
        phone.tap(key.x, key.y)
    focused = phone.focused_field()
    assert focused is not None
    assert focused.value == "tag"


def has(phone: Phone, name: str) -> bool:
    return any(one.resource_id.endswith(f"/{name}") for one in nodes(phone))


def test_swipe_from_the_edge_of_the_screen_goes_back(phone: Phone) -> None:
    phone.open_app(NOTES)
    middle = phone.size.height_px // 2
    phone.swipe(2, middle, phone.size.width_px // 2, middle)
    assert phone.foreground[0] != NOTES


def test_larger_font_makes_text_larger_but_no_picture() -> None:
    heights = {}
    for scale in (1.0, 1.5):
        with build_phone(seed=3, profile=PhoneProfile(font_scale=scale)) as phone:
            heights[scale] = node(phone, "date").bounds.height
            icon = next(one for one in nodes(phone) if one.content_desc == "Clock")
            assert icon.bounds.height == PhoneProfile().px(102)
    # 24 sp, with the same 48 dp around it.
    assert heights[1.5] - heights[1.0] == pytest.approx(24 * 2.625 * 1.3 * 0.5, abs=3)


@pytest.mark.parametrize("where", ["drawer", "shade", "settings", "permission", "every app"])
def test_dark_phone_is_dark(where: str) -> None:
    with build_phone(seed=3, profile=PhoneProfile(is_dark=True)) as phone:
        if where == "drawer":
            phone.swipe(540, 1600, 540, 600)
        elif where == "shade":
            phone.open_notifications()
        elif where == "settings":
            phone.open_app(SETTINGS)
        elif where == "permission":
            phone.open_app("com.google.android.apps.maps")
            assert "permission" in phone.foreground[0]
            assert mean_light(phone, node(phone, "grant_dialog").bounds) < 100
        else:
            for app in phone.apps:
                activity = app.first_activity()
                assert is_dark(activity.background or phone.profile.theme.paper), app.label
            return
        assert mean_light(phone, whole(phone)) < 100


def test_dialog_over_a_dark_page_is_dark_on_a_light_phone() -> None:
    light, seen = [], 0
    for seed in range(6):
        with build_phone(seed=seed) as phone:
            for app in phone.apps:
                phone.open_app(app.package)
                screen = phone.database("com.android.systemui").execute("SELECT * FROM screen")
                is_dialog = bool(screen.fetchone()[2])
                ground = phone.foreground[0] == app.package and app.first_activity().background
                if is_dialog and ground and is_dark(ground):
                    seen += 1
                    panel = node(phone, "parentPanel").bounds
                    if mean_light(phone, panel) > 128:
                        light.append(f"{seed} {app.label}")
    assert seen
    assert light == []


def test_snapshot_fork_and_restore_keep_the_profile(phone: Phone) -> None:
    picture = phone.screenshot().tobytes()
    with phone.fork() as fork:
        assert fork.profile == phone.profile
        assert fork.screenshot().tobytes() == picture
        fork.open_app(SETTINGS)
        fork.restore(phone.snapshot())
        assert fork.screenshot().tobytes() == picture


def test_server_tells_size_density_and_language() -> None:
    profile = PhoneProfile.parse("tablet,de")
    with build_phone(profile=profile) as phone, SimulatorServer(phone) as server:
        with AppiumDevice.connect(server.url) as device:
            assert device.size() == Size(2560, 1600)
            assert device.screenshot().size == (2560, 1600)
        driver = WebDriver(server.url, options=UiAutomator2Options())
        told = driver.execute_script("mobile: deviceInfo")
        assert (told["displayDensity"], told["locale"]) == (320, "de_DE")
        assert driver.capabilities["appium:deviceScreenDensity"] == 320
        assert driver.orientation == "LANDSCAPE"
        driver.orientation = "PORTRAIT"
        assert driver.get_window_size() == {"width": 1600, "height": 2560}
        driver.quit()


def test_evaluation_is_given_the_kind_of_phone() -> None:
    phones = SimulatedPhones("", "small,dark")
    assert phones.name == "simulated phone (small,dark)"
    with phones.opened(0) as device:
        assert device.size() == Size(720, 1280)
    with pytest.raises(UsageError, match="cannot read 'huge'"):
        SimulatedPhones("", "huge")


def test_numbers_of_pixels_stand_nowhere_else() -> None:
    with build_phone(profile=PhoneProfile.parse("small")) as phone:
        phone.open_app(NOTES)
        found = re.findall(r'bounds="\[(\d+),(\d+)\]\[(\d+),(\d+)\]"', phone.page_source())
        assert max(int(box[2]) for box in found) == 720
        assert max(int(box[3]) for box in found) == 1280


def test_wide_screen_has_more_columns() -> None:
    counts = []
    for kind in ("", "tablet"):
        with build_phone(seed=5, profile=PhoneProfile.parse(kind)) as phone:
            phone.open_app("com.fandango")
            for _ in range(3):
                phone.press_key(4)
            phone.open_app("com.fandango")
            tops = [one.bounds.top for one in nodes(phone) if one.resource_id.endswith("/film_row")]
            counts.append(tops.count(tops[0]))
    assert counts == [2, 4]
