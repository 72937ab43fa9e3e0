"""Where a graph's checkpoints are kept."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from sqlite3 import Connection, connect
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
)
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite import SqliteSaver

__all__ = ["Checkpoints", "open_checkpoints"]

_Writes = tuple[RunnableConfig, Sequence[tuple[str, Any]], str, str]


class Checkpoints(SqliteSaver):
    """Checkpoints in SQLite, on disk before the next nodes begin.

    What a single node gave is worth something only until the checkpoint that holds it, which
    follows within a millisecond unless a node beside it fails, asks a person or takes longer. So
    it stays in memory until it is needed: when a node beside it fails or asks, when all is read, or
    when the run is broken off.
    A process that is killed while one of two parallel nodes still works repeats the other one,
    which costs a model call; in return a step needs half the transactions.
    """

    def __init__(self, connection: Connection, types: tuple[type, ...]) -> None:
        super().__init__(connection, serde=JsonPlusSerializer(allowed_msgpack_modules=types))
        self._unwritten: list[_Writes] = []
        self._unwritten_lock = threading.Lock()
        self._is_broken_off = False

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Keep a checkpoint; it holds all that the nodes before it gave."""
        with self._unwritten_lock:
            # The first checkpoint is put while the first nodes already run on it.
            self._unwritten = [
                writes
                for writes in self._unwritten
                if writes[0]["configurable"].get("checkpoint_id") == checkpoint["id"]
            ]
            self._is_broken_off = self._is_broken_off and bool(self._unwritten)
        return super().put(config, checkpoint, metadata, new_versions)

    def put_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """Keep what a node gave, on disk at once when it failed or asks a person."""
        with self._unwritten_lock:
            self._unwritten.append((config, writes, task_id, task_path))
            if any(channel in WRITES_IDX_MAP for channel, _ in writes):
                self._is_broken_off = True
            must_write = self._is_broken_off
        if must_write:
            self.write_waiting()

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """The last checkpoint, with what nodes gave after it."""
        self.write_waiting()
        return super().get_tuple(config)

    def write_waiting(self) -> None:
        """Put on disk what nodes gave after the last checkpoint."""
        with self._unwritten_lock:
            unwritten = list(self._unwritten)
            self._unwritten.clear()
        for config, writes, task_id, task_path in unwritten:
            super().put_writes(config, writes, task_id, task_path)


@contextmanager
def open_checkpoints(path: Path, types: tuple[type, ...]) -> Iterator[Checkpoints]:
    """The checkpoints of a run; `types` are the classes that may be brought back to life."""
    connection = connect(path, check_same_thread=False)
    try:
        checkpoints = Checkpoints(connection, types)
        checkpoints.setup()
        connection.execute("PRAGMA synchronous=NORMAL")
        try:
            yield checkpoints
        finally:
            # A graph that is broken off may end before its engine has told of the failure.
            checkpoints.write_waiting()
    finally:
        connection.close()
