"""Which pictures each role is sent."""

import dataclasses
from typing import Any

import pytest
from PIL import Image, ImageChops
from pydantic import BaseModel

from tapgraph.agents.mobile.pipeline import MOBILE_AGENT_E, TAPGRAPH, Pipeline
from tapgraph.agents.mobile.state import Plan
from tapgraph.llm_backend.chat_model import ModelTraits
from tapgraph.llm_backend.messages import system, user
from tapgraph.tools.mobile.geometry import Bounds
from tapgraph.tools.mobile.marks import draw_marks
from tapgraph.tools.mobile.screen import Element, Role


class Anything(BaseModel):
    """A reply of no importance."""


OPERATOR_SEES = ModelTraits("m", pictures="operator")
ALL_SEE = ModelTraits("m", pictures="all")


def sent(desk: Any, role: str, **fields: Any) -> tuple[Image.Image, ...]:
    """The pictures that the role is sent."""
    desk.team.ask(role, desk.state(**fields), (system("rules"), user("?")), Anything)
    pictures: tuple[Image.Image, ...] = desk.pictures
    return pictures


def is_same(one: Image.Image, other: Image.Image) -> bool:
    return one.size == other.size and ImageChops.difference(one, other).getbbox() is None


def test_the_operators_picture_bears_the_numbers_of_the_elements(
    desk: Any, screen: Any, picture: Any
) -> None:
    shown = screen(screenshot=picture())
    (image,) = sent(desk(Anything(), shows=[shown], traits=OPERATOR_SEES), "operator")
    assert not is_same(image, picture())
    assert is_same(image, draw_marks(shown))


def test_in_the_published_pipeline_the_operators_picture_bears_none(
    desk: Any, screen: Any, picture: Any
) -> None:
    at_desk = desk(
        Anything(),
        shows=[screen(screenshot=picture())],
        traits=OPERATOR_SEES,
        pipeline=MOBILE_AGENT_E,
    )
    (image,) = sent(at_desk, "operator")
    assert is_same(image, picture())


@pytest.mark.parametrize(
    ("sees", "role", "count"),
    [
        ("none", "operator", 0),
        ("operator", "operator", 1),
        ("operator", "manager", 0),
        ("operator", "reflector", 0),
        ("all", "operator", 1),
        ("all", "manager", 1),
        ("all", "verifier", 1),
        ("all", "reflector", 2),
        ("all", "notetaker", 0),
        ("all", "tips_reflector", 0),
    ],
)
def test_a_role_sees_what_the_model_may(
    sees: Any, role: str, count: int, desk: Any, screen: Any, picture: Any
) -> None:
    at_desk = desk(
        Anything(),
        shows=[screen(screenshot=picture())],
        traits=ModelTraits("m", pictures=sees),
    )
    assert len(sent(at_desk, role)) == count


def test_a_model_whose_operator_alone_sees_shows_no_other_role_a_picture(
    desk: Any, screen: Any, picture: Any
) -> None:
    at_desk = desk(
        Anything(),
        shows=[screen(screenshot=picture())],
        traits=OPERATOR_SEES,
        pipeline=MOBILE_AGENT_E,
    )
    assert sent(at_desk, "manager") == ()


def test_in_the_published_pipeline_the_notetaker_sees_the_screen(
    desk: Any, screen: Any, picture: Any
) -> None:
    at_desk = desk(
        Anything(),
        shows=[screen(screenshot=picture())],
        traits=ALL_SEE,
        pipeline=MOBILE_AGENT_E,
    )
    assert len(sent(at_desk, "notetaker")) == 1


@pytest.mark.parametrize("sees", ["operator", "all"])
def test_of_a_screen_without_elements_every_role_is_sent_the_picture(
    sees: Any, desk: Any, screen: Any, picture: Any
) -> None:
    empty = screen("s", elements=(), screenshot=picture())
    at_desk = desk(Anything(), shows=[empty], traits=ModelTraits("m", pictures=sees))
    assert len(sent(at_desk, "notetaker")) == 1


def test_where_no_picture_was_taken_none_is_sent(desk: Any) -> None:
    assert sent(desk(Anything(), traits=ALL_SEE), "manager") == ()


def changed(picture: Any) -> Image.Image:
    after: Image.Image = picture()
    after.paste((255, 255, 255), (500, 1000, 600, 1100))
    return after


def test_the_reflector_sees_what_changed(desk: Any, screen: Any, picture: Any) -> None:
    at_desk = desk(Anything(), shows=[screen(screenshot=picture())], traits=ALL_SEE)
    now = at_desk.see(screen("second", screenshot=changed(picture)))
    before, after = sent(at_desk, "reflector", screen=now)
    margin = 96  # 4 % of the height
    box = (500 - margin, 1000 - margin, 600 + margin, 1100 + margin)
    assert is_same(before, picture().crop(box))
    assert is_same(after, changed(picture).crop(box))


def test_in_the_published_pipeline_the_reflector_sees_both_screens_whole(
    desk: Any, screen: Any, picture: Any
) -> None:
    at_desk = desk(
        Anything(),
        shows=[screen(screenshot=picture())],
        traits=ALL_SEE,
        pipeline=MOBILE_AGENT_E,
    )
    now = at_desk.see(screen("second", screenshot=changed(picture)))
    before, after = sent(at_desk, "reflector", screen=now)
    assert is_same(before, picture())
    assert is_same(after, changed(picture))


def test_without_an_earlier_picture_the_reflector_sees_the_new_one(
    desk: Any, screen: Any, picture: Any
) -> None:
    at_desk = desk(Anything(), traits=ALL_SEE)
    now = at_desk.see(screen("second", screenshot=picture()))
    (image,) = sent(at_desk, "reflector", screen=now)
    assert is_same(image, picture())


SHRUNKEN = ModelTraits("m", pictures="operator", image_max_px=600)
LOOKS = dataclasses.replace(TAPGRAPH, looks_closer=True, marks_targets=False)


def two_rows() -> tuple[Element, Element]:
    return (
        Element(1, Bounds(0, 100, 1080, 200), "Sound", Role.BUTTON, clickable=True),
        Element(2, Bounds(0, 2000, 1080, 2100), "Dark theme", Role.BUTTON, clickable=True),
    )


def test_what_fits_the_subgoal_is_sent_in_full_beside_the_shrunken_screen(
    desk: Any, screen: Any, picture: Any
) -> None:
    shown = picture()
    shown.paste((255, 0, 0), (0, 2000, 1080, 2100))
    looked = screen(elements=two_rows(), screenshot=shown)
    at_desk = desk(Anything(), shows=[looked], traits=SHRUNKEN, pipeline=LOOKS)
    plan = Plan(("Turn on the dark theme",))
    whole, part = sent(at_desk, "operator", plan=plan)
    assert is_same(whole, shown)
    # The window has the longest side that is sent unshrunk, and its middle at the row's.
    assert max(part.size) == 600
    assert is_same(part, shown.crop((405, 1750, 675, 2350)))
    assert at_desk.prompt.startswith("The second picture is a part of the first one")


@pytest.mark.parametrize(
    ("traits", "pipeline", "subgoals"),
    [
        (SHRUNKEN, TAPGRAPH, ("Turn on the dark theme",)),
        (SHRUNKEN, LOOKS, ()),
        (SHRUNKEN, LOOKS, ("Xyz",)),
        (OPERATOR_SEES, LOOKS, ("Turn on the dark theme",)),
    ],
    ids=["off", "no subgoal", "nothing fits", "seen in full"],
)
def test_the_screen_alone_is_sent_where_there_is_nothing_to_look_at_closer(
    traits: ModelTraits,
    pipeline: Pipeline,
    subgoals: tuple[str, ...],
    desk: Any,
    screen: Any,
    picture: Any,
) -> None:
    looked = screen(elements=two_rows(), screenshot=picture())
    at_desk = desk(Anything(), shows=[looked], traits=traits, pipeline=pipeline)
    assert len(sent(at_desk, "operator", plan=Plan(subgoals))) == 1
    assert at_desk.prompt == "?"
