"""The body of an operation: how it is written, and which arguments it is made of."""

from collections.abc import Collection, Mapping
from typing import Any

from tapgraph.errors import UsageError
from tapgraph.tools.api.catalog import ApiParameter
from tapgraph.tools.api.json_schema import SchemaReader
from tapgraph.tools.api.json_value import json_text, one_line
from tapgraph.tools.api.openapi_fields import Arguments, BodyForm, Field

__all__ = ["BodyReader"]

_MOST_MEMBERS = 60
_BINARY = ("application/octet-stream", "application/pdf", "application/zip", "application/gzip")
_MEDIA = ("image/", "audio/", "video/")
_NO_FILE = "it uploads a file: name one with --file PATH"


class BodyReader:
    """Reads bodies; of files only those that the user named can be sent."""

    def __init__(self, schemas: SchemaReader, files: Collection[str]) -> None:
        """Follow references with `schemas`; offer these names of files."""
        self._schemas = schemas
        self._files = list(files)

    def add(
        self, operation: Mapping[str, Any], arguments: Arguments, where: str
    ) -> tuple[BodyForm, str]:
        """Add the body's arguments; the form in which it is written, and its content type.

        Raises:
            UsageError: it can be written in no form that we have, or uploads a file and none is
                named.
        """
        if operation.get("requestBody") is None:
            return "none", ""
        where = f"the body of {where}"
        body = self._schemas.resolved(operation["requestBody"], where=where)
        given = body.get("content")
        content = given if isinstance(given, Mapping) else {}
        form, content_type = _chosen_content(content)
        declared = content[content_type]
        schema = declared.get("schema") if isinstance(declared, Mapping) else None
        inlined = self._schemas.inlined({} if schema is None else schema, where=where)
        required = body.get("required")
        if form == "file" or (form == "text" and _is_binary(inlined)):
            self._add_file(arguments, "body", "", required=required is not False)
            return "file", content_type
        members = inlined.get("properties", {})
        needed = set(inlined.get("required", ())) if required is not False else set()
        is_flat = (
            form in {"json", "form", "multipart"}
            and 0 < len(members) <= _MOST_MEMBERS
            and not inlined.keys() & {"anyOf", "oneOf"}
            and not isinstance(inlined.get("additionalProperties"), Mapping)
            and (form == "multipart" or not arguments.names & members.keys())
        )
        if not is_flat:
            if form == "multipart" and any(map(_is_binary, members.values())):
                raise UsageError("its upload has too many parts, or parts that are not named")
            parameter = self._schemas.parameter_of(
                "body" if "body" not in arguments.names else "request_body",
                inlined,
                required=required is True or bool(needed),
                description=str(body.get("description") or ""),
            )
            arguments.add(Field(parameter.name, "", "body"), parameter)
            return form, content_type
        for name, member in members.items():
            is_file = form == "multipart" and _is_binary(member)
            if is_file or (form == "multipart" and _is_binary(member.get("items", {}))):
                self._add_file(arguments, name, name, required=name in needed, many=not is_file)
                continue
            parameter = self._schemas.parameter_of(name, member, required=name in needed)
            arguments.add(_written(name, parameter, declared, form), parameter)
        return form, content_type

    def _add_file(
        self, arguments: Arguments, argument: str, name: str, *, required: bool, many: bool = False
    ) -> None:
        if not self._files and required:
            raise UsageError(_NO_FILE)
        if not self._files:
            return
        named = {"type": "string", "enum": self._files}
        parameter = ApiParameter(
            argument,
            "list" if many else "enumeration",
            "A file of the user, by its name.",
            required=required,
            choices=() if many else tuple(self._files),
            json_schema=json_text({"type": "array", "items": named}) if many else "",
        )
        arguments.add(Field(argument, name, "body", is_file=True), parameter)


def _written(name: str, parameter: ApiParameter, declared: object, form: BodyForm) -> Field:
    """How a member is written: in a form as in a query, objects as JSON unless a style is named."""
    if form != "form":
        return Field(name, name, "body")
    encoding = declared.get("encoding") if isinstance(declared, Mapping) else None
    own = encoding.get(name) if isinstance(encoding, Mapping) else None
    own = own if isinstance(own, Mapping) else {}
    style = own.get("style")
    return Field(
        name,
        name,
        "body",
        style=style if isinstance(style, str) else "form",
        explode=own.get("explode") is not False,
        as_json=style is None and parameter.type in {"dictionary", "any"},
    )


def _is_binary(schema: Mapping[str, Any]) -> bool:
    return schema.get("type") in ("string", None) and (
        schema.get("format") == "binary" or "contentMediaType" in schema
    )


def _chosen_content(content: Mapping[str, Any]) -> tuple[BodyForm, str]:
    """The form in which to write a body, and its content type as the document names it."""
    kinds = {kind: kind.partition(";")[0].strip().lower() for kind in content}
    for kind, plain in kinds.items():
        if plain == "application/json" or plain.endswith("+json"):
            return "json", kind
    exact: Mapping[str, BodyForm] = {
        "application/x-www-form-urlencoded": "form",
        "multipart/form-data": "multipart",
    }
    for wanted, form in exact.items():
        for kind, plain in kinds.items():
            if plain == wanted:
                return form, kind
    for kind, plain in kinds.items():
        if plain.startswith("text/"):
            return "text", kind
        if plain in _BINARY or plain.startswith(_MEDIA):
            return "file", kind
        if plain == "*/*":
            is_file = isinstance(content[kind], Mapping) and _says_binary(content[kind])
            return "file" if is_file else "json", kind
    shown = one_line(", ".join(content), 120)
    raise UsageError(f"its body can only be sent as {shown or 'nothing'}")


def _says_binary(declared: Mapping[str, Any]) -> bool:
    schema = declared.get("schema")
    return isinstance(schema, Mapping) and _is_binary(schema)
