"""From a screen recording to a draft in the memory, and what is printed of it."""

from pathlib import Path

from tapgraph.agents.mobile.action_arguments import ACTION_ARGUMENTS
from tapgraph.agents.mobile.recorded_shortcut import admit_recording
from tapgraph.cli.exit_codes import ExitCode
from tapgraph.cli.memory_tables import said, step_lines
from tapgraph.cli.terminal import print_json, print_line
from tapgraph.errors import UsageError
from tapgraph.memory import MemoryStore, Provenance, Shortcut
from tapgraph.memory.admission import Admission
from tapgraph.settings import Settings
from tapgraph.tools.mobile.perception.action_finder import ActionFinder
from tapgraph.tools.mobile.perception.recording import read_recording

__all__ = ["record"]


def record(memory: str | None, place: Path, does: str, *, json: bool) -> int:
    """Keep a draft of what is done in a recording; 1, and why, where that may not be."""
    recording = read_recording(place)
    segments = ActionFinder.open().segments(recording.frames)
    with MemoryStore.open(memory or Settings.from_environment().memory_file) as store:
        try:
            admission = admit_recording(recording, segments, does)
            kept = store.add_shortcut(
                admission.draft,
                actions=ACTION_ARGUMENTS,
                provenance=Provenance(
                    origin="import", quotes=(f"the recording {place.name}"[:500],)
                ),
            )
        except UsageError as error:
            if json:
                print_json({"kept": None, "rejected": str(error), "repaired": []})
            else:
                print_line(f"rejected: {error}")
            return ExitCode.FAILED
        entry = store.get(kept)
    if not isinstance(entry, Shortcut):
        raise TypeError("a shortcut must come back as one")
    _print(entry, admission, json=json)
    return ExitCode.SUCCESS


def _print(entry: Shortcut, admission: Admission, *, json: bool) -> None:
    if json:
        print_json({
            "kept": entry.id,
            "rejected": "",
            "repaired": list(admission.repairs),
            "entry": entry.model_dump(mode="json"),
        })
        return
    print_line(f"kept {said(entry)}")
    for line in step_lines(entry):
        print_line(line)
    for why in admission.repairs:
        print_line(f"repaired: {why}")
    print_line(f"a draft that no agent is shown before: tapgraph memory verify {entry.name}")
