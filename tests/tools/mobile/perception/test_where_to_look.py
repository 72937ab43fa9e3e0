"""The search for where to look, with an encoder made by hand that sees small coloured shapes."""

from collections.abc import Sequence

import pytest
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from tapgraph.tools.mobile.geometry import Bounds, Size
from tapgraph.tools.mobile.perception.gaze_search import GazeSearch, foveation
from tapgraph.tools.mobile.perception.where_to_look import by_looks, by_words, window_around
from tapgraph.tools.mobile.screen import Element, Role, SeenIcon

COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255), "yellow": (255, 255, 0)}
SIDE = 64
PLACES = {"red": (12, 12), "green": (52, 14), "blue": (14, 50)}
"""Yellow is not on the picture."""
SEARCH = GazeSearch(fixations=1, blur_taps=21, blur_sigma_px=6.0)


def scene() -> Image.Image:
    picture = Image.new("RGB", (SIDE, SIDE), "black")
    for name, (x, y) in PLACES.items():
        ImageDraw.Draw(picture).rectangle((x - 3, y - 3, x + 3, y + 3), fill=COLOURS[name])
    return picture


def box_of(name: str) -> Bounds:
    x, y = PLACES[name]
    return Bounds(x - 5, y - 5, x + 6, y + 6)


def as_tensor(picture: Image.Image) -> Tensor:
    pixels = torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8)
    return pixels.view(picture.height, picture.width, 3).permute(2, 0, 1).float()[None] / 255


def embedded(pictures: Tensor) -> Tensor:
    """How many pixels have nearly each colour; a shape that is blurred has none."""
    wanted = torch.tensor(list(COLOURS.values())).float() / 255
    away = (pictures[:, None] - wanted[None, :, :, None, None]).square().sum(2)
    return torch.exp(-6 * away).sum((2, 3)) + 1e-3


def caption(name: str) -> Tensor:
    return torch.eye(len(COLOURS))[list(COLOURS).index(name)]


class ColourEncoder:
    def embed_pictures(self, pictures: Sequence[Image.Image]) -> Sequence[Sequence[float]]:
        return [embedded(as_tensor(one))[0].tolist() for one in pictures]

    def embed_text(self, text: str) -> Sequence[float]:
        return caption(text).tolist()


def looked_at(search: GazeSearch, name: str, seed: int = 0) -> list[tuple[float, float]]:
    path = search.paths(as_tensor(scene()), caption(name)[None], embedded, seed=seed)
    return [tuple(((place + 1) * (SIDE - 1) / 2).tolist()) for place in path[0]]


@pytest.mark.parametrize("name", PLACES)
def test_gaze_goes_to_what_the_caption_says(name: str) -> None:
    (x, y) = looked_at(SEARCH, name)[0]
    assert max(abs(x - PLACES[name][0]), abs(y - PLACES[name][1])) < 14


def test_gaze_with_the_caption_of_another_thing_goes_elsewhere() -> None:
    (x, y) = looked_at(SEARCH, "green")[0]
    assert max(abs(x - PLACES["red"][0]), abs(y - PLACES["red"][1])) > 14


def test_the_loss_of_the_place_kept_is_the_least_that_was_seen() -> None:
    picture = as_tensor(scene())
    blurred = SEARCH.blurred(picture)

    def loss(place: Tensor) -> float:
        clear = foveation(place, SIDE, SIDE)
        view = picture + (blurred - picture) * (1 - clear).clamp(0, 1)
        return float(1 - torch.cosine_similarity(embedded(view), caption("blue")[None]))

    found = SEARCH.paths(picture, caption("blue")[None], embedded)[:, 0]
    assert loss(found) <= loss(torch.zeros(1, 2))
    corner = torch.tensor([[1.0, 1.0]])
    assert loss(found) < loss(corner)


def test_pictures_are_searched_each_by_itself() -> None:
    picture = as_tensor(scene())
    captions = torch.stack([caption("red"), caption("blue")])
    both = SEARCH.paths(torch.cat([picture, picture]), captions, embedded)
    alone = SEARCH.paths(picture, captions[:1], embedded)
    assert torch.linalg.vector_norm(both[0] - alone[0]) < 0.5
    assert both.shape == (2, 1, 2)


def test_foveation_is_clear_at_its_place_and_falls_as_the_paper_says() -> None:
    clear = foveation(torch.tensor([[-1.0, 1.0]]), 3, 5)[0, 0]
    assert clear[2, 0] == 1
    assert clear[2, 2] == pytest.approx(float(torch.exp(torch.tensor(-1 / 0.2))), rel=1e-4)


@pytest.mark.parametrize("name", PLACES)
def test_the_box_that_makes_the_picture_most_like_the_goal_comes_first(name: str) -> None:
    boxes = [box_of(one) for one in PLACES]
    assert by_looks(scene(), boxes, name, ColourEncoder(), looks=2)[0] == box_of(name)


def test_looks_end_with_the_boxes_and_name_none_twice() -> None:
    boxes = [box_of(one) for one in PLACES]
    order = by_looks(scene(), boxes, "red", ColourEncoder(), looks=9)
    assert len(order) == len(set(order)) == 3
    assert by_looks(scene(), [], "red", ColourEncoder()) == ()
    with pytest.raises(ValueError, match="at least 1"):
        by_looks(scene(), boxes, "red", ColourEncoder(), looks=0)


def element(number: int, text: str, icon: SeenIcon | None = None) -> Element:
    return Element(number, Bounds(0, 0, 9, 9), text, Role.BUTTON, icon=icon)


def test_words_and_icons_say_where_to_look() -> None:
    trash = element(3, "", SeenIcon("trash", 0.9))
    alarm = element(2, "Alarm at 08:30")
    elements = [element(1, "Stopwatch"), alarm, trash]
    assert by_words(elements, "turn on the alarm") == (alarm,)
    assert by_words(elements, "put it into the trash") == (trash,)
    assert by_words(elements, "take a picture") == ()


def test_a_window_stays_on_the_screen() -> None:
    screen, window = Size(100, 200), Size(50, 60)
    corner = window_around(Bounds(90, 190, 100, 200), screen, window)
    assert corner == Bounds(50, 140, 100, 200)
    larger = window_around(Bounds(0, 0, 9, 9), screen, Size(500, 500))
    assert larger == Bounds(0, 0, 100, 200)
