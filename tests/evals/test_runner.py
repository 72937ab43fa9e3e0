import threading
from dataclasses import dataclass
from pathlib import Path

import pytest

from tapgraph.errors import ModelUnavailable, UsageError
from tapgraph.evals.runner import Progress, read_results, run_items


@dataclass(frozen=True, slots=True)
class Sum:
    id: str
    a: int
    b: int


@dataclass(frozen=True, slots=True)
class Total:
    value: int


SUMS = [Sum(f"s{n}", n, n) for n in range(20)]


def add(one: Sum) -> Total:
    return Total(one.a + one.b)


def test_all_items_get_a_result(tmp_path: Path) -> None:
    seen: list[Progress] = []
    report = run_items(SUMS, add, tmp_path / "r.jsonl", Total, workers=4, on_progress=seen.append)
    assert report.results == {one.id: Total(2 * one.a) for one in SUMS}
    assert max(one.done for one in seen) == 20


def test_a_run_goes_on_where_it_stopped(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    run_items(SUMS[:12], add, path, Total)
    asked: list[str] = []

    def count(one: Sum) -> Total:
        asked.append(one.id)
        return add(one)

    report = run_items(SUMS, count, path, Total)
    assert asked == [one.id for one in SUMS[12:]]
    assert (report.resumed, len(report.results)) == (12, 20)


def test_one_failed_item_neither_stops_nor_leaves_the_run(tmp_path: Path) -> None:
    def work(one: Sum) -> Total:
        if one.a == 3:
            raise ZeroDivisionError("oh")
        return add(one)

    report = run_items(SUMS, work, tmp_path / "r.jsonl", Total, workers=3)
    assert len(report.results) == 19
    assert report.failures["s3"].error == "ZeroDivisionError: oh"
    repaired = run_items(SUMS, add, tmp_path / "r.jsonl", Total)
    assert (len(repaired.results), repaired.failures) == (20, {})


def test_a_cut_or_foreign_line_is_marked_and_its_item_done_again(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    run_items(SUMS[:2], add, path, Total)
    with path.open("a", encoding="utf-8") as file:
        file.write('{"id":"s2","result":{"value":"x"}}\n{"result":{}}\n{"id":"s3","resu')
    assert len(read_results(path, Total).problems) == 3
    report = run_items(SUMS[:4], add, path, Total)
    assert len(report.results) == 4
    assert len(report.problems) == 3


def test_a_missing_server_ends_the_run_after_25_items_in_a_row(tmp_path: Path) -> None:
    calls: list[str] = []

    def work(one: Sum) -> Total:
        calls.append(one.id)
        raise ModelUnavailable("nobody answers")

    many = [Sum(f"s{n}", n, n) for n in range(200)]
    with pytest.raises(ModelUnavailable.__base__, match="the last 25 items failed"):  # type: ignore[arg-type]
        run_items(many, work, tmp_path / "r.jsonl", Total)
    assert len(calls) < 30


def test_an_interrupt_keeps_what_is_done(tmp_path: Path) -> None:
    def work(one: Sum) -> Total:
        return add(one)

    def interrupt(progress: Progress) -> None:
        if progress.done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_items(SUMS, work, tmp_path / "r.jsonl", Total, on_progress=interrupt)
    assert len(read_results(tmp_path / "r.jsonl", Total).results) >= 5


def test_as_many_items_run_at_once_as_there_are_workers(tmp_path: Path) -> None:
    together = threading.Barrier(8, timeout=10)

    def work(one: Sum) -> Total:
        together.wait()
        return add(one)

    assert len(run_items(SUMS[:16], work, tmp_path / "r.jsonl", Total, workers=8).results) == 16


def test_wrong_use_is_refused_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="workers must be at least 1"):
        run_items(SUMS, add, tmp_path / "r.jsonl", Total, workers=0)
    with pytest.raises(UsageError, match="same id"):
        run_items([SUMS[0], SUMS[0]], add, tmp_path / "r.jsonl", Total)


@dataclass(frozen=True, slots=True)
class Word:
    text: str


def test_a_result_that_cannot_be_written_fails_alone(tmp_path: Path) -> None:
    def work(one: Sum) -> Word:
        return Word("\ud83d" if one.a == 1 else "fine")

    report = run_items(SUMS[:3], work, tmp_path / "r.jsonl", Word)
    assert set(report.results) == {"s0", "s2"}
    assert set(report.failures) == {"s1"}
