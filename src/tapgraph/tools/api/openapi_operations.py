"""The operations of an OpenAPI document as APIs, and how each one's arguments travel."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias
from urllib.parse import urlsplit

from tapgraph.errors import UsageError
from tapgraph.tools.api.catalog import Api, ApiParameter, Effect
from tapgraph.tools.api.json_schema import SchemaReader
from tapgraph.tools.api.json_value import one_line
from tapgraph.tools.api.secret import Placement

__all__ = ["Field", "LeftOut", "Operation", "Place", "read_operations", "server_of"]

Place = Literal["path", "query", "header", "cookie", "body"]
BodyForm = Literal["none", "json", "form", "text"]
Requirement: TypeAlias = tuple[Placement, ...]

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch")
_EFFECTS: Mapping[str, Effect] = {
    "get": "reads",
    "head": "reads",
    "options": "reads",
    "delete": "destroys",
}
_NOT_ARGUMENTS = frozenset({
    *("accept", "content-type", "authorization"),
    *("host", "cookie", "connection", "content-length", "transfer-encoding", "proxy-authorization"),
})
"""Headers that OpenAPI does not let a parameter set, and those that would change the request."""
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_STYLES = {"path": "simple", "query": "form", "header": "simple", "cookie": "form"}
_MOST_MEMBERS = 60


@dataclass(frozen=True, slots=True)
class Field:
    """How one argument travels.

    Attributes:
        argument: its name in a call.
        name: its name in the request; empty for a whole body.
        place: where it is put.
        style: how lists and objects are written there, by OpenAPI's names.
        explode: whether each item of a list or object is written by itself.
        as_json: whether it is written as JSON.
        reserved: whether the characters `:/?@!$'()*,;` stay as they are in a query.
    """

    argument: str
    name: str
    place: Place
    style: str = "simple"
    explode: bool = False
    as_json: bool = False
    reserved: bool = False


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: the API that it is, and how it is requested.

    Attributes:
        api: what a model knows about it.
        method: the HTTP method, in capitals.
        path: the path below the server, with names in braces.
        fields: how the arguments travel.
        body: how the body is written.
        content_type: of the body; empty where there is none.
        security: sets of secrets, any of which will do; an empty set when none is needed.
    """

    api: Api
    method: str
    path: str
    fields: tuple[Field, ...]
    body: BodyForm
    content_type: str
    security: tuple[Requirement, ...]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An operation that cannot be called, and why."""

    operation: str
    reason: str


class _Unsupported(Exception):
    """What an operation needs and we do not have."""


def read_operations(document: Mapping[str, Any], *, origin: str) -> list[Operation | LeftOut]:
    """All operations of the document, in its order.

    An operation is called by its `operationId`, or by method and path where that is missing or was
    used before.

    Raises:
        UsageError: a part of the document is malformed or refers to what is not there.
    """
    reader = _OperationReader(document, origin)
    return list(reader.operations())


def server_of(document: Mapping[str, Any], *, base: str = "") -> str:
    """The document's first server with the default values of its variables, without a last "/".

    Args:
        document: an OpenAPI document.
        base: the address that a relative server is meant to follow, that of the document.

    Raises:
        UsageError: there is none, or it is not an http or https address without credentials.
    """
    servers = document.get("servers") or [{}]
    first = servers[0] if isinstance(servers, list) else {}
    url = str(first.get("url", "/")) if isinstance(first, Mapping) else "/"
    variables = first.get("variables", {}) if isinstance(first, Mapping) else {}
    for name, variable in variables.items() if isinstance(variables, Mapping) else ():
        if isinstance(variable, Mapping):
            url = url.replace(f"{{{name}}}", str(variable.get("default", "")))
    if url.startswith("/") and base:
        parts = urlsplit(base)
        url = f"{parts.scheme}://{parts.netloc}{url}"
    return checked_server(url)


def checked_server(url: str) -> str:
    """The address of a server without a last "/".

    Raises:
        UsageError: it is not an http or https address without credentials, query and fragment.
    """
    try:
        parts = urlsplit(url)
        is_address = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        is_address = False
    if not is_address or parts.scheme not in {"http", "https"} or not url.isprintable():
        raise UsageError(f"the server must be an http or https address, got {one_line(url, 120)!r}")
    if parts.username is not None or parts.query or parts.fragment or "{" in url:
        raise UsageError("the server's address must hold no credentials, query or open variables")
    return url.rstrip("/")


class _OperationReader:
    def __init__(self, document: Mapping[str, Any], origin: str) -> None:
        self._document = document
        self._origin = origin
        self._schemas = SchemaReader(document)
        self._used: set[str] = set()

    def operations(self) -> Iterator[Operation | LeftOut]:
        for path, given in self._document["paths"].items():
            item = self._schemas.resolved(given, where=path)
            for method in _METHODS:
                if method not in item:
                    continue
                where = f"{method.upper()} {path}"
                operation = self._schemas.resolved(item[method], where=where)
                try:
                    yield self._operation(method, path, item, operation)
                except _Unsupported as error:
                    yield LeftOut(where, str(error))

    def _operation(
        self, method: str, path: str, item: Mapping[str, Any], given: Mapping[str, Any]
    ) -> Operation:
        where = f"{method.upper()} {path}"
        if given.get("servers") or item.get("servers"):
            raise _Unsupported("it names a server of its own")
        security = self._security(given)
        secret_places = {(p.place, p.name.lower()) for one in security for p in one}
        arguments = _Arguments()
        for parameter in self._parameters(item, given, where):
            place, name = parameter["in"], parameter["name"]
            if (place, name.lower()) in secret_places:
                continue
            if place == "header" and name.lower() in _NOT_ARGUMENTS:
                continue
            arguments.add(*self._field(parameter, where))
        body, content_type = self._add_body(given, arguments, where)
        missing = set(re.findall(r"\{([^{}]+)\}", path)) - {
            one.name for one in arguments.fields if one.place == "path"
        }
        if missing:
            raise UsageError(f"{where} does not declare its path parameter {min(missing)!r}")
        words = [str(given.get(key, "")).strip() for key in ("summary", "description")]
        return Operation(
            api=Api(
                identifier=self._identifier(method, path, given.get("operationId")),
                summary=one_line(" ".join(_sentence(w) for w in words if w), 1000) or where,
                parameters=tuple(arguments.parameters),
                returns=self._returns(given, where),
                origin=self._origin,
                effect=_EFFECTS.get(method, "changes"),
            ),
            method=method.upper(),
            path=path,
            fields=tuple(arguments.fields),
            body=body,
            content_type=content_type,
            security=security,
        )

    def _identifier(self, method: str, path: str, named: object) -> str:
        candidates = [named] if isinstance(named, str) and named.strip() else []
        for candidate in (*candidates, f"{method}_{path.lstrip('/')}"):
            identifier = re.sub(r"[^A-Za-z0-9_.-]+", "_", candidate).strip("_")[:200]
            if identifier and identifier not in self._used:
                self._used.add(identifier)
                return identifier
        raise UsageError(f"{method.upper()} {one_line(path, 120)} has no name of its own")

    def _parameters(
        self, item: Mapping[str, Any], given: Mapping[str, Any], where: str
    ) -> list[dict[str, Any]]:
        found: dict[tuple[str, str], dict[str, Any]] = {}
        for source in (item, given):
            listed = source.get("parameters", [])
            if not isinstance(listed, list):
                raise UsageError(f"the parameters of {where} must be a list")
            for one in listed:
                parameter = self._schemas.resolved(one, where=f"a parameter of {where}")
                place, name = parameter.get("in"), parameter.get("name")
                if place not in _STYLES or not isinstance(name, str) or not name:
                    raise UsageError(f"a parameter of {where} has no name or no known place")
                if place == "header" and not _HEADER_NAME.fullmatch(name):
                    raise UsageError(f"{where} has a header whose name is not one: {name[:60]!r}")
                found[place, name] = parameter
        return list(found.values())

    def _field(self, parameter: Mapping[str, Any], where: str) -> tuple[Field, ApiParameter]:
        place, name = parameter["in"], parameter["name"]
        style = parameter.get("style", _STYLES[place])
        content = parameter.get("content")
        schema = parameter.get("schema", {})
        if isinstance(content, Mapping):
            if not content or not all("json" in kind for kind in content):
                raise _Unsupported(f"its parameter {name!r} is not written as JSON")
            schema = next(iter(content.values())).get("schema", {})
        field = Field(
            argument=name,
            name=name,
            place=place,
            style=style,
            explode=bool(parameter.get("explode", style == "form")),
            as_json=isinstance(content, Mapping),
            reserved=parameter.get("allowReserved") is True,
        )
        return field, self._schemas.parameter(
            name,
            schema,
            required=place == "path" or parameter.get("required") is True,
            description=str(parameter.get("description", "")),
            where=f"the parameter {name!r} of {where}",
        )

    def _add_body(
        self, given: Mapping[str, Any], arguments: "_Arguments", where: str
    ) -> tuple[BodyForm, str]:
        if "requestBody" not in given:
            return "none", ""
        where = f"the body of {where}"
        body = self._schemas.resolved(given["requestBody"], where=where)
        required = body.get("required") is True
        content = body.get("content")
        form, content_type = _chosen_content(content if isinstance(content, Mapping) else {})
        declared = content[content_type] if isinstance(content, Mapping) else {}
        schema = declared.get("schema", {}) if isinstance(declared, Mapping) else {}
        inlined = self._schemas.inlined(schema, where=where)
        members = inlined.get("properties", {})
        is_flat = (
            form in {"json", "form"}
            and 0 < len(members) <= _MOST_MEMBERS
            and not inlined.keys() & {"anyOf", "oneOf"}
            and not isinstance(inlined.get("additionalProperties"), Mapping)
            and not arguments.names & members.keys()
        )
        if not is_flat:
            description = str(body.get("description", ""))
            name = "body" if "body" not in arguments.names else "request_body"
            parameter = self._schemas.parameter(
                name, inlined, required=required, description=description, where=where
            )
            arguments.add(Field(name, "", "body"), parameter)
            return form, content_type
        for name, member in members.items():
            is_needed = required and name in inlined.get("required", ())
            parameter = self._schemas.parameter(name, member, required=is_needed, where=where)
            arguments.add(Field(name, name, "body"), parameter)
        return form, content_type

    def _returns(self, given: Mapping[str, Any], where: str) -> str:
        responses = given.get("responses")
        if not isinstance(responses, Mapping):
            return ""
        good = next((code for code in responses if str(code).startswith("2")), None)
        if good is None:
            return ""
        response = self._schemas.resolved(responses[good], where=f"the answer of {where}")
        content = response.get("content")
        for kind, declared in content.items() if isinstance(content, Mapping) else ():
            if "json" in kind and isinstance(declared, Mapping) and "schema" in declared:
                return self._schemas.words_for(declared["schema"], where=f"the answer of {where}")
        return one_line(str(response.get("description", "")), 120)

    def _security(self, given: Mapping[str, Any]) -> tuple[Requirement, ...]:
        alternatives = given.get("security", self._document.get("security", []))
        if not alternatives:
            return ((),)
        found = []
        problem = ""
        for alternative in alternatives:
            try:
                found.append(tuple(self._placement(name) for name in alternative))
            except _Unsupported as error:
                problem = str(error)
        if not found:
            raise _Unsupported(problem)
        return tuple(found)

    def _placement(self, scheme: str) -> Placement:
        components = self._document.get("components", {})
        schemes = components.get("securitySchemes", {}) if isinstance(components, Mapping) else {}
        if not isinstance(schemes, Mapping) or scheme not in schemes:
            raise UsageError(f"the security scheme {one_line(scheme, 80)!r} is not declared")
        given = self._schemas.resolved(schemes[scheme], where=f"the security scheme {scheme!r}")
        kind, http_scheme = given.get("type"), str(given.get("scheme", "")).lower()
        if kind == "apiKey" and given.get("in") in {"header", "query", "cookie"}:
            return Placement(scheme, given["in"], str(given.get("name", "")))
        if kind == "http" and http_scheme == "basic":
            return Placement(scheme, "header", "Authorization", "basic")
        if kind in {"oauth2", "openIdConnect"} or (kind == "http" and http_scheme == "bearer"):
            return Placement(scheme, "header", "Authorization", "bearer")
        raise _Unsupported(f"its security scheme {scheme!r} is of an unknown kind")


class _Arguments:
    """The arguments of one operation, each under a name of its own."""

    def __init__(self) -> None:
        self.fields: list[Field] = []
        self.parameters: list[ApiParameter] = []

    @property
    def names(self) -> set[str]:
        return {one.argument for one in self.fields}

    def add(self, field: Field, parameter: ApiParameter) -> None:
        """Add one; a name that is taken (a path and a query parameter `id`) gets its place."""
        name = field.argument
        if name in self.names:
            name = f"{name}_{field.place}"
        self.fields.append(replace(field, argument=name))
        self.parameters.append(replace(parameter, name=name))


def _sentence(words: str) -> str:
    return words if words.endswith((".", "!", "?", ":")) else f"{words}."


def _chosen_content(content: Mapping[str, Any]) -> tuple[BodyForm, str]:
    """The form in which to write a body, and its content type as the document names it."""
    kinds = {kind: kind.partition(";")[0].strip().lower() for kind in content}
    for kind, plain in kinds.items():
        if plain == "application/json" or plain.endswith("+json") or plain == "*/*":
            return "json", kind
    for kind, plain in kinds.items():
        if plain == "application/x-www-form-urlencoded":
            return "form", kind
        if plain == "text/plain":
            return "text", kind
    raise _Unsupported(f"its body can only be sent as {', '.join(content) or 'nothing'}")
