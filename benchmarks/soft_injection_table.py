"""The results of `soft_injection.py` as a table."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from tapgraph.evals.stats import Estimate, Tally, macro_share

ROWS = (
    "zero-shot",
    "ten-shot",
    "injected",
    "on whole answers",
    "even weights",
    "shuffled weights",
    "random",
    "random, learnt",
    "function vector",
    "LoRA",
)
Score = Literal["whole", "first"]


def print_table(kept: Mapping[str, Any]) -> None:
    """Accuracy of each row, then what injection gains, then task by task."""
    tasks: Mapping[str, Any] = kept["tasks"]
    names = list(dict.fromkeys(key.rpartition("/")[0] for key in tasks))
    print(f"{kept['model']} on {kept['machine']}; {kept['cpu_seconds']:.0f} CPU seconds")
    print(f"{len(names)} tasks; seeds: {_seeds(tasks, names)}; LoRA: {_seeds(kept['lora'], names)}")
    few = {key: record for key, record in tasks.items() if key in kept["lora"]}
    whole = {key: record for key, record in tasks.items() if key in kept["answers"]}
    for title, some, chosen in (
        ("all", tasks, "injected"),
        ("those with LoRA", few, "injected"),
        ("those learnt on whole answers", whole, "on whole answers"),
    ):
        print(f"\n{title}: accuracy in percent [95 %]")
        for row in ROWS:
            found = _rows(kept, some, row)
            if found:
                told = (f"{_accuracy(found, score).percent:24}" for score in ("whole", "first"))
                print(f"  {row:18} whole {'  first '.join(told)} ({len(found)} task-seeds)")
        print(f"{title}: {chosen} less another, in points [95 %], paired")
        for row in ROWS:
            if row != chosen and _rows(kept, some, row):
                told = (
                    _signed(_gain(kept, some, (chosen, row), one)) for one in ("whole", "first")
                )
                print(f"  {row:18} whole {'  first '.join(told)}")
    print("\nwhole answers in percent, mean over seeds")
    print("  " + "  ".join(("task".ljust(22), *ROWS, "tokens saved")))
    for name in names:
        own = {key: one for key, one in tasks.items() if key.rpartition("/")[0] == name}
        cells = [_mean_percent(_rows(kept, own, row)).rjust(len(row)) for row in ROWS]
        saved = [one["tokens"]["ten-shot"] - one["tokens"]["zero-shot"] for one in own.values()]
        print("  " + "  ".join((name.ljust(22), *cells, f"{sum(saved) / len(saved):.0f}")))
    better = sum(
        _value(_rows(kept, own, "injected")) > _value(_rows(kept, own, "ten-shot"))
        for name in names
        if (own := {key: one for key, one in tasks.items() if key.rpartition("/")[0] == name})
    )
    print(f"\ninjected is above ten-shot in {better} of {len(names)} tasks (whole answers)")
    extreme = [record["learnt"]["extreme"] for record in tasks.values()]
    print(f"weights below 0.1 or above 0.9: {100 * sum(extreme) / len(extreme):.0f} %")


def _seeds(records: Mapping[str, Any], names: Sequence[str]) -> str:
    counts = [sum(key.rpartition("/")[0] == name for key in records) for name in names]
    return ", ".join(f"{count} for {counts.count(count)} tasks" for count in sorted(set(counts)))


def _rows(kept: Mapping[str, Any], some: Mapping[str, Any], row: str) -> dict[str, Any]:
    """By task and seed what a row scored."""
    elsewhere = {"LoRA": "lora", "on whole answers": "answers"}
    source = kept.get(elsewhere[row], {}) if row in elsewhere else some
    return {key: source[key]["rows"][row] for key in some if key in source}


def _grouped(
    found: Mapping[str, Any], points: Callable[[str, int], int], score: Score
) -> list[list[Tally]]:
    groups: dict[str, list[Tally]] = {}
    for key, row in found.items():
        group = groups.setdefault(key.rpartition("/")[0], [])
        group += [Tally(points(key, place), 1) for place in range(len(row[score]))]
    return list(groups.values())


def _accuracy(found: Mapping[str, Any], score: Score) -> Estimate:
    groups = _grouped(found, lambda key, place: found[key][score][place], score)
    return macro_share(groups, seed=0)


def _gain(
    kept: Mapping[str, Any], some: Mapping[str, Any], rows: tuple[str, str], score: Score
) -> Estimate:
    """Of the first row over the other."""
    chosen, other = (_rows(kept, some, row) for row in rows)
    own = {key: one for key, one in chosen.items() if key in other}
    groups = _grouped(
        own, lambda key, place: own[key][score][place] - other[key][score][place], score
    )
    return macro_share(groups, seed=0)


def _signed(gain: Estimate) -> str:
    if gain.value is None or gain.low is None or gain.high is None:
        return "-"
    return f"{100 * gain.value:+.1f} [{100 * gain.low:+.1f}, {100 * gain.high:+.1f}]"


def _value(found: Mapping[str, Any]) -> float:
    right: list[int] = [one for row in found.values() for one in row["whole"]]
    return sum(right) / len(right)


def _mean_percent(found: Mapping[str, Any]) -> str:
    return f"{100 * _value(found):.0f}" if found else "-"
