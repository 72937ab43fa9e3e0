import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tapgraph.agents.mobile.replies import OperatorReply
from tapgraph.cli.main import app
from tapgraph.errors import UsageError
from tapgraph.evals.feature_reliance.choosers import ByOutcome, Chooser, Operator, open_chooser
from tapgraph.evals.feature_reliance.page import write_reliance_page
from tapgraph.evals.feature_reliance.probe_screen import (
    FEATURES,
    Probe,
    Slot,
    draw_probe,
    open_menu,
    slot_at,
)
from tapgraph.evals.feature_reliance.reliance import FeatureReliance, measure_reliance
from tapgraph.evals.phone.baselines import StandIn
from tapgraph.tools.mobile.outcome import Outcome, StepWords
from tapgraph.tools.mobile.simulator.screen_of import screen_of

ITEMS = 4


class AtPlace:
    """Goes by the place alone: it touches where the target stood before."""

    name = "at place"

    def choose(self, probe: Probe, feature: str) -> Slot:
        return probe.menu(feature).entries[probe.base.index("target")].slot


class ByMeaning:
    """Goes by the words as a person would."""

    name = "by meaning"

    def choose(self, probe: Probe, feature: str) -> Slot:
        return probe.right(feature)


def measured(chooser: Chooser, out: Path) -> dict[str, FeatureReliance]:
    return {one.feature: one for one in measure_reliance(chooser, out, items=ITEMS).features}


def reliance_of(feature: FeatureReliance) -> float:
    assert feature.reliance is not None
    assert feature.reliance.value is not None
    return feature.reliance.value


def test_who_goes_by_the_meaning_has_the_best_reliance_everywhere(tmp_path: Path) -> None:
    for one in measured(ByMeaning(), tmp_path).values():
        assert one.right.value == 1.0
        assert one.reliance is None or reliance_of(one) == one.best


def test_who_goes_by_the_place_is_found_out_by_the_order_alone(tmp_path: Path) -> None:
    found = measured(AtPlace(), tmp_path)
    assert reliance_of(found["reorder"]) == 1.0
    assert reliance_of(found["recolour"]) == reliance_of(found["resource id"]) == -1.0
    assert reliance_of(found["words"]) == -1.0


def test_shared_words_fail_on_a_synonym_and_follow_the_words_to_another_entry(
    tmp_path: Path,
) -> None:
    found = measured(open_chooser("bm25"), tmp_path)
    assert reliance_of(found["words"]) == 1.0
    assert found["rename"].right.value == 0.0
    assert reliance_of(found["resource id"]) == -1.0


def test_the_demonstrator_goes_by_the_id(tmp_path: Path) -> None:
    found = measured(open_chooser("demonstrator"), tmp_path)
    assert reliance_of(found["resource id"]) == 1.0
    assert reliance_of(found["words"]) == -1.0
    assert reliance_of(found["reorder"]) == -1.0


def test_nothing_changes_nothing_but_for_who_throws_dice(tmp_path: Path) -> None:
    assert measured(open_chooser("bm25"), tmp_path / "bm25")["nothing"].changed.value == 0.0
    dice = measure_reliance(open_chooser("random"), tmp_path / "dice", items=12)
    assert next(one for one in dice.features if one.feature == "nothing").changed.value


def test_an_agent_is_asked_by_its_own_prompt(tmp_path: Path) -> None:
    """A model that always names the element of number 4, the third entry below the title."""
    fourth = OperatorReply(action="Tap", arguments={"element": 4})
    model = StandIn("always 4", {OperatorReply: lambda _prompt, _dice: fourth})
    found = measure_reliance(Operator("always 4", model), tmp_path, items=1)
    assert found.place == 3
    assert found.at_place.value == 1.0


@pytest.mark.parametrize("feature", FEATURES)
def test_a_counterfactual_screen_has_every_entry_once(feature: str) -> None:
    menu = draw_probe(1).menu(feature)
    assert sorted(one.slot for one in menu.entries) == sorted(
        one.slot for one in draw_probe(1).base.entries
    )
    with open_menu(menu) as phone:
        screen = screen_of(phone)
    lines = [one for one in screen.elements if one.clickable]
    touched = [slot_at(menu, screen, line.touch_point) for line in lines]
    assert touched == [entry.slot for entry in menu.entries]


def test_every_feature_is_seen_on_the_phone_and_nothing_is_not() -> None:
    probe = draw_probe(2)
    with open_menu(probe.base) as phone:
        base, base_tree = phone.screenshot().tobytes(), phone.page_source()
    for feature in FEATURES:
        with open_menu(probe.menu(feature)) as phone:
            is_same = phone.screenshot().tobytes() == base and phone.page_source() == base_tree
        assert is_same == (feature == "nothing")


def test_choices_are_kept_and_not_asked_for_again(tmp_path: Path) -> None:
    first = measure_reliance(ByMeaning(), tmp_path, items=1)
    again = measure_reliance(AtPlace(), tmp_path, items=1)
    assert again.choices == first.choices


def test_the_page_shows_screens_and_escapes_names(tmp_path: Path) -> None:
    chooser = ByMeaning()
    chooser.name = "<b>"
    page = write_reliance_page(
        [measure_reliance(chooser, tmp_path, items=1)], tmp_path / "reliance.html"
    ).read_text("utf-8")
    assert page.count("data:image/webp") == 1 + len(FEATURES)
    assert "<b>" not in page


def test_the_command_leaves_a_summary_and_a_page(tmp_path: Path) -> None:
    options = ["--model", "bm25", "--items", "1", "--out", str(tmp_path), "--json"]
    result = CliRunner().invoke(app, ["eval", "reliance", *options])
    assert result.exit_code == 0, result.output
    summary = json.loads((tmp_path / "summary.json").read_text("utf-8"))
    assert summary["choosers"][0]["features"]["words"]["reliance"]["value"] == 1.0
    assert (tmp_path / "reliance.html").is_file()


class LikesPages:
    """A net that holds a page for right that has a word of what was expected."""

    def guess(self, step: StepWords) -> Outcome:
        shown = [line for line in step.changes.split("\n") if line.startswith(("+ text", "~ text"))]
        words = {word for line in shown for word in line.casefold().split('"')}
        return Outcome("A" if words & set(step.expected.casefold().split()) else "B", 0.9)


def test_looking_ahead_follows_the_words_to_their_page(tmp_path: Path) -> None:
    found = measured(ByOutcome(LikesPages()), tmp_path)
    assert reliance_of(found["words"]) == 1.0
    assert reliance_of(found["resource id"]) == -1.0


def test_an_unknown_noise_is_refused() -> None:
    with pytest.raises(UsageError, match="error_rate"):
        open_chooser("demonstrator?noise=1")
    with pytest.raises(UsageError, match="no options"):
        open_chooser("bm25?x=1")
