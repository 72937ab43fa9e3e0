"""Takes files of other people into the memory: as drafts that nobody is shown, marked as such."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tapgraph.errors import UsageError
from tapgraph.memory.admission import admit_shortcut, check_tip
from tapgraph.memory.forms.json_lines import read_lines
from tapgraph.memory.forms.original import read_shortcuts, read_tips
from tapgraph.memory.forms.skill import read_skill
from tapgraph.memory.models import Origin, Provenance, Scope, ShortcutDraft, TipDraft
from tapgraph.memory.shortcut_check import ActionArguments
from tapgraph.memory.store import MemoryStore

__all__ = ["TakenIn", "take_in"]


@dataclass(slots=True)
class TakenIn:
    """What came of a file.

    Attributes:
        entries: the identities of what is in the memory now.
        rejected: why others are not, by a name.
        repaired: what was put right in shortcuts, by their names.
    """

    entries: list[str] = field(default_factory=list)
    rejected: dict[str, str] = field(default_factory=dict)
    repaired: dict[str, tuple[str, ...]] = field(default_factory=dict)


def take_in(
    store: MemoryStore,
    place: Path,
    actions: Mapping[str, ActionArguments],
    *,
    vouched: bool = False,
) -> TakenIn:
    """Read `tips.txt`, `shortcuts.json`, JSON Lines, a `SKILL.md` or a folder of skills.

    Everything comes in as a draft that no agent is shown, unless a person has `vouched` for it.

    Raises:
        UsageError: the file cannot be read, or is none of these.
    """
    taken = TakenIn()
    origin: Origin = "person" if vouched else "import"
    quotes = () if vouched else (f"the file {place.name}"[:500],)
    for draft, scope in _proposals(place, taken):
        name = draft.name if isinstance(draft, ShortcutDraft) else draft.text[:60]
        provenance = Provenance(origin=origin, quotes=quotes)
        try:
            if isinstance(draft, TipDraft):
                check_tip(draft)
                taken.entries.append(store.add_tip(draft, scope=scope, provenance=provenance))
                continue
            admission = admit_shortcut(draft, actions)
            kept = store.add_shortcut(
                admission.draft, actions=actions, scope=scope, provenance=provenance
            )
        except UsageError as error:
            taken.rejected[name] = str(error)
            continue
        taken.entries.append(kept)
        if admission.repairs:
            taken.repaired[name] = admission.repairs
    return taken


def _proposals(place: Path, taken: TakenIn) -> Iterator[tuple[TipDraft | ShortcutDraft, Scope]]:
    if place.is_dir():
        files = sorted(place.rglob("SKILL.md"))
        if not files:
            raise UsageError(f"the folder {str(place)!r} holds no SKILL.md")
        for file in files:
            yield read_skill(file), Scope()
        return
    if place.suffix == ".md":
        yield read_skill(place), Scope()
        return
    try:
        text = place.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{str(place)!r} cannot be read: {error}") from error
    match place.suffix:
        case ".txt":
            yield from ((tip, Scope()) for tip in read_tips(text))
        case ".jsonl":
            yield from read_lines(text)
        case ".json":
            drafts, rejected = read_shortcuts(text)
            taken.rejected |= rejected
            yield from ((draft, Scope()) for draft in drafts.values())
        case _:
            raise UsageError(
                f"{str(place)!r} is no .txt of tips, .json of shortcuts, .jsonl, SKILL.md or folder"
            )
