"""One table of entries with evidence and revisions as rows, and full text search."""

import hashlib
import re
import unicodedata
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_MOMENT = sa.DateTime(timezone=True)
_FROM_PACKAGE = "initial-"
_SUCCESSES_TO_TRUST = 3


def upgrade() -> None:
    """Create the tables and move every tip and shortcut into them."""
    _create_tables()
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        _create_search_in_postgresql()
    else:
        _create_search_in_sqlite()
    entries = sa.Table("entries", sa.MetaData(), autoload_with=connection)
    old = sa.MetaData()
    taken: set[tuple[str, str]] = set()
    for kind, table_name in (("tip", "tips"), ("shortcut", "shortcuts")):
        table = sa.Table(table_name, old, autoload_with=connection)
        rows = connection.execute(table.select().order_by(table.c.created_at, table.c.id))
        moved = [_moved(kind, dict(row), taken) for row in rows.mappings()]
        if moved:
            connection.execute(entries.insert(), moved)
    op.drop_table("shortcuts")
    op.drop_table("tips")


def downgrade() -> None:
    """Refuse: the older tables cannot hold what these hold."""
    raise NotImplementedError("a memory is never made older")


def _create_tables() -> None:
    op.create_table(
        "entries",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("id", sa.String(64), nullable=False, unique=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("namespace", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("agent", sa.String(32)),
        sa.Column("app", sa.Text),
        sa.Column("app_version", sa.Text),
        sa.Column("language", sa.Text),
        sa.Column("screen_width_px", sa.Integer),
        sa.Column("screen_height_px", sa.Integer),
        sa.Column("run", sa.Text),
        sa.Column("step", sa.Integer),
        sa.Column("model", sa.Text),
        sa.Column("origin", sa.String(16), nullable=False),
        sa.Column("quotes", sa.JSON, nullable=False),
        sa.Column("content", sa.JSON, nullable=False),
        sa.Column("words", sa.Text, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("merged_into", sa.String(64)),
        sa.Column("shown", sa.Integer, nullable=False),
        sa.Column("uses", sa.Integer, nullable=False),
        sa.Column("successes", sa.Integer, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("bound", sa.Float, nullable=False),
        sa.Column("last_used_at", _MOMENT),
        sa.Column("last_failure_at", _MOMENT),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("updated_at", _MOMENT, nullable=False),
        sa.UniqueConstraint("kind", "namespace", "name", name="uq_entries_name"),
    )
    op.create_index("ix_entries_record", "entries", ["kind", "agent", "app", "status", "bound"])
    op.create_table(
        "revisions",
        sa.Column("entry_id", sa.String(64), sa.ForeignKey("entries.id"), primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("content", sa.JSON, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("replaced_at", _MOMENT, nullable=False),
    )
    op.create_table(
        "evidence",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("entry_id", sa.String(64), sa.ForeignKey("entries.id"), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("run", sa.Text),
        sa.Column("step", sa.Integer),
        sa.Column("why", sa.Text, nullable=False),
    )
    op.create_index("ix_evidence_entry_id", "evidence", ["entry_id"])
    op.create_table(
        "vectors",
        sa.Column("entry_id", sa.String(64), sa.ForeignKey("entries.id"), primary_key=True),
        sa.Column("model", sa.String(128), primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("vector", sa.LargeBinary, nullable=False),
    )


def _create_search_in_sqlite() -> None:
    """An index that triggers keep equal to the column `words`, whoever writes it."""
    op.execute(
        "CREATE VIRTUAL TABLE entry_words USING fts5(words, content='entries', "
        "content_rowid='number', tokenize='unicode61 remove_diacritics 2')"
    )
    op.execute("CREATE VIRTUAL TABLE entry_terms USING fts5vocab(entry_words, 'row')")
    forget = (
        "INSERT INTO entry_words(entry_words, rowid, words) "
        "VALUES ('delete', old.number, old.words)"
    )
    learn = "INSERT INTO entry_words(rowid, words) VALUES (new.number, new.words)"
    for name, moment, deeds in (
        ("added", "AFTER INSERT ON entries", learn),
        ("removed", "AFTER DELETE ON entries", forget),
        ("changed", "AFTER UPDATE OF words ON entries", f"{forget}; {learn}"),
    ):
        op.execute(f"CREATE TRIGGER entries_{name} {moment} BEGIN {deeds}; END")


def _create_search_in_postgresql() -> None:
    op.execute(
        "ALTER TABLE entries ADD COLUMN lexemes tsvector "
        "GENERATED ALWAYS AS (to_tsvector('simple', words)) STORED"
    )
    op.execute("CREATE INDEX ix_entries_lexemes ON entries USING gin (lexemes)")


def _moved(kind: str, row: dict[str, Any], taken: set[tuple[str, str]]) -> dict[str, Any]:
    """The row as an entry; of two with one name in one scope, the later one gets a number."""
    width_px, height_px = row["screen_width_px"], row["screen_height_px"]
    place = [f"{kind}s", row["agent"], row["app"], row["app_version"], None]
    place.append(f"{width_px}x{height_px}" if width_px is not None else None)
    namespace = "/".join("-" if part is None else quote(part, safe="") for part in place)
    if kind == "tip":
        content = {"text": row["text"], "polarity": "do", "because": ""}
        words = row["text"]
        name = hashlib.sha256(" ".join(words.lower().split()).encode()).hexdigest()[:32]
    else:
        fields = ("name", "arguments", "description", "precondition", "steps")
        content = {field: row[field] for field in fields}
        name = row["name"]
    content, name = _renamed(kind, namespace, name, content, taken)
    if kind == "shortcut":
        words = " ".join((name.replace("_", " "), row["description"], row["precondition"]))
    is_ours = row["id"].startswith(_FROM_PACKAGE)
    is_active = row["status"] != "retired"
    trusted = is_ours or (row["successes"] >= _SUCCESSES_TO_TRUST and not row["failures"])
    return {
        **{
            key: row[key] for key in ("id", "version", "agent", "app", "app_version", "run", "step")
        },
        **{key: row[key] for key in ("uses", "successes", "failures", "last_failure_at")},
        "kind": kind,
        "namespace": namespace,
        "name": name,
        "screen_width_px": width_px,
        "screen_height_px": height_px,
        "origin": "package" if is_ours else ("run" if row["run"] else "person"),
        "quotes": [],
        "content": content,
        "words": _plain(words),
        "status": ("trusted" if trusted else "verified") if is_active else "retired",
        "reason": "kept from an older memory",
        "shown": 0,
        "bound": _lower_bound(row["successes"], row["uses"]),
        "last_used_at": row["last_failure_at"],
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
    }


def _plain(text: str) -> str:
    """The words without accents, in small letters, as the index has them."""
    letters = unicodedata.normalize("NFKD", text.lower())
    bare = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return " ".join(re.findall(r"[^\W_]+", bare))


def _renamed(
    kind: str, namespace: str, name: str, content: dict[str, Any], taken: set[tuple[str, str]]
) -> tuple[dict[str, Any], str]:
    number, free = 1, name
    while (f"{kind} {namespace}", free) in taken:
        number += 1
        free = f"{name[:58]}_{number}"
    taken.add((f"{kind} {namespace}", free))
    return (content | {"name": free} if kind == "shortcut" else content), free


def _lower_bound(successes: int, uses: int) -> float:
    """As `track_record.lower_bound` was when this step was written."""
    if not uses:
        return 0.0
    z, share = 1.645, successes / uses
    spread = z * ((share * (1 - share) + z * z / (4 * uses)) / uses) ** 0.5
    return max(0.0, float((share + z * z / (2 * uses) - spread) / (1 + z * z / uses)))
