import dataclasses
from typing import Any

import pytest

from tapgraph.agents.mobile.grounding import as_seen_by, ground
from tapgraph.agents.mobile.offer import Offer
from tapgraph.agents.mobile.replies import OperatorReply
from tapgraph.errors import ToolError
from tapgraph.llm_backend.chat_model import ModelTraits
from tapgraph.memory import MemoryStore, Shortcut
from tapgraph.tools.mobile.device import AppInfo
from tapgraph.tools.mobile.geometry import Bounds, Point, Size
from tapgraph.tools.mobile.screen import Element, Role, Screen

BLIND = ModelTraits("blind")
SHARES = ModelTraits("shares", pictures="operator", coordinate_space="0-1000")
SMALL_PICTURES = ModelTraits("small", pictures="operator", image_max_px=1200)

SEARCH = Element(1, Bounds(0, 100, 1080, 200), "Search", Role.INPUT, clickable=True)
LIST = Element(2, Bounds(0, 200, 1080, 2200), "", Role.LIST, scrollable=True)
SCREEN = Screen(
    size=Size(1080, 2400),
    elements=(SEARCH, LIST),
    app=AppInfo("com.example", "Example"),
    keyboard_shown=False,
    screenshot=None,
    tree_xml="",
    fingerprint="f",
)


@pytest.fixture(scope="module")
def shortcuts(tmp_path_factory: pytest.TempPathFactory) -> tuple[Shortcut, ...]:
    with MemoryStore.open(tmp_path_factory.mktemp("memory") / "memory.db") as memory:
        return memory.shortcuts()


def reply(action: str, **arguments: Any) -> OperatorReply:
    return OperatorReply(thought="", action=action, arguments=arguments, description="")


def test_an_element_number_becomes_its_middle() -> None:
    grounded = ground(reply("Tap", element=1), SCREEN, Offer(), BLIND)
    assert grounded.arguments == {"x": 540, "y": 150}
    assert grounded.target is not None
    assert grounded.target.bounds == SEARCH.bounds
    assert grounded.target.words == '"Search" (input)'


def test_an_element_with_another_in_its_middle_is_touched_beside_it() -> None:
    card = dataclasses.replace(SEARCH, role=Role.BUTTON, free_point=Point(60, 110))
    screen = dataclasses.replace(SCREEN, elements=(card, LIST))
    arguments = ground(reply("Tap", element=1), screen, Offer(), BLIND).arguments
    assert arguments == {"x": 60, "y": 110}


def test_an_element_under_others_is_not_touched() -> None:
    screen = dataclasses.replace(
        SCREEN, elements=(dataclasses.replace(SEARCH, is_covered=True), LIST)
    )
    with pytest.raises(ToolError, match=r"\[1\] lies under other elements"):
        ground(reply("Tap", element=1), screen, Offer(), BLIND)


def test_an_element_number_may_be_written_as_text() -> None:
    assert ground(reply("Tap", element="1"), SCREEN, Offer(), BLIND).arguments == {
        "x": 540,
        "y": 150,
    }


def test_a_number_that_is_not_on_the_screen_is_told_with_the_range() -> None:
    with pytest.raises(ToolError, match=r"no element \[9\]; it has 1 to 2"):
        ground(reply("Tap", element=9), SCREEN, Offer(), BLIND)


def test_a_shortcut_takes_an_element_for_its_point(shortcuts: tuple[Shortcut, ...]) -> None:
    grounded = ground(
        reply("Tap_Type_and_Enter", element=1, text="a // b"),
        SCREEN,
        Offer(shortcuts=shortcuts),
        BLIND,
    )
    assert grounded.arguments == {"x": 540, "y": 150, "text": "a // b"}
    assert grounded.name == shortcuts[0].name


def test_a_shortcut_with_a_missing_argument_is_refused(shortcuts: tuple[Shortcut, ...]) -> None:
    with pytest.raises(ToolError, match="missing: text"):
        ground(reply("Tap_Type_and_Enter", element=1), SCREEN, Offer(shortcuts=shortcuts), BLIND)


def test_an_unknown_name_is_told_what_there_is(shortcuts: tuple[Shortcut, ...]) -> None:
    with pytest.raises(ToolError, match="Tap_Type_and_Enter"):
        ground(reply("Fly"), SCREEN, Offer(shortcuts=shortcuts), BLIND)


def test_points_are_read_in_the_models_own_space() -> None:
    assert ground(reply("Tap", x=500, y=250), SCREEN, Offer(), SHARES).arguments == {
        "x": 540,
        "y": 600,
    }
    assert ground(reply("Tap", x=539, y=0), SCREEN, Offer(), SMALL_PICTURES).arguments == {
        "x": 1079,
        "y": 0,
    }


def test_a_point_outside_its_space_is_an_error() -> None:
    with pytest.raises(ToolError, match="from 0 to 1000"):
        ground(reply("Tap", x=540, y=1803), SCREEN, Offer(), SHARES)


def test_places_on_the_screen_are_told_in_the_models_own_space() -> None:
    assert as_seen_by(SCREEN, BLIND) is SCREEN
    assert as_seen_by(SCREEN, SHARES).elements[0].bounds == Bounds(0, 42, 1000, 83)
    assert as_seen_by(SCREEN, SMALL_PICTURES).size == Size(540, 1200)


@pytest.mark.parametrize("traits", [BLIND, SHARES, SMALL_PICTURES], ids=lambda each: each.name)
def test_a_place_that_the_model_was_told_leads_back_to_its_element(traits: ModelTraits) -> None:
    told = as_seen_by(SCREEN, traits).elements[0].bounds.center
    arguments = ground(reply("Tap", x=told.x, y=told.y), SCREEN, Offer(), traits).arguments
    assert abs(int(str(arguments["x"])) - 540) <= 2
    assert abs(int(str(arguments["y"])) - 150) <= 2


def test_a_direction_swipes_inside_its_element() -> None:
    whole = ground(reply("Swipe", direction="up"), SCREEN, Offer(), BLIND).arguments
    inside = ground(reply("Swipe", direction="up", element=2), SCREEN, Offer(), BLIND).arguments
    assert whole["y1"] > whole["y2"]  # type: ignore[operator]
    assert LIST.bounds.top < int(str(inside["y2"])) < int(str(inside["y1"])) < LIST.bounds.bottom


def test_an_unknown_direction_is_refused() -> None:
    with pytest.raises(ToolError, match="up, down, left, right"):
        ground(reply("Swipe", direction="north"), SCREEN, Offer(), BLIND)
