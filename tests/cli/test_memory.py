import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tapgraph.cli.main import main
from tapgraph.memory import MemoryStore, Provenance, Scope, ShortcutDraft, ShortcutStep
from tapgraph.memory.shortcut_check import ActionArguments

ACTIONS = {"Home": ActionArguments(), "Open_App": ActionArguments(required=frozenset({"app_name"}))}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "memory.db"


@pytest.fixture
def run(place: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """`tapgraph memory …` on that memory: the exit code, and what was printed."""

    def call(*words: str) -> tuple[int, str]:
        code = main(["memory", *words, "--memory", str(place)])
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    return call


def told(run: Any, *words: str) -> Any:
    return json.loads(run(*words, "--json")[1])


def test_a_new_memory_lists_what_comes_with_the_package(run: Any) -> None:
    code, shown = run("list")
    assert code == 0
    assert "Tips: 4" in shown
    assert "Tap_Type_and_Enter(x, y, text)" in shown


def test_json_lists_the_same(run: Any) -> None:
    listed = told(run, "list")
    assert len(listed["tips"]) == 4
    assert [shortcut["name"] for shortcut in listed["shortcuts"]] == ["Tap_Type_and_Enter"]


def test_a_place_that_cannot_be_is_one_sentence(place: Path, run: Any) -> None:
    place.write_text("this is a letter, not a database", encoding="utf-8")
    code, shown = run("list")
    assert code in {2, 3}
    assert shown.count("\n") == 1


def test_the_rows_of_all_agents_are_listed_and_retired_ones_on_request(
    place: Path, run: Any
) -> None:
    with MemoryStore.open(place) as store:
        store.add_tip("Ids are numbers.", scope=Scope(agent="api"))
        store.retire(store.add_tip("Old."), reason="wrong")
    assert [one["text"] for one in told(run, "list")["tips"][4:]] == ["Ids are numbers."]
    retired = told(run, "list", "--status", "retired")
    assert [one["text"] for one in retired["tips"]] == ["Old."]


def test_an_entry_is_shown_with_its_evidence(place: Path, run: Any) -> None:
    with MemoryStore.open(place) as store:
        learnt = Provenance(origin="run", run="r1", step=3, model="m", quotes=("a screen of x",))
        tip = store.add_tip("Look first.", provenance=learnt)
        store.record("failed", [tip], run="r2", why="nothing changed")
    code, shown = run("show", tip[:10])
    assert code == 0
    for part in ("Look first.", "from: run r1, step 3, by m; quotes a screen of x", "r2"):
        assert part in shown
    assert "shown to no agent" in shown
    assert [one["why"] for one in told(run, "show", tip)["evidence"]] == ["nothing changed"]


def test_a_search_says_what_an_agent_would_be_told_and_why(place: Path, run: Any) -> None:
    with MemoryStore.open(place) as store:
        store.add_tip("In Maps a cafe can be rated.", scope=Scope(app="com.maps"))
    found = told(run, "search", "find a cafe", "--app", "com.maps")
    assert found["tips"][0]["reasons"][:2] == ["has cafe", "for com.maps"]
    assert "has cafe" in run("search", "find a cafe")[1]
    assert run("search", "x", "--agent", "fax")[0] == 2


def test_what_is_exported_can_be_imported(tmp_path: Path, run: Any) -> None:
    for name in ("memory.jsonl", "tips.txt", "shortcuts.json", "skills"):
        assert run("export", str(tmp_path / name))[0] == 0
    (tmp_path / "tips.txt").write_text("0. Rest. 1. Look.", encoding="utf-8")
    taken = told(run, "import", str(tmp_path / "tips.txt"))
    assert len(taken["kept"]) == 2
    assert told(run, "search", "rest and look")["tips"][0]["says"] not in {"Rest.", "Look."}
    assert told(run, "verify", taken["kept"][0])["entry"]["status"] == "verified"
    assert "Rest." in {one["says"] for one in told(run, "search", "rest and look")["tips"]}
    code, shown = run("import", str(tmp_path / "shortcuts.json"))
    assert code == 1
    assert "rejected Tap_Type_and_Enter: there is a shortcut" in shown


def test_a_form_that_is_not_known_is_refused(tmp_path: Path, run: Any) -> None:
    code, shown = run("export", str(tmp_path / "memory.xyz"))
    assert code == 2
    assert "give --as" in shown


def test_entries_are_retired_and_merged_by_hand(place: Path, run: Any) -> None:
    with MemoryStore.open(place) as store:
        one, other = store.add_tip("Look first."), store.add_tip("First look.  Really.")
    assert told(run, "merge", other, "--into", one)["entry"]["id"] == one
    with MemoryStore.open(place) as store:
        assert store.get(other).merged_into == one
    assert "retired (wrong)" in run("retire", one, "--reason", "wrong")[1]
    assert run("retire", "nothing")[0] == 2


def test_the_numbers_are_told_by_kind_agent_and_status(run: Any) -> None:
    rows = told(run, "stats")["rows"]
    assert rows[0] == {
        "kind": "tips", "agent": "mobile", "status": "trusted", "entries": 4, "uses": 0,
        "worked": 0,
    }  # fmt: skip
    assert "1 shortcuts mobile trusted" in run("stats")[1]


@pytest.mark.parametrize(("app_name", "code"), [("Maps", 0), ("No Such App", 1)])
def test_a_draft_is_verified_only_if_a_simulated_phone_can_carry_it_out(
    app_name: str, code: int, place: Path, run: Any
) -> None:
    draft = ShortcutDraft(
        name="Open_It",
        description="Opens an app.",
        precondition="None.",
        steps=(
            ShortcutStep(action_name="Home"),
            ShortcutStep(action_name="Open_App", arguments_map={"app_name": app_name}),
        ),
    )
    with MemoryStore.open(place) as store:
        key = store.add_shortcut(draft, actions=ACTIONS, provenance=Provenance(origin="run"))
    ended, shown = run("verify", "Open_It", "--execute")
    assert ended == code
    with MemoryStore.open(place) as store:
        assert store.get(key).status == ("draft" if code else "verified")
        assert [use.kind for use in store.uses(key)] == ["failed" if code else "worked"]
    assert ("it failed" in shown) == bool(code)
