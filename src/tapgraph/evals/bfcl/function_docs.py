"""The benchmark's descriptions of functions as APIs."""

from collections.abc import Mapping
from typing import Any

from tapgraph.evals.bfcl.dataset import Language, Row
from tapgraph.tools.api.catalog import Api, ApiCatalog
from tapgraph.tools.api.json_schema import SchemaReader

__all__ = ["catalog_of"]

_TYPES = {
    "dict": "object",
    "float": "number",
    "tuple": "array",
    **{one: one for one in ("string", "integer", "boolean", "array", "object", "number")},
}
_KEPT = ("description", "enum", "default")


def catalog_of(functions: tuple[Row, ...], language: Language) -> ApiCatalog:
    """The functions; in Java and JavaScript every value is text in that language."""
    reader = SchemaReader({})
    apis: dict[str, Api] = {}
    for one in functions:
        described = one["parameters"]
        required = described.get("required", ())
        apis[one["name"]] = Api(
            one["name"],
            one.get("description", ""),
            tuple(
                reader.parameter(
                    name,
                    _schema(schema) if language == "python" else _written(schema, language),
                    required=name in required,
                    where=f"the parameter {name!r} of {one['name']}",
                )
                for name, schema in described.get("properties", {}).items()
            ),
        )
    return ApiCatalog(apis.values())


def _schema(described: Mapping[str, Any]) -> dict[str, Any]:
    schema = {name: described[name] for name in _KEPT if name in described}
    if kind := _TYPES.get(described.get("type", "")):
        schema["type"] = kind
    if isinstance(described.get("items"), Mapping):
        schema["items"] = _schema(described["items"])
    if isinstance(described.get("properties"), Mapping):
        schema["properties"] = {name: _schema(one) for name, one in described["properties"].items()}
        schema["required"] = described.get("required", [])
    return schema


def _written(described: Mapping[str, Any], language: Language) -> dict[str, Any]:
    kind = described.get("type", "any")
    words = f"{described.get('description', '')} A value of type {kind}, as {language} writes it."
    return {"type": "string", "description": words.strip()}
