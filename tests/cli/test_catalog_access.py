"""Which catalogue gets what."""

import pytest

from tapgraph.cli.catalog_access import Access, Catalog, assigned, assigned_servers
from tapgraph.errors import UsageError

NOTES = Catalog(("notes", "api.example.com"), ("key", "team/key"), takes_headers=True)
PROGRAM = Catalog(("sums",), None, takes_headers=False)
SERVER = Catalog(("far", "mcp.example.com"), None, takes_headers=True)
ALL = [NOTES, PROGRAM, SERVER]


def owner(typed: str, catalogs: list[Catalog], *, header: bool = False) -> tuple[int, str]:
    given = Access.parse(**{"headers" if header else "secrets": [f"{typed}=VARIABLE"]})
    ((place, named),) = assigned([*given.secrets, *given.headers], catalogs).items()
    (name,) = named
    return place, name


@pytest.mark.parametrize(
    ("typed", "place", "name"),
    [
        ("notes/key", 0, "key"),
        ("api.example.com/key", 0, "key"),
        ("key", 0, "key"),
        ("team/key", 0, "team/key"),
        ("notes/team/key", 0, "team/key"),
        ("sums/API_KEY", 1, "API_KEY"),
        ("far/Authorization", 2, "Authorization"),
        ("mcp.example.com/X-Key", 2, "X-Key"),
    ],
)
def test_a_secret_goes_where_its_name_says(typed: str, place: int, name: str) -> None:
    assert owner(typed, ALL) == (place, name)


def test_a_bare_name_does_for_the_only_server() -> None:
    assert owner("API_KEY", [NOTES, PROGRAM]) == (1, "API_KEY")
    assert owner("X-Key", [NOTES, PROGRAM], header=True) == (0, "X-Key")


@pytest.mark.parametrize(
    ("typed", "header", "words"),
    [
        ("API_KEY", False, "write --secret sums/API_KEY=VARIABLE or --secret far/API_KEY=VARIABLE"),
        ("X-Key", True, "write --header notes/X-Key=VARIABLE or --header far/X-Key=VARIABLE"),
        ("sums/X-Key", True, "is used by no catalogue; headers are taken as notes/NAME, far/NAME"),
        ("notes/Content-Length", True, "is used by no catalogue; headers are taken as notes/NAME"),
        ("notes/other", False, "secrets are taken as notes/key, notes/team/key, sums/NAME"),
        ("gone/key", False, "is used by no catalogue"),
    ],
)
def test_what_fits_none_or_several_is_refused_with_the_choices(
    typed: str, header: bool, words: str
) -> None:
    with pytest.raises(UsageError) as raised:
        owner(typed, ALL, header=header)
    assert words in str(raised.value)


def test_where_nothing_is_reached_over_http_no_header_can_be_given() -> None:
    with pytest.raises(UsageError, match="nothing is reached over HTTP here"):
        owner("X-Key", [PROGRAM], header=True)


def test_a_server_needs_a_document() -> None:
    with pytest.raises(UsageError, match=r"is for an OpenAPI document, and none is given$"):
        assigned_servers([("", "http://127.0.0.1:7")], [])


@pytest.mark.parametrize(
    ("typed", "host"),
    [("Intranet.Example.", "intranet.example"), ("10.0.0.5", "10.0.0.5"), ("[::1]", "::1")],
)
def test_hosts_are_names_or_numbers(typed: str, host: str) -> None:
    assert Access.parse(allow_hosts=[typed]).allow_hosts == {host}


@pytest.mark.parametrize("typed", ["", "a.example:80", "http://a.example", "a/b", "[", "me@a"])
def test_what_is_no_host_is_refused(typed: str) -> None:
    with pytest.raises(UsageError, match="the name of a host without a port"):
        Access.parse(allow_hosts=[typed])
