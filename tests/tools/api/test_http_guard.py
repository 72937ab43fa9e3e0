"""To which addresses a call may go."""

import httpx
import pytest

from tapgraph.errors import EnvironmentMissing, ToolError
from tapgraph.tools.api.http_guard import GuardedTransport, addresses_for, is_allowed, resolve

PUBLIC = ["93.184.216.34", "2606:2800:220:1::1", "8.8.8.8"]
LOCAL = ["127.0.0.1", "10.1.2.3", "192.168.0.1", "172.16.5.5", "::1", "fd00::1"]
NEVER = [
    *("169.254.169.254", "fe80::1", "fe80::1%eth0", "0.0.0.0", "::", "224.0.0.1", "ff02::1"),
    *("168.63.129.16", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::"),
    *("100.64.0.1", "255.255.255.255", "not an address", "", "127.1"),
    *("192.0.0.192", "192.0.0.9", "192.88.99.1", "198.18.0.1", "192.0.2.1", "240.0.0.1"),
    *("64:ff9b:1::1", "64:ff9b:1:7f00:1::", "fec0::1", "100::1", "2001::7f00:1", "2001:db8::1"),
    *("3fff::1", "5f00::1", "::a9fe:a9fe", "::ffff:0:a9fe:a9fe"),
]
DISGUISED = [
    *("::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "::ffff:10.0.0.1"),
    *("::127.0.0.1", "::10.0.0.1", "::ffff:0:127.0.0.1"),
]


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_open_to_all(address: str) -> None:
    assert is_allowed(address, "public")
    assert is_allowed(address, "private")


@pytest.mark.parametrize("address", [*LOCAL, *DISGUISED])
def test_local_addresses_are_closed_to_public_services(address: str) -> None:
    assert not is_allowed(address, "public")
    assert is_allowed(address, "private")


@pytest.mark.parametrize("address", NEVER)
def test_some_addresses_are_closed_to_all(address: str) -> None:
    assert not is_allowed(address, "public")
    assert not is_allowed(address, "private")


@pytest.mark.parametrize(
    ("server", "addresses"),
    [
        ("http://localhost:1/v1", "private"),
        ("http://api.localhost", "private"),
        ("http://127.0.0.1:8", "private"),
        ("http://[::1]:8", "private"),
        ("http://192.168.1.2", "private"),
        ("https://api.example.com", "public"),
        ("https://8.8.8.8", "public"),
        ("http://localhost.example.com", "public"),
        ("http://127.0.0.1.nip.io", "public"),
    ],
)
def test_a_server_is_local_by_its_own_name_only(server: str, addresses: str) -> None:
    assert addresses_for(server) == addresses


def client_of(found: list[str], seen: list[httpx.Request]) -> httpx.Client:
    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200)

    inner = httpx.MockTransport(answer)
    guard = GuardedTransport(resolver=lambda host, port: found, inner=inner)
    return httpx.Client(transport=guard)


def test_the_judged_address_is_the_one_that_is_dialled() -> None:
    seen: list[httpx.Request] = []
    client_of(["93.184.216.34"], seen).get("https://api.example.com/a?b=c")
    assert seen[0].url == "https://93.184.216.34/a?b=c"
    assert seen[0].headers["host"] == "api.example.com"
    assert seen[0].extensions["sni_hostname"] == "api.example.com"


def test_a_name_that_leads_inside_is_refused_before_anything_is_sent() -> None:
    seen: list[httpx.Request] = []
    with pytest.raises(ToolError, match=r"'api\.example\.com' leads to 127\.0\.0\.1"):
        client_of(["127.0.0.1"], seen).get("https://api.example.com")
    assert seen == []


def test_one_forbidden_address_refuses_the_whole_name() -> None:
    seen: list[httpx.Request] = []
    with pytest.raises(ToolError, match=r"leads to 10\.0\.0\.1"):
        client_of(["93.184.216.34", "10.0.0.1"], seen).get("https://api.example.com")
    assert seen == []


def test_a_name_without_addresses_is_missing() -> None:
    with pytest.raises(EnvironmentMissing, match="no address is known"):
        client_of([], []).get("https://api.example.com")


def test_the_system_resolves_localhost() -> None:
    assert "127.0.0.1" in resolve("localhost", 80)


@pytest.mark.parametrize("host", ["a" * 300, "no-such-name.invalid"])
def test_names_that_cannot_be_resolved_are_missing(host: str) -> None:
    with pytest.raises(EnvironmentMissing, match="no address is known"):
        resolve(host, 80)
