import pytest

from tapgraph.agents.run.outcome import Outcome


@pytest.mark.parametrize(
    ("name", "exit_code"),
    [
        ("success", 0),
        ("failed", 1),
        ("gave_up", 1),
        ("budget", 4),
        ("loop", 1),
        ("device_lost", 3),
        ("model_error", 3),
        ("needs_human", 1),
    ],
)
def test_each_outcome_has_its_exit_code(name: str, exit_code: int) -> None:
    assert Outcome(name).exit_code == exit_code


def test_there_is_no_other_outcome() -> None:
    assert len(Outcome) == 8
