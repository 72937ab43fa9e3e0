"""How much of public OpenAPI documents can be called, and how long they take to read.

    python benchmarks/openapi_load.py DIR [--json FILE]

Reads every .json, .yaml and .yml file under DIR that is an OpenAPI 3 or a Swagger 2.0 document, and
prints for each the operations found, those that can be called, the rest by reason, and the seconds
of processor time from the file to its operations. A YAML document is read once more as JSON: the
claim is that a large one takes at most three times as long. No call is made; what needs a file to
upload has one by name.
"""

import argparse
import json
import re
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

from tapgraph.errors import UsageError
from tapgraph.tools.api.catalog import ApiCatalog
from tapgraph.tools.api.openapi_document import parse_value
from tapgraph.tools.api.openapi_operations import LeftOut, Operation, read_operations
from tapgraph.tools.api.openapi_source import read_service

ENDINGS = frozenset({".json", ".yaml", ".yml"})
CLAIM = 3.0
LARGE = 100_000
"""Smaller documents take so few milliseconds that the clock decides."""


@dataclass(frozen=True)
class Loaded:
    """What came of one document."""

    name: str
    bytes: int
    found: int
    callable: int
    left_out: dict[str, int]
    seconds: float
    seconds_as_json: float | None


def load(path: Path, name: str) -> Loaded:
    """Read one document; UsageError when it is none."""
    seconds, read = timed(path)
    left_out = Counter(kind_of(one.reason) for one in read if isinstance(one, LeftOut))
    catalog = ApiCatalog(one.api for one in read if isinstance(one, Operation))
    as_json = None
    if path.suffix != ".json":
        with tempfile.TemporaryDirectory() as folder:
            twin = Path(folder) / "twin.json"
            twin.write_text(json.dumps(read_service(path).content), encoding="utf-8")
            as_json = timed(twin)[0]
    return Loaded(
        name, path.stat().st_size, len(read), len(catalog), dict(left_out), seconds, as_json
    )


def timed(path: Path) -> tuple[float, list[Operation | LeftOut]]:
    """Seconds to read a document, the best of three, and its operations."""
    best = float("inf")
    for _ in range(3):
        began = time.process_time()
        document = read_service(path).content
        read = read_operations(document, origin=path.name, files=["file.bin"])
        best = min(best, time.process_time() - began)
    return best, read


def kind_of(reason: str) -> str:
    """The reason without what only this one operation has."""
    return re.sub(r"'[^']*'|\S+://\S+|--allow-host \S+|of [A-Z]+ /\S*", "…", reason)[:100]


def is_document(path: Path) -> bool:
    """Whether the file says that it is one, rather than a part of one or something else."""
    value = parse_value(path.read_bytes(), name=path.name)
    return isinstance(value, dict) and bool({"openapi", "swagger"} & value.keys())


def documents(folder: Path) -> list[Path]:
    """The files that may be documents, in order."""
    return sorted(one for one in folder.rglob("*") if one.suffix in ENDINGS and one.is_file())


def main() -> None:
    """Print a line for each document and the sums."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--json", type=Path, metavar="FILE")
    given = parser.parse_args()
    rows: list[Loaded] = []
    refused: dict[str, str] = {}
    others = 0
    for path in documents(given.folder):
        name = str(path.relative_to(given.folder))
        try:
            if not is_document(path):
                others += 1
                continue
            row = load(path, name)
        except UsageError as error:
            refused[name] = str(error)[:200]
            continue
        rows.append(row)
        twin = "" if row.seconds_as_json is None else f" ({row.seconds_as_json:.2f} s as JSON)"
        print(f"{name}: {row.callable} of {row.found} callable, {row.seconds:.2f} s{twin}")
        for reason, times in sorted(row.left_out.items(), key=lambda one: -one[1]):
            print(f"    {times} left out: {reason}")
    for name, reason in refused.items():
        print(f"{name}: refused: {reason}")
    total, found = sum(row.callable for row in rows), sum(row.found for row in rows)
    twins = [row for row in rows if row.seconds_as_json]
    ratios = [row.seconds / (row.seconds_as_json or 1) for row in twins if row.bytes >= LARGE]
    print(f"{len(rows)} documents: {total} of {found} operations callable")
    print(f"{len(refused)} files refused, {others} other files")
    if twins:
        share = sum(row.seconds for row in twins) / sum(row.seconds_as_json or 0 for row in twins)
        print(f"YAML takes {share:.1f} times as long as JSON in all")
    if ratios:
        print(f"at most {max(ratios):.1f} times from {LARGE:,} bytes on (claim: {CLAIM:g})")
    if given.json:
        record = {"documents": [asdict(row) for row in rows], "refused": refused}
        given.json.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    if not rows:
        sys.exit(f"{given.folder} holds no document")


if __name__ == "__main__":
    main()
