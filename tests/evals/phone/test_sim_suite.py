"""The suite `sim` as a whole: its levels, and splits that share nothing they should not."""

import pytest

from tapgraph.evals.phone.sim_suite import SIM_KINDS, sim_suite
from tapgraph.evals.suite import Split
from tapgraph.tools.mobile.simulator.builder import build_phone
from tapgraph.tools.mobile.simulator.kit.kit_app import KitApp
from tapgraph.tools.mobile.simulator.kit.style import COMMON_LOOKS, RARE_LOOKS

SUITE = sim_suite()
LEVELS = ("easy", "medium", "hard", "expert")


def test_levels_cover_the_suite() -> None:
    members = [name for level in LEVELS for name in SUITE.splits[level].templates]
    assert sorted(members) == sorted(kind.name for kind in SIM_KINDS)


def test_what_is_kept_for_tests_is_in_no_training() -> None:
    train, test, apps, looks = (
        SUITE.splits[name] for name in ("train", "test", "test-apps", "test-looks")
    )
    names = [*train.templates, *test.templates, *apps.templates]
    assert sorted(names) == sorted(kind.name for kind in SIM_KINDS)
    assert looks.templates == train.templates
    assert len({train.first_seed, test.first_seed, looks.first_seed}) == 3


def paper_and_way(seed: int) -> set[tuple[str, str]]:
    with build_phone(seed=seed) as phone:
        return {
            (app.name, app.style.navigation)
            for app in phone.apps
            if isinstance(app, KitApp) and len(app.spec.looks.navigation) > 1
        }


def test_rare_looks_are_never_seen_on_seeds_for_training() -> None:
    common = set().union(*(paper_and_way(COMMON_LOOKS.start + number) for number in range(4)))
    rare = paper_and_way(RARE_LOOKS.start)
    assert rare
    assert not common & rare


@pytest.mark.slow
def test_no_task_for_training_needs_an_app_that_is_kept_for_tests() -> None:
    def apps(split: Split) -> set[str]:
        drawn = (SUITE.template(name).draw(split.first_seed) for name in split.templates)
        return {app for task in drawn for app in task.apps}

    kept = {"Files", "McDonald's", "Harbor Bank", "Authenticator", "Fandango", "Booking.com",
            "Tripadvisor"}  # fmt: skip
    assert not apps(SUITE.splits["train"]) & kept
    assert kept <= apps(SUITE.splits["test-apps"])
