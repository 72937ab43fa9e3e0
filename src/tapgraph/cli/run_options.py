"""Everything about a run but its instruction, as plain data."""

import dataclasses
from dataclasses import dataclass, field
from enum import StrEnum

from pydantic import TypeAdapter, ValidationError

from tapgraph.agents.run.budget import Budget
from tapgraph.cli.open_device import DEFAULT_APPIUM_URL
from tapgraph.cli.options import DeviceKind, HumanKind
from tapgraph.errors import UsageError

__all__ = ["DEMONSTRATOR", "ReadFromKind", "RunOptions"]

DEMONSTRATOR = "demonstrator"


class ReadFromKind(StrEnum):
    """What screens are read from."""

    AUTO = "auto"
    TREE = "tree"
    OCR = "ocr"
    BOTH = "both"


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """How to run a task; kept in the run's header, so that it can be resumed."""

    device: DeviceKind = DeviceKind.SIM
    appium_url: str = DEFAULT_APPIUM_URL
    udid: str | None = None
    seed: int = 0
    faults: str = ""
    clock: str | None = None
    state_dir: str | None = None
    model: str = DEMONSTRATOR
    memory: str | None = None
    pipeline: str = "tapgraph"
    read_from: ReadFromKind = ReadFromKind.AUTO
    human: HumanKind = HumanKind.ASSUME
    budget: Budget = field(default_factory=Budget)

    def to_header(self) -> dict[str, str | int | float | bool | None]:
        """All options but the budget, which the header holds on its own."""
        return {
            each.name: getattr(self, each.name)
            for each in dataclasses.fields(self)
            if each.name != "budget"
        }

    @classmethod
    def from_header(
        cls, stored: dict[str, str | int | float | bool | None], budget: Budget
    ) -> "RunOptions":
        """The options that `to_header` gave.

        Raises:
            UsageError: the run was not started by a command line of this version.
        """
        unknown = sorted(set(stored) - {each.name for each in dataclasses.fields(cls)})
        if unknown:
            raise UsageError(
                "the run cannot be resumed by `tapgraph run`: it has the options "
                f"{', '.join(unknown)} of another command"
            )
        try:
            return TypeAdapter(cls).validate_python({**stored, "budget": budget})
        except ValidationError as error:
            raise UsageError(
                "the run cannot be resumed from the command line: its options are not known "
                f"({error.errors()[0]['msg']})"
            ) from error
