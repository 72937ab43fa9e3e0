import dataclasses
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from types import TracebackType
from typing import Self

import pytest
from PIL import Image

from tapgraph.errors import ExtraMissing, UnreadableTree
from tapgraph.tools.mobile.actions import Action
from tapgraph.tools.mobile.device import ActionReceipt, AppInfo, Capability, Device
from tapgraph.tools.mobile.geometry import Bounds, Size
from tapgraph.tools.mobile.ocr import OcrLine
from tapgraph.tools.mobile.screen import Element, Screen, SeenIcon, SeenState
from tapgraph.tools.mobile.screen_reader import NameIcons, ReadFrom, ScreenReader
from tapgraph.tools.mobile.ui_tree import UiTree, parse_ui_tree

SPINNER = '<node class="android.widget.ProgressBar" bounds="[500,1100][600,1200]"/>'
GAME = '<node class="android.view.SurfaceView" bounds="[0,0][1080,2400]" content-desc="Game"/>'
GAME_PAGE = f"<hierarchy>{GAME}</hierarchy>"
LEVEL = OcrLine("Level 3", Bounds(100, 900, 400, 960), 0.98)


def page(text: str, *more: str) -> str:
    button = f'<node text="{text}" clickable="true" bounds="[0,200][500,300]"/>'
    return f"<hierarchy>{button}{''.join(more)}</hierarchy>"


class PlayedDevice:
    """A device that shows one dump after the other, and then keeps to the last."""

    name = "played"

    def __init__(
        self,
        dumps: Sequence[str],
        *,
        pictures: Sequence[str] = ("white",),
        is_virtual: bool = False,
    ) -> None:
        self.capabilities = frozenset({
            Capability.UI_TREE,
            *([Capability.VIRTUAL_TIME] if is_virtual else []),
        })
        self.now_s = 0.0
        self.looks = 0
        self.screenshots = 0
        self._dumps = dumps
        self._pictures = pictures

    def show(self, dumps: Sequence[str]) -> None:
        self._dumps, self.looks = dumps, 0

    def clock(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds

    def ui_tree(self) -> UiTree:
        self.now_s += 0.25
        dump = self._dumps[min(self.looks, len(self._dumps) - 1)]
        self.looks += 1
        return parse_ui_tree(dump)

    def screenshot(self) -> Image.Image:
        self.now_s += 0.5
        color = self._pictures[min(self.screenshots, len(self._pictures) - 1)]
        self.screenshots += 1
        return Image.new("RGB", (1080, 2400), color)

    def size(self) -> Size:
        return Size(1080, 2400)

    def current_app(self) -> AppInfo:
        return AppInfo("org.example", "Example")

    def local_time(self) -> datetime | None:
        return None

    def keyboard_shown(self) -> bool:
        return False

    def perform(self, action: Action) -> ActionReceipt:
        raise NotImplementedError

    def installed_apps(self) -> Sequence[AppInfo]:
        return ()

    def close(self) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        pass


def no_text(image: Image.Image) -> tuple[OcrLine, ...]:
    raise AssertionError("the picture was read without need")


def reader(
    device: PlayedDevice,
    read_text: Callable[[Image.Image], Sequence[OcrLine]] = no_text,
    source: ReadFrom = "auto",
) -> ScreenReader:
    phone: Device = device
    return ScreenReader(
        phone, source=source, clock=device.clock, sleep=device.sleep, read_text=read_text
    )


def test_a_screen_is_read_when_two_looks_agree() -> None:
    device = PlayedDevice([page("One"), page("Two"), page("Three")])
    screen = reader(device).read()
    assert [one.text for one in screen.elements] == ["Three"]
    assert screen.is_stable
    assert (device.looks, device.screenshots) == (4, 1)


def test_two_dumps_that_look_the_same_agree() -> None:
    device = PlayedDevice([page("One"), page("One", '<node bounds="[0,0][9,9]"/>')])
    assert reader(device).read().is_stable
    assert device.looks == 2


def test_a_spinner_is_waited_for() -> None:
    device = PlayedDevice([page("Wait", SPINNER)] * 5 + [page("Done")])
    screen = reader(device).read()
    assert [one.text for one in screen.elements] == ["Done"]
    assert screen.is_stable


def test_a_screen_that_never_settles_is_read_at_the_time_limit() -> None:
    device = PlayedDevice([page(f"Frame {chr(65 + number)}") for number in range(40)])
    screen = reader(device).read(timeout_s=2.0)
    assert not screen.is_stable
    # One look that began before the limit may end after it; then the picture is taken.
    assert device.now_s < 2.0 + 0.1 + 0.25 + 0.5
    assert screen.elements[0].text.startswith("Frame")


def test_a_spinner_that_stays_is_waited_for_once() -> None:
    device = PlayedDevice([page("Radio", SPINNER)])
    screens = reader(device)
    assert not screens.read(timeout_s=2.0).is_stable
    looks = device.looks
    assert screens.read(timeout_s=2.0).is_stable
    assert device.looks == looks + 2


def test_a_clock_in_seconds_does_not_keep_a_screen_from_being_stable() -> None:
    device = PlayedDevice([page(f"09:30:{second}") for second in range(9, 40)])
    assert reader(device).read().is_stable
    assert device.looks == 3


def test_a_text_that_never_rests_is_waited_for_once() -> None:
    words = ["typing", "typing.", "typing..", "typing..."]
    device = PlayedDevice([page(words[number % 4]) for number in range(100)])
    screens = reader(device)
    assert not screens.read(timeout_s=2.0).is_stable
    looks = device.looks
    assert screens.read(timeout_s=2.0).is_stable
    assert device.looks == looks + 2


def test_another_text_is_still_waited_for_beside_one_that_never_rests() -> None:
    def both(ticker: str, other: str) -> str:
        return page(ticker, f'<node text="{other}" bounds="[0,400][500,500]"/>')

    device = PlayedDevice([both(letter, "Loading") for letter in "abcdefghijklm"])
    screens = reader(device)
    screens.read(timeout_s=2.0)
    device.show([both("n", "Load"), both("o", "Loaded"), both("p", "Loaded")])
    assert [one.text for one in screens.read().elements] == ["p", "Loaded"]


def test_a_screen_without_elements_is_believed_after_two_seconds() -> None:
    blank = '<hierarchy><node package="org.example" bounds="[0,0][1080,2400]"/></hierarchy>'
    device = PlayedDevice([blank] * 4 + [page("Welcome")])
    assert [one.text for one in reader(device).read().elements] == ["Welcome"]


def test_a_screen_that_stays_without_elements_is_waited_for_once() -> None:
    blank = '<hierarchy><node package="org.example" bounds="[0,0][1080,2400]"/></hierarchy>'
    device = PlayedDevice([blank])
    screens = reader(device, lambda image: [LEVEL])
    assert screens.read().is_stable
    assert device.now_s >= 2.0
    looks = device.looks
    assert screens.read().is_stable
    assert device.looks == looks + 2


def test_a_black_picture_is_a_warning_and_is_not_read() -> None:
    device = PlayedDevice([f"<hierarchy>{GAME}</hierarchy>"], pictures=["black"])
    screen = reader(device).read()
    assert screen.warnings == (
        "the picture is black: the phone protects this screen from being seen, or is off",
    )


def test_a_dark_picture_is_no_black_one() -> None:
    device = PlayedDevice([page("One")], pictures=["#000001"])
    assert reader(device).read().warnings == ()


def test_a_bar_that_shows_a_share_is_not_waited_for() -> None:
    bar = '<node class="android.widget.ProgressBar" bounds="[300,500][800,520]"/>'
    device = PlayedDevice([page("Reviews", bar)])
    assert reader(device).read().is_stable
    assert device.looks == 2


def test_with_virtual_time_one_look_is_enough() -> None:
    device = PlayedDevice([page("One"), page("Two")], is_virtual=True)
    screen = reader(device).read()
    assert [one.text for one in screen.elements] == ["One"]
    assert device.looks == 1


def test_with_virtual_time_a_slow_page_is_looked_at_until_it_is_there() -> None:
    device = PlayedDevice([page("Wait", SPINNER)] * 9 + [page("Done")], is_virtual=True)
    screen = reader(device).read(timeout_s=30.0)
    assert [one.text for one in screen.elements] == ["Done"]
    assert device.looks == 10


def test_a_page_that_begins_to_change_late_is_waited_for() -> None:
    device = PlayedDevice([page("Old")] * 5 + [page("New")] * 2)
    looking = reader(device)
    before = looking.read()
    assert [element.text for element in looking.read_change(before).elements] == ["New"]


def test_a_screen_that_stays_is_believed_after_a_while() -> None:
    device = PlayedDevice([page("Same")])
    looking = reader(device)
    before = looking.read()
    began_s = device.now_s
    after = looking.read_change(before, patience_s=2.0)
    assert after.fingerprint == before.fingerprint
    assert 2.0 <= device.now_s - began_s < 5.0
    assert after.device_s + after.picture_s == pytest.approx(device.now_s - began_s)


def test_with_virtual_time_an_unchanged_screen_is_believed_at_once() -> None:
    device = PlayedDevice([page("Same")], is_virtual=True)
    looking = reader(device)
    before = looking.read()
    looks = device.looks
    looking.read_change(before)
    assert device.looks == looks + 1


def test_time_is_accounted_to_the_device_and_to_the_picture() -> None:
    screen = reader(PlayedDevice([page("One")])).read()
    assert screen.device_s == pytest.approx(0.25 + 0.1 + 0.25)
    assert screen.picture_s == pytest.approx(0.5)
    assert screen.ocr_s == 0


def test_pictures_can_be_left_for_when_they_are_needed() -> None:
    device = PlayedDevice([page("One")])
    screen = ScreenReader(device, pictures="when needed", clock=device.clock, sleep=device.sleep)
    assert screen.read().screenshot is None


def test_a_useless_tree_is_completed_from_the_picture() -> None:
    device = PlayedDevice([f"<hierarchy>{GAME}</hierarchy>"])
    screen = reader(device, lambda image: [LEVEL]).read()
    assert [one.text for one in screen.elements if one.source == "ocr"] == ["Level 3"]
    assert screen.source == "both"
    assert screen.warnings == ()


def test_an_unreadable_tree_is_replaced_by_the_picture_with_a_warning() -> None:
    device = PlayedDevice(["no dump"])
    screen = reader(device, lambda image: [LEVEL], source="tree").read()
    assert [one.text for one in screen.elements] == ["Level 3"]
    assert screen.source == "ocr"
    assert screen.tree_xml == ""
    (warning,) = screen.warnings
    assert "no 'hierarchy' element" in warning


def test_a_tree_that_fails_once_is_asked_for_again() -> None:
    device = PlayedDevice(["no dump", page("One")])
    screen = reader(device).read()
    assert [one.text for one in screen.elements] == ["One"]
    assert screen.warnings == ()


def test_without_the_extra_a_useless_tree_leaves_a_warning() -> None:
    def missing(image: Image.Image) -> Sequence[OcrLine]:
        raise ExtraMissing("ocr", "reading text from pictures")

    screen = reader(PlayedDevice([f"<hierarchy>{GAME}</hierarchy>"]), missing).read()
    assert [one.text for one in screen.elements] == ["Game"]
    assert "pip install 'tapgraph[ocr]'" in screen.warnings[0]


def test_the_status_bar_of_a_picture_is_not_read() -> None:
    clock = OcrLine("7:25", Bounds(30, 26, 93, 56), 0.99)
    device = PlayedDevice([page("One")])
    screen = reader(device, lambda image: [clock, LEVEL], source="ocr").read()
    assert [one.text for one in screen.elements] == ["Level 3"]


def test_a_moved_picture_changes_the_fingerprint_of_a_game() -> None:
    game = f"<hierarchy>{GAME}</hierarchy>"
    device = PlayedDevice([game], pictures=["white", "white", "gray", "gray"])
    screens = reader(device, lambda image: [])
    assert screens.read().fingerprint != screens.read().fingerprint


def test_a_dragged_map_changes_the_fingerprint_though_the_tree_does_not() -> None:
    surface = '<node class="android.view.TextureView" bounds="[0,400][1080,1600]"/>'
    device = PlayedDevice([page("Search here", surface)], pictures=["white", "gray", "gray"])
    screens = reader(device)
    first, second, third = screens.read(), screens.read(), screens.read()
    assert first.fingerprint != second.fingerprint == third.fingerprint


def test_a_changed_picture_under_a_telling_tree_does_not_change_the_fingerprint() -> None:
    device = PlayedDevice([page("One")], pictures=["white", "black"])
    screens = reader(device)
    assert screens.read().fingerprint == screens.read().fingerprint


def test_a_region_is_read_on_demand() -> None:
    device = PlayedDevice([page("One")])

    def word(image: Image.Image) -> Sequence[OcrLine]:
        return [OcrLine("Banner", Bounds(10, 10, image.width // 2, 40), 0.9)]

    screens = ScreenReader(device, clock=device.clock, sleep=device.sleep, read_text=word)
    screen = screens.read()
    completed = screens.read_region(screen, Bounds(0, 1000, 400, 1200))
    assert [(one.text, one.source) for one in completed.elements] == [
        ("One", "tree"),
        ("Banner", "ocr"),
    ]
    assert completed.elements[1].bounds == Bounds(10, 1010, 200, 1040)
    assert completed.fingerprint == screen.fingerprint


def test_the_played_device_refuses_what_is_no_dump() -> None:
    with pytest.raises(UnreadableTree):
        PlayedDevice(["no dump"]).ui_tree()


def test_icons_are_named_from_a_picture_that_is_then_taken() -> None:
    icon = SeenIcon("home", 0.9)

    def name_all(elements: Iterable[Element], picture: Image.Image) -> tuple[Element, ...]:
        assert picture.getpixel((5, 5)) == (0, 0, 128)
        return tuple(dataclasses.replace(one, icon=icon) for one in elements)

    def read(name_icons: NameIcons | None) -> tuple[Screen, int]:
        device = PlayedDevice([page("One")], pictures=["navy"])
        screen = ScreenReader(
            device,
            pictures="when needed",
            clock=device.clock,
            sleep=device.sleep,
            name_icons=name_icons,
        ).read()
        return screen, device.screenshots

    plain, without = read(None)
    named, with_icons = read(name_all)
    assert (without, with_icons) == (0, 1)
    assert [one.icon for one in plain.elements] == [None]
    assert [one.icon for one in named.elements] == [icon]
    assert plain.fingerprint == named.fingerprint


@pytest.mark.parametrize(
    ("dump", "source", "is_asked"),
    [
        (page("One"), "auto", False),
        (page("One"), "both", False),
        (page("One"), "ocr", True),
        (GAME_PAGE, "auto", True),
        (GAME_PAGE, "tree", False),
        ("no dump", "tree", True),
    ],
)
def test_states_are_asked_for_where_the_hierarchy_tells_little(
    dump: str, source: ReadFrom, is_asked: bool
) -> None:
    loading, keyboard = SeenState("loading", 0.97), SeenState("keyboard", 0.99)
    device = PlayedDevice([dump], pictures=["navy"])
    screen = ScreenReader(
        device,
        source=source,
        clock=device.clock,
        sleep=device.sleep,
        read_text=lambda _: (LEVEL,),
        see_states=lambda _: (loading, keyboard),
    ).read()
    assert screen.looks_like == ((loading,) if is_asked else ())
