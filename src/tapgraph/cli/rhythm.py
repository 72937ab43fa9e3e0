"""`tapgraph rhythm`: how a reply was built, by what the model's attention does at each token."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tapgraph.cli.options import JsonOption
from tapgraph.cli.terminal import print_json, print_line
from tapgraph.errors import UsageError
from tapgraph.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tapgraph.llm_backend.local.checkpoint import Checkpoint
    from tapgraph.llm_backend.training.reply_rhythm import Passage

__all__ = ["rhythm"]

_TITLE_LETTERS = 120


def rhythm(
    source: Annotated[
        str,
        typer.Argument(
            metavar="RUN|FILE|TEXT", help="The folder of a run, a text file, or a reply itself."
        ),
    ],
    *,
    model: Annotated[
        str, typer.Option("--model", metavar="SPEC", help="Who reads it: local:PATH.")
    ],
    prompt: Annotated[
        str, typer.Option("--prompt", metavar="TEXT", help="What a text was a reply to.")
    ] = "",
    step: Annotated[
        int | None, typer.Option("--step", metavar="N", help="Of a run, this step's words alone.")
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="The page; rhythm.html.")
    ] = Path("rhythm.html"),
    json: JsonOption = False,
) -> None:
    """Draw a reply with its preplan and anchor tokens on a page that needs no network."""
    # Torch and the reports take seconds, which printing help does not need.
    from tapgraph.llm_backend.model_spec import served_settings  # noqa: PLC0415

    local = served_settings(model, Settings.from_environment())
    if local.attention != "dense" or local.dtype == "int8":
        raise UsageError(
            "a rhythm is read with dense attention and plain weights: leave attention= and "
            f"dtype=int8 out of {model!r}"
        )
    title, asked, passages = _what_was_said(source, prompt, step)
    from tapgraph.evals.report.rhythm_report import write_rhythm_report  # noqa: PLC0415 - as above
    from tapgraph.llm_backend.local.checkpoint import load_checkpoint  # noqa: PLC0415 - as above
    from tapgraph.llm_backend.training.reply_rhythm import read_reply  # noqa: PLC0415 - as above

    checkpoint = load_checkpoint(local.path, device=local.device, dtype=local.dtype)
    read = read_reply(checkpoint, passages, prompt=asked)
    page = write_rhythm_report(out, read, title=title, about=_about(checkpoint, source, step))
    preplan = [token.text for token in read.reply if token.is_preplan]
    anchors = [token.text for token in read.reply if token.is_anchor]
    if json:
        print_json({
            "page": str(page),
            "model": checkpoint.name,
            "reply_tokens": len(read.reply),
            "preplan": preplan,
            "anchors": anchors,
        })
        return
    print_line(
        f"{len(read.reply)} tokens of a reply, {len(preplan)} preplan, {len(anchors)} anchors"
    )
    print_line(str(page))


def _what_was_said(
    source: str, prompt: str, step: int | None
) -> tuple[str, str, Sequence[Passage]]:
    """A title, the prompt and what followed it."""
    from tapgraph.agents.run.run_folder import RunFolder  # noqa: PLC0415 - as above
    from tapgraph.evals.report.said_in_run import said_in_run  # noqa: PLC0415 - as above
    from tapgraph.llm_backend.training.reply_rhythm import Passage  # noqa: PLC0415 - as above

    if os.path.isdir(source):
        if prompt:
            raise UsageError("--prompt is for a text; a run holds its task")
        folder = RunFolder.open(Path(source))
        task = folder.header.instruction
        return task, task, said_in_run(folder, step=step)
    if step is not None:
        raise UsageError(f"--step is for a run, and {source[:80]!r} is no folder of one")
    text = source
    if os.path.isfile(source):
        try:
            text = Path(source).read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise UsageError(f"{source!r} is no text in UTF-8: {error.reason}") from error
    elif source.endswith((".txt", ".md")) and not any(map(str.isspace, source)):
        raise UsageError(f"there is no file {source!r}")
    return (prompt or text)[:_TITLE_LETTERS], prompt, [Passage(text)]


def _about(checkpoint: Checkpoint, source: str, step: int | None) -> str:
    if not os.path.isdir(source):
        return f"Read by {checkpoint.name}."
    of_step = "" if step is None else f" In colours is step {step} alone."
    return (
        f"What the models of the run {source!r} said, read by {checkpoint.name} after the task "
        f"and after each other, not after the prompts that they answered.{of_step}"
    )
