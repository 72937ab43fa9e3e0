"""Whole runs on phones that send pictures which are none, and with a memory that is damaged."""

import base64
import os
import sqlite3
import struct
import threading
import zlib
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tapgraph.agents.run.budget import Budget
from tapgraph.agents.run.events import Warned
from tapgraph.agents.run.outcome import Outcome
from tapgraph.agents.run.run_folder import RunFolder
from tapgraph.memory import MemoryStore
from tapgraph.tools.mobile.actions import Action
from tapgraph.tools.mobile.appium_device import AppiumDevice
from tapgraph.tools.mobile.appium_server import AppiumServer
from tapgraph.tools.mobile.appium_session import AppiumSession
from tapgraph.tools.mobile.device import ActionReceipt
from tapgraph.tools.mobile.simulator.device import SimulatedDevice
from tapgraph.tools.mobile.simulator.phone import Phone
from tapgraph.tools.mobile.simulator.server import SimulatorServer

SWITCH = "Turn on the alarm at 08:30"


def png(side_px: int) -> bytes:
    """A white square of one bit a pixel, which is small however large it is."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    packer = zlib.compressobj(9)
    row = b"\0" + b"\xff" * ((side_px + 7) // 8)
    rows = b"".join([*(packer.compress(row) for _ in range(side_px)), packer.flush()])
    head = struct.pack(">IIBBBBB", side_px, side_px, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


class Photographed:
    """A client of Appium whose server takes the same picture always."""

    quit: Any

    def __init__(self, driver: Any, sent: object) -> None:
        self._driver, self._sent = driver, sent
        self.quit = driver.quit

    def __getattr__(self, name: str) -> Any:
        return getattr(self._driver, name)

    def get_screenshot_as_base64(self) -> Any:
        return self._sent


class Source(AppiumServer):
    """A server that takes the same picture always."""

    def __init__(self, url: str, sent: object) -> None:
        super().__init__(url)
        self._sent = sent

    def new_driver(self, capabilities: Mapping[str, object]) -> Any:
        return Photographed(super().new_driver(capabilities), self._sent)


def encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (encoded(png(30_000)), "900000000 pixels"),
        (encoded(png(12_000)), "12000 x 12000 pixels, more than any screen"),
        (encoded(png(200)[:-60]), "no picture"),
        (encoded(png(200).replace(b"IDAT", b"IDAX")), "no picture"),
        ("", "no picture"),
        (None, "no picture"),
        ({"x": 1}, "no picture"),
    ],
    ids=["30000", "12000", "cut", "broken", "empty", "null", "an object"],
)
def test_a_picture_that_is_none_is_black_and_ends_no_run(
    sent: object,
    words: str,
    phone: Phone,
    knowing: Any,
    run_task: Any,
    events: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with SimulatorServer(phone) as server:
        session = AppiumSession(Source(server.url, sent), {"platformName": "Android"})
        with AppiumDevice(session) as device:
            result = run_task(SWITCH, knowing, device=device)
    assert result.outcome is Outcome.SUCCESS
    assert words in caplog.text
    assert any("black" in warned.text for warned in events(Warned))


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("content", "{"),
        ("content", "[]"),
        ("content", '{"text": 7}'),
        ("content", "[" * 5000),
        ("content", b"\xff\xfe"),
        ("origin", "nobody"),
        ("quotes", "7"),
        ("created_at", "yesterday"),
        ("words", b"\xff"),
    ],
)
def test_one_damaged_row_of_the_memory_is_told_in_one_sentence(
    column: str, value: object, run_task: Any, memory: MemoryStore, tmp_path: Path
) -> None:
    written = value.encode(errors="surrogatepass") if isinstance(value, str) else value
    with closing(sqlite3.connect(tmp_path / "memory.db")) as database, database:
        query = f"UPDATE entries SET {column} = CAST(? AS TEXT) WHERE kind = 'tip'"  # noqa: S608
        assert database.execute(query, (written,)).rowcount > 0
    result = run_task(SWITCH)
    assert result.outcome is Outcome.FAILED
    assert result.reason.startswith(f"the memory {tmp_path / 'memory.db'} ")
    assert "\n" not in result.reason
    assert RunFolder.open(tmp_path / "run").header.reason == result.reason


def test_that_an_action_starts_is_synced_before_it_is_performed(
    phone: Phone, run_task: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: dict[int, int] = {}
    fsync = os.fsync

    def noting(number: int) -> None:
        fsync(number)
        synced[os.fstat(number).st_ino] = os.fstat(number).st_size

    unsynced: list[Action] = []

    class Watched(SimulatedDevice):
        def perform(self, action: Action) -> ActionReceipt:
            events = (tmp_path / "run" / "events.jsonl").stat()
            if synced.get(events.st_ino) != events.st_size:
                unsynced.append(action)
            return super().perform(action)

    monkeypatch.setattr(os, "fsync", noting)
    assert run_task(SWITCH, device=Watched(phone)).outcome is Outcome.SUCCESS
    assert unsynced == []
    assert {(tmp_path / "run").stat().st_ino, (tmp_path / "run" / "run.json").stat().st_ino} <= set(
        synced
    )


def test_a_phone_that_never_tells_its_apps_does_not_outlive_the_run(
    phone: Phone, run_task: Any
) -> None:
    never = threading.Event()

    class Silent(SimulatedDevice):
        def installed_apps(self) -> Any:
            return never.wait()

    result = run_task(SWITCH, device=Silent(phone), budget=Budget(max_seconds=0.5))
    never.set()
    assert result.outcome is Outcome.BUDGET


def test_a_server_that_never_answers_is_left(phone: Phone) -> None:
    never = threading.Event()
    with SimulatorServer(phone) as server:
        driver = Photographed(AppiumServer(server.url).new_driver({}), None)
        driver.quit = never.wait
        source = SimpleNamespace(url=server.url, new_driver=lambda _: driver)
        AppiumSession(source, {}).close()
    assert not never.is_set()
    never.set()
