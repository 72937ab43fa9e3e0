"""Secrets that calls carry: named by the caller, put in at the last moment, never shown.

A secret is looked up when a request leaves, below the HTTP client, so that neither the model nor
logs, errors or recorded requests can hold it; and where a service repeats it in an answer, it is
taken out again.
"""

import base64
import html
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias
from urllib.parse import quote, quote_plus

import httpx

from tapgraph.errors import EnvironmentMissing
from tapgraph.settings import secret_from_environment
from tapgraph.tools.api.json_value import Json

__all__ = [
    "Placement",
    "Secret",
    "SecretTransport",
    "environment_secret",
    "looked_up",
    "redacted",
    "spellings",
]

Secret: TypeAlias = Callable[[], str]
"""Gives the secret's value; raises `EnvironmentMissing` when there is none."""

_REMOVED = "[secret]"
_SHORTEST_REMOVED = 4


def environment_secret(variable: str) -> Secret:
    """The secret that an environment variable holds, looked up at each use."""
    return lambda: secret_from_environment(variable)


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a secret goes in a request.

    Attributes:
        scheme: the name of the security scheme in its document.
        place: where it is put.
        name: the header, the key of the query, or the cookie.
        form: how it is written there.
    """

    scheme: str
    place: Literal["header", "query", "cookie"]
    name: str
    form: Literal["plain", "bearer", "basic"] = "plain"

    def written(self, value: str) -> str:
        """The secret as the service wants to read it; for `basic` it is `user:password`."""
        if self.form == "bearer":
            return f"Bearer {value}"
        if self.form == "basic":
            return f"Basic {base64.b64encode(value.encode()).decode('ascii')}"
        return value


class SecretTransport(httpx.BaseTransport):
    """Adds secrets to requests that name them in their extension `secrets`, and headers to all."""

    def __init__(
        self,
        inner: httpx.BaseTransport,
        secrets: Mapping[str, Secret],
        headers: Mapping[str, Secret],
    ) -> None:
        """Look secrets up by the name of their security scheme, headers by their own."""
        self._inner = inner
        self._secrets = secrets
        self._headers = headers

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer the request, sent with its secrets."""
        placements: Sequence[Placement] = request.extensions.get("secrets", ())
        headers = httpx.Headers(request.headers)
        url = request.url
        for placement in placements:
            value = placement.written(looked_up(placement.scheme, self._secrets))
            match placement.place:
                case "header":
                    headers[placement.name] = value
                case "query":
                    url = url.copy_merge_params({placement.name: value})
                case "cookie":
                    cookie = f"{placement.name}={quote(value, safe='')}"
                    headers["cookie"] = "; ".join(
                        part for part in (headers.get("cookie", ""), cookie) if part
                    )
        for name in self._headers:
            headers[name] = looked_up(name, self._headers)
        sent = httpx.Request(
            request.method,
            url,
            headers=headers,
            stream=request.stream,
            extensions=request.extensions,
        )
        return self._inner.handle_request(sent)

    def close(self) -> None:
        """Close all connections."""
        self._inner.close()


def looked_up(scheme: str, secrets: Mapping[str, Secret]) -> str:
    """The value of a secret.

    Raises:
        EnvironmentMissing: none is given for the scheme, or its value cannot be sent.
    """
    if scheme not in secrets:
        raise EnvironmentMissing(
            f"the service wants the secret {scheme!r}: name the environment variable that holds it "
            f"with --secret {scheme}=VARIABLE"
        )
    value = secrets[scheme]()
    if not value.isascii() or not value.isprintable() or not value:
        raise EnvironmentMissing(
            f"the secret {scheme!r} is empty or holds characters that no request can carry"
        )
    return value


def redacted(value: Json, hidden: Sequence[str]) -> Json:
    """The value with each hidden text replaced, in keys and where it is a number too."""
    if isinstance(value, str):
        for text in hidden:
            value = value.replace(text, _REMOVED)
        return value
    if isinstance(value, int | float) and str(value) in hidden:
        return _REMOVED
    if isinstance(value, Mapping):
        return {str(redacted(key, hidden)): redacted(item, hidden) for key, item in value.items()}
    if isinstance(value, Sequence):
        return [redacted(item, hidden) for item in value]
    return value


def spellings(value: str) -> list[str]:
    """The ways in which a service may repeat a secret, the longest first.

    Of `user:password` the password counts by itself, or the user where there is no password; of
    `Bearer token` the token.
    """
    user, _, password = value.partition(":")
    plain = {value, password or user, value.split(" ")[-1]}
    found = {text for one in plain for text in _written(one)}
    return sorted((one for one in found if len(one) >= _SHORTEST_REMOVED), key=len, reverse=True)


def _written(value: str) -> set[str]:
    quoted = {quote(value, safe=""), quote(value), quote_plus(value)}
    return {
        *(value, json.dumps(value)[1:-1], html.escape(value)),
        *(quoted | {one.lower() for one in quoted - {value}}),
        base64.b64encode(value.encode()).decode("ascii"),
        base64.urlsafe_b64encode(value.encode()).decode("ascii").rstrip("="),
    }
