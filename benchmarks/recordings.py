"""Actions found in screen recordings, with and without class-semantics attention.

    python benchmarks/recordings.py            (about 3 minutes on one core; resumes)
    python benchmarks/recordings.py --ship     (ships the weights trained anew)

Clips are rendered from routes of the suite `sim`: those to learn from of its split `train`, those
to test on of apps that no such task needs. Controls: frame difference with the threshold that is
best on the clips to learn from; semantics of another time, and none at all.
"""

import argparse
import json
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any, get_args

import torch
from torch import Tensor

from tapgraph.errors import UsageError
from tapgraph.evals.phone.sim_suite import SIM_KINDS, sim_suite
from tapgraph.evals.recordings.film import film_task
from tapgraph.evals.recordings.scores import boundary_f1, mean_average_precision
from tapgraph.evals.recordings.training import Clip, train_locator, train_recogniser
from tapgraph.tools.mobile.perception.action_finder import ActionFinder, save_finder
from tapgraph.tools.mobile.perception.recording import frame_features
from tapgraph.tools.mobile.perception.segmenter import (
    KINDS,
    GateKind,
    Locator,
    Recogniser,
    Segment,
    segments_from,
)

CLIPS = Path("build/recordings")
RESULTS = Path(__file__).parent / "results" / "recordings.json"
PARTS = {"train": 32, "test-apps": 20}
SEEDS = (0, 1)
STEPS = 150
SHIPPED_STEPS = 1000
THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8)


def main() -> None:
    """Render and train what is missing, measure, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ship", action="store_true")
    ships = parser.parse_args().ship
    torch.set_num_threads(1)
    train, test = (clips(split, count) for split, count in PARTS.items())
    found: dict[str, Any] = {
        "command": "python benchmarks/recordings.py",
        "clips": {"train": len(train), "test": len(test)},
        "actions": {"train": sum(len(one.segments) for one in train),
                    "test": sum(len(one.segments) for one in test)},
        "rows": {"frame difference": [by_difference(train, test)]},
    }  # fmt: skip
    for seed in SEEDS:
        recogniser = train_recogniser(train, steps=STEPS, seed=seed)
        learnt, told = semantics(recogniser, train), semantics(recogniser, test)
        shares = [float((one[:-1].sum(0) > 0.5).float().mean()) for one in told]
        print(f"seed {seed}: somebody acts in {statistics.mean(shares):.2f} of the frames")
        for gate in get_args(GateKind):
            net = train_locator(train, learnt, gate, steps=STEPS, seed=seed)
            found["rows"].setdefault(gate, []).append(scored(net, test, told))
            if gate == "csa":
                for name, change in CONTROLS.items():
                    changed = [change(one) for one in told]
                    found["rows"].setdefault(name, []).append(scored(net, test, told, changed))
    finder = ActionFinder.open()
    before = scores_of([finder.segments_in(clip.features) for clip in test], test)
    found["rows"]["the shipped weights"] = [before]
    anew = trained_for_use(clips("train", len(SIM_KINDS)), test, ships=ships)
    found["rows"]["trained anew"] = [anew]
    RESULTS.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    print("\n".join(table(found["rows"])))


def _shifted(one: Tensor) -> Tensor:
    return one.roll(one.shape[1] // 2, dims=1)


CONTROLS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "csa, semantics of another time": _shifted,
    "csa, no semantics": torch.zeros_like,
}


def clips(split: str, count: int) -> list[Clip]:
    """The clips of a split, rendered now or before."""
    CLIPS.mkdir(parents=True, exist_ok=True)
    members = sim_suite().splits[split]
    kinds = [kind for kind in SIM_KINDS if kind.name in members.templates]
    every = max(1, len(kinds) // count)
    found = []
    for kind in kinds[::every][:count]:
        place = CLIPS / f"{kind.name}.pt"
        if not place.exists():
            try:
                task = kind.task(members.first_seed)
            except UsageError:
                continue
            with kind.phone(members.first_seed) as phone:
                film = film_task(task, phone, Random(kind.name))
            rows = [(one.start, one.end, KINDS.index(one.kind)) for one in film.segments]
            torch.save({"features": frame_features(film.frames), "rows": rows}, place)
            print(f"rendered {kind.name}", flush=True)
        held = torch.load(place, weights_only=True)
        spans = [Segment(start, end, KINDS[kind], 1.0) for start, end, kind in held["rows"]]
        found.append(Clip(held["features"], spans))
    return [one for one in found if one.segments]


def semantics(recogniser: Recogniser, known: Sequence[Clip]) -> list[Tensor]:
    """Shares of the kinds, `[kinds + 1, frames]` for each clip."""
    with torch.inference_mode():
        return [torch.softmax(recogniser(one.features[None])[0], 0) for one in known]


def trained_for_use(
    train: Sequence[Clip], test: Sequence[Clip], *, ships: bool
) -> dict[str, float]:
    """Scores of nets without a gate, trained longer, at the threshold that is best on `train`."""
    recogniser = train_recogniser(train, steps=SHIPPED_STEPS, seed=0)
    learnt = semantics(recogniser, train)
    net = train_locator(train, learnt, "none", steps=SHIPPED_STEPS, seed=0)
    best = max(THRESHOLDS, key=lambda one: scored(net, train, learnt, threshold=one)["f1"])
    if ships:
        save_finder(recogniser, net, threshold=best)
    scores = scored(net, test, semantics(recogniser, test), threshold=best)
    return {**scores, "clips": len(train), "steps": SHIPPED_STEPS, "threshold": best}


def scored(
    net: Locator,
    test: Sequence[Clip],
    told: Sequence[Tensor],
    gated: Sequence[Tensor] = (),
    *,
    threshold: float = 0.3,
) -> dict[str, float]:
    """Scores of a locator; kinds come from `told`, the gate from `gated` where that is given."""
    found = []
    for clip, shares, semantic in zip(test, told, gated or told, strict=True):
        with torch.inference_mode():
            bounds = torch.sigmoid(net(clip.features[None], semantic[None])[0])
        found.append(segments_from(bounds, shares, threshold=threshold))
    return scores_of(found, test)


def scores_of(found: Sequence[Sequence[Segment]], test: Sequence[Clip]) -> dict[str, float]:
    """F1 of beginnings and mean average precision."""
    truth = [one.segments for one in test]
    starts = [[one.start for one in clip] for clip in found]
    return {
        "f1": boundary_f1(starts, [[one.start for one in clip] for clip in truth]),
        "map": mean_average_precision(found, truth),
    }


def by_difference(train: Sequence[Clip], test: Sequence[Clip]) -> dict[str, float]:
    """Runs of frames that change more than a threshold; all are called taps, the usual kind."""
    tried = [round(0.002 * 1.5**power, 4) for power in range(12)]
    best = max(
        tried,
        key=lambda one: scores_of([runs_of_change(c.features, one) for c in train], train)["f1"],
    )
    return {
        **scores_of([runs_of_change(clip.features, best) for clip in test], test),
        "threshold": best,
    }


def runs_of_change(features: Tensor, threshold: float) -> list[Segment]:
    """Runs of frames that change more than that, called taps.

    Numbers of the whole stand at the end of the features, the change first.
    """
    moving = (features[:, -5] > threshold).tolist()
    found: list[Segment] = []
    for frame, is_moving in enumerate(moving):
        if is_moving and found and found[-1].end >= frame - 1:
            found[-1] = Segment(found[-1].start, frame + 1, "tap", 1.0)
        elif is_moving:
            found.append(Segment(frame, frame + 1, "tap", 1.0))
    return found


def table(rows: Mapping[str, Sequence[Mapping[str, float]]]) -> list[str]:
    """Means over seeds with the least and the greatest, as Markdown."""
    lines = ["| located by | F1 of beginnings | mAP |", "|---|---|---|"]
    for name, runs in rows.items():
        cells = [_cell([run[key] for run in runs]) for key in ("f1", "map")]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def _cell(values: Iterable[float]) -> str:
    listed = list(values)
    spread = f" ({min(listed):.3f} to {max(listed):.3f})" if len(listed) > 1 else ""
    return f"{statistics.mean(listed):.3f}{spread}"


if __name__ == "__main__":
    main()
