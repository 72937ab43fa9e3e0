"""Tools of a real MCP server, started by the test."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tapgraph.errors import EnvironmentMissing, ExtraMissing, ToolError, UsageError

pytest.importorskip("mcp", reason="the extra 'mcp' is not installed")

from tapgraph.tools.api.mcp import McpServer

SERVER = '''
import os
import sys

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import ToolAnnotations

server = MCPServer("notes")
notes = {1: "Groceries"}


@server.tool()
def add_note(title: str, pinned: bool = False) -> dict[str, int]:
    """Adds a note."""
    notes[len(notes) + 1] = title
    return {"id": len(notes)}


@server.tool()
def read_note(number: int) -> str:
    """Reads a note."""
    if number not in notes:
        raise ToolError(f"there is no note {number}")
    return notes[number]


@server.tool()
def variable(name: str) -> str:
    return os.environ.get(name, "not set")


for name, hints in {
    "list_notes": {"read_only_hint": True},
    "get_and_delete_note": {"read_only_hint": True},
    "drop_notes": {"read_only_hint": True},
    "find_notes": {"read_only_hint": True, "destructive_hint": True},
    "search_notes": {},
}.items():
    server.tool(name=name, annotations=ToolAnnotations(**hints))(lambda: "")


@server.tool()
def vanish() -> str:
    os._exit(3)


if len(sys.argv) > 1:
    server.run(transport=sys.argv[2], port=int(sys.argv[1]))
else:
    server.run()
'''


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "server.py"
    path.write_text(SERVER, "utf-8")
    return path


@pytest.fixture
def server(script: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[McpServer]:
    monkeypatch.setenv("SOME_API_KEY", "s3cret")
    with McpServer.start([sys.executable, str(script)], environment={"GIVEN": "yes"}) as started:
        yield started


def test_tools_are_apis(server: McpServer) -> None:
    signature = server.catalog["add_note"].signature()
    assert signature.startswith("add_note(title: text, pinned?: boolean = false) -> ")
    assert signature.endswith("\n  Adds a note.")
    assert server.catalog["add_note"].origin == "notes"


def test_a_word_of_reading_is_believed_where_the_name_agrees(server: McpServer) -> None:
    names = ("list_notes", "get_and_delete_note", "drop_notes", "find_notes", "search_notes")
    assert {name: server.catalog[name].effect for name in names} == {
        "list_notes": "reads",
        "get_and_delete_note": "unknown",
        "drop_notes": "changes",
        "find_notes": "destroys",
        "search_notes": "unknown",
    }


def test_calls_reach_the_server_and_its_state_lasts(server: McpServer) -> None:
    assert server.call("add_note", {"title": "Trip"}).value == {"id": 2}
    assert "Trip" in server.call("read_note", {"number": "2"}).text


def test_failures_are_told(server: McpServer) -> None:
    with pytest.raises(ToolError, match=r"read_note failed: .*there is no note 9"):
        server.call("read_note", {"number": 9})
    with pytest.raises(ToolError, match="was not called: 'number' is missing"):
        server.call("read_note", {})
    with pytest.raises(ToolError, match="no API is called 'nothing'"):
        server.call("nothing", {})


def test_the_program_sees_only_the_variables_that_it_is_given(server: McpServer) -> None:
    assert "not set" in server.call("variable", {"name": "SOME_API_KEY"}).text
    assert "yes" in server.call("variable", {"name": "GIVEN"}).text


def test_a_server_that_ends_is_missing_from_then_on(server: McpServer) -> None:
    with pytest.raises(EnvironmentMissing, match="MCP server"):
        server.call("vanish", {})
    with pytest.raises(EnvironmentMissing, match="MCP server"):
        server.call("add_note", {"title": "x"})


def test_a_closed_server_is_missing(script: Path) -> None:
    server = McpServer.start([sys.executable, str(script)])
    server.close()
    with pytest.raises(EnvironmentMissing, match="MCP server is gone"):
        server.call("add_note", {"title": "x"})


@pytest.mark.parametrize(
    "command", [["/no/such/program"], [sys.executable, "-c", "print('hello')"]]
)
def test_programs_that_are_no_server_are_missing(command: list[str]) -> None:
    with pytest.raises(EnvironmentMissing, match="no MCP server answers at"):
        McpServer.start(command, timeout_s=10)


def test_without_the_client_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mcp", None)
    with pytest.raises(ExtraMissing, match=r"pip install 'tapgraph\[mcp\]'"):
        McpServer.start(["server"])
    with pytest.raises(ExtraMissing, match=r"pip install 'tapgraph\[mcp\]'"):
        McpServer.connect("http://127.0.0.1:9/mcp")


def test_an_empty_command_is_refused() -> None:
    with pytest.raises(UsageError, match="must name a program"):
        McpServer.start([])


@contextmanager
def served(script: Path, transport: str) -> Iterator[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    program = subprocess.Popen(
        [sys.executable, str(script), str(port), transport],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with socket.socket() as trial:
            if trial.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.05)
    yield port
    program.kill()
    program.wait()


@pytest.fixture
def address(script: Path) -> Iterator[str]:
    with served(script, "streamable-http") as port:
        yield f"http://127.0.0.1:{port}/mcp"


def test_a_server_of_the_older_kind_is_reached(script: Path) -> None:
    headers = {"Authorization": lambda: "Bearer s3cret"}
    with (
        served(script, "sse") as port,
        McpServer.connect(
            f"http://127.0.0.1:{port}/sse", headers=headers, transport="sse"
        ) as server,
    ):
        assert server.call("add_note", {"title": "s3cret"}).value == {"id": 2}
        assert server.call("read_note", {"number": 2}).value == {"result": "[secret]"}


def test_no_server_of_the_older_kind_is_missing() -> None:
    with pytest.raises(EnvironmentMissing, match="no MCP server answers"):
        McpServer.connect("http://127.0.0.1:9/sse", transport="sse", timeout_s=5)


def test_a_server_is_reached_over_http(address: str) -> None:
    with McpServer.connect(address, headers={"Authorization": lambda: "Bearer s3cret"}) as server:
        assert server.call("add_note", {"title": "s3cret"}).value == {"id": 2}
        assert server.call("read_note", {"number": 2}).value == {"result": "[secret]"}


def test_no_server_at_the_address_is_missing() -> None:
    with pytest.raises(EnvironmentMissing, match="no MCP server answers"):
        McpServer.connect("http://127.0.0.1:9/mcp", timeout_s=5)


@pytest.mark.parametrize("url", ["ftp://a.example", "http://", "https://a:b@c.example", "x"])
def test_addresses_that_are_none_are_refused(url: str) -> None:
    with pytest.raises(UsageError, match="must be an http or https address"):
        McpServer.connect(url)


def test_a_name_is_resolved_once_and_that_address_is_dialled(address: str) -> None:
    asked: list[str] = []

    def resolver(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    named = address.replace("127.0.0.1", "mcp.example.com")
    with pytest.raises(EnvironmentMissing, match=r"--allow-host mcp\.example\.com"):
        McpServer.connect(named, resolver=resolver)
    # The test's server answers only to its own names, so what it says is that it was reached.
    with pytest.raises(EnvironmentMissing, match="Server returned an error response"):
        McpServer.connect(named, allow_hosts=["mcp.example.com"], resolver=resolver)
    assert asked == ["mcp.example.com"] * 2


def test_secrets_of_a_program_are_taken_out_of_its_answers(script: Path) -> None:
    secrets = {"SOME_API_KEY": lambda: "s3cret-of-a-program"}
    with McpServer.start([sys.executable, str(script)], secrets=secrets) as server:
        given = server.call("variable", {"name": "SOME_API_KEY"})
    assert given.value == {"result": "[secret]"}


RAW = """
import json, sys

TOOLS = {tools}
print("words where none belong", flush=True)
for line in sys.stdin:
    asked = json.loads(line)
    answers = {
        "initialize": lambda: {
            "protocolVersion": asked["params"]["protocolVersion"],
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "raw", "version": "1"},
        },
        "tools/list": lambda: {"tools": TOOLS, "nextCursor": "the same again"},
        "tools/call": lambda: {"content": [{"type": asked["params"]["name"], "text": "said"}]},
    }
    if "id" in asked and asked["method"] in answers:
        said = {"result": answers[asked["method"]]()}
        print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], **said}), flush=True)
    elif "id" in asked:
        error = {"code": -32601, "message": "unknown"}
        print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "error": error}), flush=True)
"""


def raw(place: Path, *tools: Mapping[str, object]) -> list[str]:
    """The command of a server that says this, whatever MCP allows."""
    program = place / "raw.py"
    program.write_text(RAW.replace("{tools}", repr(list(tools))), encoding="utf-8")
    return [sys.executable, str(program)]


def test_a_tool_of_no_form_makes_its_server_missing_with_the_reason(tmp_path: Path) -> None:
    command = raw(tmp_path, {"name": "text", "inputSchema": {}})
    with pytest.raises(EnvironmentMissing, match=r"not as MCP has it: .*inputSchema\.type"):
        McpServer.start(command, timeout_s=20)


def test_an_answer_of_no_form_fails_that_call_alone(tmp_path: Path) -> None:
    schema = {"type": "object"}
    riddle, text = ({"name": name, "inputSchema": schema} for name in ("riddle", "text"))
    with McpServer.start(raw(tmp_path, riddle, text, text), timeout_s=20) as server:
        assert [api.identifier for api in server.catalog] == ["riddle", "text"]
        with pytest.raises(ToolError, match="riddle failed: its answer is not as MCP has it"):
            server.call("riddle", {})
        assert server.call("text", {}).text == "said"
