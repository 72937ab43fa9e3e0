"""How entries change: new versions, retirement, merging, and what their record makes of them."""

from typing import Any

import pytest

from tapgraph.errors import UsageError
from tapgraph.memory import MemoryStore, Provenance, Scope, ShortcutDraft, ShortcutStep, TipDraft
from tapgraph.memory.shortcut_check import ActionArguments

LEARNT = Provenance(origin="run", run="r1", step=4, model="m")
ACTIONS = {"Home": ActionArguments(), "Back": ActionArguments()}


def chain(name: str = "Go_Home", *actions: str) -> ShortcutDraft:
    steps = tuple(ShortcutStep(action_name=one) for one in actions or ("Back", "Home"))
    return ShortcutDraft(name=name, description="Goes home.", precondition="None.", steps=steps)


@pytest.mark.parametrize(
    ("origin", "status"),
    [("run", "draft"), ("import", "draft"), ("person", "verified"), ("package", "trusted")],
)
def test_an_entry_begins_as_its_origin_deserves(
    origin: Any, status: str, store: MemoryStore
) -> None:
    assert store.get(store.add_tip("Look.", provenance=Provenance(origin=origin))).status == status


def test_the_same_words_in_a_scope_are_one_tip(store: MemoryStore) -> None:
    first = store.add_tip("Look first.", provenance=LEARNT)
    assert store.add_tip("look  FIRST", provenance=LEARNT) == first
    assert store.add_tip("Look first.", scope=Scope(app="com.x")) != first


def test_a_retired_tip_comes_back_only_by_a_person(store: MemoryStore) -> None:
    tip = store.add_tip("Look first.", provenance=LEARNT)
    store.retire(tip, reason="wrong")
    store.add_tip("Look first.", provenance=LEARNT)
    assert store.get(tip).status == "retired"
    store.add_tip("Look first.")
    assert store.get(tip).status == "verified"


def test_a_name_is_taken_once_in_a_scope(store: MemoryStore) -> None:
    store.add_shortcut(chain(), actions=ACTIONS)
    store.add_shortcut(chain(), actions=ACTIONS, scope=Scope(language="de"))
    with pytest.raises(UsageError, match="there is a shortcut 'Go_Home' in this scope"):
        store.add_shortcut(chain(), actions=ACTIONS)


def test_a_new_version_keeps_the_old_one_and_begins_a_new_record(store: MemoryStore) -> None:
    kept = store.add_shortcut(chain(), actions=ACTIONS)
    store.record("worked", [kept], run="r1")
    store.revise(
        kept, chain("Go_Home", "Home"), why="Back is not needed", actions=ACTIONS, provenance=LEARNT
    )
    entry = store.get(kept)
    assert (entry.version, entry.status, entry.evidence.uses) == (2, "draft", 0)
    assert entry.provenance == LEARNT
    (old,) = store.revisions(kept)
    assert (old.version, old.status, old.why) == (1, "verified", "Back is not needed")
    assert ShortcutDraft.model_validate(old.content) == chain().model_copy()
    assert [use.kind for use in store.uses(kept)] == ["worked"]


def test_an_entry_cannot_be_revised_into_another_one(store: MemoryStore) -> None:
    first, second = store.add_tip("One."), store.add_tip("Two.")
    with pytest.raises(UsageError, match="merge them"):
        store.revise(first, TipDraft(text="two"), why="w")
    with pytest.raises(UsageError, match="cannot become another thing"):
        store.revise(second, chain(), why="w", actions=ACTIONS)


def test_a_retired_shortcut_that_is_learnt_again_is_a_new_version(store: MemoryStore) -> None:
    kept = store.add_shortcut(chain(), actions=ACTIONS, provenance=LEARNT)
    store.retire("Go_Home", reason="it never worked")
    assert [one.id for one in store.shortcuts()] != [kept]
    assert store.add_shortcut(chain(), actions=ACTIONS, provenance=LEARNT) == kept
    assert (store.get(kept).version, store.get(kept).status) == (2, "draft")


def test_merging_moves_the_record_and_leaves_a_trace(store: MemoryStore) -> None:
    kept, other = store.add_tip("Look first."), store.add_tip("Look at first.")
    for one in (kept, other):
        store.record("worked", [one], run="r1")
    store.record("failed", [other], run="r2", why="no such button")
    store.merge([other], kept, why="says the same")
    evidence = store.get(kept).evidence
    assert (evidence.uses, evidence.successes, evidence.failures) == (3, 2, 1)
    assert [use.why for use in store.uses(kept)] == ["", "", "no such button"]
    gone = store.get(other)
    assert (gone.status, gone.reason, gone.merged_into) == ("retired", "says the same", kept)
    with pytest.raises(UsageError, match="cannot be merged"):
        store.merge([kept], kept, why="itself")


def test_evidence_is_kept_row_by_row(store: MemoryStore) -> None:
    tip = store.add_tip("Look first.")
    for kind in ("retrieved", "shown", "chosen", "failed"):
        store.record(kind, [tip], run="r1", step=3, why="nothing changed")
    assert [(use.kind, use.run, use.step) for use in store.uses(tip)][1:3] == [
        ("shown", "r1", 3),
        ("chosen", "r1", 3),
    ]
    evidence = store.get(tip).evidence
    assert (evidence.shown, evidence.uses, evidence.failures) == (1, 1, 1)


def test_half_a_character_in_evidence_is_replaced(store: MemoryStore) -> None:
    tip = store.add_tip("Look first.")
    store.record("shown", [tip], why="caf\udce9")
    assert store.uses(tip)[0].why == "caf?"


def test_what_is_verified_and_often_works_is_trusted(store: MemoryStore) -> None:
    tip = store.add_tip("Look first.", provenance=LEARNT)
    store.verify(tip, reason="executed again")
    statuses = []
    for _ in range(3):
        store.record("worked", [tip])
        statuses.append(store.get(tip).status)
    assert statuses == ["verified", "verified", "trusted"]


def test_a_draft_that_works_stays_a_draft_until_it_is_verified(store: MemoryStore) -> None:
    tip = store.add_tip("Look first.", provenance=LEARNT)
    for _ in range(5):
        store.record("worked", [tip])
    assert store.get(tip).status == "draft"


@pytest.mark.parametrize(
    ("uses", "status"),
    [("ffff", "retired"), ("wfff", "retired"), ("wwff", "draft"), ("fff", "draft")],
)
def test_what_is_learnt_is_retired_by_a_lower_bound(
    uses: str, status: str, store: MemoryStore
) -> None:
    tip = store.add_tip("Look first.", provenance=LEARNT)
    for use in uses:
        store.record("worked" if use == "w" else "failed", [tip])
    entry = store.get(tip)
    assert entry.status == status
    assert ("of 4 uses" in entry.reason) == (status == "retired")


def test_what_a_person_gave_is_not_retired_by_its_record(store: MemoryStore) -> None:
    for tip in (store.add_tip("Look first."), store.tips()[0].id):
        for _ in range(9):
            store.record("failed", [tip])
        assert store.get(tip).status != "retired"


def test_what_is_retired_cannot_be_verified(store: MemoryStore) -> None:
    tip = store.add_tip("Look first.", provenance=LEARNT)
    store.retire(tip, reason="wrong")
    with pytest.raises(UsageError, match=r"is retired \(wrong\)"):
        store.verify(tip, reason="r")


def test_an_entry_is_found_by_the_beginning_of_its_identity(store: MemoryStore) -> None:
    tip = store.add_tip("Look first.")
    assert store.get(tip[:12]).id == tip
    with pytest.raises(UsageError, match="no entry 'zzz'"):
        store.get("zzz")
    with pytest.raises(UsageError, match="not the only entry"):
        store.get("initial")
    with pytest.raises(UsageError, match="not the only entry"):
        store.get("")
