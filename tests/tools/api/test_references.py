"""References are filled in once, exactly, and say what is wrong with them."""

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tapgraph.agents.run.run_folder import RunFolder
from tapgraph.agents.run.run_header import RunHeader
from tapgraph.errors import ToolError
from tapgraph.tools.api.json_value import Json
from tapgraph.tools.api.references import References

HOSTILE = {"from_call": 2}


@pytest.fixture
def references(tmp_path: Path) -> References:
    header = RunHeader(instruction="", pipeline="api", model="m", device="d")
    folder = RunFolder.create(tmp_path / "run", header)
    folder.save_result(1, {"items": [{"id": "0012", "price": 1.10, "evil": HOSTILE}]})
    folder.save_result(2, "secret")
    return References(folder, datetime(2026, 3, 1, 8, 30, 5, tzinfo=ZoneInfo("Europe/Paris")))


@pytest.mark.parametrize(
    ("written", "filled"),
    [
        ("text", "text"),
        ({"from_call": 1, "pointer": "/items/0/id"}, "0012"),
        ([1, {"deep": {"from_call": 1, "pointer": "/items/0/price"}}], [1, {"deep": 1.10}]),
        ({"from_call": 2}, "secret"),
        ({"from_system": "today"}, "2026-03-01"),
        ({"from_call": 1, "pointer": "", "more": 1}, {"from_call": 1, "pointer": "", "more": 1}),
    ],
)
def test_references_are_filled_in_at_any_depth(
    references: References, written: Json, filled: Json
) -> None:
    assert references.filled(written) == filled


def test_what_a_reference_brings_is_never_a_reference(references: References) -> None:
    assert references.filled({"from_call": 1, "pointer": "/items/0/evil"}) == HOSTILE


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ({"from_call": 3}, "step 3 gave no result"),
        ({"from_call": -1}, "step -1 gave no result"),
        ({"from_call": True}, "a reference is"),
        ({"from_call": "../../etc/passwd"}, "a reference is"),
        ({"from_call": 1, "pointer": 0}, "a reference is"),
        ({"from_call": 1, "pointer": "/items/7"}, "the result of step 1: "),
        ({"from_system": "mood"}, 'from_system is "now"'),
    ],
)
def test_a_bad_reference_is_named(references: References, written: Json, told: str) -> None:
    with pytest.raises(ToolError) as raised:
        references.filled(written)
    assert told in str(raised.value)
