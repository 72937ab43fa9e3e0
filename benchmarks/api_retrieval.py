"""How often the right API is among the first 10 and 20 found, and how long finding takes.

Runs the search of `ApiCatalog` (BM25) on the three sets of ShortcutsBench's pre-experiment
(MetaTool, ToolBench, ToolLLM; 1,000 queries each), each over the whole catalogue of its set:

    python benchmarks/api_retrieval.py DIR [--json FILE]

DIR is the folder that holds `pre_data/` and `data/`. For a query, "recall@k" is the share of its
gold APIs that stand among the first k; `all@k` counts a query only when all do. Gold names that the
set's own catalogue does not hold can never be found: they are counted apart, and count as missed
in the strict columns. `Finish`, the ToolLLM sets' word for the end, is no API and is left out.

Latency is measured one query at a time with an index that is already made, for ToolLLM's 10,353
APIs and for ShortcutsBench's 1,414 (asked with the 3,000 queries, whose answers are not scored).
"""

import argparse
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from tapgraph.tools.api.catalog import Api, ApiCatalog
from tapgraph.tools.api.shortcuts_catalog import load_shortcuts_catalog

SETS = ("metatool", "toolbench", "toolllm")
NO_API = "Finish"


@dataclass(frozen=True)
class Item:
    """A query and the APIs that answer it."""

    query: str
    gold: tuple[str, ...]


@dataclass(frozen=True)
class Found:
    """What was found for the items of one set.

    Attributes:
        name: the set.
        apis: the size of the catalogue.
        items: queries that have a gold API.
        gold_absent: gold APIs, over all items, that the catalogue does not hold.
        recall_10: the mean share of an item's gold APIs among the first 10, absent ones missed.
        recall_20: the same among the first 20.
        first_10: the share of items whose first gold API is among the first 10.
        first_20: the same among the first 20.
        all_10: the share of items whose gold APIs are all among the first 10.
        all_20: the same among the first 20.
        recall_10_present: like `recall_10`, over gold APIs that the catalogue holds.
        recall_20_present: the same among the first 20.
    """

    name: str
    apis: int
    items: int
    gold_absent: int
    recall_10: float
    recall_20: float
    first_10: float
    first_20: float
    all_10: float
    all_20: float
    recall_10_present: float
    recall_20_present: float


@dataclass(frozen=True)
class Latency:
    """Milliseconds of one search, and seconds to make the index."""

    apis: int
    searches: int
    median_ms: float
    p95_ms: float
    index_s: float


def read_set(folder: Path) -> tuple[ApiCatalog, list[Item]]:
    """The catalogue and the items of one set."""
    texts = json.loads((folder / "pre_all_api2info.json").read_text("utf-8"))
    catalog = ApiCatalog(
        Api(name, summary=text, origin=folder.name) for name, text in texts.items()
    )
    queries = json.loads((folder / "pre_generated_success_queries.json").read_text("utf-8"))
    items = []
    for record in queries.values():
        names = (step["api_name"] for step in record["action_seqs"])
        items.append(Item(record["query"], tuple(dict.fromkeys(n for n in names if n != NO_API))))
    return catalog, items


def gold_name(name: str, catalog: ApiCatalog) -> str:
    """The catalogue's name of a gold API: ToolBench lists as `f` what it calls `API.f`."""
    short = name.removeprefix("API.")
    return short if name not in catalog and short in catalog else name


def measure(name: str, catalog: ApiCatalog, items: Sequence[Item]) -> Found:
    """Search for all items of a set."""
    ranks: list[list[int | None]] = []
    absent = 0
    for item in items:
        found = [api.identifier for api in catalog.search(item.query, limit=20)]
        gold = [gold_name(one, catalog) for one in item.gold]
        absent += sum(one not in catalog for one in gold)
        ranks.append([
            (found.index(one) if one in found else 20) if one in catalog else None for one in gold
        ])
    scored = [of_item for of_item in ranks if of_item]
    present = [[r for r in of_item if r is not None] for of_item in scored]

    def mean(shares: Sequence[float]) -> float:
        return round(statistics.fmean(shares), 4)

    def is_in(rank: int | None, k: int) -> bool:
        return rank is not None and rank < k

    def recall(groups: Sequence[Sequence[int | None]], k: int) -> float:
        return mean([
            sum(is_in(r, k) for r in of_item) / len(of_item) for of_item in groups if of_item
        ])

    return Found(
        name=name,
        apis=len(catalog),
        items=len(scored),
        gold_absent=absent,
        recall_10=recall(scored, 10),
        recall_20=recall(scored, 20),
        first_10=mean([is_in(of_item[0], 10) for of_item in scored]),
        first_20=mean([is_in(of_item[0], 20) for of_item in scored]),
        all_10=mean([all(is_in(r, 10) for r in of_item) for of_item in scored]),
        all_20=mean([all(is_in(r, 20) for r in of_item) for of_item in scored]),
        recall_10_present=recall(present, 10),
        recall_20_present=recall(present, 20),
    )


def time_searches(catalog: ApiCatalog, queries: Sequence[str]) -> Latency:
    """Search once for each query, one after the other."""
    began = time.perf_counter()
    catalog.search("warm up", limit=1)
    index_s = time.perf_counter() - began
    taken = []
    for query in queries:
        began = time.perf_counter()
        catalog.search(query, limit=20)
        taken.append(1000 * (time.perf_counter() - began))
    return Latency(
        apis=len(catalog),
        searches=len(taken),
        median_ms=round(statistics.median(taken), 3),
        p95_ms=round(statistics.quantiles(taken, n=20)[-1], 3),
        index_s=round(index_s, 2),
    )


def main() -> None:
    """Measure, print a table, and write the numbers where asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, help="ShortcutsBench's data, with pre_data/ and data/")
    parser.add_argument("--json", type=Path, help="where to write the numbers")
    given = parser.parse_args()
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    print(f"machine: {machine}\n")
    results, queries, largest = [], [], None
    print(f"{'set':<10} {'APIs':>6} {'items':>6} {'absent':>6}  r@10   r@20   first@10 first@20 "
          "all@10 all@20  r@10*  r@20*")  # fmt: skip
    for name in SETS:
        catalog, items = read_set(given.folder / "pre_data" / name)
        found = measure(name, catalog, items)
        results.append(found)
        queries += [item.query for item in items]
        largest = catalog if largest is None or len(catalog) > len(largest) else largest
        print(f"{name:<10} {found.apis:>6,} {found.items:>6,} {found.gold_absent:>6} "
              f" {found.recall_10:.4f} {found.recall_20:.4f} {found.first_10:.4f}   "
              f"{found.first_20:.4f}   {found.all_10:.4f} {found.all_20:.4f}  "
              f"{found.recall_10_present:.4f} {found.recall_20_present:.4f}")  # fmt: skip
    print("* over gold APIs that the catalogue holds\n")
    if largest is None:
        sys.exit("no set was found")
    fresh = (ApiCatalog(largest), load_shortcuts_catalog(given.folder / "data"))
    latencies = [time_searches(catalog, queries) for catalog in fresh]
    for one in latencies:
        print(f"{one.apis:>6,} APIs: {one.median_ms} ms median, {one.p95_ms} ms p95 "
              f"over {one.searches:,} searches; index in {one.index_s} s")  # fmt: skip
    if given.json:
        report = {
            "machine": machine,
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "recall": [asdict(one) for one in results],
            "latency": [asdict(one) for one in latencies],
        }
        given.json.parent.mkdir(exist_ok=True)
        given.json.write_text(json.dumps(report, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
