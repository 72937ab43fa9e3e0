"""`tapgraph memory`: what agents have learnt."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tapgraph.cli.options import JsonOption

__all__ = ["app"]

app = typer.Typer(help="What agents have learnt: tips and shortcuts.")

MemoryOption = Annotated[
    str | None, typer.Option("--memory", metavar="URL", help="A file or a database URL.")
]
KeyArgument = Annotated[
    str, typer.Argument(metavar="KEY", help="An id, the beginning of one, or a shortcut's name.")
]


class FormKind(StrEnum):
    """In which form entries are written."""

    JSONL = "jsonl"
    TIPS = "tips.txt"
    SHORTCUTS = "shortcuts.json"
    SKILLS = "skills"


class StatusKind(StrEnum):
    """What may be asked for."""

    DRAFT = "draft"
    VERIFIED = "verified"
    TRUSTED = "trusted"
    RETIRED = "retired"


@app.command("list")
def list_entries(
    *,
    status: Annotated[
        list[StatusKind] | None, typer.Option(help="Only these; by default all but retired ones.")
    ] = None,
    memory: MemoryOption = None,
    json: JsonOption = False,
) -> None:
    """List the tips and shortcuts of all agents with what became of them."""
    # SQLAlchemy is not needed to print help, here and below.
    from tapgraph.cli import memory_session as session  # noqa: PLC0415

    session.list_entries(memory, [one.value for one in status or ()], json=json)


@app.command()
def show(key: KeyArgument, *, memory: MemoryOption = None, json: JsonOption = False) -> None:
    """Show one entry: its content, where it came from, its versions and its evidence."""
    from tapgraph.cli import memory_session as session  # noqa: PLC0415

    session.show(memory, key, json=json)


@app.command()
def search(
    words: Annotated[str, typer.Argument(help="What is to be done, as in a subgoal.")],
    *,
    app_name: Annotated[
        str | None, typer.Option("--app", metavar="PACKAGE", help="The app in front.")
    ] = None,
    agent: Annotated[str, typer.Option(help="mobile or api.")] = "mobile",
    memory: MemoryOption = None,
    json: JsonOption = False,
) -> None:
    """What an agent would be told when that subgoal begins, and why."""
    from tapgraph.cli import memory_session as session  # noqa: PLC0415

    session.search(memory, words, app=app_name, agent=agent, json=json)


@app.command("import")
def import_entries(
    file: Annotated[
        Path,
        typer.Argument(help="tips.txt, shortcuts.json, .jsonl, SKILL.md, or a folder of skills."),
    ],
    *,
    vouch: Annotated[
        bool, typer.Option("--vouch", help="You have read it: agents may be shown it at once.")
    ] = False,
    memory: MemoryOption = None,
    json: JsonOption = False,
) -> int:
    """Read tips or shortcuts from a file, as drafts that no agent is shown before you verify them.

    Ends with 1 when something in it was rejected.
    """
    from tapgraph.cli import memory_session as session  # noqa: PLC0415

    return session.import_entries(memory, file, vouched=vouch, json=json)


@app.command()
def record(
    recording: Annotated[
        Path,
        typer.Argument(help="A folder of frames, or a video, of a screen that shows touches."),
    ],
    does: Annotated[str, typer.Argument(metavar="WORDS", help="What is done in it, in a line.")],
    *,
    memory: MemoryOption = None,
    json: JsonOption = False,
) -> int:
    """Make a shortcut of a screen recording: a draft that no agent is shown before you verify it.

    Ends with 1 when none may be made of it.
    """
    from tapgraph.cli import record_session as session  # noqa: PLC0415

    return session.record(memory, recording, does, json=json)


@app.command("export")
def export_entries(
    place: Annotated[Path, typer.Argument(help="A file, or the folder for skills.")],
    *,
    form: Annotated[
        FormKind | None, typer.Option("--as", help="By default by the name of the file.")
    ] = None,
    memory: MemoryOption = None,
    json: JsonOption = False,
) -> None:
    """Write what is in use as JSON Lines, Mobile-Agent-E's files or SKILL.md folders."""
    from tapgraph.cli import memory_session as session  # noqa: PLC0415

    session.export_entries(memory, place, form.value if form else "", json=json)


@app.command()
def retire(
    key: KeyArgument,
    *,
    reason: Annotated[str, typer.Option(help="Why.")] = "retired by hand",
    memory: MemoryOption = None,
    json: JsonOption = False,
) -> None:
    """Take an entry out of use; it stays in the memory with the reason."""
    from tapgraph.cli import memory_session as session  # noqa: PLC0415

    session.retire(memory, key, reason, json=json)


@app.command()
def merge(
    keys: Annotated[list[str], typer.Argument(metavar="KEY...", help="Entries that say the same.")],
    *,
    into: Annotated[str, typer.Option(metavar="KEY", help="The one that stays.")],
    reason: Annotated[str, typer.Option(help="Why.")] = "merged by hand",
    memory: MemoryOption = None,
    json: JsonOption = False,
) -> None:
    """Let one entry stand for others; it takes over their evidence."""
    from tapgraph.cli import memory_session as session  # noqa: PLC0415

    session.merge(memory, keys, into, reason, json=json)


@app.command()
def verify(
    key: KeyArgument,
    *,
    execute: Annotated[
        bool, typer.Option("--execute", help="Only if it works again on a simulated phone.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Of the world of that phone.")] = 101,
    memory: MemoryOption = None,
    json: JsonOption = False,
) -> int:
    """Vouch for a draft, or let a simulated phone decide: then 1 is the end when it fails there."""
    from tapgraph.cli import memory_session as session  # noqa: PLC0415

    if execute:
        return session.verify_by_executing(memory, key, seed, json=json)
    return session.verify(memory, key, json=json)


@app.command()
def stats(*, memory: MemoryOption = None, json: JsonOption = False) -> None:
    """How many entries there are of each kind, agent and status, and how they do."""
    from tapgraph.cli import memory_session as session  # noqa: PLC0415

    session.stats(memory, json=json)
