"""The only reader of environment variables.

| variable | meaning | without it |
|---|---|---|
| `TAPGRAPH_HOME` | folder for memory, models and other files | `~/.local/share/tapgraph` |
| `OPENAI_BASE_URL` | server behind model specs `openai:NAME` | `https://api.openai.com/v1` |
| `OPENAI_API_KEY` | key for that server, and for api.openai.com by URL | no key |
| `TAPGRAPH_API_KEY` | key for all other servers that a model spec gives by URL | no key |
| `HF_ENDPOINT` | model hub of `tapgraph model get` | `https://huggingface.co` |
| `TAPGRAPH_DEBUG` | anything: the command line shows where an error came from | one sentence |
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tapgraph.errors import EnvironmentMissing, UsageError

__all__ = ["Settings", "secret_from_environment", "shows_tracebacks"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the environment says; keys are kept out of `repr`.

    Attributes:
        home: folder for lasting files; it may not exist yet.
        openai_base_url: server behind `openai:NAME`.
        openai_api_key: key for that server.
        model_api_key: key for servers that a model spec gives by URL.
        hub_endpoint: the model hub; None for the usual one.
    """

    home: Path
    openai_base_url: str = "https://api.openai.com/v1"
    openai_api_key: str | None = field(default=None, repr=False)
    model_api_key: str | None = field(default=None, repr=False)
    hub_endpoint: str | None = None

    @property
    def memory_file(self) -> Path:
        """The SQLite file that holds the memory when no other is named."""
        return self.home / "memory.db"

    @property
    def models_folder(self) -> Path:
        """Where `tapgraph model get` keeps checkpoints."""
        return self.home / "models"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> "Settings":
        """The settings of this process, or of the given variables; blank ones count as absent.

        Raises:
            UsageError: there is neither `TAPGRAPH_HOME` nor a home folder.

        >>> Settings.from_environment({"TAPGRAPH_HOME": "/tmp/t"}).memory_file.name
        'memory.db'
        """
        variables = os.environ if environment is None else environment
        given = {name: value.strip() for name, value in variables.items() if value.strip()}
        return cls(
            home=_home(given.get("TAPGRAPH_HOME")),
            openai_base_url=given.get("OPENAI_BASE_URL", "https://api.openai.com/v1"),
            openai_api_key=given.get("OPENAI_API_KEY"),
            model_api_key=given.get("TAPGRAPH_API_KEY"),
            hub_endpoint=given.get("HF_ENDPOINT"),
        )


def shows_tracebacks() -> bool:
    """Whether the command line shows where an error came from."""
    return bool(os.environ.get("TAPGRAPH_DEBUG", "").strip())


def secret_from_environment(variable: str) -> str:
    """The value of a variable that the caller names, without blanks around it.

    Raises:
        EnvironmentMissing: it is not set, or blank.
    """
    value = os.environ.get(variable, "").strip()
    if not value:
        raise EnvironmentMissing(f"the environment variable {variable!r} is not set")
    return value


def _home(given: str | None) -> Path:
    try:
        return Path(given or "~/.local/share/tapgraph").expanduser().absolute()
    except (OSError, RuntimeError) as error:
        raise UsageError("no home folder is known: set TAPGRAPH_HOME to a folder") from error
