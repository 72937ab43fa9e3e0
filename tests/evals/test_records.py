from dataclasses import dataclass
from pathlib import Path

import pytest

from tapgraph.errors import UsageError
from tapgraph.evals.records import JsonLines, loads_storable, read_records, write_records


@dataclass(frozen=True, slots=True)
class Visit:
    url: str
    seconds: int = 0


def test_records_come_back_as_they_were_written(tmp_path: Path) -> None:
    visits = (Visit("https://example.org/ü", 3), Visit("b"))
    write_records(tmp_path / "deep" / "visits.jsonl", visits, Visit)
    assert read_records(tmp_path / "deep" / "visits.jsonl", Visit).records == visits


def test_every_bad_line_is_marked_with_its_number(tmp_path: Path) -> None:
    path = tmp_path / "visits.jsonl"
    path.write_bytes(b'{"url": "a"}\n\n{"url": "b\n[1]\n{"seconds": 1}\n\xff\n{"url": "c"}')
    read = read_records(path, Visit)
    assert [one.url for one in read.records] == ["a", "c"]
    assert [one.where for one in read.problems] == [f"visits.jsonl:{n}" for n in (3, 4, 5, 6)]
    assert "url" in str(read.problems[2])


def test_a_line_nested_too_deeply_is_a_problem(tmp_path: Path) -> None:
    path = tmp_path / "deep.jsonl"
    path.write_text('{"url": ' + "[" * 100_000, encoding="utf-8")
    (problem,) = read_records(path, Visit).problems
    assert "nested" in problem.reason or "whole JSON" in problem.reason


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read"):
        read_records(tmp_path / "none.jsonl", Visit)


def test_a_cut_last_line_does_not_spoil_the_next_one(tmp_path: Path) -> None:
    path = tmp_path / "visits.jsonl"
    path.write_text('{"url": "a"}\n{"url": "b', encoding="utf-8")
    lines = JsonLines(path)
    lines.append(b'{"url": "c"}')
    lines.close()
    read = read_records(path, Visit)
    assert [one.url for one in read.records] == ["a", "c"]
    assert len(read.problems) == 1


def test_half_letters_and_words_for_numbers_become_storable(tmp_path: Path) -> None:
    path = tmp_path / "visits.jsonl"
    path.write_text('{"url": "\\ud83d!"}\n{"url": "\\ud83d\\ude00"}\n', encoding="utf-8")
    read = read_records(path, Visit)
    assert [one.url for one in read.records] == ["\ufffd!", "😀"]
    write_records(path, read.records, Visit)
    assert loads_storable(b'{"a": NaN}') == {"a": "NaN"}
