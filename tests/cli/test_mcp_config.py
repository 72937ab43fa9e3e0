"""Configurations of MCP servers as other hosts write them, and what becomes of their servers."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tapgraph.cli.catalog_access import Access
from tapgraph.cli.mcp_config import read_mcp_config
from tapgraph.cli.open_catalog import open_catalogs
from tapgraph.errors import EnvironmentMissing, UsageError

PROGRAM = """
import os, sys
from mcp.server.mcpserver import MCPServer
server = MCPServer("any")
@server.tool()
def show(name: str) -> dict[str, str]:
    return {"value": os.environ.get(name, "not set"), "folder": os.getcwd(), "me": sys.argv[1]}
server.run()
"""
DEAD = "import sys; print('no database at db.example', file=sys.stderr); sys.exit(3)"


@pytest.fixture
def config(tmp_path: Path) -> Any:
    (tmp_path / "server.py").write_text(PROGRAM, "utf-8")

    def write(servers: dict[str, Any], key: str = "mcpServers", **more: Any) -> str:
        place = tmp_path / "mcp.json"
        place.write_text(json.dumps({key: servers, **more}), "utf-8")
        return str(place)

    return write


def program(tmp_path: Path, name: str, **more: Any) -> dict[str, Any]:
    return {"command": sys.executable, "args": [str(tmp_path / "server.py"), name], **more}


@pytest.mark.parametrize(
    ("text", "servers"),
    [
        ('{"servers": {"a": {"type": "stdio", "command": "x"}}, "inputs": []}', ["a"]),
        (
            '{"mcpServers": {"a": {"serverUrl": "http://h/mcp"}, "b": {"httpUrl": "http://h"}}}',
            "ab",
        ),
        ('{"mcpServers": {"a": {"command": "x", "disabled": true}, "b": {"command": "y"}}}', "b"),
    ],
)
def test_forms_of_other_hosts_are_read(text: str, servers: str, tmp_path: Path) -> None:
    place = tmp_path / "mcp.json"
    place.write_text(text, "utf-8")
    assert list(read_mcp_config(str(place)) or ()) == list(servers)


@pytest.mark.parametrize(
    "text",
    [
        '{"openapi": "3.1.0", "servers": [{"url": "/"}]}',
        '{"servers": [{"url": "/"}]}',
        'openapi: 3.1.0\n"servers": []',
        '{"servers": ',
    ],
)
def test_an_openapi_document_is_no_config(text: str, tmp_path: Path) -> None:
    place = tmp_path / "api.json"
    place.write_text(text, "utf-8")
    assert read_mcp_config(str(place)) is None


def test_a_config_whose_servers_are_all_disabled_says_so(config: Any) -> None:
    with pytest.raises(UsageError, match="every MCP server in it is disabled"):
        read_mcp_config(config({"a": {"command": "x", "disabled": True}}))


def test_variables_and_the_folder_reach_the_program_and_keys_stay_hidden(
    config: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("mcp")
    monkeypatch.setenv("REGION", "north-sea")
    folder = tmp_path / "inside"
    folder.mkdir()
    env = {
        "A_TOKEN": "t0p-s3cret",
        "PLACE": "${env:REGION}",
        "MODE": "${NO_SUCH:-quiet}",
        "X": "yes",
    }
    source = config({"k": program(tmp_path, "k", env=env, cwd=str(folder))}, key="servers")
    with open_catalogs([source], Access()) as runner:
        shown: Any = {name: runner.call("show", {"name": name}).value for name in env}
    assert {name: one["value"] for name, one in shown.items()} == {
        "A_TOKEN": "[secret]",
        "PLACE": "[secret]",
        "MODE": "[secret]",
        "X": "yes",
    }
    assert shown["X"]["folder"] == str(folder)


@pytest.mark.parametrize(
    ("text", "told", "error"),
    [
        ("${input:key}", "--secret SERVER/NAME=VARIABLE", UsageError),
        ("${NO_SUCH_VARIABLE}", "'NO_SUCH_VARIABLE' is not set", EnvironmentMissing),
    ],
)
def test_a_placeholder_that_cannot_be_filled_is_named(
    text: str, told: str, error: type[Exception], config: Any
) -> None:
    source = config({"k": {"command": "x", "env": {"A": text}}})
    with pytest.raises(error, match=told), open_catalogs([source], Access()):
        pass


def test_one_dead_server_is_left_out_with_its_last_words(
    config: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("mcp")
    dead = {"command": sys.executable, "args": ["-c", DEAD]}
    source = config({
        "dead": dead,
        "old": {"url": "http://127.0.0.1:9/sse", "type": "sse"},
        "well": program(tmp_path, "w"),
    })
    with open_catalogs([source], Access()) as runner:
        assert [api.identifier for api in runner.catalog] == ["show"]
    told = capsys.readouterr().err
    assert "dead is left out: no MCP server answers at" in told
    assert "it said: no database at db.example" in told
    assert "old is left out: no MCP server answers at http://127.0.0.1:9/sse" in told


def test_where_every_server_is_dead_nothing_can_be_done(config: Any) -> None:
    pytest.importorskip("mcp")
    dead = {"command": sys.executable, "args": ["-c", DEAD]}
    source = config({"a": dead, "b": dead})
    both = r"db\.example.*; b is left out: .*db\.example"
    with pytest.raises(EnvironmentMissing, match=both), open_catalogs([source], Access()):
        pass


def test_headers_are_parted_into_plain_ones_and_secrets(
    config: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", "k3y")
    headers = {"Authorization": "Bearer ${MY_KEY}", "X-Region": "north", "X-Team": "${MY_KEY}"}
    entries = read_mcp_config(config({"a": {"url": "http://h/mcp", "headers": headers}}))
    assert entries is not None
    assert entries["a"].texts("headers") == (
        {"X-Region": "north"},
        {"Authorization": "Bearer k3y", "X-Team": "k3y"},
    )


def test_tools_of_one_name_get_their_server_in_front(config: Any, tmp_path: Path) -> None:
    pytest.importorskip("mcp")
    source = config({"left": program(tmp_path, "l"), "right side": program(tmp_path, "r")})
    with open_catalogs([source], Access()) as runner:
        assert [api.identifier for api in runner.catalog] == ["left.show", "right_side.show"]
        shown: Any = runner.call("right_side.show", {"name": "A"}).value
    assert shown["me"] == "r"
