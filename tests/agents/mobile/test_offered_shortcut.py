"""The schema that a reflector is shown holds what may be kept of the run, and nothing else."""

import dataclasses
import itertools
import json
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import pytest
from pydantic import ValidationError

from tapgraph.agents.mobile.action_arguments import ACTION_ARGUMENTS
from tapgraph.agents.mobile.learnt_shortcut import PastRun, draft_from
from tapgraph.agents.mobile.offered_shortcut import offered_shortcut
from tapgraph.agents.mobile.replies import ShortcutReply
from tapgraph.agents.mobile.state import PhoneStep
from tapgraph.agents.run.experience import check_changes
from tapgraph.agents.run.history import Verdict
from tapgraph.agents.run.offered_tips import offered_tips, offered_tips_and_chain
from tapgraph.errors import ToolError, UsageError
from tapgraph.llm_backend.json_object import parse_object
from tapgraph.memory import MemoryStore, Provenance
from tapgraph.memory.admission import admit_shortcut
from tapgraph.tools.mobile.geometry import Point, Size
from tapgraph.tools.mobile.target import Target

TASK = "Find a cafe"


def touched(step: int, text: str, verdict: Verdict = "A") -> PhoneStep:
    target = Target(Point(5, 5 * step), Size(1080, 2400), text, "button")
    place = {"x": 5, "y": 5 * step}
    return PhoneStep(step=step, name="Tap", verdict=verdict, arguments=place, target=target)


def did(step: int, name: str, **arguments: Any) -> PhoneStep:
    return PhoneStep(step=step, name=name, verdict="A", arguments=arguments)


HISTORY = (
    did(1, "Open_App", app_name="Maps"),
    touched(2, "Search"),
    did(3, "Type", text="cafe"),
    did(4, "Enter"),
    touched(5, "Nothing", verdict="C"),
    touched(6, "+49 30 1234567"),
    did(7, "Type", text="me@example.com"),
    did(8, "Swipe", x1=5, y1=500, x2=5, y2=100),
    did(9, "Tap", x=5, y=5),
    did(10, "Wait", seconds=2),
    did(11, "Tap_Type_and_Enter", x=1, y=1, text="a"),
    did(12, "Open_Link", url="https://example.com/"),
    *(dataclasses.replace(touched(7, "+"), step=step) for step in (13, 14)),
)
PAST = PastRun(HISTORY, instruction=TASK)


def kept(text: str, past: PastRun, schema: type[ShortcutReply]) -> bool:
    """Whether the reply is a shortcut; raises what the model would be told."""
    reply = parse_object(text, schema)
    if reply.worth_keeping:
        admit_shortcut(draft_from(reply, past), ACTION_ARGUMENTS)
    return reply.worth_keeping


@pytest.mark.parametrize("last", range(1, len(HISTORY) + 1))
def test_whatever_the_schema_allows_is_admitted(last: int, grammar_walk: ModuleType) -> None:
    past = PastRun(HISTORY[:last], instruction=TASK)
    schema = offered_shortcut(past, ["Search_Maps"])
    told = schema.model_json_schema()
    kept_ones = [kept(grammar_walk.random_reply(told, seed), past, schema) for seed in range(12)]
    assert any(kept_ones) == (last > 1), "one action alone is no shortcut"


def test_the_open_schema_allows_what_is_not_admitted(grammar_walk: ModuleType) -> None:
    """Without the offer the same draws fail."""
    told = ShortcutReply.model_json_schema()
    texts = [grammar_walk.random_reply(told, seed) for seed in range(40)]
    with pytest.raises((ToolError, UsageError, ValidationError)):
        _ = [kept(text, PAST, ShortcutReply) for text in texts]


def shortcut(*steps: dict[str, Any], name: str = "Search_For") -> str:
    reply = {
        "worth_keeping": True, "name": name, "description": "Searches.", "precondition": "",
        "steps": steps,
    }  # fmt: skip
    return json.dumps(reply, separators=(",", ":"))


OPEN = {"action": "Open_App", "from_action": 1}
TAP = {"action": "Tap", "from_action": 2}
TYPE = {"action": "Type", "from_action": 3, "arguments": {"text": "query"}}


def test_names_in_steps_are_the_arguments(grammar_walk: ModuleType) -> None:
    schema = offered_shortcut(PAST, [])
    chosen = TAP | {"arguments": {"target": "button"}}
    said = shortcut(chosen, TYPE)
    assert grammar_walk.allows(schema.model_json_schema(), said)
    reply = parse_object(said, schema)
    assert reply.arguments == ["button", "query"]
    draft = draft_from(reply, PAST)
    assert draft.example == {"button": "Search", "query": "cafe"}


def test_an_action_named_twice_in_a_row_counts_once_but_two_alike_count_twice() -> None:
    plus = tuple(touched(step, "+") for step in (1, 2))
    run = PastRun(plus, instruction=TASK)
    once, twice = (
        [{"action": "Tap", "from_action": at} for at in place] for place in ((1, 1), (1, 2))
    )
    drafts = [draft_from(parse_object(shortcut(*s), ShortcutReply), run) for s in (once, twice)]
    assert [len(draft.steps) for draft in drafts] == [1, 2]


@pytest.mark.parametrize(
    "steps",
    [
        [TAP],
        [TAP, TAP],
        [TAP, {"action": "Type", "from_action": 3}],
        [TAP, {"action": "Tap", "from_action": 5}],
        [TAP, {"action": "Tap", "from_action": 9}],
        [TAP, {"action": "Tap", "from_action": 6}],
        [OPEN, {"action": "Tap", "arguments": {"x": 5, "y": 5}}],
        [OPEN, {"action": "Enter", "from_action": 2}],
        [OPEN, {"action": "Tap_Type_and_Enter", "from_action": 11}],
    ],
)
def test_what_is_not_admitted_is_not_allowed(
    steps: Sequence[dict[str, Any]], grammar_walk: ModuleType
) -> None:
    told = offered_shortcut(PAST, []).model_json_schema()
    assert grammar_walk.allows(told, shortcut(OPEN, TAP))
    assert not grammar_walk.allows(told, shortcut(*steps))


def test_any_name_but_an_actions_is_allowed(grammar_walk: ModuleType) -> None:
    told = offered_shortcut(PAST, []).model_json_schema()
    near = [name[:end] for name in ACTION_ARGUMENTS for end in range(1, len(name) + 1)]
    more = [f"{name}s" for name in ACTION_ARGUMENTS]
    for name in {*near, *more, "zoom", "Long_pressing", "a" * 32}:
        assert grammar_walk.allows(told, shortcut(OPEN, TAP, name=name)) == (
            name not in ACTION_ARGUMENTS
        ), name
    for name in ("", "1st", "two words", "a" * 33, "Ö"):
        assert not grammar_walk.allows(told, shortcut(OPEN, TAP, name=name))


def test_a_long_run_offers_its_last_actions(grammar_walk: ModuleType) -> None:
    run = PastRun(tuple(touched(step, f"b{step}") for step in range(1, 101)), instruction=TASK)
    told = offered_shortcut(run, []).model_json_schema()
    steps = [{"action": "Tap", "from_action": number} for number in (60, 61, 99, 100)]
    assert grammar_walk.allows(told, shortcut(*steps[1:]))
    assert not grammar_walk.allows(told, shortcut(*steps))


def test_only_changes_that_can_be_carried_out_are_allowed(
    memory: MemoryStore, grammar_walk: ModuleType
) -> None:
    learnt = memory.add_tip("Scroll first.", provenance=Provenance(run="r", origin="run"))
    given = memory.add_tip("Be kind.", provenance=Provenance(origin="person"))
    known = [tip for tip in memory.tips() if tip.id in {learnt, given}]
    for offered, tips in itertools.product((offered_tips, offered_tips_and_chain), ([], known)):
        schema = offered(tips)
        for seed in range(12):
            text = grammar_walk.random_reply(schema.model_json_schema(), seed)
            check_changes(parse_object(text, schema).tips, tips)
    told = offered_tips(known).model_json_schema()
    (number,) = [f"T{at}" for at, tip in enumerate(known, 1) if tip.id == learnt]
    for name, is_allowed in ((number, True), ("T1" if number == "T2" else "T2", False)):
        change = {"change": "retire", "of": [name], "because": "Action 1"}
        text = json.dumps({"tips": [change]}, separators=(",", ":"))
        assert grammar_walk.allows(told, text) == is_allowed
    assert "chain" not in told["properties"]
