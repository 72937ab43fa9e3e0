"""The schema that a model is shown in a step holds what fits the screen, and nothing else."""

import json
from types import ModuleType

import pytest
from pydantic import BaseModel

from tapgraph.agents.mobile.grounding import ground
from tapgraph.agents.mobile.offer import Offer
from tapgraph.agents.mobile.offered_reply import offered_reply
from tapgraph.agents.mobile.replies import (
    DelegatingManagerReply,
    ManagerReply,
    NotetakerReply,
    OperatorReply,
    ReflectorReply,
    ShortcutReply,
    TipsReply,
    VerifierReply,
)
from tapgraph.errors import InvalidReply, ToolError
from tapgraph.llm_backend.chat_model import ModelTraits
from tapgraph.llm_backend.json_object import parse_object
from tapgraph.llm_backend.openai_wire import response_format
from tapgraph.memory import MemoryStore, Shortcut
from tapgraph.tools.mobile.actions import ACTION_TYPES
from tapgraph.tools.mobile.device import AppInfo
from tapgraph.tools.mobile.geometry import Bounds, Size
from tapgraph.tools.mobile.screen import Element, Role, Screen

BLIND = ModelTraits("blind")
SMALL_PICTURES = ModelTraits("small", pictures="all", image_max_px=1200)
THOUSANDS = ModelTraits("thousands", pictures="all", coordinate_space="0-1000")
UP_TO_999 = ModelTraits("up to 999", pictures="all", coordinate_space="0-999")
UNIT = ModelTraits("unit", pictures="all", coordinate_space="0-1")

SEARCH = Element(1, Bounds(0, 100, 1080, 200), "Search", Role.INPUT, clickable=True)
LIST = Element(2, Bounds(0, 200, 1080, 2200), "", Role.LIST, scrollable=True)


def screen_of(*elements: Element) -> Screen:
    return Screen(
        size=Size(1080, 2400),
        elements=elements,
        app=AppInfo("com.example", "Example"),
        keyboard_shown=False,
        screenshot=None,
        tree_xml="",
        fingerprint="f",
    )


SCREEN = screen_of(SEARCH, LIST)
EMPTY_SCREEN = screen_of()


@pytest.fixture
def shortcuts(memory: MemoryStore) -> tuple[Shortcut, ...]:
    return memory.shortcuts()


def said(action: str, **arguments: object) -> str:
    """A reply as a grammar writes it."""
    call = {"action": action, "arguments": arguments}
    reply = {"thought": "", "call": call, "description": ""}
    return json.dumps(reply, separators=(",", ":"))


CALLS = [
    said("Open_App", app_name="Notes"),
    said("Tap", element=2),
    said("Double_Tap", x=0, y=0),
    said("Swipe", direction="up"),
    said("Swipe", element=1, direction="left"),
    said("Swipe", x1=0, y1=1, x2=1, y2=0),
    said("Type", text=""),
    said("Back"),
    said("Wait"),
    said("Wait", seconds=2),
    said("Ask_User", question="Which?"),
    said("Tap_Type_and_Enter", element=1, text="a // b"),
    said("Tap_Type_and_Enter", x=1, y=1, text=""),
]


@pytest.mark.parametrize("text", CALLS)
def test_what_the_schema_allows_can_be_grounded(
    text: str, shortcuts: tuple[Shortcut, ...], grammar_walk: ModuleType
) -> None:
    offered = offered_reply(Offer(shortcuts=shortcuts), BLIND, SCREEN)
    assert grammar_walk.allows(offered.model_json_schema(), text)
    call = json.loads(text)["call"]
    assert (
        ground(parse_object(text, offered), SCREEN, Offer(shortcuts=shortcuts), BLIND).name
        == call["action"]
    )


@pytest.mark.parametrize(
    "text",
    [
        said("Fly"),
        said("Tap"),
        said("Tap", element=3),
        said("Tap", element=0),
        said("Tap", x=1),
        said("Tap", x=1080, y=0),
        said("Tap", text="a"),
        said("Swipe", direction="north"),
        said("Swipe", direction="up", x1=0),
        said("Back", x=1),
        said("Tap_Type_and_Enter", element=1),
    ],
)
def test_what_cannot_be_grounded_is_not_allowed_and_is_told(
    text: str, shortcuts: tuple[Shortcut, ...], grammar_walk: ModuleType
) -> None:
    offered = offered_reply(Offer(shortcuts=shortcuts), BLIND, SCREEN)
    assert not grammar_walk.allows(offered.model_json_schema(), text)
    with pytest.raises(ToolError):
        ground(parse_object(text, offered), SCREEN, Offer(shortcuts=shortcuts), BLIND)


@pytest.mark.parametrize("traits", [BLIND, UP_TO_999, UNIT], ids=lambda each: each.name)
def test_random_calls_can_be_grounded(
    traits: ModelTraits, shortcuts: tuple[Shortcut, ...], grammar_walk: ModuleType
) -> None:
    offered = offered_reply(Offer(shortcuts=shortcuts), traits, SCREEN)
    told, offer = offered.model_json_schema(), Offer(shortcuts=shortcuts)
    replies = [parse_object(grammar_walk.random_reply(told, seed), offered) for seed in range(60)]
    names = {ground(reply, SCREEN, offer, traits).name for reply in replies}
    assert len(names) > 10


@pytest.mark.parametrize(
    "role_reply",
    [
        DelegatingManagerReply, ManagerReply, NotetakerReply, ReflectorReply, ShortcutReply,
        TipsReply, VerifierReply,
    ],
)  # fmt: skip
def test_random_replies_of_the_other_roles_are_valid(
    role_reply: type[BaseModel], grammar_walk: ModuleType
) -> None:
    for seed in range(15):
        parse_object(grammar_walk.random_reply(role_reply.model_json_schema(), seed), role_reply)


def test_a_random_reply_to_an_open_schema_cannot_be_grounded(grammar_walk: ModuleType) -> None:
    """Without the offer the same draws fail."""
    text = grammar_walk.random_reply(OperatorReply.model_json_schema(), 0)
    with pytest.raises(ToolError, match="nothing is called"):
        ground(parse_object(text, OperatorReply), SCREEN, Offer(), BLIND)


def test_every_action_of_the_prompt_is_offered_and_nothing_else(
    shortcuts: tuple[Shortcut, ...],
) -> None:
    schema = offered_reply(Offer(shortcuts=shortcuts), BLIND, SCREEN).model_json_schema()
    calls = schema["properties"]["call"]["anyOf"]
    names = [name for call in calls for name in call["properties"]["action"]["enum"]]
    assert sorted(names) == sorted([*ACTION_TYPES, *(one.name for one in shortcuts)])


def test_a_shortcut_that_is_not_offered_is_not_allowed(grammar_walk: ModuleType) -> None:
    schema = offered_reply(Offer(), BLIND, SCREEN).model_json_schema()
    assert not grammar_walk.allows(schema, said("Tap_Type_and_Enter", element=1, text=""))


def test_a_screen_without_elements_offers_none(grammar_walk: ModuleType) -> None:
    schema = offered_reply(Offer(), BLIND, EMPTY_SCREEN).model_json_schema()
    assert grammar_walk.allows(schema, said("Tap", x=1, y=1))
    assert not grammar_walk.allows(schema, said("Tap", element=1))
    assert not grammar_walk.allows(schema, said("Swipe", element=1, direction="up"))


@pytest.mark.parametrize(
    ("traits", "last_x", "last_y"),
    [
        (BLIND, 1079, 2399),
        (SMALL_PICTURES, 539, 1199),
        (THOUSANDS, 1000, 1000),
        (UP_TO_999, 999, 999),
        (UNIT, 1, 1),
    ],
    ids=lambda each: each.name if isinstance(each, ModelTraits) else str(each),
)
def test_points_end_where_the_models_own_space_ends(
    traits: ModelTraits, last_x: int, last_y: int, grammar_walk: ModuleType
) -> None:
    offered = offered_reply(Offer(), traits, SCREEN)
    last = said("Tap", x=last_x, y=last_y)
    assert grammar_walk.allows(offered.model_json_schema(), last)
    grounded = ground(parse_object(last, offered), SCREEN, Offer(), traits)
    assert grounded.arguments == {"x": 1079, "y": 2399}
    for x, y in ((last_x + 1, last_y), (last_x, last_y + 1)):
        assert not grammar_walk.allows(offered.model_json_schema(), said("Tap", x=x, y=y))


def test_a_model_that_keeps_to_no_schema_may_write_the_call_flat() -> None:
    flat = '{"thought": "", "action": "Tap", "arguments": {"element": 1}, "description": "d"}'
    reply = parse_object(flat, offered_reply(Offer(), BLIND, SCREEN))
    assert (reply.action, reply.arguments, reply.description) == ("Tap", {"element": 1}, "d")


@pytest.mark.parametrize("call", ["Tap", 7, None, [], {}, {"action": 7}])
def test_a_broken_call_is_told(call: object) -> None:
    text = json.dumps({"thought": "", "call": call, "description": ""})
    with pytest.raises(InvalidReply, match="does not fit the schema"):
        parse_object(text, offered_reply(Offer(), BLIND, SCREEN))


def test_servers_are_sent_one_name() -> None:
    wish = response_format(offered_reply(Offer(), BLIND, SCREEN))["json_schema"]
    assert wish["name"] == OperatorReply.__name__
    assert wish["schema"]["type"] == "object"
    assert "oneOf" not in json.dumps(wish)


def test_equal_offers_are_one_class(shortcuts: tuple[Shortcut, ...]) -> None:
    offered = offered_reply(Offer(shortcuts=shortcuts), BLIND, SCREEN)
    assert offered_reply(Offer(shortcuts=list(shortcuts)), BLIND, SCREEN) is offered
    assert offered_reply(Offer(shortcuts=shortcuts), BLIND, EMPTY_SCREEN) is not offered
