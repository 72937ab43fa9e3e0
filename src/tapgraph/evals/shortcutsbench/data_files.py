"""The authors' files on disk, as they lie in their repository and come from their drive."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, get_args

from pydantic import JsonValue

from tapgraph.errors import UsageError
from tapgraph.evals.records import Problem, loads_storable, read_json_lines
from tapgraph.evals.shortcutsbench.author_log import read_author_items
from tapgraph.evals.shortcutsbench.freeze import (
    ApiTexts,
    Frozen,
    ShortcutFiles,
    freeze_pre_experiment,
    freeze_shortcuts,
)
from tapgraph.evals.shortcutsbench.item import EssentialFrom

__all__ = [
    "PRE_EXPERIMENTS",
    "holds_shortcuts",
    "load_api_texts",
    "load_labels",
    "load_pre_experiment",
    "load_pre_experiment_texts",
    "load_shortcuts",
    "read_essential",
]

PreExperiment = Literal["metatool", "toolbench", "toolllm"]
PRE_EXPERIMENTS: tuple[PreExperiment, ...] = get_args(PreExperiment)

GOLD = "1_final_detailed_records_filter_apis_leq_30.json"
QUERIES = "generated_success_queries.json"
INTERSECTION = "gpt-3.5-turbo_check_intersection_of_query_and_para_necessary.json"
NECESSARY = "all_shortcuts_paras_that_is_necessary_in_query.json"
CATEGORIES = "generated_success_categories.json"
EXAMPLES = "real_examples_4.jsonl"
_RETURN_VALUE = "ThisIsReturnValue:"


def load_shortcuts(folder: Path) -> Frozen:
    """The items of ShortcutsBench from a folder of the authors' files.

    The gold and the queries are on the authors' drives. Where they are absent, the items are those
    of `examples/*.jsonl`, and the first problem says so.

    Raises:
        UsageError: the folder has neither, or no API texts, or a file is broken.
    """
    apis = load_api_texts(folder)
    labels = load_labels(folder)
    essential, source, problems = read_essential(folder)
    gold, queries = _find(folder, GOLD), _find(folder, QUERIES)
    if gold is not None and queries is not None:
        actions, more = _gold_actions(_json(gold), gold.name)
        files = ShortcutFiles(_queries(_json(queries)), actions, apis, labels, essential, source)
        frozen = freeze_shortcuts(files)
        return Frozen(frozen.items, (*problems, *more, *frozen.problems))
    examples = _examples(folder)
    if not examples:
        raise UsageError(
            f"{str(folder)!r} has neither {GOLD} with {QUERIES} (links in the ShortcutsBench "
            "repository's README) nor examples/*.jsonl"
        )
    absent = Problem(
        str(folder), f"{GOLD} and {QUERIES} are not here: only the examples are evaluated"
    )
    frozen = read_author_items(
        examples[0], apis, labels=labels, essential=essential, essential_from=source
    )
    return Frozen(frozen.items, (absent, *problems, *frozen.problems))


def holds_shortcuts(folder: Path) -> bool:
    """Whether `load_shortcuts` finds items there."""
    is_whole = _find(folder, GOLD) is not None and _find(folder, QUERIES) is not None
    return is_whole or bool(_examples(folder))


def load_pre_experiment(folder: Path, source: PreExperiment) -> Frozen:
    """The items of a pre-experiment set from `pre_data/SOURCE`.

    Raises:
        UsageError: the files are absent or broken.
    """
    queries = _object(folder / "pre_data" / source / "pre_generated_success_queries.json")
    return freeze_pre_experiment(source, queries, load_pre_experiment_texts(folder, source))


def load_pre_experiment_texts(folder: Path, source: PreExperiment) -> Mapping[str, str]:
    """The description of each API of a pre-experiment set."""
    return _texts(_object(folder / "pre_data" / source / "pre_all_api2info.json"))


def load_api_texts(folder: Path) -> ApiTexts:
    """The 1,414 API texts and declared parameters.

    Raises:
        UsageError: `all_api2info.json` is absent or broken.
    """
    info = _find(folder, "all_api2info.json")
    if info is None:
        raise UsageError(f"{str(folder)!r} has no all_api2info.json")
    types = _find(folder, "all_api2paraname2paratype.json")
    declared = _object(types) if types is not None else {}
    names = {
        identifier: tuple(types)
        for identifier, types in declared.items()
        if isinstance(types, dict)
    }
    return ApiTexts(
        _texts(_object(info)),
        {
            identifier: tuple(name for name in own if not name.startswith(_RETURN_VALUE))
            for identifier, own in names.items()
        },
        {
            identifier: name.removeprefix(_RETURN_VALUE)
            for identifier, own in names.items()
            for name in own
            if name.startswith(_RETURN_VALUE)
        },
    )


def load_labels(folder: Path) -> dict[str, str]:
    """The task type of each shortcut by URL, as the authors' file labels it; empty without it."""
    categories = _find(folder, CATEGORIES)
    rows = _object(categories) if categories is not None else {}
    return {url: str(row.get("category", "")) for url, row in rows.items() if isinstance(row, dict)}


def read_essential(
    folder: Path,
) -> tuple[dict[str, dict[int, tuple[str, ...]]], EssentialFrom, tuple[Problem, ...]]:
    """Literal parameters to score, by URL and position; from which file; what was unreadable.

    The authors' file of parameters that stand in the query is on their drive, as JSON and as JSON
    Lines; without it, the file of all literal parameters stands in, which is a superset.

    Raises:
        UsageError: a file is broken.
    """
    intersection = _find(folder, f"json-{INTERSECTION}") or _find(folder, INTERSECTION)
    if intersection is not None:
        return _intersection(intersection)
    necessary = _find(folder, NECESSARY)
    if necessary is None:
        return {}, "none", ()
    return *_all_literal(_object(necessary)), ()


def _intersection(
    path: Path,
) -> tuple[dict[str, dict[int, tuple[str, ...]]], EssentialFrom, tuple[Problem, ...]]:
    try:
        found: JsonValue = loads_storable(path.read_bytes())
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, dict) and not isinstance(found.get("URL"), str):
        essential, unmarked = _marked_essential(found)
        return essential, "intersection", unmarked
    rows: dict[str, JsonValue] = {}
    problems: list[Problem] = []
    for where, row in read_json_lines(path):
        if isinstance(row, Problem):
            problems.append(row)
        elif isinstance(url := row.get("URL"), str):
            rows[url] = row
        else:
            problems.append(Problem(where, "the line has no URL"))
    if not rows:
        raise UsageError(f"{path.name} is neither whole JSON nor JSON Lines")
    essential, unmarked = _marked_essential(rows)
    return essential, "intersection-lines", (*problems, *unmarked)


def _all_literal(
    found: Mapping[str, JsonValue],
) -> tuple[dict[str, dict[int, tuple[str, ...]]], EssentialFrom]:
    essential = {
        url: {
            int(position): tuple(names)
            for position, names in by_position.items()
            if position.isdecimal() and isinstance(names, dict)
        }
        for url, by_position in found.items()
        if isinstance(by_position, dict)
    }
    return essential, "necessary"


def _marked_essential(
    found: Mapping[str, JsonValue],
) -> tuple[dict[str, dict[int, tuple[str, ...]]], tuple[Problem, ...]]:
    essential: dict[str, dict[int, tuple[str, ...]]] = {}
    problems = []
    for url, row in found.items():
        marks = row.get("significant_paras") if isinstance(row, dict) else None
        if not isinstance(marks, dict):
            problems.append(Problem(url, f"{INTERSECTION} holds no significant_paras for it"))
            continue
        essential[url] = {
            int(position): tuple(
                name for name, mark in by_name.items() if _is_essential(mark, name)
            )
            for position, by_name in marks.items()
            if position.isdecimal() and isinstance(by_name, dict)
        }
    return essential, tuple(problems)


def _is_essential(mark: JsonValue, name: str) -> bool:
    return isinstance(mark, dict) and mark.get(name) == "Essential parameter"


def _gold_actions(found: JsonValue, where: str) -> tuple[dict[str, JsonValue], tuple[Problem, ...]]:
    if not isinstance(found, list):
        raise UsageError(f"{where} must hold a list of shortcuts")
    actions: dict[str, JsonValue] = {}
    problems = []
    for number, row in enumerate(found):
        url = row.get("URL") if isinstance(row, dict) else None
        shortcut = row.get("shortcut") if isinstance(row, dict) else None
        url = url[0] if isinstance(url, list) and url else url
        if not isinstance(url, str):
            problems.append(Problem(f"{where}[{number}]", "it has no URL"))
        elif not isinstance(shortcut, dict):
            problems.append(Problem(url, "its shortcut is null"))
        else:
            actions[url] = shortcut.get("WFWorkflowActions")
    return actions, tuple(problems)


def _queries(found: JsonValue) -> dict[str, JsonValue]:
    if not isinstance(found, dict):
        raise UsageError(f"{QUERIES} must hold an object")
    queries: dict[str, JsonValue] = {}
    for url, row in found.items():
        generated = row.get("GeneratedQuery") if isinstance(row, dict) else None
        queries[url] = generated.get("query") if isinstance(generated, dict) else None
    return queries


def _examples(folder: Path) -> list[Path]:
    return sorted((folder / "examples").glob("*.jsonl")) or sorted(folder.glob("items*.jsonl"))


def _find(folder: Path, name: str) -> Path | None:
    return next((path for path in (folder / name, folder / "data" / name) if path.is_file()), None)


def _texts(found: Mapping[str, JsonValue]) -> dict[str, str]:
    return {identifier: text for identifier, text in found.items() if isinstance(text, str)}


def _object(path: Path) -> dict[str, JsonValue]:
    found = _json(path)
    if not isinstance(found, dict):
        raise UsageError(f"{path.name} must hold an object, got {type(found).__name__}")
    return found


def _json(path: Path) -> JsonValue:
    try:
        return loads_storable(path.read_bytes())
    except OSError as error:
        raise UsageError(f"cannot read {str(path)!r}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path.name} is not whole JSON: {str(error)[:200]}") from error
