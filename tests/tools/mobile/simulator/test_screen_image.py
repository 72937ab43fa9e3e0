import hashlib
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from PIL import Image, ImageChops

from tapgraph.tools.mobile.geometry import Bounds, Size
from tapgraph.tools.mobile.simulator import fonts, pictures
from tapgraph.tools.mobile.simulator.canvas import Canvas
from tapgraph.tools.mobile.simulator.phone_profile import PHONE
from tapgraph.tools.mobile.simulator.views import Marker

if TYPE_CHECKING:
    from tests.tools.mobile.simulator.conftest import Demo, MakeDemo


def crop(image: Image.Image, bounds: Bounds) -> Image.Image:
    return image.crop((bounds.left, bounds.top, bounds.right, bounds.bottom))


def colors(image: Image.Image) -> int:
    return len(image.getcolors(maxcolors=1_000_000) or [])


def differ(one: Image.Image, other: Image.Image) -> bool:
    return ImageChops.difference(one, other).getbbox() is not None


def test_screenshot_is_rgb_of_the_screens_size(demo: "Demo") -> None:
    image = demo.phone.screenshot()
    assert (image.mode, image.size) == ("RGB", (1080, 2400))


def test_screenshots_do_not_share_memory(demo: "Demo") -> None:
    first = demo.phone.screenshot()
    first.paste("#FF0000", (0, 0, 1080, 2400))
    assert differ(first, demo.phone.screenshot())


def test_same_inputs_draw_the_same_picture(make_demo: "MakeDemo") -> None:
    digests = set()
    for _ in range(2):
        demo = make_demo().open()
        demo.tap("query")
        demo.phone.type_text("tea 🎧")
        digests.add(hashlib.sha256(demo.phone.screenshot().tobytes()).hexdigest())
    assert len(digests) == 1


def test_every_node_with_text_has_ink(demo: "Demo") -> None:
    image = demo.phone.screenshot()
    labelled = [node for node in demo.tree.walk() if node.text and node.bounds.height > 30]
    assert len(labelled) > 15
    for node in labelled:
        assert colors(crop(image, node.bounds)) > 1, node.text


@pytest.mark.parametrize("name", ["add", "dark", "query", "Item 1"])
def test_what_changes_changes_the_picture(demo: "Demo", name: str) -> None:
    before = demo.phone.screenshot()
    demo.tap(name)
    assert differ(before, demo.phone.screenshot())


def test_nothing_is_drawn_outside_of_a_list(demo: "Demo") -> None:
    top = Bounds(0, 0, 1080, demo.node("list").bounds.top)
    before = crop(demo.phone.screenshot(), top)
    demo.phone.swipe(540, 1800, 540, 1237)
    assert not differ(before, crop(demo.phone.screenshot(), top))


def test_status_bar_shows_clock_wifi_and_battery(demo: "Demo") -> None:
    bar = Bounds(0, 0, 1080, 80)
    pictures_seen = [crop(demo.phone.screenshot(), bar)]
    demo.phone.status.battery_percent = 12
    demo.phone.refresh()
    pictures_seen.append(crop(demo.phone.screenshot(), bar))
    demo.phone.status.wifi = False
    demo.phone.refresh()
    pictures_seen.append(crop(demo.phone.screenshot(), bar))
    demo.phone.advance(3600)
    pictures_seen.append(crop(demo.phone.screenshot(), bar))
    for one, other in pairwise(pictures_seen):
        assert differ(one, other)


@pytest.mark.parametrize("style", ["landscape", "product", "food", "building", "art"])
def test_illustrations_depend_on_their_subject_only(style: str) -> None:
    def draw(subject: str) -> Image.Image:
        pictures.illustration.cache_clear()
        return pictures.illustration(subject, style, "", 200, 120).convert("RGB")

    assert draw("one").size == (200, 120)
    assert not differ(draw("one"), draw("one"))
    assert any(differ(draw("one"), draw(other)) for other in ("two", "three", "four"))


def test_route_and_markers_are_seen_on_a_map() -> None:
    plain = pictures.street_map("town", (), (), 300, 300, label_px=34)
    route = pictures.street_map("town", (), ((0.1, 0.1), (0.9, 0.9)), 300, 300, label_px=34)
    pinned = pictures.street_map("town", (Marker(0.5, 0.5, "Here"),), (), 300, 300, label_px=34)
    assert differ(plain, route)
    assert differ(plain, pinned)
    assert route.getpixel((150, 150)) == (0x42, 0x85, 0xF4)


def test_round_corners_leave_the_outer_pixels_alone() -> None:
    canvas = Canvas(Size(100, 100), "#FFFFFF", PHONE)
    canvas.rounded(Bounds(10, 10, 90, 90), 20, "#000000")
    assert canvas.image.getpixel((10, 10)) == (255, 255, 255)
    assert canvas.image.getpixel((50, 10)) == (0, 0, 0)
    assert canvas.image.getpixel((10, 50)) == (0, 0, 0)
    assert canvas.image.getpixel((89, 89)) == (255, 255, 255)


def test_clip_confines_all_drawing() -> None:
    canvas = Canvas(Size(100, 100), "#FFFFFF", PHONE)
    canvas.clip = Bounds(0, 0, 50, 50)
    canvas.rounded(Bounds(10, 10, 90, 90), 8, "#000000")
    canvas.ink(fonts.text_mask("Wide text", 52), 5, 60, "#FF0000")
    canvas.picture(Image.new("RGB", (60, 60), "#00FF00"), 30, 30)
    assert differ(canvas.image, Image.new("RGB", (100, 100), "#FFFFFF"))
    canvas.image.paste("#FFFFFF", (0, 0, 50, 50))
    assert not differ(canvas.image, Image.new("RGB", (100, 100), "#FFFFFF"))


def test_wrapped_lines_fit_and_keep_all_words() -> None:
    text = "Three very different words and one incomprehensibilities " * 3
    lines = fonts.wrapped(text, 37, 400)
    assert len(lines) > 5
    assert all(fonts.text_width_px(line, 37) <= 400 for line in lines)
    assert " ".join(lines).split() == text.split()


def test_huge_text_is_cut_and_drawn_quickly(demo: "Demo") -> None:
    (line,) = fonts.wrapped("word " * 40_000, 37, 200, max_lines=1)
    assert len(line) < 60
    demo.tap("query")
    demo.phone.type_text("word " * 40_000)
    assert demo.phone.screenshot().size == (1080, 2400)


def test_word_that_is_too_long_is_broken() -> None:
    lines = fonts.wrapped("x" * 200, 37, 300)
    assert "".join(lines) == "x" * 200
    assert all(fonts.text_width_px(line, 37) <= 300 for line in lines)


def test_cut_text_ends_with_an_ellipsis_and_fits() -> None:
    (line,) = fonts.wrapped("Amazon Shopping and more", 37, 200, max_lines=1)
    assert line.endswith("\N{HORIZONTAL ELLIPSIS}")
    assert fonts.text_width_px(line, 37) <= 200
    assert len(line) > 8


@pytest.mark.parametrize(
    "text", ["🎧", "中", "a\nb", "a\r\nb 中", "\U0001f3fb", "", "\x00", "e\u0301", "👩\u200d🍳"]
)
def test_unusual_characters_can_be_measured_and_drawn(text: str) -> None:
    assert fonts.text_width_px(text, 37) >= 0
    assert fonts.text_mask(text, 37).image.width >= 1


def test_unknown_icon_is_told() -> None:
    with pytest.raises(ValueError, match="no-such-icon"):
        fonts.glyph_mask("no-such-icon", 24)
