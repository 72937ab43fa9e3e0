import importlib.resources
import io
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont

from tapgraph.errors import ExtraMissing
from tapgraph.tools.mobile import ocr
from tapgraph.tools.mobile.geometry import Bounds, Size
from tapgraph.tools.mobile.ocr import OcrLine, join_lines, merge, read_text
from tapgraph.tools.mobile.screen import Element, Role
from tapgraph.tools.mobile.tree_elements import elements_from_tree
from tapgraph.tools.mobile.ui_tree import parse_ui_tree


def line(text: str, left: int, top: int, right: int, bottom: int) -> OcrLine:
    return OcrLine(text, Bounds(left, top, right, bottom), 0.99)


def element(text: str, bounds: Bounds, *, clickable: bool = False) -> Element:
    return Element(0, bounds, text, Role.BUTTON, clickable=clickable)


def drawn(words: dict[tuple[int, int], str], size: tuple[int, int]) -> Image.Image:
    image = Image.new("RGB", size, "white")
    file = importlib.resources.files("font_roboto") / "files" / "Roboto-Regular.ttf"
    font = ImageFont.truetype(io.BytesIO(file.read_bytes()), 36)
    for place, text in words.items():
        ImageDraw.Draw(image).text(place, text, font=font, fill="black")
    return image


def test_drawn_words_are_read_where_they_stand() -> None:
    pytest.importorskip("rapidocr", reason="the extra 'ocr' is not installed")
    picture = drawn({(40, 30): "Nearest bakery", (300, 200): "Directions"}, (600, 280))
    lines = read_text(picture)
    assert [one.text for one in lines] == ["Nearest bakery", "Directions"]
    assert lines[0].bounds.contains(Bounds(40, 30, 280, 72).center)
    assert lines[1].bounds.contains(Bounds(300, 200, 470, 242).center)
    assert all(one.confidence > 0.9 for one in lines)


def test_a_region_is_read_in_the_pixels_of_the_whole_picture() -> None:
    pytest.importorskip("rapidocr", reason="the extra 'ocr' is not installed")
    picture = drawn({(40, 30): "Nearest bakery", (300, 200): "Directions"}, (600, 280))
    (found,) = read_text(picture, Bounds(200, 150, 900, 900))
    assert found.text == "Directions"
    assert found.bounds.contains(Bounds(300, 200, 470, 242).center)


def test_a_region_outside_the_picture_holds_nothing() -> None:
    assert read_text(Image.new("RGB", (90, 90)), Bounds(100, 100, 200, 200)) == ()


@pytest.mark.slow
def test_a_real_screenshot_agrees_with_its_hierarchy(shared_data: Path) -> None:
    pytest.importorskip("rapidocr", reason="the extra 'ocr' is not installed")
    dumps = shared_data / "ui_dumps"
    tree = parse_ui_tree((dumps / "compose_audio_dsp_switches_en.xml").read_bytes())
    elements = elements_from_tree(tree, Size(1080, 2400))
    with Image.open(dumps / "compose_audio_dsp_switches_en.png") as picture:
        lines = read_text(picture)
    merged = merge(elements, lines)
    both = {one.text for one in merged if one.source == "both"}
    drawn_texts = {
        "V4A DSP Engine", "ACTIVE", "GAIN BUDGET", "SAFE", "0.0 dB", "0 dB", "8 dB", "14 dB",
        "Bass Monster", "Bluetooth Optimized", "Bollywood Vocals", "Flat",
        "Pre-Gain Control (PGC)", "10-Band Equalizer", "Viper Bass & Boost", "Field Surround",
        "Preset Reverb", "Loudness Enhancer", "Dynamics Processing",
        "Home", "YouTube", "Music", "Library", "Search", "DSP",
    }  # fmt: skip
    assert drawn_texts - both == set()
    added = {one.text for one in merged if one.source == "ocr"}
    # Clock and battery, which the hierarchy of the app does not hold, are all that is added.
    assert {"7:25", "65%"} <= added
    assert len(added) <= 6


def test_without_the_extra_the_error_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "rapidocr", None)
    ocr._engine.cache_clear()
    with pytest.raises(ExtraMissing, match=r"pip install 'tapgraph\[ocr\]'"):
        read_text(Image.new("RGB", (90, 90)))


def test_lines_of_a_paragraph_are_joined() -> None:
    lines = [line("and ends here", 40, 145, 400, 185), line("A text begins", 40, 100, 420, 140)]
    (joined,) = join_lines(lines)
    assert joined.text == "A text begins and ends here"
    assert joined.bounds == Bounds(40, 100, 420, 185)


@pytest.mark.parametrize(
    "other",
    [
        line("far below", 40, 180, 400, 220),
        line("a heading", 40, 145, 400, 225),
        line("another column", 600, 145, 900, 185),
    ],
)
def test_lines_that_are_no_paragraph_stay_apart(other: OcrLine) -> None:
    assert len(join_lines([line("A text begins", 40, 100, 420, 140), other])) == 2


@given(st.integers(1, 8))
def test_joining_does_not_depend_on_the_resolution(scale: int) -> None:
    boxes = [(40, 100, 420, 140), (40, 145, 400, 185), (40, 260, 400, 300), (600, 145, 900, 185)]
    lines = [line(str(n), *(scale * edge for edge in box)) for n, box in enumerate(boxes)]
    assert [one.text for one in join_lines(lines)] == ["0 1", "3", "2"]


def test_a_line_on_an_element_that_says_the_same_belongs_to_it() -> None:
    button = element("Directions, 12 min", Bounds(0, 0, 400, 120), clickable=True)
    (merged,) = merge([button], [line("DIRECTIONS", 40, 30, 300, 80)])
    assert (merged.text, merged.source) == ("Directions, 12 min", "both")


def test_a_single_misread_letter_is_still_the_same() -> None:
    text = element("Loudness Enhancer settings", Bounds(0, 0, 500, 60))
    (merged,) = merge([text], [line("Loudness Enhencer settings", 10, 5, 480, 55)])
    assert (merged.text, merged.source) == ("Loudness Enhancer settings", "both")


def test_a_line_across_several_elements_belongs_to_all_of_them() -> None:
    tabs = [element(text, Bounds(x, 0, x + 100, 50)) for x, text in ((0, "Home"), (120, "Feed"))]
    merged = merge(tabs, [line("Home Feed", 5, 5, 215, 45)])
    assert [(one.text, one.source) for one in merged] == [("Home", "both"), ("Feed", "both")]


def test_lines_on_an_element_without_text_become_its_text() -> None:
    button = element("", Bounds(0, 0, 400, 160), clickable=True)
    lines = [line("Add to", 40, 20, 300, 70), line("cart", 40, 80, 300, 130)]
    (merged,) = merge([button], lines)
    assert (merged.text, merged.source, merged.clickable) == ("Add to cart", "both", True)


def test_a_line_that_no_element_says_is_added_in_reading_order() -> None:
    button = element("Save", Bounds(0, 500, 400, 600), clickable=True)
    merged = merge([button], [line("Total 12.90", 40, 100, 400, 150)])
    assert [(one.number, one.text, one.source) for one in merged] == [
        (1, "Total 12.90", "ocr"),
        (2, "Save", "tree"),
    ]


def test_a_line_does_not_become_the_text_of_a_page() -> None:
    page = element("", Bounds(0, 0, 1080, 2400))
    merged = merge([page], [line("Score 12", 40, 100, 400, 150)])
    assert sorted(one.text for one in merged) == ["", "Score 12"]
