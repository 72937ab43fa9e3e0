"""From the options of `tapgraph memory` to rows, and to what is printed."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_args

from rich.console import Console

from tapgraph.agents.mobile.action_arguments import ACTION_ARGUMENTS
from tapgraph.agents.mobile.rehearsal import Rehearsal
from tapgraph.cli.exit_codes import ExitCode
from tapgraph.cli.memory_tables import entry_table, evidence_table, found_table, said, step_lines
from tapgraph.cli.terminal import print_json, print_line
from tapgraph.errors import UsageError
from tapgraph.evals.phones import SimulatedPhones
from tapgraph.memory import MemoryStore, Scope, Shortcut
from tapgraph.memory.forms.json_lines import written_lines
from tapgraph.memory.forms.original import written_shortcuts, written_tips
from tapgraph.memory.forms.skill import write_skills
from tapgraph.memory.forms.take_in import take_in
from tapgraph.memory.models import Entry, Status
from tapgraph.memory.retrieval import Question, TextRetriever
from tapgraph.settings import Settings

__all__ = [
    "export_entries",
    "import_entries",
    "list_entries",
    "merge",
    "retire",
    "search",
    "show",
    "stats",
    "verify",
    "verify_by_executing",
]

_ALL: tuple[Status, ...] = get_args(Status)
_IN_USE: tuple[Status, ...] = ("draft", "verified", "trusted")


@contextmanager
def _opened(memory: str | None) -> Iterator[MemoryStore]:
    with MemoryStore.open(memory or Settings.from_environment().memory_file) as store:
        yield store


def _print(*tables: Any) -> None:
    console = Console(highlight=False)
    for table in tables:
        console.print(table)


def list_entries(memory: str | None, asked: Sequence[Status], *, json: bool) -> None:
    """All entries of some statuses."""
    statuses = tuple(asked) or _IN_USE
    with _opened(memory) as store:
        tips, shortcuts = store.tips(statuses=statuses), store.shortcuts(statuses=statuses)
        url = store.url
    if json:
        print_json({"memory": url, "tips": _plain(tips), "shortcuts": _plain(shortcuts)})
    else:
        _print(entry_table("Tips", tips), entry_table("Shortcuts", shortcuts))


def _plain(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    return [one.model_dump(mode="json") for one in entries]


def show(memory: str | None, key: str, *, json: bool) -> None:
    """One entry with all that is known of it."""
    with _opened(memory) as store:
        entry = store.get(key)
        uses, revisions = store.uses(entry.id), store.revisions(entry.id)
    if json:
        print_json({
            "entry": entry.model_dump(mode="json"),
            "evidence": [one.model_dump(mode="json") for one in uses],
            "revisions": [one.model_dump(mode="json") for one in revisions],
        })
        return
    for line in _lines(entry):
        print_line(line)
    _print(evidence_table(uses, revisions))


def _lines(entry: Entry) -> Iterator[str]:
    yield said(entry)
    yield f"{entry.id}, version {entry.version}, {entry.status}" + (
        f" ({entry.reason})" if entry.reason else ""
    )
    came = entry.provenance
    where = f"run {came.run}, step {came.step}, by {came.model}" if came.run else came.origin
    yield f"from: {where}" + (f"; quotes {', '.join(came.quotes)}" if came.quotes else "")
    if entry.is_unvouched:
        yield "shown to no agent before it is verified"
    if not isinstance(entry, Shortcut):
        if entry.because:
            yield f"because: {entry.because}"
        return
    yield f"precondition: {entry.precondition}"
    yield from step_lines(entry)


def search(memory: str | None, words: str, *, app: str | None, agent: str, json: bool) -> None:
    """What an agent would be told."""
    if agent not in {"mobile", "api"}:
        raise UsageError(f"--agent is mobile or api, got {agent!r}")
    with _opened(memory) as store:
        scope = Scope.model_validate({"agent": agent, "app": app})
        retriever = TextRetriever(store)
        tips = retriever.find(Question("tip", words, scope))
        shortcuts = retriever.find(Question("shortcut", words, scope))
    if json:
        print_json({
            kind: [
                {"entry": one.entry.id, "says": said(one.entry), "score": one.score,
                 "reasons": list(one.reasons)}
                for one in found
            ]
            for kind, found in (("tips", tips), ("shortcuts", shortcuts))
        })  # fmt: skip
    else:
        _print(found_table("Tips", tips), found_table("Shortcuts", shortcuts))


def import_entries(memory: str | None, file: Path, *, vouched: bool, json: bool) -> int:
    """Take a file in; 1 when something was rejected."""
    with _opened(memory) as store:
        taken = take_in(store, file, ACTION_ARGUMENTS, vouched=vouched)
    if json:
        print_json({
            "kept": taken.entries,
            "rejected": taken.rejected,
            "repaired": {name: list(why) for name, why in taken.repaired.items()},
        })
    else:
        state = "" if vouched else " as drafts; verify those that agents may be shown"
        print_line(f"kept {len(taken.entries):,}{state}")
        for name, why in taken.repaired.items():
            print_line(f"repaired {name}: {'; '.join(why)}")
        for name, reason in taken.rejected.items():
            print_line(f"rejected {name}: {reason}")
    return ExitCode.FAILED if taken.rejected else ExitCode.SUCCESS


def export_entries(memory: str | None, place: Path, form: str, *, json: bool) -> None:
    """Write what is in use."""
    form = form or _form_of(place)
    with _opened(memory) as store:
        tips, shortcuts = store.tips(), store.shortcuts()
    try:
        if form == "skills":
            written = len(write_skills(shortcuts, place))
        else:
            text = {
                "jsonl": lambda: "".join(written_lines([*tips, *shortcuts])),
                "tips.txt": lambda: written_tips(tips),
                "shortcuts.json": lambda: written_shortcuts(shortcuts),
            }[form]()
            place.write_text(text, encoding="utf-8")
            written = {"jsonl": len(tips) + len(shortcuts), "tips.txt": len(tips)}.get(
                form, text.count('"atomic_action_sequence"')
            )
    except OSError as error:
        raise UsageError(f"{str(place)!r} cannot be written: {error.strerror}") from error
    if json:
        print_json({"written": written, "form": form, "place": str(place)})
    else:
        print_line(f"wrote {written:,} entries to {place}")


def _form_of(place: Path) -> str:
    forms = {".jsonl": "jsonl", ".txt": "tips.txt", ".json": "shortcuts.json", "": "skills"}
    if place.suffix not in forms:
        raise UsageError(f"{str(place)!r} does not say in which form: give --as")
    return forms[place.suffix]


def retire(memory: str | None, key: str, reason: str, *, json: bool) -> None:
    """Take an entry out of use."""
    with _opened(memory) as store:
        store.retire(key, reason=reason)
        _print_state(store.get(key), json=json)


def merge(memory: str | None, keys: Sequence[str], into: str, reason: str, *, json: bool) -> None:
    """Let one entry stand for others."""
    with _opened(memory) as store:
        store.merge(keys, into, why=reason)
        _print_state(store.get(into), json=json)


def verify(memory: str | None, key: str, *, json: bool) -> int:
    """Take a person's word."""
    with _opened(memory) as store:
        store.verify(key, reason="a person vouched for it")
        _print_state(store.get(key), json=json)
    return ExitCode.SUCCESS


def verify_by_executing(memory: str | None, key: str, seed: int, *, json: bool) -> int:
    """Execute a shortcut on a fresh simulated phone; verified when it works there."""
    with _opened(memory) as store:
        shortcut = store.get(key)
        if not isinstance(shortcut, Shortcut):
            raise UsageError("only shortcuts can be executed")
        ended = Rehearsal(SimulatedPhones().opened, [seed]).execute(shortcut)
        why = f"executed again on {ended.where}"
        if not ended.was_reached:
            raise UsageError(f"{shortcut.name} was not executed: {ended.why_not}")
        kind = "failed" if ended.why_not else "worked"
        store.record(kind, [shortcut.id], why=f"{why}: {ended.why_not}".removesuffix(": "))  # type: ignore[arg-type]
        if not ended.why_not:
            store.verify(key, reason=why)
        _print_state(store.get(key), json=json)
        if ended.why_not and not json:
            print_line(f"it failed: {ended.why_not}")
    return ExitCode.FAILED if ended.why_not else ExitCode.SUCCESS


def _print_state(entry: Entry, *, json: bool) -> None:
    if json:
        print_json({"entry": entry.model_dump(mode="json")})
    else:
        why = f" ({entry.reason})" if entry.reason else ""
        print_line(f"{said(entry)}: {entry.status}{why}")


def stats(memory: str | None, *, json: bool) -> None:
    """Numbers of entries, and of their uses."""
    with _opened(memory) as store:
        url = store.url
        entries = {"tips": store.tips(statuses=_ALL), "shortcuts": store.shortcuts(statuses=_ALL)}
    rows = []
    for kind, found in entries.items():
        counted = Counter((one.scope.agent, one.status) for one in found)
        for (agent, status), number in sorted(counted.items()):
            same = [one for one in found if (one.scope.agent, one.status) == (agent, status)]
            uses = sum(one.evidence.uses for one in same)
            worked = sum(one.evidence.successes for one in same)
            rows.append({
                "kind": kind, "agent": agent, "status": status, "entries": number,
                "uses": uses, "worked": worked,
            })  # fmt: skip
    if json:
        print_json({"memory": url, "rows": rows})
        return
    print_line(url)
    for row in rows:
        print_line(
            f"{row['entries']:>7,} {row['kind']:<9} {row['agent']:<6} {row['status']:<8} "
            f"worked in {row['worked']:,} of {row['uses']:,} uses"
        )
