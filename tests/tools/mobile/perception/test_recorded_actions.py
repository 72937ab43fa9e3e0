from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image, ImageDraw

from tapgraph.errors import UsageError
from tapgraph.tools.mobile.geometry import Bounds
from tapgraph.tools.mobile.ocr import OcrLine
from tapgraph.tools.mobile.perception.recorded_actions import LONGEST_WORDS, RecordedDeed
from tapgraph.tools.mobile.perception.recorded_actions import read_deed as read_any_deed
from tapgraph.tools.mobile.perception.recording import Recording, read_recording
from tapgraph.tools.mobile.perception.segmenter import ActionKind, Segment
from tapgraph.tools.mobile.perception.touch_mark import touch_from

SIZE = (240, 480)
LINES = {
    250: [("10:30", 8), ("Wi-Fi", 100), ("Display", 200), ("Display", 300)],
    200: [("Brightness", 100), ("Note", 200)],
    150: [("Brightness", 100), ("Note", 200), ("milk", 220), ("Suggested", 400)],
}
"""What stands on a page of that grey, and how far down."""


def read_deed(recording: Recording, segments: Sequence[Segment], **known: Any) -> RecordedDeed:
    return read_any_deed(recording, segments, most=2, **known)


def page(grey: int, touched: tuple[int, int] | None = None) -> Image.Image:
    picture = Image.new("L", SIZE, grey)
    if touched is not None:
        x, y = touched
        ImageDraw.Draw(picture).ellipse((x - 13, y - 13, x + 13, y + 13), fill=60)
    return picture


def read(picture: Image.Image) -> Sequence[OcrLine]:
    grey = picture.convert("L").getpixel((1, 1))
    return [
        OcrLine(text, Bounds(20, top, 100, top + 16), 0.9)
        for known, lines in LINES.items()
        for text, top in lines
        if abs(known - int(str(grey))) < 5
    ]


@pytest.fixture
def recorded(tmp_path: Path) -> Recording:
    """A touch beside the lower `Display`, another page, `milk` is typed."""
    pages = [*[page(250)] * 5, page(250, (180, 308)), page(225), *[page(200)] * 4, *[page(150)] * 4]
    for number, one in enumerate(pages):
        one.save(tmp_path / f"{number:02}.png")
    return read_recording(tmp_path)


def test_a_touch_is_named_by_the_words_of_its_row_and_typing_by_what_is_new(
    recorded: Recording,
) -> None:
    segments = [Segment(6, 8, "tap", 1.0), Segment(11, 12, "type", 1.0)]
    deed = read_deed(recorded, segments, read_text=read)
    tap, typed = deed.actions
    assert (tap.kind, tap.words, tap.index, tap.equals) == ("tap", "Display", 2, 2)
    assert tap.place == pytest.approx((180 / 240, 308 / 480), abs=0.02)
    assert (typed.kind, typed.words) == ("type", "milk")
    assert deed.begins == ("Wi-Fi", "Display", "Display")
    assert deed.ends[0] == "Brightness"


def test_what_is_typed_in_the_place_of_words_replaces_them(tmp_path: Path) -> None:
    pages = [*[page(250)] * 5, page(250, (60, 208)), *[page(200)] * 4, *[page(150)] * 4]
    for number, one in enumerate(pages):
        one.save(tmp_path / f"{number:02}.png")
    field = {250: "Old name", 200: "", 150: "New name|"}

    def read_field(picture: Image.Image) -> Sequence[OcrLine]:
        grey = picture.convert("L").getpixel((1, 1))
        words = next(one for known, one in field.items() if abs(known - int(str(grey))) < 5)
        return [OcrLine(words, Bounds(20, 200, 100, 216), 0.9)] if words else []

    segments = [Segment(5, 7, "tap", 1.0), Segment(10, 11, "type", 1.0)]
    typed = read_deed(read_recording(tmp_path), segments, read_text=read_field).actions[1]
    assert (typed.words, typed.replaces) == ("New name", True)
    field[150] = "Old name New name"
    typed = read_deed(read_recording(tmp_path), segments, read_text=read_field).actions[1]
    assert (typed.words, typed.replaces) == ("Old name New name", False)


def test_what_no_mark_shows_changes_by_itself_where_others_are_shown(recorded: Recording) -> None:
    advert = Segment(11, 12, "tap", 1.0)
    deed = read_deed(recorded, [Segment(5, 8, "tap", 1.0), advert], read_text=read)
    assert [one.words for one in deed.actions] == ["Display"]
    with pytest.raises(UsageError, match="of 1 actions none shows a finger: switch on 'Show taps'"):
        read_deed(recorded, [advert], read_text=read)


def test_an_icon_names_a_touch_only_where_no_words_are_under_it(recorded: Recording) -> None:
    segments = [Segment(5, 8, "tap", 1.0)]
    deed = read_deed(recorded, segments, read_text=read, name_icon=lambda crop: "sun")
    assert deed.actions[0].words == "sun"
    here = [OcrLine("Here", Bounds(150, 295, 200, 320), 0.9)]
    deed = read_deed(recorded, segments, read_text=lambda _: here, name_icon=lambda crop: "sun")
    assert deed.actions[0].words == "Here"


def test_what_has_no_words_is_refused_and_words_are_cut(recorded: Recording) -> None:
    segments = [Segment(5, 8, "tap", 1.0)]
    with pytest.raises(UsageError, match=r"without words, at \(0\.7\d, 0\.6\d\)"):
        read_deed(recorded, segments, read_text=lambda _: [])
    long = [OcrLine("so\u202e" + "long " * 40, Bounds(150, 295, 200, 320), 0.9)]
    words = read_deed(recorded, segments, read_text=lambda _: long).actions[0].words
    assert len(words) <= LONGEST_WORDS
    assert "\u202e" not in words


@pytest.mark.parametrize("kind", ["back", "type"])
def test_what_a_finger_on_the_page_does_is_a_tap(kind: ActionKind, recorded: Recording) -> None:
    deed = read_deed(recorded, [Segment(5, 8, kind, 1.0)], read_text=read)
    assert [one.kind for one in deed.actions] == ["tap"]


def test_one_touch_is_one_tap_and_typing_on_is_one_typing(recorded: Recording) -> None:
    twice = [
        *(Segment(4, 5, "tap", 1.0), Segment(6, 8, "tap", 1.0)),
        *(Segment(10, 11, "type", 1.0), Segment(13, 14, "type", 1.0)),
    ]
    deed = read_deed(recorded, twice, read_text=read)
    assert [one.kind for one in deed.actions] == ["tap", "type"]
    assert deed.actions[1].words == "milk"


def test_nothing_done_is_one_sentence(recorded: Recording) -> None:
    for segments in ([], [Segment(1, 2, "type", 1.0)]):
        with pytest.raises(UsageError, match="nobody acts"):
            read_deed(recorded, segments, read_text=read)


def test_more_actions_than_may_be_are_refused_before_anything_is_read(recorded: Recording) -> None:
    segments = [Segment(5, 6, "tap", 1.0), Segment(7, 8, "back", 1.0), Segment(11, 12, "type", 1.0)]
    with pytest.raises(UsageError, match="3 actions were found in the recording, and 2 are"):
        read_deed(recorded, segments, read_text=lambda _: pytest.fail("nothing is read"))


def test_a_mark_is_one_small_round_spot_that_is_new() -> None:
    still = torch.full((96, 48), 0.9)
    other = still.clone()
    other[30:50] = 0.4
    marked = still.clone()
    marked[58:63, 20:25] = 0.1
    frames = torch.stack([other, still, other, marked, other])
    touch = touch_from(frames, 3, since=0)
    assert touch is not None
    assert touch.frame == 3
    assert touch.place == pytest.approx((22.5 / 48, 60.5 / 96))
    assert touch_from(frames[:3], 2, since=0) is None
    bar = still.clone()
    bar[58:60, 10:35] = 0.1
    assert touch_from(torch.stack([still, bar]), 1, since=0) is None
    window = still.clone()
    window[43:53, 21:27] = 0.1
    assert touch_from(torch.stack([still, window]), 1, since=0) is None


def test_a_mark_is_seen_also_where_words_or_a_glyph_lie_under_it() -> None:
    still = torch.full((96, 48), 0.9)
    still[56:58] = 0.3
    on_words = still.clone()
    on_words[56:61, 20:25] = 0.3
    touch = touch_from(torch.stack([still, on_words]), 1, since=0)
    assert touch is not None
    assert touch.place == pytest.approx((22.5 / 48, 59.5 / 96))
    on_glyph = still.clone()
    on_glyph[70:75, 20:26] -= 0.15
    for row, columns in {70: (21, 23), 72: (20, 25), 73: (21, 26), 74: (22, 24)}.items():
        on_glyph[row, slice(*columns)] = 0.5
    touch = touch_from(torch.stack([still, on_glyph]), 1, since=0)
    assert touch is not None
    assert touch.place == pytest.approx((23 / 48, 72.5 / 96))


def test_a_scroll_is_told_by_the_way_of_the_finger(tmp_path: Path) -> None:
    strip = torch.rand(96 + 40, 48, generator=torch.Generator().manual_seed(0))
    strip = 0.6 + 0.4 * strip
    for number, top in enumerate([0, 0, 0, 10, 20, 30, 40, 40]):
        frame = strip[top : top + 96].clone()
        if number == 2:
            frame[50:55, 20:25] = 0.0
        picture = Image.fromarray((frame * 255).to(torch.uint8).numpy())
        picture.save(tmp_path / f"{number}.png")
    recording = read_recording(tmp_path)
    scroll = [Segment(2, 7, "scroll", 1.0)]
    (action,) = read_deed(recording, scroll, read_text=lambda _: []).actions
    assert action.direction == "up"
    here = [OcrLine("Here", Bounds(15, 45, 30, 60), 0.9)]
    unmoved = [Segment(2, 2, "scroll", 1.0)]
    (action,) = read_deed(recording, unmoved, read_text=lambda _: here).actions
    assert (action.kind, action.words) == ("tap", "Here")
