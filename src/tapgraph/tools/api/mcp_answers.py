"""What a tool of an MCP server gave, as JSON."""

from typing import TYPE_CHECKING

from tapgraph.tools.api.json_value import Json

if TYPE_CHECKING:
    from mcp_types import CallToolResult, ContentBlock

__all__ = ["answer_of"]


def answer_of(result: "CallToolResult") -> Json:
    """The structured answer, else its parts; alone where there is only one.

    Embedded resources and links keep their address, also beside a structured answer, whose text
    blocks only repeat it. Of what is no text its kind and size are told.
    """
    blocks = list(result.content)
    parts: list[Json] = []
    if result.structured_content is not None:
        parts.append(result.structured_content)
        blocks = [one for one in blocks if one.type in {"resource", "resource_link"}]
    parts += [_part(one) for one in blocks]
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else parts


def _part(block: "ContentBlock") -> Json:
    match block.type:
        case "text":
            return block.text
        case "resource":
            held = block.resource
            text: str | None = getattr(held, "text", None)
            blob: str = getattr(held, "blob", "")
            told = _named("text", text) if text is not None else _named("left_out", _size(blob))
            return {"uri": str(held.uri), **_named("mime_type", held.mime_type), **told}
        case "resource_link":
            return {
                "uri": str(block.uri),
                **_named("name", block.title or block.name),
                **_named("description", block.description),
                **_named("mime_type", block.mime_type),
            }
        case _:
            return {"left_out": f"{block.type} {block.mime_type}, {_size(block.data)}"}


def _named(name: str, value: str | None) -> dict[str, Json]:
    return {name: value} if value else {}


def _size(base64_text: str) -> str:
    return f"{len(base64_text) * 3 // 4:,} bytes"
