"""Connections to the two kinds of database that can hold a memory."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DatabaseError, NoSuchModuleError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from tapgraph.errors import EnvironmentMissing, ExtraMissing, TapgraphError, UsageError
from tapgraph.memory.migrations.upgrade import upgrade

__all__ = ["copy_file", "open_database", "place_of", "reading", "transaction"]

_BUSY_TIMEOUT_S = 30.0
"""How long a writer waits for another process; each holds the lock for milliseconds."""

_PRIVATE = 0o600
"""A memory tells what its owner does; others on the machine cannot read a new one."""

_BEGIN_WITH = "tapgraph_begin_with"
"""The option of a connection that says how its transactions begin in SQLite."""

_UPGRADE_LOCK = 0x7461_7067
"""The advisory lock ("tapg") under which one process at a time creates tables in PostgreSQL."""


def open_database(place: str | Path) -> Engine:
    """An engine on a database with the newest tables; they are made where they are missing.

    Raises:
        UsageError: the place is neither a file nor a URL of SQLite or PostgreSQL, or holds
            something else, or is of a newer version.
        EnvironmentMissing: the file cannot be written, or the server does not answer.
        ExtraMissing: the driver for PostgreSQL is not installed.
    """
    url = _url(place)
    engine = _sqlite(url) if url.get_backend_name() == "sqlite" else _postgresql(url)
    try:
        with transaction(engine) as connection:
            if connection.dialect.name == "postgresql":
                lock = text("SELECT pg_advisory_xact_lock(:key)")
                connection.execute(lock, {"key": _UPGRADE_LOCK})
            upgrade(connection)
        if url.get_backend_name() == "sqlite":
            _let_readers_in(engine)
    except TapgraphError:
        engine.dispose()
        raise
    return engine


def copy_file(source: Path, target: Path) -> None:
    """Copy a memory in SQLite as it is at this moment, whoever else has it open.

    Raises:
        EnvironmentMissing: one of the files cannot be used.
    """
    try:
        with (
            closing(sqlite3.connect(source)) as theirs,
            closing(sqlite3.connect(target)) as ours,
        ):
            theirs.backup(ours)
    except sqlite3.Error as error:
        raise EnvironmentMissing(f"the memory {source} cannot be copied: {error}") from error


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """A connection whose changes are kept together when the block ends well.

    Raises:
        EnvironmentMissing: the file cannot be written, or the server does not answer.
        UsageError: the file is no database, or its tables are not ours.
    """
    with _explained(place_of(engine)), engine.begin() as connection:
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection that sees one moment of the memory and keeps no writer waiting.

    Raises:
        EnvironmentMissing: as `transaction`.
        UsageError: as `transaction`, or an entry is damaged.
    """
    place = place_of(engine)
    try:
        with _explained(place), engine.connect() as connection:
            yield connection.execution_options(**{_BEGIN_WITH: "BEGIN"})
    except (ValueError, TypeError, RecursionError) as error:
        cause = str(error).partition("\n")[0]
        raise UsageError(
            f"the memory {place} holds a damaged entry ({cause}): name another one, or mend it"
        ) from error


@contextmanager
def _explained(place: str) -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        if getattr(error.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR:
            raise _foreign(place, error) from error
        raise EnvironmentMissing(
            f"the memory {place} cannot be used ({_cause(error)}): make it reachable and writable, "
            "or name another one"
        ) from error
    except DatabaseError as error:
        raise _foreign(place, error) from error


def place_of(engine: Engine) -> str:
    """The file of an SQLite database, or the URL of another one without its password."""
    if engine.dialect.name == "sqlite":
        return engine.url.database or ""
    return _shown(engine.url)


def _foreign(place: str, error: DatabaseError) -> UsageError:
    return UsageError(f"{place} is not a memory of tapgraph ({_cause(error)})")


def _url(place: str | Path) -> URL:
    if isinstance(place, Path) or "://" not in place:
        if not str(place).strip():
            raise UsageError("the memory's place is empty: name a file or a URL")
        return URL.create("sqlite", database=str(Path(place).expanduser().absolute()))
    try:
        url = make_url(place)
        backend = url.get_backend_name()
    except (ArgumentError, ValueError) as error:
        raise UsageError(f"a memory is a file or a URL, got {place!r}") from error
    if backend == "postgres":
        url, backend = url.set(drivername="postgresql"), "postgresql"
    if backend == "sqlite":
        if not url.database or url.database == ":memory:" or "uri" in url.query:
            raise UsageError(
                f"a memory in SQLite needs a file, as in sqlite:////tmp/memory.db; got {place!r}"
            )
        return url.set(drivername="sqlite")
    if backend != "postgresql":
        raise UsageError(
            f"a memory lives in SQLite or PostgreSQL (postgresql://HOST/NAME), got {_shown(url)}"
        )
    return url.set(drivername="postgresql+psycopg")


def _sqlite(url: URL) -> Engine:
    file = Path(url.database or "")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EnvironmentMissing(
            f"the folder of the memory {file} cannot be made ({error.strerror}): set "
            "TAPGRAPH_HOME to a folder that can be written"
        ) from error
    if not file.exists():
        with suppress(OSError):  # What cannot be made is explained where it is used.
            file.touch(mode=_PRIVATE)
    engine = create_engine(url, connect_args={"timeout": _BUSY_TIMEOUT_S})
    event.listen(engine, "connect", _leave_transactions_to_us)
    event.listen(engine, "begin", _begin)
    return engine


def _leave_transactions_to_us(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
    connection.isolation_level = None
    # After a loss of power the last changes may be missing, and the file is whole; a killed process
    # loses nothing.
    connection.execute("PRAGMA synchronous=NORMAL")


def _begin(connection: Connection) -> None:
    # The lock is taken at once: a transaction that reads first and then writes could not wait
    # for another writer.
    words = connection.get_execution_options().get(_BEGIN_WITH, "BEGIN IMMEDIATE")
    if words:
        connection.exec_driver_sql(words)


def _let_readers_in(engine: Engine) -> None:
    """Write ahead of the file, so that readers and a writer do not wait for each other.

    The file remembers it. A folder on a network may not allow it, and does without.
    """
    with _explained(place_of(engine)), engine.connect() as connection:
        outside = connection.execution_options(**{_BEGIN_WITH: ""})
        outside.exec_driver_sql("PRAGMA journal_mode=WAL")


def _postgresql(url: URL) -> Engine:
    try:
        return create_engine(url, pool_pre_ping=True)
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        raise ExtraMissing("postgres", "a memory in PostgreSQL") from error


def _shown(url: URL) -> str:
    return url.render_as_string(hide_password=True)


def _cause(error: DatabaseError) -> str:
    return " ".join(str(error.orig).split())
