"""The authors' run logs (`experiment_res_*.jsonl`, `pre_experiment_res_*.jsonl`)."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

from pydantic import JsonValue

from tapgraph.errors import UsageError
from tapgraph.evals.records import Problem, Read, read_json_lines
from tapgraph.evals.shortcutsbench.action_json import actions_of, api_calls_of
from tapgraph.evals.shortcutsbench.freeze import (
    ApiTexts,
    EssentialFile,
    Frozen,
    freeze_shortcut,
    seed_of,
)
from tapgraph.evals.shortcutsbench.identifiers import is_judged
from tapgraph.evals.shortcutsbench.item import EssentialFrom, Item
from tapgraph.evals.shortcutsbench.transcript import Answer, Record, Transcript

__all__ = ["read_author_items", "read_author_log", "read_pre_experiment_log"]

Row = dict[str, JsonValue]


def read_pre_experiment_log(
    path: Path, source: Literal["metatool", "toolbench", "toolllm"]
) -> Read[Record]:
    """The records of a pre-experiment's log; each holds its item, as the log shows it.

    Raises:
        UsageError: the file cannot be read.
    """

    def record(row: Row) -> Record:
        gold = api_calls_of(row.get("aseqs"))
        url = _text(row, "URL")
        item = Item(
            id=url,
            source=source,
            query=_text(row, "query"),
            seed=seed_of(url),
            candidates=tuple(sorted(_names(row))),
            gold=gold,
            judged=tuple(range(len(gold))),
        )
        return Record(item, Transcript(item_id=url, answers=_answers(row, item.judged)))

    return _read(path, record)


def read_author_log(
    path: Path,
    apis: ApiTexts,
    *,
    items: Mapping[str, Item] | None = None,
    labels: Mapping[str, str] | None = None,
    essential: EssentialFile | None = None,
    essential_from: EssentialFrom = "none",
) -> Read[Record]:
    """The records of a main experiment's log.

    A log whose shortcut broke off holds only the gold actions up to there. With the frozen `items`
    by URL the whole gold is known, so that the strict scores count the dropped tail as wrong;
    without, nobody can tell, and the tail is missing from both families. The candidates are those
    of the log in either case. `labels` and `essential` by URL are for shortcuts beside `items`.

    Raises:
        UsageError: the file cannot be read.
    """

    def record(row: Row) -> Record:
        url = _text(row, "URL")
        logged = actions_of(row.get("aseqs"))
        known = (items or {}).get(url)
        if known is None:
            item = freeze_shortcut(
                url,
                _text(row, "query"),
                logged,
                apis,
                label=(labels or {}).get(url, ""),
                essential=(essential or {}).get(url),
                essential_from=essential_from,
                candidates=_names(row),
            )
        else:
            item = known
            if [one.identifier for one in known.gold[: len(logged)]] != [
                one.identifier for one in logged
            ]:
                raise UsageError(f"the log's gold of {url} is not that of the frozen item")
        judged = [i for i, one in enumerate(logged) if is_judged(one.identifier)]
        cut = len(logged) if len(logged) < len(item.gold) else None
        transcript = Transcript(item_id=url, answers=_answers(row, judged), logged=cut)
        return Record(item, transcript)

    return _read(path, record)


def read_author_items(
    path: Path,
    apis: ApiTexts,
    *,
    labels: Mapping[str, str],
    essential: EssentialFile,
    essential_from: EssentialFrom,
) -> Frozen:
    """Items from rows with `URL`, `query`, `api_names` and `aseqs`; answers in them are ignored.

    Raises:
        UsageError: the file cannot be read.
    """
    items: list[Item] = []
    problems: list[Problem] = []
    for where, row in read_json_lines(path):
        if isinstance(row, Problem):
            problems.append(row)
            continue
        try:
            url = _text(row, "URL")
            items.append(
                freeze_shortcut(
                    url,
                    _text(row, "query"),
                    actions_of(row.get("aseqs")),
                    apis,
                    label=labels.get(url) or str(row.get("category", "")),
                    essential=essential.get(url) or _own_essential(row),
                    essential_from=essential_from,
                    candidates=_names(row) if "api_names" in row else None,
                )
            )
        except UsageError as error:
            problems.append(Problem(where, str(error)))
    return Frozen(tuple(items), tuple(problems))


def _read(path: Path, record: Callable[[Row], Record]) -> Read[Record]:
    records: list[Record] = []
    problems: list[Problem] = []
    for where, row in read_json_lines(path):
        if isinstance(row, Problem):
            problems.append(row)
            continue
        try:
            records.append(record(row))
        except UsageError as error:
            problems.append(Problem(where, str(error)))
    return Read(tuple(records), tuple(problems))


def _answers(row: Row, judged: Sequence[int]) -> tuple[Answer, ...]:
    said = row.get("bseqs")
    if not isinstance(said, list):
        raise UsageError("the row has no bseqs")
    return tuple(
        Answer(position, _said(said[position])) for position in judged if position < len(said)
    )


def _said(entry: JsonValue) -> str:
    found = entry.get("aseq") if isinstance(entry, dict) else entry
    return found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)


def _own_essential(row: Row) -> dict[int, tuple[str, ...]]:
    found = row.get("essential")
    if not isinstance(found, dict):
        return {}
    return {
        int(position): tuple(map(str, names))
        for position, names in found.items()
        if position.isdecimal() and isinstance(names, list)
    }


def _names(row: Row) -> list[str]:
    found = row.get("api_names")
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise UsageError("api_names must be a list of texts")
    return [str(one) for one in found]


def _text(row: Row, key: str) -> str:
    found = row.get(key)
    if not isinstance(found, str):
        raise UsageError(f"the row has no {key}")
    return found
