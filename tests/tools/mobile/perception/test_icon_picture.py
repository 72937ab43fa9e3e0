import pytest
from PIL import Image, ImageDraw

from tapgraph.tools.mobile.perception.icon_picture import ICON_PX, icon_picture


def drawn(
    ground: str, colour: str, *, size: tuple[int, int] = (60, 60), at: int = 20
) -> Image.Image:
    crop = Image.new("RGB", size, ground)
    draw = ImageDraw.Draw(crop)
    draw.polygon([(at, at + 20), (at + 20, at + 20), (at + 10, at)], fill=colour)
    return crop


def shown(crop: Image.Image) -> Image.Image:
    picture = icon_picture(crop)
    assert picture is not None
    return picture


def difference(one: Image.Image, other: Image.Image) -> float:
    pairs = zip(one.tobytes(), other.tobytes(), strict=True)
    return sum(abs(a - b) for a, b in pairs) / len(one.tobytes())


def test_colours_and_which_is_darker_do_not_matter() -> None:
    on_light = shown(drawn("white", "black"))
    assert difference(on_light, shown(drawn("black", "white"))) < 1
    assert difference(on_light, shown(drawn("navy", "orange"))) < 1


def test_room_around_an_icon_does_not_matter() -> None:
    narrow = shown(drawn("white", "black", size=(26, 26), at=3))
    assert difference(narrow, shown(drawn("white", "black", size=(120, 80), at=37))) < 2


def test_another_icon_is_another_picture() -> None:
    cross = Image.new("RGB", (60, 60), "white")
    ImageDraw.Draw(cross).line((20, 20, 40, 40), fill="black", width=4)
    assert difference(shown(drawn("white", "black")), shown(cross)) > 20


def test_the_picture_is_square_and_grey_whatever_the_crop() -> None:
    wide = shown(drawn("white", "black", size=(400, 90)))
    assert (wide.size, wide.mode) == ((ICON_PX, ICON_PX), "L")


@pytest.mark.parametrize("size", [(1, 1), (3, 40), (40, 40)])
def test_a_crop_in_which_nothing_is_drawn_shows_none(size: tuple[int, int]) -> None:
    assert icon_picture(Image.new("RGB", size, "teal")) is None
