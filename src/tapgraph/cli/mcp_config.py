"""Configurations of MCP servers, as other hosts write them.

Servers stand by name under `mcpServers` or `servers`; each is a program (`command`, `args`, `env`,
`cwd`) or an address (`url`, `headers`), and one that is `disabled` is not used. In texts,
`${NAME}`, `${env:NAME}` and `${NAME:-otherwise}` stand for variables of the environment.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError, model_validator

from tapgraph.errors import EnvironmentMissing, UsageError
from tapgraph.settings import secret_from_environment

__all__ = ["McpEntry", "read_mcp_config"]

_VARIABLE = re.compile(r"\$\{([^{}]*)\}")
_KEY = re.compile("key|token|secret|pass|auth", re.IGNORECASE)


class McpEntry(BaseModel):
    """One server of a configuration."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    command: str = ""
    args: tuple[str, ...] = ()
    env: dict[str, str] = Field(default_factory=dict)
    cwd: str | None = None
    url: str = Field(default="", validation_alias=AliasChoices("url", "serverUrl", "httpUrl"))
    headers: dict[str, str] = Field(default_factory=dict)
    disabled: bool = False
    kind: str = Field(default="", alias="type")

    @model_validator(mode="after")
    def _is_program_or_address(self) -> Self:
        if bool(self.command) == bool(self.url):
            raise ValueError("a server has either a command or a url")
        if urlsplit(self.url).port == 0:
            raise ValueError("the port of a url is 1 to 65535")
        return self

    def texts(self, of: Literal["env", "headers"]) -> tuple[dict[str, str], dict[str, str]]:
        """Its variables or headers: those that anybody may see, and those that are secrets.

        What is named like a key, or holds a variable of the environment, is a secret.

        Raises:
            EnvironmentMissing: a variable is not set.
            UsageError: a placeholder is of no known form.
        """
        written: Mapping[str, str] = getattr(self, of)
        hidden = {one for one, text in written.items() if _KEY.search(one) or "${" in text}
        filled = {one: with_variables(text) for one, text in written.items()}
        return (
            {one: text for one, text in filled.items() if one not in hidden},
            {one: text for one, text in filled.items() if one in hidden},
        )


class _McpConfig(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    servers: dict[str, McpEntry] = Field(
        min_length=1, validation_alias=AliasChoices("mcpServers", "servers")
    )


def with_variables(text: str) -> str:
    """The text with its variables of the environment filled in.

    Raises:
        EnvironmentMissing: one is not set and has no other value.
        UsageError: a placeholder is of no known form, such as `${input:key}`.
    """

    def value(found: re.Match[str]) -> str:
        name, has_default, default = found[1].removeprefix("env:").partition(":-")
        if not name.isidentifier():
            raise UsageError(
                f"an MCP config holds {found[0]!r}; ${{NAME}} stands for a variable of the "
                "environment, and --secret SERVER/NAME=VARIABLE gives one"
            )
        try:
            return secret_from_environment(name)
        except EnvironmentMissing:
            if has_default:
                return default
            raise

    return _VARIABLE.sub(value, text)


def read_mcp_config(source: str) -> dict[str, McpEntry] | None:
    """The servers of an MCP configuration that are not disabled, by name.

    None where the source must be an OpenAPI document.

    Raises:
        UsageError: the file cannot be read, or is an MCP configuration that cannot be used.
    """
    if source.startswith(("http://", "https://")):
        return None
    try:
        text = Path(source).read_bytes()
    except OSError as error:
        raise UsageError(f"{source} cannot be read: {error.strerror}") from error
    if not _is_config(text):
        return None
    try:
        servers = _McpConfig.model_validate_json(text).servers
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise UsageError(f"{source} is no MCP config: {place}: {first['msg']}") from error
    enabled = {name: one for name, one in servers.items() if not one.disabled}
    if not enabled:
        raise UsageError(f"{source}: every MCP server in it is disabled")
    return enabled


def _is_config(text: bytes) -> bool:
    if b'"mcpServers"' in text:
        return True
    if b'"servers"' not in text or b'"openapi"' in text or b'"swagger"' in text:
        return False
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return False
    # An OpenAPI document has a list there.
    return isinstance(found, dict) and isinstance(found.get("servers"), dict)
