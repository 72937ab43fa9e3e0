"""A memory in a file, and in PostgreSQL where there is one."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from tapgraph.memory import MemoryStore
from tapgraph.memory.migrations.upgrade import VERSION_TABLE
from tapgraph.memory.tables import METADATA

POSTGRES_URL = os.environ.get("TAPGRAPH_TEST_POSTGRES_URL")
NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)


class Clock:
    """Noon, until it is set forward."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def pass_days(self, days: float) -> None:
        self.now += timedelta(days=days)


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param(
            "postgresql",
            marks=pytest.mark.skipif(
                POSTGRES_URL is None, reason="TAPGRAPH_TEST_POSTGRES_URL is not set"
            ),
        ),
    ]
)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield str(tmp_path / "new folder" / "memory?.db")
        return
    assert POSTGRES_URL is not None
    yield POSTGRES_URL
    engine = create_engine(make_url(POSTGRES_URL).set(drivername="postgresql+psycopg"))
    METADATA.drop_all(engine)
    with engine.begin() as connection:
        for table in (VERSION_TABLE, "tips", "shortcuts"):
            connection.execute(text(f"DROP TABLE IF EXISTS {table}"))
    engine.dispose()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(place: str, clock: Clock) -> Iterator[MemoryStore]:
    with MemoryStore.open(place, clock=clock) as opened:
        yield opened
