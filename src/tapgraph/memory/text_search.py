"""Rows by their words: SQLite's FTS5, PostgreSQL's full text search.

Both are asked in a way whose cost does not grow with the memory. SQLite knows of each word how many
rows have it, so that words that stand nearly everywhere, which say little and cost most, are left
out. PostgreSQL is asked for rows with all words first, and only so many of those with one of them.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    CompoundSelect,
    Connection,
    bindparam,
    column,
    select,
    table,
    text,
    union_all,
)

__all__ = ["numbers_with_words"]

_MOST_READ = 300
_MOST_WORDS = 24
_BEST = text(
    "SELECT rowid FROM entry_words WHERE entry_words MATCH :wanted ORDER BY rank LIMIT :most"
)
_NEWEST = text(
    "SELECT rowid FROM entry_words WHERE entry_words MATCH :wanted ORDER BY rowid DESC LIMIT :most"
)


def numbers_with_words(
    connection: Connection, words: Sequence[str], *, most: int, frequent: set[str]
) -> tuple[int, ...]:
    """The numbers of rows that have some of the words, the best first.

    Args:
        connection: of the memory.
        words: what is looked for, as `words_of` gives it.
        most: how many at most.
        frequent: words that are known to stand in very many rows; those that are found to do so are
            added, as counting them costs most.
    """
    words = words[:_MOST_WORDS]
    if not words:
        return ()
    if connection.dialect.name == "postgresql":
        return _in_postgresql(connection, words, most)
    rare = _rare(connection, [word for word in words if word not in frequent], frequent)
    # The best need a score of each row; of too many the newest are taken.
    query = _BEST if rare else _NEWEST
    wanted = " OR ".join(f'"{word}"' for word in rare or words)
    return tuple(connection.execute(query, {"wanted": wanted, "most": most}).scalars())


def _rare(connection: Connection, words: Sequence[str], frequent: set[str]) -> list[str]:
    """The rarest words, as many as do not stand in too many rows together."""
    if not words:
        return []
    named = {f"word{number}": word for number, word in enumerate(words)}
    rare: list[str] = []
    read = 0
    counted = connection.execute(_count(len(words)), named)
    for rows, word in sorted((rows, word) for rows, word in counted):
        if rows > _MOST_READ:
            frequent.add(word)
        elif read + rows <= _MOST_READ:
            rare.append(word)
            read += rows
    return rare


@cache
def _count(words: int) -> CompoundSelect[Any]:
    """How many rows have each word; SQLite searches for one, and would read all for a list."""
    terms = table("entry_terms", column("term"), column("doc"))
    query = select(terms.c.doc, terms.c.term)
    return union_all(*(query.where(terms.c.term == bindparam(f"word{n}")) for n in range(words)))


def _in_postgresql(connection: Connection, words: Sequence[str], most: int) -> tuple[int, ...]:
    query = text(
        "SELECT number FROM (SELECT number, lexemes FROM entries "
        "WHERE lexemes @@ to_tsquery('simple', :wanted) LIMIT :read) AS read "
        "ORDER BY ts_rank(lexemes, to_tsquery('simple', :any)) DESC LIMIT :most"
    )
    found: dict[int, None] = {}
    for joined in (" & ".join(words), " | ".join(words)):
        fields = {"wanted": joined, "any": " | ".join(words), "read": _MOST_READ, "most": most}
        found |= dict.fromkeys(connection.execute(query, fields).scalars())
        if len(found) >= most:
            break
    return tuple(found)[:most]
