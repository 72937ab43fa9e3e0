"""Small shortcuts, each with what Apple's Shortcuts gives; today is 2 March 2026, 12:00."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tapgraph.tools.api.shortcuts.content import Content
from tapgraph.tools.api.shortcuts.runtime import run_workflow
from tapgraph.tools.api.shortcuts.system import SimulatedSystem, WebResponse
from tapgraph.tools.api.shortcuts.workflow import read_workflow

CASES = Path(__file__).parent / "cases"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("01_date_token_string", datetime(2026, 3, 2, tzinfo=UTC)),
        ("01b_format_date_token_string", "2026-03-02"),
        ("02_match_as_text", "a\nb\n1"),
        ("03_adjust_offset_picker", datetime(2025, 3, 2, 12, tzinfo=UTC)),
        ("04_time_until_custom_date", 10),
        ("05_own_date_format_again", 0),
        ("06_dictionary_from_array", 2),
        ("07_input_of_first_action", 1),
        ("09_range_with_unset_variable", ["a", "b"]),
    ],
)
def test_a_small_shortcut_gives_what_apple_gives(name: str, expected: Content) -> None:
    answer = WebResponse(b'[{"name":"A"},{"name":"B"}]', "application/json")
    system = SimulatedSystem(transport=lambda _: answer)
    workflow = read_workflow(CASES / f"{name}.json")
    assert run_workflow(workflow, system, given="https://example.org/").output == expected
