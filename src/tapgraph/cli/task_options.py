"""What the options of `run` and `api` share, as plain data that a run's header keeps."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self, TypeAlias

from pydantic import TypeAdapter, ValidationError

from tapgraph.agents.run.budget import Budget
from tapgraph.cli.options import HumanKind
from tapgraph.errors import UsageError

if TYPE_CHECKING:
    from tapgraph.cli.catalog_access import Access
    from tapgraph.tools.policy.rules import PolicyRules

__all__ = ["TaskOptions"]

_Stored: TypeAlias = Mapping[str, str | int | float | bool | None]


@dataclass(frozen=True, kw_only=True)
class TaskOptions:
    """How to do a task; kept in the run's header, so that it can be resumed.

    Attributes:
        catalogs: files or addresses of APIs.
        secrets: `CATALOG/SCHEME=VARIABLE`; the values are never kept.
        headers: `CATALOG/NAME=VARIABLE`; the values are never kept.
        servers: addresses in the place of those that documents name, `CATALOG=URL` or a URL.
        allow_hosts: hosts that may lie inside a local network or serve single operations.
        files: paths of files that calls may upload.
        prompts: the folder of texts that stand in for the agent's own.
        highlight: whether what is wanted is highlighted in prompts.
        policy: the file of the user's own rules.
    """

    catalogs: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    servers: tuple[str, ...] = ()
    allow_hosts: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    prompts: str | None = None
    highlight: bool = False
    policy: str | None = None
    memory: str | None = None
    human: HumanKind = HumanKind.ASSUME
    budget: Budget = field(default_factory=Budget)

    command: ClassVar[str]

    @property
    def prompts_folder(self) -> Path | None:
        """The folder of prompts as a path."""
        return Path(self.prompts) if self.prompts is not None else None

    def rules(self) -> "PolicyRules":
        """The user's own rules.

        Raises:
            UsageError: the file holds none.
        """
        # Not needed to print help.
        from tapgraph.tools.policy.rules import NO_RULES, PolicyRules  # noqa: PLC0415

        return PolicyRules.read(Path(self.policy)) if self.policy is not None else NO_RULES

    def access(self) -> "Access":
        """What catalogues are given.

        Raises:
            UsageError: an option is not of its form.
        """
        # Brings the HTTP client, which is not needed to print help.
        from tapgraph.cli.catalog_access import Access  # noqa: PLC0415

        return Access.parse(
            secrets=self.secrets,
            headers=self.headers,
            servers=self.servers,
            allow_hosts=self.allow_hosts,
            files=self.files,
        )

    def to_header(self) -> dict[str, str | int | float | bool | None]:
        """All options but the budget, which the header holds on its own."""
        stored = {each.name: getattr(self, each.name) for each in dataclasses.fields(self)}
        del stored["budget"]
        return stored | {name: "\n".join(stored[name]) for name in self._lists()}

    @classmethod
    def from_header(cls, stored: _Stored, budget: Budget) -> Self:
        """The options that `to_header` gave.

        Raises:
            UsageError: the run was not started by this command of this version.
        """
        names = {each.name for each in dataclasses.fields(cls)} - {"budget"}
        foreign = set(stored) ^ names
        lists = {name: str(stored.get(name) or "").splitlines() for name in cls._lists()}
        try:
            options = TypeAdapter(cls).validate_python({**stored, **lists, "budget": budget})
        except ValidationError as error:
            raise cls._unknown(error.errors()[0]["msg"]) from error
        if foreign:
            raise cls._unknown(f"{', '.join(sorted(foreign))} of another command")
        return options

    @classmethod
    def _lists(cls) -> list[str]:
        return [each.name for each in dataclasses.fields(cls) if each.default == ()]

    @classmethod
    def _unknown(cls, words: str) -> UsageError:
        return UsageError(
            f"the run cannot be resumed by `tapgraph {cls.command}`: its options are not known "
            f"({words})"
        )
