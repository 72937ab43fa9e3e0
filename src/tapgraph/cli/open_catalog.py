"""Opens what `--catalog` names: services of OpenAPI documents, MCP servers, and shortcuts."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from tapgraph.cli.catalog_access import (
    Access,
    Catalog,
    Given,
    assigned,
    assigned_servers,
    label_of,
)
from tapgraph.cli.mcp_config import McpEntry, read_mcp_config, with_variables
from tapgraph.cli.terminal import print_note
from tapgraph.errors import EnvironmentMissing, ExtraMissing, UsageError
from tapgraph.tools.api.calls import ApiRunner, CallResult
from tapgraph.tools.api.catalog import ApiCatalog
from tapgraph.tools.api.joined import JoinedRunner
from tapgraph.tools.api.json_value import Json
from tapgraph.tools.api.mcp import McpServer
from tapgraph.tools.api.oauth import token_names, token_scheme
from tapgraph.tools.api.openapi import OpenApiService, open_service
from tapgraph.tools.api.openapi_security import declared_schemes
from tapgraph.tools.api.openapi_servers import server_of
from tapgraph.tools.api.openapi_source import ServiceDocument, read_service
from tapgraph.tools.api.secret import Secret
from tapgraph.tools.api.shortcuts.folder import ShortcutFolder, shortcut_files
from tapgraph.tools.api.shortcuts.system import SimulatedSystem

__all__ = ["open_catalogs"]

_OF_SHORTCUTSBENCH = "all_api2info.json"


@dataclass(frozen=True, slots=True)
class _Document:
    source: str
    document: ServiceDocument


@dataclass(frozen=True, slots=True)
class _NamedServer:
    name: str
    entry: McpEntry


@dataclass(frozen=True, slots=True)
class _Folder:
    name: str
    shortcuts: ShortcutFolder


@contextmanager
def open_catalogs(sources: Sequence[str], access: Access) -> Iterator[ApiRunner]:
    """All APIs of the sources together; closed at the end of the `with` block.

    What cannot be called for want of a secret, and an MCP server that does not answer, is left out
    with a note on stderr.

    Args:
        sources: files or addresses of OpenAPI documents, files of MCP configurations, or folders
            of shortcuts.
        access: secrets and the like; for MCP a secret is a header, or a variable of a program.

    Raises:
        UsageError: a source is no catalogue of APIs that can be called, or something is given that
            fits no catalogue or several.
        EnvironmentMissing: no server answers; a secret is not set, or nothing can be called without
            one that is not given.
    """
    found = [one for source in sources for one in _read(source, access)]
    documents = [n for n, one in enumerate(found) if isinstance(one, _Document)]
    catalogs = [_catalog(one) for one in found]
    named = assigned_servers(access.servers, [catalogs[n] for n in documents])
    servers = {documents[n]: address for n, address in named.items()}
    secrets, headers = _given_to(catalogs, access.secrets), _given_to(catalogs, access.headers)
    with ExitStack() as closing:
        runners: list[ApiRunner] = []
        names: list[str] = []
        dead: list[str] = []
        for place, one in enumerate(found):
            own, sent = secrets.get(place, {}), headers.get(place, {})
            label = label_of(place, catalogs)
            if isinstance(one, _Document):
                service = open_service(
                    one.document,
                    server=servers.get(place, ""),
                    secrets=_values(own),
                    headers=_values(sent),
                    files=access.files,
                    allow_hosts=access.allow_hosts,
                )
                closing.callback(service.close)
                runners.append(_usable(service, one.source, label, own))
            elif isinstance(one, _Folder):
                runners.append(one.shortcuts)
            else:
                try:
                    opened = _opened(one, _values(own | sent), access)
                except ExtraMissing:
                    raise
                except EnvironmentMissing as error:
                    dead.append(f"{label} is left out: {error}")
                    continue
                runners.append(closing.enter_context(opened))
            names.append(label)
        if dead and not runners:
            raise EnvironmentMissing("; ".join(dead))
        for note in dead:
            print_note(note)
        yield runners[0] if len(runners) == 1 else JoinedRunner(runners, names=names)


def _given_to(catalogs: Sequence[Catalog], given: Sequence[Given]) -> dict[int, dict[str, Given]]:
    """What each catalogue gets; every value is there."""
    found = assigned(given, catalogs)
    for one in given:
        one.require()
    return found


class _Unlocked:
    """The operations of a service that the secrets at hand open."""

    def __init__(self, service: OpenApiService) -> None:
        locked = service.locked
        self.catalog = ApiCatalog(one for one in service.catalog if one.identifier not in locked)
        self._service = service

    def call(self, identifier: str, arguments: Mapping[str, Json]) -> CallResult:
        """Call an operation; see `ApiRunner.call`."""
        return self._service.call(self.catalog[identifier].identifier, arguments)


def _usable(
    service: OpenApiService, source: str, label: str, secrets: Mapping[str, Given]
) -> ApiRunner:
    """The service without what it cannot do; a person is told.

    Raises:
        UsageError: a secret is given that no operation takes.
        EnvironmentMissing: every operation needs a secret that is not given.
    """
    for scheme, given in secrets.items():
        if token_scheme(scheme) not in service.wanted:
            raise UsageError(
                f"--secret {given.name}: no operation of {label} asks for {scheme!r}; to send it "
                f"all the same write --header {label}/Authorization={given.variable}"
            )
    if service.left_out:
        total = len(service.left_out) + len(service.catalog)
        print_note(
            f"{label}: {len(service.left_out)} of {total} operations are left out; "
            f"`tapgraph api --check {source}` says why"
        )
    locked = service.locked
    if not locked:
        return service
    options = " or ".join(
        f"--secret {label}/{scheme}=VARIABLE" for scheme in dict.fromkeys(locked.values())
    )
    if len(locked) == len(service.catalog):
        raise EnvironmentMissing(f"every operation of {label} needs a secret: add {options}")
    print_note(f"{label}: {len(locked)} operations need a secret and are left out: add {options}")
    return _Unlocked(service)


def _read(source: str, access: Access) -> list[_Document | _NamedServer | _Folder]:
    if Path(source).is_dir():
        return [_Folder(Path(source).resolve().name, _shortcuts(Path(source)))]
    servers = read_mcp_config(source)
    if servers is None:
        return [_Document(source, read_service(source, allow_hosts=access.allow_hosts))]
    return [_NamedServer(name, entry) for name, entry in servers.items()]


def _catalog(one: _Document | _NamedServer | _Folder) -> Catalog:
    """What it is called: the stem of its file or its name, its host, and its whole address."""
    if isinstance(one, _Folder):
        return Catalog((one.name,), (), takes_headers=False)
    if isinstance(one, _NamedServer):
        url = urlsplit(one.entry.url)
        labels = [one.name, url.hostname or "", url.netloc]
        return Catalog(_different(labels), None, takes_headers=bool(one.entry.url))
    content, address = one.document.content, one.document.address
    try:
        server = urlsplit(server_of(content, base=address))
    except UsageError:
        server = urlsplit("")
    place = urlsplit(address).path if address else Path(one.source).as_posix()
    labels = [PurePosixPath(place).stem, server.hostname or "", server.netloc]
    labels += [urlsplit(address).netloc, one.source]
    schemes = (*declared_schemes(content), *token_names(content))
    return Catalog(_different(labels), schemes, takes_headers=True)


def _different(labels: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one for one in labels if one))


def _values(given: Mapping[str, Given]) -> dict[str, Secret]:
    return {name: one.secret for name, one in given.items()}


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


def _opened(named: _NamedServer, secrets: Mapping[str, Secret], access: Access) -> McpServer:
    entry = named.entry
    plain, keys = entry.texts("headers" if entry.url else "env")
    hidden: dict[str, Secret] = {name: partial(str, value) for name, value in keys.items()}
    hidden |= secrets
    if entry.url:
        return McpServer.connect(
            with_variables(entry.url),
            headers=hidden,
            plain_headers=plain,
            allow_hosts=access.allow_hosts,
            transport="sse" if entry.kind == "sse" else "streamable-http",
        )
    return McpServer.start(
        [with_variables(one) for one in (entry.command, *entry.args)],
        environment=plain,
        secrets=hidden,
        folder=with_variables(entry.cwd) if entry.cwd else None,
    )
