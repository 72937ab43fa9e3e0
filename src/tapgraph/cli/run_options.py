"""Everything about a run but its instruction, as plain data."""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from tapgraph.cli.open_device import DEFAULT_APPIUM_URL
from tapgraph.cli.options import DeviceKind
from tapgraph.cli.task_options import TaskOptions

__all__ = ["ReadFromKind", "RunOptions"]


class ReadFromKind(StrEnum):
    """What screens are read from."""

    AUTO = "auto"
    TREE = "tree"
    OCR = "ocr"
    BOTH = "both"


@dataclass(frozen=True, kw_only=True)
class RunOptions(TaskOptions):
    """How to run a task; kept in the run's header, so that it can be resumed.

    Attributes:
        model: a spec; empty for a demonstration, which needs no model.
    """

    device: DeviceKind = DeviceKind.SIM
    appium_url: str = DEFAULT_APPIUM_URL
    udid: str | None = None
    seed: int = 0
    faults: str = ""
    phone: str = ""
    clock: str | None = None
    state_dir: str | None = None
    model: str = ""
    pipeline: str = "tapgraph"
    read_from: ReadFromKind = ReadFromKind.AUTO

    command: ClassVar[str] = "run"
