import pytest
from PIL import Image, ImageChops

from tapgraph.tools.mobile.actions import Action, Back, DoubleTap, LongPress, Swipe, Tap, Type
from tapgraph.tools.mobile.device import AppInfo
from tapgraph.tools.mobile.geometry import Bounds, Size
from tapgraph.tools.mobile.marks import draw_action, draw_marks
from tapgraph.tools.mobile.screen import Element, Role, Screen, numbered


def screen_of(*elements: Element, size: tuple[int, int] = (540, 960)) -> Screen:
    picture = Image.new("RGB", size, "white")
    app = AppInfo("org.example", "Example")
    return Screen(Size(*size), numbered(elements), app, False, picture, "", "")


def changed_box(before: Image.Image, after: Image.Image) -> tuple[int, int, int, int] | None:
    return ImageChops.difference(before.convert("RGB"), after).getbbox()


def button(left: int, top: int, right: int, bottom: int) -> Element:
    return Element(0, Bounds(left, top, right, bottom), "x", Role.BUTTON, clickable=True)


def test_every_element_gets_a_frame_of_its_role() -> None:
    text = Element(0, Bounds(40, 300, 400, 360), "words", Role.TEXT)
    marked = draw_marks(screen_of(button(40, 100, 400, 200), text))
    assert marked.getpixel((200, 100)) == marked.getpixel((40, 150)) == (25, 90, 220)
    assert marked.getpixel((200, 300)) == (95, 99, 104)


def test_the_screenshot_itself_is_left_as_it_was() -> None:
    screen = screen_of(button(40, 100, 400, 200))
    draw_marks(screen)
    assert screen.screenshot is not None
    assert screen.screenshot.getcolors() == [(540 * 960, (255, 255, 255))]


def test_numbers_do_not_cover_the_small_elements_beside_them() -> None:
    keys = [
        button(60 * column, 60 * row, 60 * column + 40, 60 * row + 30)
        for row in range(3, 6)
        for column in range(1, 6)
    ]
    marked = draw_marks(screen_of(*keys))
    for key in keys:
        inside = marked.crop((
            key.bounds.left + 4,
            key.bounds.top + 4,
            key.bounds.right - 4,
            key.bounds.bottom - 4,
        ))
        free = sum(
            count for count, color in inside.getcolors(100_000) or [] if color == (255, 255, 255)
        )
        assert free >= 0.5 * inside.width * inside.height


@pytest.mark.parametrize(
    "bounds", [(-50, -50, 20, 20), (500, 900, 700, 1000), (10, 50, 5, 40), (0, 0, 540, 960)]
)
def test_elements_at_and_beyond_the_edges_are_drawn_inside(
    bounds: tuple[int, int, int, int],
) -> None:
    screen = screen_of(button(*bounds))
    assert draw_marks(screen).size == (540, 960)


def test_a_screen_without_a_picture_cannot_be_marked() -> None:
    app = AppInfo("org.example", "Example")
    with pytest.raises(ValueError, match="no picture"):
        draw_marks(Screen(Size(9, 9), (), app, False, None, "", ""))


@pytest.mark.parametrize("action", [Tap(200, 400), DoubleTap(200, 400), LongPress(200, 400)])
def test_a_touch_is_drawn_around_its_place(action: Action) -> None:
    picture = Image.new("RGB", (540, 960), "white")
    box = changed_box(picture, draw_action(picture, action))
    assert box is not None
    left, top, right, bottom = box
    assert (left + right) / 2 == pytest.approx(200, abs=2)
    assert (top + bottom) / 2 == pytest.approx(400, abs=2)
    assert 40 <= right - left <= 110


def test_a_swipe_reaches_from_its_start_to_its_end() -> None:
    picture = Image.new("RGB", (540, 960), "white")
    box = changed_box(picture, draw_action(picture, Swipe(270, 800, 270, 200)))
    assert box is not None
    assert box[1] == pytest.approx(200, abs=6)
    assert 800 <= box[3] <= 830


@pytest.mark.parametrize("action", [Back(), Type("words")])
def test_an_action_without_a_place_leaves_the_picture(action: Action) -> None:
    picture = Image.new("RGB", (540, 960), "white")
    assert changed_box(picture, draw_action(picture, action)) is None


def test_a_swipe_without_a_way_is_drawn() -> None:
    picture = Image.new("RGB", (540, 960), "white")
    assert changed_box(picture, draw_action(picture, Swipe(9, 9, 9, 9))) is not None
