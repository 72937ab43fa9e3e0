"""The one table of words by which the policy knows what is risky.

`risky_words.tsv` has rows of phrases, parted by ` | `, for a language and a kind. The languages are
those of phones, `*` for what holds in all of them, and `api` for the words in names of calls.
"""

import functools
from collections.abc import Mapping
from importlib import resources

__all__ = ["phrase_rows", "phrases"]

_TABLE = "risky_words.tsv"


@functools.cache
def phrase_rows() -> Mapping[tuple[str, str], tuple[str, ...]]:
    """The phrases of each language and kind, in the table's order."""
    table = resources.files("tapgraph.tools.policy").joinpath(_TABLE).read_text(encoding="utf-8")
    rows: dict[tuple[str, str], tuple[str, ...]] = {}
    for row in table.splitlines()[1:]:
        language, kind, cell = row.split("\t")
        rows[language, kind] = (*rows.get((language, kind), ()), *cell.split(" | "))
    return rows


def phrases(kind: str, *, language: str | None = None) -> tuple[str, ...]:
    """The phrases of a kind, of all languages or of one."""
    return tuple(
        phrase
        for (one, of_kind), some in phrase_rows().items()
        if of_kind == kind and language in {None, one}
        for phrase in some
    )
