"""Drafts of shortcuts from recordings: how many may be kept, and how many lead to the same place.

    python benchmarks/recordings.py                      (which renders the clips that this learns from)
    python benchmarks/recorded_shortcuts.py --clips 15   (about 8 minutes on one core; resumes)
    python benchmarks/recorded_shortcuts.py --clips 15 --again nets   (after they were trained anew)

Clips are rendered from routes of apps that no clip for training needs, with touches shown, and read
from their frames as `tapgraph memory record` reads them. A draft that passes the gate is executed
on a fresh phone of the same seed, with what was read as typed. It reached the same when the screen
shows the same words afterwards and the databases hold the same rows.
"""  # noqa: E501

import argparse
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import torch
from PIL import Image
from recordings import PARTS, by_difference, clips, runs_of_change

from tapgraph.agents.mobile.recorded_shortcut import admit_recording
from tapgraph.agents.mobile.rehearsal import play
from tapgraph.errors import ToolError, UsageError
from tapgraph.evals.phone.sim_suite import SIM_KINDS, sim_suite
from tapgraph.evals.recordings.film import film_task, write_frames
from tapgraph.evals.stats import wilson
from tapgraph.memory import ShortcutDraft
from tapgraph.tools.mobile.ocr import OcrLine, read_text
from tapgraph.tools.mobile.perception.action_finder import ActionFinder
from tapgraph.tools.mobile.perception.recording import (
    Recording,
    frame_features,
    grey_frame,
    read_recording,
)
from tapgraph.tools.mobile.perception.segmenter import Segment
from tapgraph.tools.mobile.screen_reader import ScreenReader
from tapgraph.tools.mobile.simulator.device import SimulatedDevice
from tapgraph.tools.mobile.simulator.phone import Phone
from tapgraph.tools.mobile.simulator.screen_of import screen_of
from tapgraph.tools.mobile.simulator.state_dump import difference, unexpected

RESULTS = Path(__file__).parent / "results" / "recorded_shortcuts.json"
SPLIT = "test-apps"
SIZE = (432, 960)
_SAME_FRAME = 0.05
"""Two looks at one still screen differ by less than this anywhere; such a one is read once."""

Ways = Mapping[str, Callable[[Recording, Sequence[Segment]], Sequence[Segment]]]
"""From a recording, and what was done in it, to segments."""


def main() -> None:
    """Measure the clips that are missing, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=15)
    parser.add_argument("--again", metavar="WAY", help="Measure this way anew, as after training.")
    given = parser.parse_args()
    count = given.clips
    torch.set_num_threads(1)
    found: dict[str, Any] = {"clips": {}}
    if RESULTS.exists():
        found = json.loads(RESULTS.read_text("utf-8"))
    found["command"] = f"python benchmarks/recorded_shortcuts.py --clips {count}"
    for known in found["clips"].values():
        known.pop(given.again, None)
    ways = ways_to_segments()
    members = sim_suite().splits[SPLIT]
    kinds = [kind for kind in SIM_KINDS if kind.name in members.templates]
    Random(0).shuffle(kinds)
    for kind in kinds[:count]:
        row: dict[str, Any] = dict(found["clips"].get(kind.name, {}))
        if row and not ways.keys() - row.keys():
            continue
        try:
            task = kind.task(members.first_seed)
        except UsageError:
            continue
        with kind.phone(members.first_seed) as phone, TemporaryDirectory() as folder:
            film = film_task(task, phone, Random(kind.name), touches=1.0, size=SIZE)
            if not film.segments:
                continue
            write_frames(film, Path(folder))
            recording = read_recording(Path(folder))
            spans = [Segment(one.start, one.end, one.kind, 1.0) for one in film.segments]
            read = once_read()
            row["actions"] = [one.kind for one in film.segments]
            for name, way in ways.items():
                if name in row:
                    continue
                row[name] = drafted(way(recording, spans), recording, read, task.instruction)
                draft = row[name].pop("draft", None)
                if draft is not None:
                    with kind.phone(members.first_seed) as fresh:
                        row[name] |= replayed(draft, fresh, phone)
            print(kind.name, json.dumps(row), flush=True)
        found["clips"][kind.name] = row
        RESULTS.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    print("\n".join(table(found["clips"])))


def ways_to_segments() -> Ways:
    """The shipped nets; frame difference; and what was really done, as a ceiling."""
    train = clips("train", PARTS["train"])
    threshold = by_difference(train, train)["threshold"]
    finder = ActionFinder.open()
    return {
        "nets": lambda recording, _: finder.segments(recording.frames),
        "frame difference": lambda recording, _: runs_of_change(
            frame_features(recording.frames), threshold
        ),
        "known actions": lambda _, known: known,
    }


def once_read() -> Callable[[Image.Image], Sequence[OcrLine]]:
    """Reads text, but the same still screen only once: that takes seconds."""
    known: list[tuple[torch.Tensor, Sequence[OcrLine]]] = []

    def read(picture: Image.Image) -> Sequence[OcrLine]:
        frame = grey_frame(picture)
        for other, lines in known:
            if float((frame - other).abs().max()) < _SAME_FRAME:
                return lines
        known.append((frame, read_text(picture)))
        return known[-1][1]

    return read


def drafted(
    segments: Sequence[Segment],
    recording: Recording,
    read: Callable[[Image.Image], Sequence[OcrLine]],
    does: str,
) -> dict[str, Any]:
    """The draft that may be kept, or why there is none."""
    try:
        admission = admit_recording(recording, segments, does, read_text=read)
    except UsageError as error:
        return {"refused": str(error)}
    steps = [
        f"{one.action_name} {one.target.text if one.target else dict(one.arguments_map)}"
        for one in admission.draft.steps
    ]
    return {"draft": admission.draft, "steps": steps}


def replayed(draft: ShortcutDraft, fresh: Phone, reached: Phone) -> dict[str, Any]:
    """How the draft ends on a fresh phone, beside where the recording ended."""
    device = SimulatedDevice(fresh)
    reader = ScreenReader(device, source="tree", pictures="when needed")
    try:
        screen = play(draft.steps, draft.example, device, reader)
    except ToolError as error:
        return {"failed": str(error)}
    rows = unexpected(difference(reached.dump(), fresh.dump()), [])
    seen = [
        Counter((one.role.value, one.text) for one in elements)
        for elements in (screen.elements, screen_of(reached).elements)
    ]
    return {"same screen": seen[0] == seen[1], "other rows": [str(one) for one in rows][:5]}


def table(measured: Mapping[str, Any]) -> list[str]:
    """Markdown."""
    lines = [
        f"{len(measured)} clips",
        "| actions found by | drafts that may be kept | end as the recording does | refused, why |",
        "|---|---|---|---|",
    ]
    names = [name for name in next(iter(measured.values())) if name != "actions"]
    for name in names:
        rows = [one[name] for one in measured.values() if name in one]
        kept = [row for row in rows if "refused" not in row]
        same = [row for row in kept if row.get("same screen") and not row.get("other rows")]
        cells = []
        for part in (kept, same):
            share = wilson(len(part), len(rows))
            cells.append(f"{len(part)} of {len(rows)}: {share.percent} %")
        why = Counter(reason(row["refused"]) for row in rows if "refused" in row)
        told = ", ".join(f"{count} {one}" for one, count in why.most_common())
        lines.append(f"| {name} | {' | '.join(cells)} | {told or '-'} |")
    return lines


REASONS = {
    "shows a finger": "no finger is seen",
    "without words": "touches something without words",
    "are the most": "too long",
    "twice in a row": "touches the same thing twice in a row",
    "one action": "is one action",
    "nobody acts": "no action found",
    "must be an argument": "holds something private",
}


def reason(why: str) -> str:
    """What a refusal is counted as."""
    return next((short for part, short in REASONS.items() if part in why), why)


if __name__ == "__main__":
    main()
