"""Opens what `--catalog` names: services of OpenAPI documents, and MCP servers."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from tapgraph.errors import UsageError
from tapgraph.settings import secret_from_environment
from tapgraph.tools.api.calls import ApiRunner
from tapgraph.tools.api.joined import JoinedRunner
from tapgraph.tools.api.mcp import McpServer
from tapgraph.tools.api.openapi import open_service
from tapgraph.tools.api.secret import Secret
from tapgraph.tools.api.shortcuts.folder import ShortcutFolder, shortcut_files
from tapgraph.tools.api.shortcuts.system import SimulatedSystem

__all__ = ["open_catalogs", "parse_secrets"]

_OF_SHORTCUTSBENCH = "all_api2info.json"


class _Server(BaseModel):
    """One server of an MCP configuration, as other clients write it."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    command: str = ""
    args: tuple[str, ...] = ()
    env: dict[str, str] = Field(default_factory=dict)
    url: str = ""

    @model_validator(mode="after")
    def _is_program_or_address(self) -> "_Server":
        if bool(self.command) == bool(self.url):
            raise ValueError("a server has either a command or a url")
        return self


class _McpConfig(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    servers: dict[str, _Server] = Field(alias="mcpServers", min_length=1)


def parse_secrets(given: Sequence[str]) -> dict[str, str]:
    """From the names of secrets to the environment variables that hold them.

    Raises:
        UsageError: one is not NAME=VARIABLE, or a name stands twice.

    >>> parse_secrets(["apiKey=NOTES_KEY"])
    {'apiKey': 'NOTES_KEY'}
    """
    secrets: dict[str, str] = {}
    for one in given:
        name, _, variable = one.partition("=")
        if not name or not variable.isidentifier() or name in secrets:
            raise UsageError(
                f"--secret takes NAME=VARIABLE, each name once, and VARIABLE is the environment "
                f"variable that holds the value; got {name or one!r}"
            )
        secrets[name] = variable
    return secrets


@contextmanager
def open_catalogs(sources: Sequence[str], secrets: Mapping[str, str]) -> Iterator[ApiRunner]:
    """All APIs of the sources together; closed at the end of the `with` block.

    Args:
        sources: files or addresses of OpenAPI documents, files of MCP configurations, or folders
            of shortcuts.
        secrets: for OpenAPI the name of a security scheme, for MCP `SERVER/NAME` with the name of
            a header, or of a variable for a program; each with its environment variable.

    Raises:
        UsageError: a source is no catalogue of APIs that can be called.
        EnvironmentMissing: a server does not answer.
    """
    values = {
        name: partial(secret_from_environment, variable) for name, variable in secrets.items()
    }
    with ExitStack() as closing:
        runners: list[ApiRunner] = []
        for source in sources:
            if Path(source).is_dir():
                runners.append(_shortcuts(Path(source)))
                continue
            config = _mcp_config(source)
            if config is None:
                plain = {name: value for name, value in values.items() if "/" not in name}
                runners.append(closing.enter_context(open_service(source, secrets=plain)))
                continue
            for name, server in config.servers.items():
                own = _secrets_of(name, values)
                runners.append(closing.enter_context(_opened(server, own)))
        yield runners[0] if len(runners) == 1 else JoinedRunner(runners)


def _shortcuts(folder: Path) -> ShortcutFolder:
    """The shortcuts of a folder, on a simulated system without a web."""
    has_texts = (folder / _OF_SHORTCUTSBENCH).is_file()
    if has_texts or (folder / "data" / _OF_SHORTCUTSBENCH).is_file():
        raise UsageError(
            f"{str(folder)!r} describes the actions of Apple's Shortcuts, which cannot be called "
            "from here; evaluate on them with `tapgraph eval shortcutsbench`"
        )
    if not shortcut_files(folder):
        raise UsageError(
            f"{str(folder)!r} is a folder without shortcuts; give one with .shortcut files, an "
            "OpenAPI document or an MCP config"
        )
    return ShortcutFolder(folder, SimulatedSystem())


def _mcp_config(source: str) -> _McpConfig | None:
    """The MCP configuration in a file; None where the source must be an OpenAPI document."""
    if source.startswith(("http://", "https://")):
        return None
    try:
        text = Path(source).read_bytes()
    except OSError as error:
        raise UsageError(f"{source} cannot be read: {error.strerror}") from error
    if b'"mcpServers"' not in text:
        return None
    try:
        return _McpConfig.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise UsageError(f"{source} is no MCP config: {place}: {first['msg']}") from error


def _secrets_of(server: str, values: Mapping[str, Secret]) -> dict[str, Secret]:
    prefix = f"{server}/"
    return {
        name.removeprefix(prefix): value
        for name, value in values.items()
        if name.startswith(prefix)
    }


def _opened(server: _Server, secrets: Mapping[str, Secret]) -> McpServer:
    if server.url:
        return McpServer.connect(server.url, headers=secrets)
    environment = server.env | {name: value() for name, value in secrets.items()}
    return McpServer.start([server.command, *server.args], environment=environment)
