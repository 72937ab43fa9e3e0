"""Whole evaluations on the simulated phone: what is left behind, resuming, and what breaks off."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from tapgraph.agents.mobile.agent import PhoneAgent
from tapgraph.agents.run.budget import Spent
from tapgraph.agents.run.events import Decided, ScreenSeen
from tapgraph.agents.run.outcome import Outcome
from tapgraph.agents.run.replies import TipsReply
from tapgraph.agents.run.run_folder import RunFolder
from tapgraph.errors import UsageError
from tapgraph.evals.evaluate import Evaluation, Plan, evaluate, read_evaluation
from tapgraph.evals.open_suite import open_suite
from tapgraph.evals.phone.baselines import PhoneAgents
from tapgraph.evals.phone.demonstrator import Demonstrator
from tapgraph.evals.phones import OnePhone, SimulatedPhones
from tapgraph.evals.suite import Evidence, Finding, RightEnd, Rubric, Suite, Task, suite_of
from tapgraph.evals.summary import write_summary
from tapgraph.evals.trial import TrialRecord, Verdict
from tapgraph.llm_backend.messages import Message
from tapgraph.llm_backend.scripted_model import Answer, ScriptedModel
from tapgraph.memory import MemoryStore
from tapgraph.tools.mobile.appium_device import AppiumDevice
from tapgraph.tools.mobile.device import Device
from tapgraph.tools.mobile.simulator.builder import build_phone
from tapgraph.tools.mobile.simulator.device import SimulatedDevice
from tapgraph.tools.mobile.simulator.guide import Aim, Route
from tapgraph.tools.mobile.simulator.server.simulator_server import SimulatorServer

MILK = str(Path(__file__).parent / "milk_suite.py")
ERRS = "demonstrator?error_rate=0.3"
ALARM_WAY = Route((
        Aim(words="Turn the alarm on", app="Clock", page="alarms", act="switch",
            row=("alarms", 2)),
    ))  # fmt: skip
TURN_ON_ALARM = Task(
    id="alarm", instruction="Turn on the alarm at 08:30.", route=ALARM_WAY,
    rubrics=(Rubric("any", lambda _seen: True),),
)  # fmt: skip


def timeless(record: TrialRecord) -> TrialRecord:
    return replace(record, spent=replace(record.spent, seconds=0.0))


def trajectory(evaluation: Evaluation, trial: str) -> list[object]:
    events = RunFolder.open(evaluation.folder / "runs" / trial).events()
    return [
        event.action if isinstance(event, Decided) else event.fingerprint
        for event in events
        if isinstance(event, Decided | ScreenSeen)
    ]


@pytest.fixture(scope="module")
def milk() -> Suite:
    return open_suite(MILK)


@pytest.fixture
def run(milk: Suite, tmp_path: Path) -> Callable[..., Evaluation]:
    """`run(model, folder, **plan)` on the suite of two tasks."""

    def evaluated(model: str, name: str = "out", *, workers: int = 1, **plan: Any) -> Evaluation:
        agents = PhoneAgents(model)
        return evaluate(
            milk, agents, out=tmp_path / name, plan=Plan(**plan), agent=model, workers=workers
        )

    return evaluated


def test_the_demonstrator_does_tasks_of_a_file(run: Callable[..., Evaluation]) -> None:
    done = run("demonstrator")
    assert [one.trial.id for one in done.records] == ["milk/0/0", "alarm/0/0"]
    assert all(verdict.holds for one in done.records for verdict in one.verdicts)
    assert {one.outcome for one in done.records} == {Outcome.SUCCESS}


def test_a_trial_knows_how_many_rubrics_held_after_each_step(
    run: Callable[..., Evaluation],
) -> None:
    alarm = run("demonstrator").records[1]
    # Settings open; the page with the switch; the switch turned.
    assert alarm.curve == (0.5, 1.0)


def test_every_trial_leaves_a_line_and_a_run_folder(
    run: Callable[..., Evaluation], tmp_path: Path
) -> None:
    run("null", seeds=2)
    lines = (tmp_path / "out" / "trials.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line)["id"] for line in lines] == [
        "milk/0/0", "alarm/0/0", "milk/1/0", "alarm/1/0",
    ]  # fmt: skip
    assert (tmp_path / "out" / "runs" / "alarm" / "1" / "0" / "run.json").is_file()


def test_equal_seeds_give_equal_trajectories(run: Callable[..., Evaluation]) -> None:
    one, other = run(ERRS, "one"), run(ERRS, "other")
    assert [timeless(record) for record in one.records] == [
        timeless(record) for record in other.records
    ]
    assert trajectory(one, "milk/0/0") == trajectory(other, "milk/0/0")


def test_another_trial_of_a_task_has_other_dice(run: Callable[..., Evaluation]) -> None:
    done = run("random", trials=2, max_steps=4)
    assert trajectory(done, "milk/0/0") != trajectory(done, "milk/0/1")


def test_a_killed_evaluation_goes_on_and_gives_the_same_table(
    run: Callable[..., Evaluation], tmp_path: Path
) -> None:
    out = tmp_path / "killed"
    script = Path(__file__).with_name("killed_evaluation.py")
    command = [sys.executable, str(script), MILK, ERRS, str(out)]
    killed = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    kept = (out / "trials.jsonl").read_text("utf-8")
    assert kept.count("\n") == 2
    assert (out / "runs" / "milk" / "1" / "0" / "run.json").is_file()
    again, whole = run(ERRS, "killed", seeds=2), run(ERRS, "whole", seeds=2)
    assert (out / "trials.jsonl").read_text("utf-8").startswith(kept)
    assert [timeless(record) for record in again.records] == [
        timeless(record) for record in whole.records
    ]
    rows = [
        [(one.name, one.estimate) for one in write_summary(done) if one.name != "seconds"]
        for done in (again, whole)
    ]
    assert rows[0] == rows[1]


def test_what_a_killed_trial_has_left_is_replaced(
    run: Callable[..., Evaluation], tmp_path: Path
) -> None:
    left = tmp_path / "out" / "runs" / "milk" / "0" / "0"
    left.mkdir(parents=True)
    (left / "run.json").write_text("{", encoding="utf-8")
    assert run("demonstrator").records[0].error == ""


def test_a_trial_that_raises_counts_as_failed_and_is_tried_again(
    milk: Suite, tmp_path: Path
) -> None:
    agents = PhoneAgents("demonstrator")
    is_broken = True

    def sometimes(device: Device, task: Task, seed: int) -> PhoneAgent:
        if task.id == "milk" and is_broken:
            raise ValueError("no such luck")
        return agents(device, task, seed)

    first = evaluate(milk, sometimes, out=tmp_path)
    assert [one.error for one in first.broken_off] == ["ValueError: no such luck"]
    success = next(one for one in write_summary(first) if one.name == "success").estimate
    assert (success.value, success.n) == (0.5, 2)
    assert "milk/0/0: ValueError: no such luck" in (tmp_path / "summary.md").read_text("utf-8")
    assert read_evaluation(tmp_path).broken_off == first.broken_off
    is_broken = False
    assert evaluate(milk, sometimes, out=tmp_path).broken_off == ()


def test_a_rubric_that_raises_breaks_its_trial_off(tmp_path: Path) -> None:
    broken = Rubric("asks a table that is not there", lambda seen: bool(seen.rows("Notes", "x")))
    suite = suite_of([
        Task(
            id="odd", instruction="Turn on the alarm at 08:30.", rubrics=(broken,), route=ALARM_WAY
        )
    ])
    done = evaluate(suite, PhoneAgents("demonstrator"), out=tmp_path)
    assert "OperationalError" in done.broken_off[0].error


def test_a_folder_of_another_evaluation_is_refused(run: Callable[..., Evaluation]) -> None:
    run("null")
    with pytest.raises(UsageError, match="another evaluation"):
        run("open-apps")


def test_a_folder_without_an_evaluation_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no evaluation"):
        read_evaluation(tmp_path)


def test_what_was_evaluated_is_read_back(run: Callable[..., Evaluation], tmp_path: Path) -> None:
    done = run("null", seeds=2)
    assert read_evaluation(tmp_path / "out").header == done.header
    assert {one.trial.id for one in read_evaluation(tmp_path / "out").records} == {
        one.trial.id for one in done.records
    }


@pytest.mark.parametrize("plan", [{"seeds": 0}, {"trials": -1}, {"max_steps": 0}])
def test_a_plan_of_nothing_is_refused(plan: dict[str, int]) -> None:
    with pytest.raises(UsageError, match="at least 1"):
        Plan(**plan)  # type: ignore[arg-type]


def test_faults_that_cannot_be_read_are_refused_before_anything_runs() -> None:
    with pytest.raises(UsageError, match="cannot read the fault"):
        SimulatedPhones("tap@x")


def test_faults_happen_in_trials(milk: Suite, tmp_path: Path) -> None:
    done = evaluate(
        milk,
        PhoneAgents("demonstrator"),
        out=tmp_path,
        phones=SimulatedPhones("tap@1"),
    )
    # The first tap of each task does nothing, so the demonstrator taps again.
    assert done.records[1].spent.steps == 3
    assert done.records[1].actions == (2, 3)


def test_the_set_up_comes_before_the_agent(tmp_path: Path) -> None:
    def turn_on(device: Device) -> None:
        settings = device.phone.database("com.android.settings")  # type: ignore[attr-defined]
        settings.execute("UPDATE switches SET is_on = 1")

    rubric = Rubric(
        "the NFC switch is on",
        lambda seen: (
            seen.rows("Settings", "SELECT is_on FROM switches WHERE label = 'NFC'") == [(1,)]
        ),
    )
    task = Task(id="t", instruction="Turn on NFC.", rubrics=(rubric,), set_up=turn_on)
    done = evaluate(suite_of([task]), PhoneAgents("null"), out=tmp_path)
    assert done.records[0].verdicts == (Verdict(rubric.name, True, "machine"),)


def test_a_change_that_a_task_does_not_allow_is_a_side_effect(tmp_path: Path) -> None:
    task = replace(TURN_ON_ALARM, allows=lambda change: change.matches("com.android.notes/*"))
    done = evaluate(suite_of([task]), PhoneAgents("demonstrator"), out=tmp_path)
    assert done.records[0].side_effects is not None
    assert "com.google.android.deskclock/alarms/2: is_on 0 -> 1" in done.records[0].side_effects


def test_a_change_that_a_task_allows_is_none(tmp_path: Path) -> None:
    task = replace(
        TURN_ON_ALARM, allows=lambda change: change.matches("com.google.android.deskclock/*")
    )
    done = evaluate(suite_of([task]), PhoneAgents("demonstrator"), out=tmp_path)
    assert done.records[0].side_effects == ()


def test_without_a_word_on_changes_side_effects_are_not_told(tmp_path: Path) -> None:
    done = evaluate(suite_of([TURN_ON_ALARM]), PhoneAgents("demonstrator"), out=tmp_path)
    assert done.records[0].side_effects is None


def test_changes_are_evidence_at_the_end(tmp_path: Path) -> None:
    def look(seen: Evidence) -> bool:
        return seen.changes is not None and len(seen.changes) > 0

    task = replace(TURN_ON_ALARM, rubrics=(Rubric("something was changed", look),))
    (one,) = evaluate(suite_of([task]), PhoneAgents("demonstrator"), out=tmp_path).records
    assert one.verdicts[0].holds
    assert set(one.curve) == {0.0}


def test_answer_and_events_are_evidence(tmp_path: Path) -> None:
    seen: list[Evidence] = []

    def look(evidence: Evidence) -> Finding:
        seen.append(evidence)
        return Finding(True)

    task = Task(
        id="t",
        instruction="Turn on the alarm at 08:30.",
        route=ALARM_WAY,
        rubrics=(Rubric("any", look),),
    )
    evaluate(suite_of([task]), PhoneAgents("demonstrator"), out=tmp_path)
    assert [len(one.events) for one in seen] == sorted(len(one.events) for one in seen)
    last = seen[-1]
    assert last.screen is not None
    assert last.screen.app.label == "Clock"
    assert last.shows("08:30.*")


@pytest.mark.parametrize(("right_end", "done"), [("cannot", True), ("done", False)])
def test_giving_up_is_right_where_it_cannot_be_done(
    right_end: RightEnd, done: bool, tmp_path: Path
) -> None:
    rubric = Rubric("nothing was written", lambda seen: not seen.notes)
    task = Task(id="t", instruction="Call Mars.", rubrics=(rubric,), right_end=right_end)
    found = evaluate(suite_of([task]), PhoneAgents("null"), out=tmp_path)
    success = next(one for one in write_summary(found) if one.name == "success").estimate
    assert success.value == float(done)


def test_one_scenario_shares_a_memory_in_the_evolution_setting(
    run: Callable[..., Evaluation], tmp_path: Path
) -> None:
    run("demonstrator", setting="evolution")
    memory = tmp_path / "out" / "memory"
    assert (memory / "milk" / "0" / "0.db").is_file()
    assert (memory / "alarm" / "0" / "0.db").is_file()


LEARNT = ("Look for the switch first.", "Scroll before you search.")


@pytest.mark.parametrize("is_shown", [False, True])
def test_tasks_to_come_are_shown_to_the_reflectors_on_request(
    is_shown: bool, tmp_path: Path, known_routes: Any
) -> None:
    asked: list[str] = []

    def make(device: Device, _task: Task, _seed: int) -> PhoneAgent:
        assert isinstance(device, SimulatedDevice)
        demonstrator = Demonstrator(ALARM_WAY, device.phone)

        def answer(messages: Sequence[Message], schema: type[BaseModel] | None) -> Answer:
            if schema is TipsReply:
                asked.append(messages[-1].text)
                return TipsReply(tips=[LEARNT[len(asked) - 1]])
            return demonstrator.reply(messages, schema=schema)

        return PhoneAgent(device, ScriptedModel(answer))

    first = replace(TURN_ON_ALARM, id="first")
    suite = suite_of([first, replace(first, id="second")])
    plan = Plan(setting="evolution", future_tasks=is_shown)
    evaluate(suite, make, out=tmp_path, plan=plan)
    told = [text.rpartition("## Tasks to come\n")[2] for text in asked]
    instruction = TURN_ON_ALARM.instruction
    assert told == [f"- {instruction}" if is_shown else "not told", "not told"]
    with MemoryStore.open(tmp_path / "memory" / "second" / "0" / "0.db") as memory:
        learnt = {tip.text for tip in memory.tips() if tip.provenance.origin == "run"}
    assert learnt == set(LEARNT)


def test_tasks_to_come_need_a_memory_that_goes_on() -> None:
    with pytest.raises(UsageError, match="evolution setting only"):
        Plan(future_tasks=True)


def test_the_individual_setting_keeps_no_memory(
    run: Callable[..., Evaluation], tmp_path: Path
) -> None:
    run("null")
    assert not (tmp_path / "out" / "memory").exists()


def test_a_suite_of_this_process_cannot_go_to_others(tmp_path: Path) -> None:
    suite = suite_of([Task(id="t", instruction="x", rubrics=(Rubric("r"),))])
    with pytest.raises(UsageError, match="several workers open the suite again"):
        evaluate(suite, PhoneAgents("null"), out=tmp_path, workers=2)


def test_an_agent_of_this_process_cannot_go_to_others(milk: Suite, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="other processes can import"):
        evaluate(
            milk,
            lambda device, _task, _seed: PhoneAgent(device, "openai:x"),
            out=tmp_path,
            workers=2,
        )


def test_memory_that_goes_on_needs_one_worker(run: Callable[..., Evaluation]) -> None:
    with pytest.raises(UsageError, match="wait for each other"):
        run("null", workers=2, setting="evolution")


@pytest.mark.slow
def test_several_processes_give_the_same_records(run: Callable[..., Evaluation]) -> None:
    alone, together = run(ERRS, "one"), run(ERRS, "two", workers=2)
    assert [timeless(record) for record in alone.records] == [
        timeless(record) for record in together.records
    ]
    assert alone.records[0].spent != Spent()


def test_a_phone_behind_appium_is_measured_by_what_it_shows(tmp_path: Path) -> None:
    shown = Rubric("the alarm is on the screen", lambda seen: seen.shows("08:30.*"))
    asked = replace(TURN_ON_ALARM, apps=("Clock",), rubrics=(shown, Rubric("it looks switched on")))
    with build_phone() as phone, SimulatorServer(phone) as server:
        phones = OnePhone("phone", partial(AppiumDevice.connect, server.url))
        done = evaluate(suite_of([asked]), PhoneAgents("open-apps"), out=tmp_path, phones=phones)
    (one,) = done.records
    assert one.verdicts == (
        Verdict("the alarm is on the screen", True, "machine"),
        Verdict("it looks switched on", None, "nobody"),
    )
    assert (one.outcome, one.actions.n, one.side_effects) == (Outcome.SUCCESS, 0, None)


def test_a_single_phone_cannot_be_worked_on_by_several(milk: Suite, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="only one phone: leave --workers"):
        evaluate(
            milk,
            PhoneAgents("null"),
            out=tmp_path,
            phones=OnePhone("phone", partial(AppiumDevice.connect, "http://127.0.0.1:9")),
            workers=2,
        )


@pytest.mark.slow
def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    script = Path(__file__).with_name("orphaning_evaluation.py")
    command = [sys.executable, str(script), MILK, str(tmp_path)]
    # Workers hold the pipes of the process, so that this returns only when they have ended too.
    killed = subprocess.run(command, capture_output=True, check=False, timeout=120)
    assert killed.returncode == -signal.SIGKILL
