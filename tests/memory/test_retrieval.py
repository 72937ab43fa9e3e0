"""What is found for a subgoal: by words, by app, by record, within a budget, with reasons."""

from typing import Any

import pytest

from tapgraph.memory import MemoryStore, Provenance, Scope, ShortcutDraft, ShortcutStep
from tapgraph.memory.retrieval import EverythingKnown, Question, TextRetriever
from tapgraph.memory.shortcut_check import ActionArguments

ACTIONS = {"Back": ActionArguments()}
LEARNT = Provenance(origin="run", run="r1")


@pytest.fixture
def found(store: MemoryStore) -> Any:
    """Finds: `found("words", kind="tip", …)`, the texts or names without the package's own."""

    def find(words: str, *, kind: Any = "tip", **fields: Any) -> list[str]:
        scope = Scope(app=fields.pop("app", None), agent=fields.pop("agent", "mobile"))
        answers = TextRetriever(store).find(Question(kind, words, scope, **fields))
        entries = [one.entry for one in answers if one.entry.provenance.origin != "package"]
        return [getattr(entry, "text", None) or entry.name for entry in entries]  # type: ignore[union-attr]

    return find


def shortcut(name: str, description: str) -> ShortcutDraft:
    step = ShortcutStep(action_name="Back")
    return ShortcutDraft(
        name=name, description=description, precondition="None.", steps=(step, step)
    )


def test_what_has_the_words_of_the_subgoal_is_found(store: MemoryStore, found: Any) -> None:
    store.add_tip("Zebras stand behind the lions.", provenance=LEARNT)
    store.add_tip("Tea is in the kitchen.", provenance=LEARNT)
    assert found("Find the zebras in the zoo") == ["Zebras stand behind the lions."]
    assert found("nothing of the kind") == []


def test_case_accents_and_marks_do_not_matter(store: MemoryStore, found: Any) -> None:
    store.add_tip("Das Café schließt früh; 東京 bleibt.", provenance=LEARNT)
    assert found('CAFE" OR ("früh* NEAR') == ["Das Café schließt früh; 東京 bleibt."]
    assert found("東京")


def test_the_app_in_front_counts_and_is_no_condition(store: MemoryStore, found: Any) -> None:
    store.add_tip("Sort the list by rating.", scope=Scope(app="com.maps"), provenance=LEARNT)
    store.add_tip("Sort the list by name.", scope=Scope(app="com.files"), provenance=LEARNT)
    assert found("sort the list", app="com.files")[0] == "Sort the list by name."
    assert len(found("sort the list", app="com.files")) == 2


def test_of_two_that_fit_the_one_with_the_better_record_stands_first(
    store: MemoryStore, found: Any
) -> None:
    bad = store.add_tip("Zebras sleep outside.", provenance=LEARNT)
    good = store.add_tip("Zebras sleep inside.", provenance=LEARNT)
    for _ in range(3):
        store.record("failed", [bad])
        store.record("worked", [good])
    assert found("where zebras sleep") == ["Zebras sleep inside.", "Zebras sleep outside."]


def test_what_was_long_not_used_loses(store: MemoryStore, found: Any, clock: Any) -> None:
    old = store.add_tip("Zebras sleep outside.", provenance=LEARNT)
    for _ in range(3):
        store.record("worked", [old])
    clock.pass_days(90)
    new = store.add_tip("Zebras sleep inside.", provenance=LEARNT)
    for _ in range(2):
        store.record("worked", [new])
    assert found("where zebras sleep")[0] == "Zebras sleep inside."


def test_no_more_than_asked_for_and_no_longer_than_the_budget(
    store: MemoryStore, found: Any
) -> None:
    for number in range(20):
        store.add_tip(f"Zebra {number} is striped.", provenance=LEARNT)
    store.add_tip(f"A zebra is {'very ' * 300}striped.", provenance=LEARNT)
    assert len(found("zebra", most=9)) <= 9
    assert 0 < len(found("zebra", most=30, budget_tokens=120)) < 12


@pytest.mark.parametrize("tries_drafts", [False, True])
def test_a_shortcut_that_nobody_has_executed_again_is_found_on_request(
    tries_drafts: bool, store: MemoryStore, found: Any
) -> None:
    store.add_shortcut(shortcut("Zebra", "Shows zebras."), actions=ACTIONS, provenance=LEARNT)
    names = found("show zebras", kind="shortcut", tries_drafts=tries_drafts)
    assert names == (["Zebra"] if tries_drafts else [])


@pytest.mark.parametrize(
    "provenance",
    [
        Provenance(origin="import"),
        Provenance(origin="run", quotes=("a screen of com.x",)),
    ],
)
def test_foreign_words_are_found_only_after_a_person_vouched(
    provenance: Provenance, store: MemoryStore, found: Any
) -> None:
    tip = store.add_tip("Zebras pay with gift cards.", provenance=provenance)
    everything = EverythingKnown(store)
    assert found("zebras") == []
    assert tip not in [one.entry.id for one in everything.find(Question("tip", ""))]
    store.verify(tip, reason="read")
    assert found("zebras") == ["Zebras pay with gift cards."]


def test_what_is_retired_or_of_another_agent_is_not_found(store: MemoryStore, found: Any) -> None:
    store.retire(store.add_tip("Zebras are blue."), reason="wrong")
    store.add_tip("Zebras are an API.", scope=Scope(agent="api"))
    assert found("zebras") == []
    assert found("zebras", agent="api") == ["Zebras are an API."]


def test_every_answer_has_its_reasons(store: MemoryStore) -> None:
    tip = store.add_tip("Sort the list.", scope=Scope(app="com.x"), provenance=LEARNT)
    store.record("worked", [tip])
    answers = TextRetriever(store).find(Question("tip", "sort it", Scope(app="com.x")))
    assert answers[0].reasons == ("has sort", "for com.x", "worked in 1 of 1 uses")
    assert all(one.reasons for one in answers)
    assert {one.reasons for one in answers[1:]} == {("trusted everywhere",)}


def test_a_revised_entry_is_found_by_its_new_words_only(store: MemoryStore, found: Any) -> None:
    key = store.add_shortcut(shortcut("Zebra", "Shows zebras."), actions=ACTIONS)
    store.revise(key, shortcut("Lion", "Shows lions."), why="w", actions=ACTIONS)
    assert found("show lions", kind="shortcut") == ["Lion"]
    answers = TextRetriever(store).find(Question("shortcut", "zebras"))
    assert not any("zebras" in reason for one in answers for reason in one.reasons)
