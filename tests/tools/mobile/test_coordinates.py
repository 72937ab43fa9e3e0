"""From a model's points to pixels."""

from typing import Literal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tapgraph.errors import ToolError
from tapgraph.tools.mobile.coordinates import to_pixels
from tapgraph.tools.mobile.geometry import Bounds, Point, Size

Space = Literal["pixels", "0-1", "0-999", "0-1000"]

SCREEN = Size(1080, 2400)
SPACES: dict[Space, float] = {"0-1": 1, "0-999": 999, "0-1000": 1000}
sizes = st.builds(Size, st.integers(1, 5000), st.integers(1, 5000))


@given(sizes, st.data())
def test_pixels_stay_what_they_are(screen: Size, data: st.DataObject) -> None:
    x = data.draw(st.integers(0, screen.width_px - 1))
    y = data.draw(st.integers(0, screen.height_px - 1))
    assert to_pixels(x, y, "pixels", screen) == Point(x, y)


@given(sizes, st.sampled_from(sorted(SPACES)), st.floats(0, 1), st.floats(0, 1))
def test_every_allowed_point_is_on_the_screen(
    screen: Size, space: Space, across: float, down: float
) -> None:
    x, y = across * SPACES[space], down * SPACES[space]
    assume(space == "0-1" or max(x, y) > 1)
    point = to_pixels(x, y, space, screen)
    assert Bounds(0, 0, screen.width_px, screen.height_px).contains(point)


@given(sizes, st.sampled_from(sorted(SPACES)))
def test_corners_are_corners(screen: Size, space: Space) -> None:
    assert to_pixels(0, 0, space, screen) == Point(0, 0)
    corner = Point(screen.width_px - 1, screen.height_px - 1)
    assert to_pixels(SPACES[space], SPACES[space], space, screen) == corner


@given(sizes, sizes, st.data())
def test_a_point_in_a_picture_of_another_size_lands_where_it_lies(
    screen: Size, picture: Size, data: st.DataObject
) -> None:
    x = data.draw(st.integers(0, picture.width_px - 1))
    point = to_pixels(x, 0, "pixels", screen, picture=picture)
    # Last pixels fall on last pixels, which moves a point by less than the pixels' difference.
    moved = abs(screen.width_px / picture.width_px - 1)
    assert abs(point.x - x * screen.width_px / picture.width_px) <= moved + 0.5 + 1e-6


@pytest.mark.parametrize(
    ("x", "y", "space", "told"),
    [
        (1080, 0, "pixels", "x must be from 0 to 1079, got 1080"),
        (0, -1, "pixels", "y must be from 0 to 2399, got -1"),
        (540, 1200, "0-1", "x must be from 0 to 1, got 540"),
        (0.5, 1.01, "0-1", "y must be from 0 to 1, got 1.01"),
        (1000, 0, "0-999", "x must be from 0 to 999, got 1000"),
        (1001, 0, "0-1000", "x must be from 0 to 1000, got 1001"),
        (float("nan"), 0, "0-1", "got nan"),
        (0, float("inf"), "pixels", "got inf"),
    ],
)
def test_point_outside_is_told_with_the_range(x: float, y: float, space: Space, told: str) -> None:
    with pytest.raises(ToolError, match=told):
        to_pixels(x, y, space, SCREEN)


@pytest.mark.parametrize("space", ["pixels", "0-999", "0-1000"])
@pytest.mark.parametrize(("x", "y"), [(0.5, 0.2), (0.03, 1), (0, 0.999)])
def test_shares_in_a_space_that_counts_are_refused_with_the_reason(
    x: float, y: float, space: Space
) -> None:
    with pytest.raises(ToolError, match=r"looks like shares of the screen; here x is from 0 to"):
        to_pixels(x, y, space, SCREEN)


@pytest.mark.parametrize(("x", "y"), [(0, 0), (1, 0), (1, 1), (0.5, 700)])
def test_points_by_the_edge_are_no_shares(x: float, y: float) -> None:
    assert to_pixels(x, y, "pixels", SCREEN) == Point(round(x), round(y))
