"""Calls of tools that are written in tags, as Qwen3-Coder and Step write them."""

import json
import re
from collections.abc import Mapping
from typing import Any

__all__ = ["FUNCTION_BEGIN", "FUNCTION_ENDS", "read_tagged_call"]

FUNCTION_BEGIN = "<function="
FUNCTION_ENDS = ("</function>", "</tool_call>")
_NAME = re.compile(r'\s*<function="?([^>"\n]+)"?>')
_PARAMETER = re.compile(
    r'<parameter="?([^>"\n]+)"?>(.*?)(?:</parameter>\s*(?=<parameter=|\Z)|\Z)', re.DOTALL
)
_AS_PYTHON = {"True": True, "False": False, "None": None}


def read_tagged_call(
    text: str, parameters: Mapping[str, Mapping[str, Any]]
) -> tuple[str, dict[str, Any]] | None:
    r"""The name of a tool and its arguments; None where the text is no call of a known tool.

    A value is text where the tool's schema says so or says nothing, else JSON if it can be read so.
    One line break on each side of it belongs to the tags.

    Args:
        text: from `<function=` to before its end tag.
        parameters: the JSON schema of each tool's arguments.

    >>> read_tagged_call("<function=tap>\n<parameter=x>\n3\n</parameter>\n",
    ...                  {"tap": {"properties": {"x": {"type": "integer"}}}})
    ('tap', {'x': 3})
    """
    head = _NAME.match(text)
    name = head[1].strip() if head else ""
    if head is None or name not in parameters:
        return None
    schemas = parameters[name].get("properties", {})
    arguments = {
        key.strip(): _value(said.removeprefix("\n").removesuffix("\n"), schemas.get(key.strip()))
        for key, said in _PARAMETER.findall(text[head.end() :])
    }
    return name, arguments


def _value(said: str, schema: object) -> Any:
    kinds = _kinds(schema)
    if "string" in kinds and not ("null" in kinds and said.strip() in {"null", "None"}):
        return said
    if said.strip() in _AS_PYTHON:
        return _AS_PYTHON[said.strip()]
    try:
        return json.loads(said)
    except (ValueError, RecursionError):
        return said


def _kinds(schema: object) -> set[str]:
    """What a value may be; text where nothing is said."""
    if not isinstance(schema, Mapping):
        return {"string"}
    named = schema.get("type")
    kinds = {named} if isinstance(named, str) else set(named or ())
    for part in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        kinds |= _kinds(part)
    listed = [*schema.get("enum", ()), *([schema["const"]] if "const" in schema else ())]
    kinds |= {"string" if isinstance(one, str) else "other" for one in listed}
    return kinds or {"string" if not schema else "other"}
