"""Lines of JSON on disk: read with every bad line marked, written one at a time."""

import json
import os
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import JsonValue, TypeAdapter, ValidationError

from tapgraph.errors import UsageError

__all__ = [
    "JsonLines",
    "Problem",
    "Read",
    "loads_storable",
    "read_json_lines",
    "read_records",
    "storable",
    "write_records",
]

Record = TypeVar("Record")

_LONGEST_REASON = 300


@dataclass(frozen=True, slots=True)
class Problem:
    """A piece of input that could not be used, where it stands and why."""

    where: str
    reason: str

    def __str__(self) -> str:
        return f"{self.where}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Read(Generic[Record]):
    """What a file holds, and the lines that could not be used."""

    records: tuple[Record, ...]
    problems: tuple[Problem, ...]


def read_json_lines(path: Path) -> Iterator[tuple[str, dict[str, JsonValue] | Problem]]:
    """Each line that is not blank as `FILE:LINE` and its object, or what is wrong with it.

    Raises:
        UsageError: the file cannot be read at all.
    """
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    where = f"{path.name}:{number}"
                    yield where, _object_of(line, where)
    except OSError as error:
        raise UsageError(f"cannot read {str(path)!r}: {error.strerror}") from error


def read_records(path: Path, kind: type[Record]) -> Read[Record]:
    """All lines of a file that are of one kind, and a problem for each other line.

    Raises:
        UsageError: the file cannot be read at all.
    """
    adapter = TypeAdapter(kind)
    records: list[Record] = []
    problems: list[Problem] = []
    for where, found in read_json_lines(path):
        if isinstance(found, Problem):
            problems.append(found)
            continue
        try:
            records.append(adapter.validate_python(found))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(map(str, first["loc"])) or "the object"
            problems.append(Problem(where, f"{place}: {first['msg']}"))
    return Read(tuple(records), tuple(problems))


def write_records(path: Path, records: Iterable[Record], kind: type[Record]) -> None:
    """Replace a file by these records, at once, so that no half of it is ever seen."""
    adapter = TypeAdapter(kind)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.part")
    with draft.open("wb") as file:
        for record in records:
            file.write(adapter.dump_json(record) + b"\n")
    os.replace(draft, path)


class JsonLines:
    """A file that grows by a line; safe from several threads, flushed with each line.

    A last line that a killed run left without its end is closed first, so that it spoils no other.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        is_cut = path.exists() and path.stat().st_size > 0 and not _ends_with_newline(path)
        self._file = path.open("ab")
        self._lock = threading.Lock()
        if is_cut:
            self._file.write(b"\n")

    def append(self, line: bytes) -> None:
        """Add one line of JSON without a line break."""
        with self._lock:
            self._file.write(line + b"\n")
            self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def loads_storable(raw: bytes) -> JsonValue:
    """JSON whose values can be written again.

    Half surrogate pairs become U+FFFD, and the words NaN and Infinity become texts; Python reads
    them, and no other program does.

    Raises:
        ValueError: it is no JSON.
        RecursionError: it is nested too deeply.
    """
    found: JsonValue = json.loads(raw, parse_constant=str)
    return _whole(found) if b"\\ud" in raw.lower() else found


def storable(text: str) -> str:
    """The text with half surrogate pairs as U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _whole(value: JsonValue) -> JsonValue:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, list):
        return [_whole(one) for one in value]
    if isinstance(value, dict):
        return {storable(key): _whole(one) for key, one in value.items()}
    return value


def _ends_with_newline(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def _object_of(line: bytes, where: str) -> dict[str, JsonValue] | Problem:
    try:
        found = loads_storable(line)
    except UnicodeDecodeError as error:
        return Problem(where, f"the line is not UTF-8: {error.reason}")
    except RecursionError:
        return Problem(where, "the JSON is nested too deeply")
    except ValueError as error:
        return Problem(where, f"the line is not whole JSON: {str(error)[:_LONGEST_REASON]}")
    if not isinstance(found, dict):
        return Problem(where, f"expected a JSON object, got {type(found).__name__}")
    return found
