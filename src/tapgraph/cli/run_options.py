"""Everything about a run but its instruction, as plain data."""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from tapgraph.cli.device_spec import DeviceSpec
from tapgraph.cli.task_options import TaskOptions

__all__ = ["DEFAULT_SCREEN_TOKENS", "ReadFromKind", "RunOptions"]

DEFAULT_SCREEN_TOKENS = 900


class ReadFromKind(StrEnum):
    """What screens are read from."""

    AUTO = "auto"
    TREE = "tree"
    OCR = "ocr"
    BOTH = "both"


@dataclass(frozen=True, kw_only=True)
class RunOptions(TaskOptions, DeviceSpec):
    """How to run a task; kept in the run's header, so that it can be resumed.

    Attributes:
        model: a spec; empty for a demonstration, which needs no model.
        icons: whether elements without words are told by their picture.
        look: whether a role that sees the screen shrunken is shown a part of it in full.
        screen_tokens: how long a screen may be in a prompt.
        spare_reflector: whether a small net judges actions where it is sure.
    """

    model: str = ""
    pipeline: str = "tapgraph"
    read_from: ReadFromKind = ReadFromKind.AUTO
    icons: bool = False
    look: bool = False
    screen_tokens: int = DEFAULT_SCREEN_TOKENS
    spare_reflector: bool = False

    command: ClassVar[str] = "run"
