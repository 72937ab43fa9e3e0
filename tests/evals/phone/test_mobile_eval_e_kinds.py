"""Each task of Mobile-Eval-E on the simulated phone: its route does it, careless ways fail."""

from collections.abc import Sequence

import pytest

from tapgraph.evals.phone.mobile_eval_e.kinds import KINDS
from tapgraph.evals.phone.sim.draw import Drawn, Kind, evidence_of
from tapgraph.evals.phone.sim.ways import write_note
from tapgraph.tools.mobile.simulator.builder import build_phone
from tapgraph.tools.mobile.simulator.guide import Aim, Route, play

every_kind = pytest.mark.parametrize("name", sorted(KINDS))


def failed(drawn: Drawn, seed: int, aims: Sequence[Aim]) -> list[str]:
    """The rubrics that fail after these aims."""
    with build_phone(seed=seed) as phone:
        assert play(phone, Route(tuple(aims))).trouble == ""
        seen = evidence_of(phone, aims)
        checked = [(rubric.name, rubric.check(seen)) for rubric in drawn.sketch.rubrics]
    return [name for name, found in checked if found is None or not found.holds]


def apps_of(kind: Kind) -> list[str]:
    """The apps of a kind, each once, in the order of the route."""
    aims = kind.sketched(0).sketch.aims
    return list(dict.fromkeys(aim.app for aim in aims if aim.app))


@pytest.mark.slow
@every_kind
def test_the_route_does_it_on_other_seeds(name: str) -> None:
    for seed in (4, 8):
        assert KINDS[name].sketched(seed).played.is_complete


@every_kind
def test_every_careless_way_fails_and_every_rubric_can_fail(name: str) -> None:
    drawn = KINDS[name].sketched(0)
    assert failed(drawn, 0, drawn.sketch.aims) == []
    assert drawn.sketch.wrong
    can_fail = set(failed(drawn, 0, ()))
    assert can_fail == {rubric.name for rubric in drawn.sketch.rubrics}
    for what, aims in drawn.sketch.wrong.items():
        assert failed(drawn, 0, aims), what


@every_kind
def test_opening_the_apps_earns_only_that_they_were_opened(name: str) -> None:
    drawn = KINDS[name].sketched(0)
    apps = apps_of(KINDS[name])
    missed = failed(drawn, 0, [Aim(words=f"Open {app}", app=app) for app in apps])
    held = {rubric.name for rubric in drawn.sketch.rubrics} - set(missed)
    assert held == {f"{app} was opened" for app in apps}


def test_a_summary_in_words_of_its_own_is_taken_for_one() -> None:
    drawn = KINDS["4_x_back_myth_wukong"].sketched(0)
    search = drawn.sketch.aims[0]
    note = write_note("Wukong", "The animated stories each have a style of their own. One player "
                                "needed thirty attempts for the tiger.")  # fmt: skip
    assert failed(drawn, 0, (search, note)) == []
