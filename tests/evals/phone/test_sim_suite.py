"""The suite `sim`: every task can be done, none is done already, and all follow from the seed."""

import pytest

from tapgraph.errors import UsageError
from tapgraph.evals.phone.sim_suite import sim_suite
from tapgraph.evals.suite import Evidence, Finding, Template
from tapgraph.tools.mobile.simulator.apps.notes import NOTES_PACKAGE
from tapgraph.tools.mobile.simulator.builder import build_phone
from tapgraph.tools.mobile.simulator.phone import Phone
from tapgraph.tools.mobile.simulator.state_dump import Change
from tapgraph.tools.mobile.simulator.tasks import (
    TASK_FAMILIES,
    PhoneRecords,
    find_solution,
    find_task,
)
from tapgraph.tools.mobile.simulator.tasks.map_tasks import BestPlaceNoteTask
from tapgraph.tools.mobile.simulator.tasks.player import follow_solution
from tapgraph.tools.mobile.simulator.world.world import World

TEMPLATES = sim_suite().templates


def held(template: Template, phone: Phone, seed: int) -> list[bool]:
    seen = Evidence(state=PhoneRecords(phone))
    found = [rubric.check(seen) for rubric in template.draw(seed).rubrics]
    return [one is not None and one.holds for one in found]


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda one: one.name)
def test_no_rubric_holds_at_the_start_and_all_do_after_the_reference(template: Template) -> None:
    task = template.draw(2)
    solution = find_solution(task.instruction)
    assert solution is not None
    with build_phone(seed=2) as phone:
        assert not any(held(template, phone, 2))
        steps = follow_solution(phone, solution).steps
        assert all(held(template, phone, 2))
    assert len(task.reference) == len(steps)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda one: one.name)
def test_a_task_follows_from_its_seed(template: Template) -> None:
    one, again = template.draw(4), template.draw(4)
    assert (one.instruction, one.reference) == (again.instruction, again.reference)


def test_seeds_give_different_tasks() -> None:
    for template in TEMPLATES:
        assert len({template.draw(seed).instruction for seed in range(4)}) > 1, template.name


def test_every_family_has_a_template() -> None:
    drawn = {type(find_task(template.draw(0).instruction)) for template in TEMPLATES}
    assert drawn == set(TASK_FAMILIES)


def test_levels_are_splits_that_cover_the_suite() -> None:
    suite = sim_suite()
    members = [name for split in suite.splits.values() for name in split]
    assert sorted(members) == sorted(one.name for one in suite.templates)


def test_the_apps_of_a_task_stand_in_the_order_of_the_reference() -> None:
    assert sim_suite().template("note_best_place").draw(0).apps == ("Maps", "Notes")


def test_one_thing_right_and_one_wrong_is_one_rubric_of_two() -> None:
    template = sim_suite().template("note_best_place")
    task = find_task(template.draw(0).instruction)
    assert task is not None
    with build_phone(seed=0) as phone:
        # "no longer: no note names NAME", "no longer: no note has the number NUMBER".
        name = template.draw(0).rubrics[0].name.removeprefix("no longer: no note names ")
        phone.database(NOTES_PACKAGE).execute(
            "INSERT INTO notes (title, body, updated_at) VALUES ('x', ?, '')", (name,)
        )
        assert held(template, phone, 0) == [True, False]


def test_something_else_that_is_wrong_costs_a_rubric() -> None:
    template = sim_suite().template("note_best_place")
    first, second = template.draw(0).rubrics
    name = first.name.removeprefix("no longer: no note names ")
    number = second.name.removeprefix("no longer: no note has the number ")
    task = find_task(template.draw(0).instruction)
    assert isinstance(task, BestPlaceNoteTask)
    other = next(
        one.name for one in World.generate(0).places_matching(task.kind) if one.name != name
    )
    with build_phone(seed=0) as phone:
        notes = phone.database(NOTES_PACKAGE)
        insert = "INSERT INTO notes (title, body, updated_at) VALUES ('x', ?, '')"
        notes.execute(insert, (f"{name} {number}",))
        assert held(template, phone, 0) == [True, True]
        notes.execute(insert, (other,))
        assert held(template, phone, 0) == [False, True]
        found = first.check(Evidence(state=PhoneRecords(phone)))
    assert found == Finding(False, f"the note names {other}")


def changed(table: str, key: object, *, made: bool = False) -> Change:
    before = None if made else {"is_on": 0}
    return Change("com.android.settings", table, (key,), before, {"is_on": 1})  # type: ignore[arg-type]


def test_a_task_allows_what_its_reference_changes_and_nothing_else() -> None:
    task = sim_suite().template("turn_switch").draw(0)
    assert task.instruction == "Turn off NFC in the settings."
    assert task.allows is not None
    assert task.allows(changed("switches", 2))
    assert not task.allows(changed("switches", 3))
    assert not task.allows(changed("switches", 2, made=True))


def test_a_new_note_is_allowed_and_a_deleted_one_is_not() -> None:
    task = sim_suite().template("write_note").draw(0)
    row = {"title": "x"}
    assert task.allows is not None
    assert task.allows(Change(NOTES_PACKAGE, "notes", (9,), None, row))
    assert not task.allows(Change(NOTES_PACKAGE, "notes", (1,), row, None))
    assert not task.allows(Change(NOTES_PACKAGE, "notes", (1,), row, {"title": "y"}))


def test_the_suite_is_for_the_simulated_phone() -> None:
    with pytest.raises(UsageError, match="--device sim"):
        sim_suite().template("write_note").draw(0).rubrics[0].check(Evidence())
