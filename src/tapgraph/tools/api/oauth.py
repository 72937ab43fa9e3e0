"""OAuth 2 without a person at a browser: access tokens by client credentials or a refresh token.

Beside a scheme `NAME` the user may give `NAME.client`, whose value is `ID:SECRET` (`ID` alone for a
client without a secret), and `NAME.refresh`, a refresh token. From them the access token is got
when it is first needed, and again when it ends. The protocol is authlib's; the connections go
through the same guard as the service's own.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urljoin, urlsplit

import httpx

from tapgraph.errors import EnvironmentMissing, ExtraMissing
from tapgraph.tools.api.http_guard import addresses_for, fetch
from tapgraph.tools.api.json_value import one_line
from tapgraph.tools.api.openapi_security import declared_schemes
from tapgraph.tools.api.secret import Secret, looked_up, redacted, spellings

if TYPE_CHECKING:
    from authlib.oauth2.auth import ClientAuth
    from authlib.oauth2.client import OAuth2Client

__all__ = [
    "AccessToken",
    "TokenPoint",
    "access_tokens",
    "token_names",
    "token_points",
    "token_scheme",
]

CLIENT, REFRESH = ".client", ".refresh"
_LARGEST_ANSWER_BYTES = 256 * 1024
_BASIC, _POST, _NONE = "client_secret_basic", "client_secret_post", "none"


@dataclass(frozen=True, slots=True)
class TokenPoint:
    """Where a scheme's tokens come from.

    Attributes:
        scheme: its name in the document.
        url: the token endpoint.
        scopes: what is asked for, parted by blanks; empty for what the server gives by itself.
    """

    scheme: str
    url: str
    scopes: str


def token_points(document: Mapping[str, Any], *, server: str = "") -> dict[str, TokenPoint]:
    """The token endpoints of a document by scheme; a relative one is below the server."""
    found = {}
    for name, scheme in declared_schemes(document).items():
        if not isinstance(scheme, Mapping) or scheme.get("type") != "oauth2":
            continue
        flows = scheme.get("flows")
        written = list(flows.values()) if isinstance(flows, Mapping) else [scheme]
        urls = [
            one[key]
            for one in written
            if isinstance(one, Mapping)
            for key in ("tokenUrl", "refreshUrl")
            if isinstance(one.get(key), str)
        ]
        if urls:
            scopes = " ".join(dict.fromkeys(_scopes(document, name)))
            found[name] = TokenPoint(name, urljoin(f"{server}/", urls[0]), scopes)
    return found


def token_names(document: Mapping[str, Any]) -> list[str]:
    """The names of secrets that the token endpoints of a document take."""
    return [f"{scheme}{end}" for scheme in token_points(document) for end in (CLIENT, REFRESH)]


def token_scheme(name: str) -> str:
    """The scheme that a secret of this name is for.

    >>> token_scheme("oauth.client"), token_scheme("apiKey")
    ('oauth', 'apiKey')
    """
    return name.removesuffix(CLIENT).removesuffix(REFRESH)


def access_tokens(
    points: Mapping[str, TokenPoint],
    secrets: Mapping[str, Secret],
    *,
    transport: httpx.BaseTransport,
    timeout_s: float,
) -> dict[str, "AccessToken"]:
    """The tokens for which a client is given, by scheme; none is asked for yet."""
    return {
        scheme: AccessToken(point, secrets, transport, timeout_s)
        for scheme, point in points.items()
        if f"{scheme}{CLIENT}" in secrets
    }


class _Session:
    """How authlib sends its requests: under the guard, the deadline and the limit of all others."""

    def __init__(self, transport: httpx.BaseTransport, timeout_s: float) -> None:
        self._client = httpx.Client(transport=transport, trust_env=False)
        self._timeout_s = timeout_s

    def post(
        self, url: str, *, data: Mapping[str, str], headers: Mapping[str, str], auth: "ClientAuth"
    ) -> httpx.Response:
        """What the token endpoint answers."""
        body = urlencode(data)
        address, sent, content = auth.prepare("POST", url, dict(headers), body)
        request = self._client.build_request("POST", address, headers=sent, content=content)
        answer = fetch(
            self._client, request, timeout_s=self._timeout_s, max_bytes=_LARGEST_ANSWER_BYTES
        )
        return httpx.Response(answer.status, content=answer.body, request=request)


class AccessToken:
    """A `Secret`: the access token of a scheme, got anew before it ends."""

    def __init__(
        self,
        point: TokenPoint,
        secrets: Mapping[str, Secret],
        transport: httpx.BaseTransport,
        timeout_s: float,
    ) -> None:
        self._point = point
        self._secrets = secrets
        self._transport = transport
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._client: OAuth2Client | None = None
        self._seen: set[str] = set()

    def __call__(self) -> str:
        """The token, valid for at least another minute where the server says how long it is.

        Raises:
            EnvironmentMissing: the server gives none, or a secret is not set.
            ExtraMissing: authlib is not installed.
        """
        with self._lock:
            client = self._client = self._client or self._opened()
            if client.token is None or client.token.is_expired(leeway=60):
                self._get(client)
            return str(client.token["access_token"])

    def forget(self) -> None:
        """Get another token at the next use: the service has refused this one."""
        with self._lock:
            if self._client is not None and self._client.token is not None:
                self._client.token["expires_at"] = 1

    @property
    def seen(self) -> frozenset[str]:
        """All secrets that were sent to or came from the token endpoint."""
        return frozenset(self._seen)

    def _opened(self) -> "OAuth2Client":
        try:
            # Brings cryptography, which nothing else here needs.
            from authlib.oauth2.client import OAuth2Client  # noqa: PLC0415
        except ImportError as error:
            raise ExtraMissing("oauth", "getting OAuth 2 tokens") from error
        url = urlsplit(self._point.url)
        if url.scheme != "https" and addresses_for(self._point.url) != "private":
            raise EnvironmentMissing(
                f"the token endpoint of {self._point.scheme!r} is not https: no secret is sent to "
                f"{one_line(self._point.url, 120)!r}"
            )
        name, _, secret = looked_up(f"{self._point.scheme}{CLIENT}", self._secrets).partition(":")
        self._seen |= {secret} - {""}
        return OAuth2Client(
            _Session(self._transport, self._timeout_s),
            client_id=name,
            client_secret=secret or None,
            token_endpoint_auth_method=_BASIC if secret else _NONE,
        )

    def _get(self, client: "OAuth2Client") -> None:
        from authlib.oauth2.base import OAuth2Error  # noqa: PLC0415 - as above

        ways = [_BASIC, _POST] if client.client_secret else [_NONE]
        problem: Exception | None = None
        for way in ways[ways.index(client.token_endpoint_auth_method) :]:
            client.token_endpoint_auth_method = way
            try:
                self._ask(client)
            except OAuth2Error as error:
                problem = error
                # Some servers read the secret in the body only.
                if error.error != "invalid_client":
                    break
            except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
                problem = error
                break
            else:
                return
        words = redacted(one_line(str(problem) or type(problem).__name__, 200), self._hidden())
        raise EnvironmentMissing(
            f"the token endpoint of {self._point.scheme!r} gives no token: {words}"
        ) from problem

    def _ask(self, client: "OAuth2Client") -> None:
        refresh = self._refresh_token(client)
        if refresh:
            self._seen.add(refresh)
            got = client.refresh_token(self._point.url, refresh_token=refresh)
        else:
            scope = {"scope": self._point.scopes} if self._point.scopes else {}
            got = client.fetch_token(self._point.url, grant_type="client_credentials", **scope)
        self._seen |= {str(got[key]) for key in ("access_token", "refresh_token") if got.get(key)}
        if not got.get("access_token"):
            raise KeyError("access_token")

    def _refresh_token(self, client: "OAuth2Client") -> str:
        """The latest refresh token; a server may give a new one with each access token."""
        held = (client.token or {}).get("refresh_token")
        name = f"{self._point.scheme}{REFRESH}"
        return str(held or (looked_up(name, self._secrets) if name in self._secrets else ""))

    def _hidden(self) -> Sequence[str]:
        return [text for one in self._seen for text in spellings(one)]


def _scopes(document: Mapping[str, Any], scheme: str) -> Iterator[str]:
    """The scopes that the document or its operations name for a scheme."""
    paths = document.get("paths")
    items = paths.values() if isinstance(paths, Mapping) else ()
    operations = [one for item in items if isinstance(item, Mapping) for one in item.values()]
    for holder in (document, *operations):
        security = holder.get("security") if isinstance(holder, Mapping) else None
        for requirement in security if isinstance(security, list) else ():
            named = requirement.get(scheme) if isinstance(requirement, Mapping) else None
            yield from (str(one) for one in (named if isinstance(named, list) else ()))
