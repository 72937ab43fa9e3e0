"""The policies where nobody is."""

import pytest

from tapgraph.agents.run.human import NO_ONE, AbsentHuman, HumanRequest

QUESTION = HumanRequest("question", "Which day?")
DELETE = HumanRequest("confirmation", "delete: touch 'Delete note' in Notes")


@pytest.mark.parametrize(
    ("policy", "to_question", "to_confirmation"),
    [("assume", NO_ONE, "no"), ("allow", NO_ONE, "yes"), ("stop", None, None)],
)
def test_a_policy_answers_where_nobody_is(
    policy: str, to_question: str | None, to_confirmation: str | None
) -> None:
    human = AbsentHuman(policy)  # type: ignore[arg-type]
    assert human.answer(QUESTION) == to_question
    assert human.answer(DELETE) == to_confirmation
