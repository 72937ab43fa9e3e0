"""Values as Java and JavaScript write them: what the gold must look like in those categories."""

import json
from collections.abc import Mapping
from typing import Any

from tapgraph.evals.bfcl.dataset import Language

__all__ = ["source_text"]


def source_text(value: Any, described: Mapping[str, Any], language: Language) -> str:
    """The text that the benchmark's converters read as this value.

    >>> source_text([1, 2], {"type": "Array"}, "java"), source_text(7, {"type": "long"}, "java")
    ('new Object[]{1, 2}', '7L')
    >>> source_text({"a": True}, {"type": "dict"}, "javascript")
    '{a: true}'
    """
    kind = described.get("type", "any")
    if isinstance(value, str):
        # Where another type is wanted, it is the name of a variable.
        return value
    if isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, int | float):
        return f"{value}{_suffix(kind, language)}"
    if language == "javascript":
        return _javascript(value)
    return _java(value, kind, described.get("items", {}))


def _suffix(kind: str, language: Language) -> str:
    if language == "java":
        return {"long": "L", "float": "f"}.get(kind, "")
    return "n" if kind == "Bigint" else ""


def _javascript(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_javascript, value))}]"
    if isinstance(value, dict):
        members = (f"{name}: {_javascript(one)}" for name, one in value.items())
        return f"{{{', '.join(members)}}}"
    return json.dumps(value, ensure_ascii=False)


def _java(value: Any, kind: str, items: Mapping[str, Any]) -> str:
    if isinstance(value, dict):
        puts = " ".join(
            f"put({json.dumps(name)}, {_java_item(one, {})});" for name, one in value.items()
        )
        return f"new HashMap<String, Object>() {{{{ {puts} }}}}"
    if kind == "ArrayList":
        written = ", ".join(_java_item(one, items) for one in value)
        return f"new ArrayList<>(Arrays.asList({written}))" if value else "new ArrayList<>()"
    # The converter of arrays takes quotation marks for a part of a text of a known type.
    written = ", ".join(
        one if isinstance(one, str) and items.get("type") else _java_item(one, items)
        for one in value
    )
    return f"new Object[]{{{written}}}"


def _java_item(value: Any, described: Mapping[str, Any]) -> str:
    if isinstance(value, str) and described.get("type") != "any":
        return json.dumps(value, ensure_ascii=False)
    return source_text(value, described, "java")
