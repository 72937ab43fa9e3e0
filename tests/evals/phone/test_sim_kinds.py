"""Each kind of the suite `sim`: it can be done, is not done yet, and a careless way fails it."""

import pytest

from tapgraph.evals.phone.sim.draw import Kind, evidence_of
from tapgraph.evals.phone.sim_suite import SIM_KINDS
from tapgraph.tools.mobile.simulator.guide import Aim, Route, play


def failed(kind: Kind, seed: int, aims: tuple[Aim, ...]) -> list[str]:
    """The rubrics that fail after these aims."""
    sketch = kind.sketched(seed).sketch
    with kind.phone(seed) as phone:
        assert play(phone, Route(aims)).trouble == ""
        seen = evidence_of(phone, aims)
        checked = [(rubric.name, rubric.check(seen)) for rubric in sketch.rubrics]
    return [name for name, found in checked if found is not None and not found.holds]


@pytest.mark.slow
@pytest.mark.parametrize("kind", SIM_KINDS, ids=lambda kind: kind.name)
def test_the_route_does_it_on_another_seed(kind: Kind) -> None:
    assert failed(kind, 1, tuple(kind.sketched(1).sketch.aims)) == []


@pytest.mark.parametrize("kind", SIM_KINDS, ids=lambda kind: kind.name)
def test_every_careless_way_fails_and_every_rubric_can_fail(kind: Kind) -> None:
    sketch = kind.sketched(0).sketch
    assert sketch.wrong
    can_fail = set(failed(kind, 0, ()))
    for what, aims in sketch.wrong.items():
        missed = failed(kind, 0, tuple(aims))
        assert missed, what
        can_fail.update(missed)
    assert {rubric.name for rubric in sketch.rubrics} == can_fail


@pytest.mark.slow
@pytest.mark.parametrize("kind", SIM_KINDS, ids=lambda kind: kind.name)
def test_seeds_give_different_tasks_and_equal_ones_equal_tasks(kind: Kind) -> None:
    tasks = [kind.task(seed) for seed in range(3)]
    again = kind.task(1)
    assert (again.instruction, again.reference) == (tasks[1].instruction, tasks[1].reference)
    assert len({(task.instruction, task.reference) for task in tasks}) > 1
