"""Resources and links in what a tool gives keep their address."""

from typing import Any

import pytest

from tapgraph.tools.api.mcp_answers import answer_of

types = pytest.importorskip("mcp_types", reason="the extra 'mcp' is not installed")

LINK = types.ResourceLink(type="resource_link", uri="file:///a.txt", name="a", description="Notes")
TEXT = types.TextContent(type="text", text="see")
HELD = types.EmbeddedResource(
    type="resource",
    resource=types.TextResourceContents(uri="notes://1", mime_type="text/plain", text="Milk"),
)
BYTES = types.EmbeddedResource(
    type="resource", resource=types.BlobResourceContents(uri="notes://2", blob="AAAA" * 500)
)
PICTURE = types.ImageContent(type="image", data="AAAA", mime_type="image/png")
LINKED = {"uri": "file:///a.txt", "name": "a", "description": "Notes"}


@pytest.mark.parametrize(
    ("content", "structured", "value"),
    [
        ([], None, None),
        ([TEXT], None, "see"),
        ([HELD], None, {"uri": "notes://1", "mime_type": "text/plain", "text": "Milk"}),
        ([TEXT, LINK], None, ["see", LINKED]),
        ([BYTES], None, {"uri": "notes://2", "left_out": "1,500 bytes"}),
        ([PICTURE], None, {"left_out": "image image/png, 3 bytes"}),
        ([TEXT], {"a": 1}, {"a": 1}),
        ([TEXT, LINK], {"a": 1}, [{"a": 1}, LINKED]),
    ],
)
def test_what_a_tool_gave(content: list[Any], structured: Any, value: Any) -> None:
    result = types.CallToolResult(content=content, structured_content=structured)
    assert answer_of(result) == value
