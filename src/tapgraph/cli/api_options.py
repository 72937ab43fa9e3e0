"""Everything about a run of the API agent but its instruction, as plain data."""

import dataclasses
from dataclasses import dataclass, field

from pydantic import TypeAdapter, ValidationError

from tapgraph.agents.run.budget import Budget
from tapgraph.cli.options import HumanKind
from tapgraph.errors import UsageError

__all__ = ["ApiOptions"]


@dataclass(frozen=True, kw_only=True)
class ApiOptions:
    """How to do a task with APIs; kept in the run's header, so that it can be resumed.

    Attributes:
        catalogs: files or addresses.
        secrets: `NAME=VARIABLE`; the values are never kept.
    """

    catalogs: tuple[str, ...]
    model: str
    secrets: tuple[str, ...] = ()
    memory: str | None = None
    human: HumanKind = HumanKind.ASSUME
    budget: Budget = field(default_factory=Budget)

    def to_header(self) -> dict[str, str | int | float | bool | None]:
        """All options but the budget, which the header holds on its own."""
        return {
            "catalogs": "\n".join(self.catalogs),
            "model": self.model,
            "secrets": "\n".join(self.secrets),
            "memory": self.memory,
            "human": self.human,
        }

    @classmethod
    def from_header(
        cls, stored: dict[str, str | int | float | bool | None], budget: Budget
    ) -> "ApiOptions":
        """The options that `to_header` gave.

        Raises:
            UsageError: the run was not started by `tapgraph api` of this version.
        """
        lists = {name: str(stored.get(name) or "").splitlines() for name in ("catalogs", "secrets")}
        try:
            options = TypeAdapter(cls).validate_python({**stored, **lists})
        except ValidationError as error:
            raise UsageError(
                "the run cannot be resumed by `tapgraph api`: its options are not known "
                f"({error.errors()[0]['msg']})"
            ) from error
        return dataclasses.replace(options, budget=budget)
