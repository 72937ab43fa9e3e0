"""What counts when two shortcuts are run side by side."""

import pytest

from tapgraph.evals.shortcutsbench.executed import compare_outcomes
from tapgraph.evals.shortcutsbench.item import Action


@pytest.mark.parametrize("gold", ["detect.text", "comment"])
def test_passing_the_input_on_is_nothing_to_compare(gold: str) -> None:
    comparison = compare_outcomes([Action(f"is.workflow.actions.{gold}", {})], [])
    assert (comparison.gold_runs, comparison.matches) == (False, False)


def test_an_output_of_its_own_is_compared() -> None:
    count = Action("is.workflow.actions.count", {"WFCountType": "Characters"})
    assert compare_outcomes([count], [count]).matches
    assert not compare_outcomes([count], []).matches
