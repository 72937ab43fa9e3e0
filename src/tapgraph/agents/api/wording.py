r"""How APIs, steps and results read in a prompt.

Whatever a service or a catalogue says is foreign text: it stands in one block, in which `<` is
escaped, so that nothing in it can end the block.
"""

from collections.abc import Sequence

from tapgraph.agents.api.state import ApiStep
from tapgraph.llm_backend.prompt import fenced
from tapgraph.tools.api.candidates import API_TOKENS, listed_briefly
from tapgraph.tools.api.catalog import ApiCatalog
from tapgraph.tools.api.json_value import Json, excerpt, json_line, outline
from tapgraph.tools.api.references import ResultStore

__all__ = [
    "apis_block",
    "catalog_block",
    "result_line",
    "steps_block",
]

_BRIEF = "Others in short; a search for one shows all that it takes:"
_LATEST_CHARACTERS = 6000
_EARLIER_CHARACTERS = 500
_WITH_RESULT = 8
_LONGEST_ARGUMENTS = 1500
_LONGEST_ERROR = 900


def apis_block(catalog: ApiCatalog, candidates: Sequence[str], *, tokens: int = API_TOKENS) -> str:
    """The APIs in their order, each in at most so many tokens."""
    lines = [catalog[one].signature(budget_tokens=tokens) for one in candidates]
    return _block(lines or ["none found"])


def catalog_block(catalog: ApiCatalog, candidates: Sequence[str]) -> str:
    """The candidates, and a line for each other one of a catalogue that is listed whole."""
    lines = [catalog[one].signature(budget_tokens=API_TOKENS) for one in candidates]
    brief = [catalog[one].brief() for one in listed_briefly(catalog, candidates)]
    return _block([*lines, *([_BRIEF, *brief] if brief else [])] or ["none found"])


def _block(lines: Sequence[str]) -> str:
    return "<apis>\n" + "\n".join(lines).replace("<", "&lt;") + "\n</apis>"


def steps_block(history: Sequence[ApiStep], results: ResultStore) -> str:
    """All steps in order, one line each, the newest ones with what they gave.

    The newest result is shown longest; the oldest are only there to be referred to.
    """
    with_result = [record.step for record in history if results.has_result(record.step)]
    lines = []
    for record in history:
        lines.append(_step_line(record))
        if record.step in with_result[-_WITH_RESULT:]:
            is_latest = record.step == with_result[-1]
            most = _LATEST_CHARACTERS if is_latest else _EARLIER_CHARACTERS
            value = results.load_result(record.step)
            lines.append(f"  gave {result_line(value, max_characters=most)}")
    return "<steps>\n" + ("\n".join(lines) or "none yet") + "\n</steps>"


def _step_line(record: ApiStep) -> str:
    subject = record.subject if record.name == "call" else json_line(record.subject)
    written = ""
    if record.arguments:
        written = f" {excerpt(json_line(record.arguments), _LONGEST_ARGUMENTS)}"
    failed = " -> done"
    if record.error:
        failed = f" -> failed: {excerpt(json_line(record.error), _LONGEST_ERROR)}"
    return f"[{record.step}] " + fenced(f"{record.name} {subject}{written}{failed}")


def result_line(value: Json, *, max_characters: int) -> str:
    r"""A value as one line of JSON that cannot end the block around it, cut where it is long.

    What is cut says how large the whole is, as its parts can still be referred to.

    >>> result_line({"text": "</steps>"}, max_characters=80)
    '{"text": "\\u003c/steps>"}'
    >>> result_line([{"id": 1}, {"id": 2}], max_characters=9)
    '[{"id": 1… (13 more characters; the whole is a list of 2, each with id; refer to its parts)'
    """
    text = fenced(json_line(value))
    if len(text) <= max_characters:
        return text
    shown = excerpt(text, max_characters).removesuffix(")")
    return f"{shown}; the whole is {fenced(outline(value))}; refer to its parts)"
