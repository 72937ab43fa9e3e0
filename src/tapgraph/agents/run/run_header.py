"""What was asked in a run, of whom and within which limits, and how it ended."""

import dataclasses
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError

from tapgraph import __version__
from tapgraph.agents.run.budget import Budget, Spent
from tapgraph.agents.run.outcome import Outcome
from tapgraph.errors import UnreadableRun, UsageError

__all__ = ["FORMAT_VERSION", "RunHeader", "header_from_json", "header_to_json"]

FORMAT_VERSION = 1
"""Raised when an older tapgraph could no longer read what a newer one writes."""


@dataclass(frozen=True, kw_only=True)
class RunHeader:
    """What is known of a run before it starts, and at its end how it ended.

    Attributes:
        pipeline_settings: whatever the pipeline may be set to, so that the run is resumed with it.
        model: the name of the model, or one for each role, as a person should read it.
        device: the name of the device.
        memory: where tips and shortcuts come from; empty without a memory.
        seed: of the simulated phone or the model, None where neither has one.
        demonstrator: whether replies come from reference solutions and not from a model.
        options: whatever else the command line needs to resume the run.
        outcome: None while the run goes on, or when it was killed.
    """

    instruction: str
    pipeline: str
    model: str
    device: str
    pipeline_settings: dict[str, Any] = field(default_factory=dict)
    memory: str = ""
    budget: Budget = field(default_factory=Budget)
    seed: int | None = None
    demonstrator: bool = False
    options: dict[str, str | int | float | bool | None] = field(default_factory=dict)
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    tapgraph_version: str = __version__
    version: int = FORMAT_VERSION
    outcome: Outcome | None = None
    reason: str = ""
    answer: str = ""
    spent: Spent = field(default_factory=Spent)
    finished_at: datetime | None = None

    @property
    def is_finished(self) -> bool:
        """Whether the run has ended in one of the known ways."""
        return self.outcome is not None

    @property
    def state(self) -> str:
        """The outcome as one word, `unfinished` where there is none."""
        return "unfinished" if self.outcome is None else self.outcome.value

    def finished(self, outcome: Outcome, reason: str, answer: str, spent: Spent) -> "RunHeader":
        """The same run, ended now."""
        return dataclasses.replace(
            self,
            outcome=outcome,
            reason=reason,
            answer=answer,
            spent=spent,
            finished_at=datetime.now(UTC),
        )

    def reopened(self) -> "RunHeader":
        """The same run, going on again; what it spent stays."""
        return dataclasses.replace(self, outcome=None, reason="", answer="", finished_at=None)


_HEADER = TypeAdapter(RunHeader)


def header_to_json(header: RunHeader) -> str:
    """The header as indented JSON."""
    return json.dumps(_HEADER.dump_python(header, mode="json"), ensure_ascii=False, indent=2) + "\n"


def header_from_json(text: str, *, place: str) -> RunHeader:
    """The header that a `run.json` holds; `place` is named in errors.

    Raises:
        UnreadableRun: it is no header, a broken one, or one that a newer tapgraph wrote.
    """
    try:
        wire = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise UnreadableRun(f"{place} is not valid JSON ({error}); the run is damaged") from error
    if not isinstance(wire, dict) or type(wire.get("version")) is not int:
        raise UnreadableRun(f"{place} is not the header of a tapgraph run")
    if wire["version"] > FORMAT_VERSION:
        raise UnreadableRun(
            f"{place} has format {wire['version']}, this tapgraph {__version__} reads up to "
            f"{FORMAT_VERSION}: pip install --upgrade tapgraph"
        )
    try:
        return _HEADER.validate_python(wire)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UnreadableRun(f"{place} is damaged: {where}: {first['msg']}") from error
    except UsageError as error:
        raise UnreadableRun(f"{place} is damaged: {error}") from error
