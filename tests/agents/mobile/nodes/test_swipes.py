"""Where a finger goes when the Operator names a direction; the directions are the finger's."""

from typing import Any

import pytest

from tapgraph.agents.mobile.grounding import ground
from tapgraph.agents.mobile.offer import Offer
from tapgraph.agents.mobile.replies import OperatorReply
from tapgraph.errors import ToolError
from tapgraph.llm_backend.chat_model import ModelTraits
from tapgraph.tools.mobile.geometry import Bounds
from tapgraph.tools.mobile.screen import Element, Role

BLIND = ModelTraits("blind")


def swiped(screen: Any, traits: ModelTraits = BLIND, **arguments: Any) -> dict[str, object]:
    reply = OperatorReply(action="Swipe", arguments=arguments)
    return ground(reply, screen, Offer(), traits).arguments


@pytest.mark.parametrize(
    ("direction", "line"),
    [
        ("up", (540, 1662, 540, 738)),
        ("down", (540, 738, 540, 1662)),
        ("left", (837, 1200, 243, 1200)),
        ("right", (243, 1200, 837, 1200)),
    ],
)
def test_a_swipe_crosses_55_percent_of_the_screen_between_its_bars(
    direction: str, line: tuple[int, ...], screen: Any
) -> None:
    # The bars are 15 % of the height each: the area is 1080 wide and 1680 high around (540, 1200).
    found = swiped(screen(), direction=direction)
    assert tuple(found[name] for name in ("x1", "y1", "x2", "y2")) == line


def rows(top: int, bottom: int, number: int) -> Element:
    return Element(number, Bounds(0, top, 1000, bottom), "", Role.LIST, scrollable=True)


def test_with_an_element_the_finger_stays_inside_it(screen: Any) -> None:
    listed = screen("s", rows(200, 1200, 1))
    assert swiped(listed, direction="up", element=1) == {"x1": 500, "y1": 975, "x2": 500, "y2": 425}


def test_with_a_point_it_stays_inside_the_smallest_list_around(screen: Any) -> None:
    nested = screen("s", rows(0, 2400, 1), rows(200, 1200, 2))
    assert swiped(nested, direction="up", x=10, y=300)["y1"] == 975
    assert swiped(nested, direction="up", x=10, y=1300)["y1"] == 1200 + 660


def test_a_point_beside_every_list_means_the_screen(screen: Any) -> None:
    assert swiped(screen(), direction="up", x=540, y=550)["y1"] == 1662


def test_a_point_is_read_in_the_models_own_numbers(screen: Any) -> None:
    nested = screen("s", rows(0, 2400, 1), rows(200, 1200, 2))
    shares = ModelTraits("shares", coordinate_space="0-1000")
    # 600 of 1000 is pixel 1440 of 2400, below the inner list; pixel 600 would be inside.
    assert swiped(nested, shares, direction="up", x=10, y=600)["y1"] == 1200 + 660


def test_a_direction_and_a_line_together_are_refused(screen: Any) -> None:
    with pytest.raises(ToolError, match="a direction or two points, not both"):
        swiped(screen(), direction="up", distance=3)
