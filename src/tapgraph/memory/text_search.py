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

_MOST_READ = 400
_MOST_WORDS = 24


def numbers_with_words(
    connection: Connection, words: Sequence[str], *, most: int
) -> tuple[int, ...]:
    """The numbers of rows that have some of the words, the best first."""
    words = words[:_MOST_WORDS]
    if not words:
        return ()
    if connection.dialect.name == "postgresql":
        return _in_postgresql(connection, words, most)
    return _in_sqlite(connection, words, most)


def _in_sqlite(connection: Connection, words: Sequence[str], most: int) -> tuple[int, ...]:
    named = {f"word{number}": word for number, word in enumerate(words)}
    known = sorted((rows, term) for rows, term in connection.execute(_count(len(words)), named))
    if not known:
        return ()
    rare, read = [known[0]], known[0][0]
    for rows, term in known[1:]:
        if read + rows > _MOST_READ:
            break
        rare.append((rows, term))
        read += rows
    wanted = " OR ".join(f'"{term}"' for _, term in rare)
    if rare[0][0] > _MOST_READ:
        newest = text(
            "SELECT rowid FROM entry_words WHERE entry_words MATCH :wanted "
            "ORDER BY rowid DESC LIMIT :most"
        )
        return tuple(connection.execute(newest, {"wanted": wanted, "most": most}).scalars())
    best = text(
        "SELECT rowid FROM entry_words WHERE entry_words MATCH :wanted ORDER BY rank LIMIT :most"
    )
    return tuple(connection.execute(best, {"wanted": wanted, "most": most}).scalars())


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
