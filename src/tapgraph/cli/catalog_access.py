"""What the user gives to catalogues: secrets, headers, servers, hosts and files."""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from tapgraph.errors import EnvironmentMissing, UsageError
from tapgraph.settings import secret_from_environment
from tapgraph.tools.api.openapi_servers import checked_server
from tapgraph.tools.api.secret import Secret

__all__ = ["Access", "Catalog", "Given", "assigned", "assigned_servers", "label_of"]

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_OF_THE_REQUEST = frozenset({"host", "content-length", "transfer-encoding", "connection"})


@dataclass(frozen=True, slots=True)
class Given:
    """A secret or a header as it was typed: `NAME=VARIABLE`, the name mostly `CATALOG/NAME`."""

    option: str
    name: str
    variable: str

    @property
    def secret(self) -> Secret:
        """Its value, looked up at each use."""
        return partial(secret_from_environment, self.variable)

    def require(self) -> None:
        """Look the value up once, before anything is sent.

        Raises:
            EnvironmentMissing: the variable is not set.
        """
        try:
            self.secret()
        except EnvironmentMissing as error:
            raise EnvironmentMissing(f"{error}: {self.option} {self.name} takes it") from error


@dataclass(frozen=True, slots=True)
class Access:
    """Everything that the user gives to catalogues.

    Attributes:
        secrets: `CATALOG/SCHEME=VARIABLE`.
        headers: `CATALOG/NAME=VARIABLE`.
        servers: addresses by the catalogue that they stand for; the empty name fits the only one.
        allow_hosts: hosts that may lie inside a local network or be servers of single operations.
        files: the files that calls may upload, by name.
    """

    secrets: tuple[Given, ...] = ()
    headers: tuple[Given, ...] = ()
    servers: tuple[tuple[str, str], ...] = ()
    allow_hosts: frozenset[str] = frozenset()
    files: dict[str, Path] = field(default_factory=dict)

    @classmethod
    def parse(
        cls,
        *,
        secrets: Sequence[str] = (),
        headers: Sequence[str] = (),
        servers: Sequence[str] = (),
        allow_hosts: Sequence[str] = (),
        files: Sequence[str] = (),
    ) -> Self:
        """Read the options as they are typed.

        Raises:
            UsageError: one is not of its form, or stands twice, or a file is not there.
        """
        return cls(
            secrets=_given("--secret", "CATALOG/SCHEME=VARIABLE", secrets),
            headers=_given("--header", "CATALOG/NAME=VARIABLE", headers),
            servers=tuple(_server(one) for one in servers),
            allow_hosts=frozenset(_host(one) for one in allow_hosts),
            files=_files(files),
        )


@dataclass(frozen=True, slots=True)
class Catalog:
    """What secrets can be given to: an OpenAPI document or an MCP server.

    Attributes:
        labels: what the user may call it; the first one is its name.
        schemes: the secrets that it declares; None where it takes any (a program's variables).
        takes_headers: whether it is reached over HTTP.
    """

    labels: tuple[str, ...]
    schemes: Collection[str] | None
    takes_headers: bool

    def takes(self, option: str, name: str) -> bool:
        """Whether it takes a secret or header of this name."""
        if option == "--header":
            is_name = _HEADER_NAME.fullmatch(name) and name.lower() not in _OF_THE_REQUEST
            return self.takes_headers and bool(is_name)
        if self.schemes is None:
            return bool(_HEADER_NAME.fullmatch(name))
        return name in self.schemes


def assigned(given: Iterable[Given], catalogs: Sequence[Catalog]) -> dict[int, dict[str, Given]]:
    """For each catalogue, by its place in the list, what it gets by the plain names.

    Raises:
        UsageError: one fits no catalogue or several; the text names the choices.
    """
    found: dict[int, dict[str, Given]] = {}
    for one in given:
        place, name = _place_for(one, catalogs)
        own = found.setdefault(place, {})
        if name in own:
            raise UsageError(f"{one.option} gives {name!r} to {catalogs[place].labels[0]!r} twice")
        own[name] = one
    return found


def _place_for(given: Given, catalogs: Sequence[Catalog]) -> tuple[int, str]:
    fitting = {
        (place, name)
        for place, catalog in enumerate(catalogs)
        for label in catalog.labels
        if (name := given.name.removeprefix(f"{label}/")) != given.name
        and catalog.takes(given.option, name)
    }
    if not fitting:
        bare = [n for n, one in enumerate(catalogs) if one.takes(given.option, given.name)]
        declaring = [n for n in bare if catalogs[n].schemes is not None]
        is_header = given.option == "--header"
        fitting = {(place, given.name) for place in (bare if is_header else declaring or bare)}
    if len(fitting) == 1:
        return next(iter(fitting))
    if fitting:
        choices = [f"{given.option} {label_of(n, catalogs)}/{name}" for n, name in sorted(fitting)]
        raise UsageError(
            f"{given.option} {given.name!r} fits several catalogues: write "
            + " or ".join(f"{one}={given.variable}" for one in choices)
        )
    taken = _taken_headers(catalogs) if given.option == "--header" else _taken_secrets(catalogs)
    raise UsageError(f"{given.option} {given.name!r} is used by no catalogue; {taken}")


def assigned_servers(
    servers: Sequence[tuple[str, str]], catalogs: Sequence[Catalog]
) -> dict[int, str]:
    """The address that stands in for the server of a catalogue, by its place in the list.

    Raises:
        UsageError: one fits no catalogue or several.
    """
    found: dict[int, str] = {}
    for name, address in servers:
        fitting = [n for n, one in enumerate(catalogs) if not name or name in one.labels]
        if not catalogs:
            raise UsageError(f"--server {address!r} is for an OpenAPI document, and none is given")
        if len(fitting) != 1:
            labels = ", ".join(label_of(n, catalogs) for n in range(len(catalogs)))
            raise UsageError(
                f"--server {name or address!r} fits {'several' if fitting else 'no'} OpenAPI "
                f"documents: write --server CATALOG={address}; there are {labels}"
            )
        if fitting[0] in found:
            raise UsageError(f"--server is given twice for {label_of(fitting[0], catalogs)}")
        found[fitting[0]] = address
    return found


def label_of(place: int, catalogs: Sequence[Catalog]) -> str:
    """The first name of a catalogue that no other one has."""
    others = {label for n, one in enumerate(catalogs) if n != place for label in one.labels}
    labels = catalogs[place].labels
    return next((one for one in labels if one not in others), labels[0])


def _taken_secrets(catalogs: Sequence[Catalog]) -> str:
    named = [
        f"{label_of(place, catalogs)}/{scheme}"
        for place, one in enumerate(catalogs)
        for scheme in (["NAME"] if one.schemes is None else one.schemes)
    ]
    if named:
        return f"secrets are taken as {', '.join(named)}"
    return f"no secret is declared; {_taken_headers(catalogs)}"


def _taken_headers(catalogs: Sequence[Catalog]) -> str:
    """The headers that can be given; some that belong to the request itself never can."""
    labels = [label_of(place, catalogs) for place, one in enumerate(catalogs) if one.takes_headers]
    if not labels:
        return "nothing is reached over HTTP here, so there is no header to give"
    return f"headers are taken as {', '.join(f'{label}/NAME' for label in labels)}"


def _given(option: str, form: str, typed: Sequence[str]) -> tuple[Given, ...]:
    found: dict[str, Given] = {}
    for one in typed:
        name, _, variable = one.rpartition("=")
        # What was typed is not shown: it may be the secret itself.
        if not name or not variable.isidentifier():
            raise UsageError(
                f"{option} takes {form}, where VARIABLE is the environment variable that holds "
                "the value, not the value"
            )
        if name in found:
            raise UsageError(f"{option} gives {name!r} twice")
        found[name] = Given(option, name, variable)
    return tuple(found.values())


def _server(typed: str) -> tuple[str, str]:
    name, _, address = ("", "", typed) if "://" in typed.partition("=")[0] else typed.partition("=")
    return name, checked_server(address)


def _host(typed: str) -> str:
    host = typed.lower().rstrip(".").strip("[]")
    try:
        is_host = urlsplit(f"//[{host}]" if ":" in host else f"//{host}").hostname == host
    except ValueError:
        is_host = False
    if not host or not is_host:
        raise UsageError(f"--allow-host takes the name of a host without a port, got {typed!r}")
    return host


def _files(typed: Sequence[str]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for one in typed:
        path = Path(one)
        if not path.is_file():
            raise UsageError(f"--file {one!r} is no file")
        if path.name in found:
            raise UsageError(f"--file names two files called {path.name!r}")
        found[path.name] = path.absolute()
    return found
