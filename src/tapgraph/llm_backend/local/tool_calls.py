"""What a reply must look like that calls a tool."""

from collections.abc import Sequence
from typing import Any

from tapgraph.llm_backend.chat_model import ToolSpec
from tapgraph.llm_backend.local.constraints import JsonSchema
from tapgraph.llm_backend.local.reply_reader import CALL_BEGIN, CALL_END

__all__ = ["forced_call"]


def forced_call(
    tools: Sequence[ToolSpec],
    *,
    with_tags: bool,
    longest_text: int | None = None,
    line_break: str = "\n",
) -> JsonSchema:
    """What a reply must look like that calls exactly one of these tools.

    Tags stand on lines of their own, unless the vocabulary has no line break.
    """
    definitions: dict[str, Any] = {}
    calls: list[dict[str, Any]] = []
    for place, tool in enumerate(tools):
        parameters = dict(tool.parameters) or {"type": "object"}
        definitions[f"parameters{place}"] = _moved(parameters, f"#/$defs/parameters{place}")
        calls.append({
            "type": "object",
            "properties": {
                "name": {"const": tool.name},
                "arguments": {"$ref": f"#/$defs/parameters{place}"},
            },
            "required": ["name", "arguments"],
            "additionalProperties": False,
        })
    return JsonSchema(
        {"anyOf": calls, "$defs": definitions},
        prefix=CALL_BEGIN + line_break if with_tags else "",
        suffix=line_break + CALL_END if with_tags else "",
        longest_text=longest_text,
    )


def _moved(schema: Any, root: str) -> Any:
    """The schema with its references to itself changed for the place where it now stands."""
    if isinstance(schema, list):
        return [_moved(part, root) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: f"{root}{part[1:]}"
        if key == "$ref" and isinstance(part, str) and part.startswith("#")
        else _moved(part, root)
        for key, part in schema.items()
    }
