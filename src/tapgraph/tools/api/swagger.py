"""Swagger 2.0 documents as OpenAPI 3 ones, as far as calling needs it."""

from collections.abc import Iterator, Mapping
from typing import Any

from tapgraph.errors import UsageError
from tapgraph.tools.api.json_schema import SchemaReader

__all__ = ["openapi_of_swagger"]

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch")
_ABOUT_VALUES = (
    *("type", "format", "items", "default", "enum", "maximum", "minimum", "exclusiveMaximum"),
    *("exclusiveMinimum", "maxLength", "minLength", "maxItems", "minItems"),
)
_STYLES = {"ssv": "spaceDelimited", "tsv": "tabDelimited", "pipes": "pipeDelimited"}


def openapi_of_swagger(document: Mapping[str, Any]) -> dict[str, Any]:
    """The same service in the words of OpenAPI 3.0; nothing malformed is refused here.

    Schemas stay where they are (`#/definitions/...`), and references still lead there.
    """
    converter = _Converter(document)
    paths = document.get("paths")
    return {
        **document,
        "openapi": "3.0.3",
        "servers": [{"url": _server(document)}],
        "components": {"securitySchemes": dict(_schemes(document.get("securityDefinitions")))},
        "paths": {path: converter.item(item) for path, item in paths.items()}
        if isinstance(paths, Mapping)
        else paths,
    }


def _server(document: Mapping[str, Any]) -> str:
    base = str(document.get("basePath") or "").strip("/")
    host = document.get("host")
    if not isinstance(host, str) or not host:
        return f"/{base}"
    named = document.get("schemes")
    schemes = [one for one in named if one in ("https", "http")] if isinstance(named, list) else []
    scheme = "http" if schemes and "https" not in schemes else "https"
    return f"{scheme}://{host}/{base}"


def _schemes(definitions: object) -> Iterator[tuple[str, object]]:
    for name, scheme in definitions.items() if isinstance(definitions, Mapping) else ():
        is_basic = isinstance(scheme, Mapping) and scheme.get("type") == "basic"
        yield name, {"type": "http", "scheme": "basic"} if is_basic else scheme


class _Converter:
    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._schemas = SchemaReader(document)

    def item(self, given: object) -> object:
        """A path with its operations."""
        item = self._found(given)
        if not isinstance(item, Mapping):
            return item
        return {
            method: self._operation(item[method], item.get("parameters"))
            for method in _METHODS
            if method in item
        }

    def _operation(self, given: object, shared: object) -> object:
        if not isinstance(given, Mapping):
            return given
        parameters: list[object] = []
        form: dict[str, Mapping[str, Any]] = {}
        converted = {**given, "parameters": parameters}
        for one in self._parameters(shared, given.get("parameters")):
            place = one.get("in") if isinstance(one, Mapping) else None
            if not isinstance(one, Mapping):
                parameters.append(one)
            elif place == "body":
                kinds = self._kinds(given, "consumes") or ["application/json"]
                declared = {"schema": one.get("schema", {})}
                converted["requestBody"] = {
                    **{key: one[key] for key in ("description", "required") if key in one},
                    "content": dict.fromkeys(kinds, declared),
                }
            elif place == "formData" and isinstance(one.get("name"), str):
                form[one["name"]] = one
            else:
                parameters.append({**one, "schema": _value_schema(one), **_style(one)})
        if form:
            converted["requestBody"] = _form_body(form, self._kinds(given, "consumes"))
        converted["responses"] = dict(self._responses(given))
        return converted

    def _parameters(self, shared: object, own: object) -> list[object]:
        """Those of the path, in the place of which those of the operation stand."""
        found: dict[object, object] = {}
        for listed in (shared, own):
            if listed is not None and not isinstance(listed, list):
                return [listed]
            for number, one in enumerate(listed or ()):
                parameter = self._found(one)
                key: object = number
                if isinstance(parameter, Mapping):
                    key = repr((parameter.get("in"), parameter.get("name")))
                found[key] = parameter
        return list(found.values())

    def _responses(self, given: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
        responses = given.get("responses")
        kind = next(iter(self._kinds(given, "produces")), "application/json")
        for code, one in responses.items() if isinstance(responses, Mapping) else ():
            response = self._found(one)
            if isinstance(response, Mapping):
                content = {kind: {"schema": response["schema"]}} if "schema" in response else {}
                yield code, {"description": response.get("description"), "content": content}

    def _kinds(self, given: Mapping[str, Any], name: str) -> list[str]:
        kinds = given.get(name, self._document.get(name))
        return [one for one in kinds if isinstance(one, str)] if isinstance(kinds, list) else []

    def _found(self, node: object) -> object:
        """What a reference leads to; one that leads nowhere stays, for the reader to name."""
        try:
            return self._schemas.resolved(node, where="a part")
        except UsageError:
            return node


def _value_schema(parameter: Mapping[str, Any]) -> dict[str, Any]:
    schema = {key: parameter[key] for key in _ABOUT_VALUES if key in parameter}
    if schema.get("type") == "file":
        return {"type": "string", "format": "binary"}
    return schema


def _style(parameter: Mapping[str, Any]) -> dict[str, Any]:
    """How lists are written: by commas where nothing is said."""
    if parameter.get("type") != "array":
        return {}
    written = parameter.get("collectionFormat")
    if written == "multi":
        return {"style": "form", "explode": True}
    style = _STYLES.get(written) if isinstance(written, str) else None
    return {"style": style, "explode": False} if style else {"explode": False}


def _form_body(form: Mapping[str, Mapping[str, Any]], kinds: list[str]) -> dict[str, Any]:
    has_file = any(one.get("type") == "file" for one in form.values())
    is_multipart = has_file or (
        "multipart/form-data" in kinds and "application/x-www-form-urlencoded" not in kinds
    )
    kind = "multipart/form-data" if is_multipart else "application/x-www-form-urlencoded"
    described = {name: one.get("description") for name, one in form.items()}
    schema = {
        "type": "object",
        "properties": {
            name: _value_schema(one)
            | ({"description": words} if (words := described[name]) else {})
            for name, one in form.items()
        },
        "required": [name for name, one in form.items() if one.get("required") is True],
    }
    encoding = {name: style for name, one in form.items() if (style := _style(one))}
    return {"content": {kind: {"schema": schema, "encoding": encoding}}}
