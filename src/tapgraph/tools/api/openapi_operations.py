"""The operations of an OpenAPI document as APIs, and how each one's arguments travel."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tapgraph.errors import UsageError
from tapgraph.tools.api.catalog import Api, ApiParameter, Effect
from tapgraph.tools.api.json_schema import SchemaReader
from tapgraph.tools.api.json_value import one_line
from tapgraph.tools.api.openapi_body import BodyReader
from tapgraph.tools.api.openapi_fields import Arguments, BodyForm, Field
from tapgraph.tools.api.openapi_security import Requirement, security_of
from tapgraph.tools.api.openapi_servers import operation_server, server_of
from tapgraph.tools.api.policy import path_orders

__all__ = ["LeftOut", "Operation", "read_operations"]

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


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: the API that it is, and how it is requested.

    Attributes:
        api: what a model knows about it.
        method: the HTTP method, in capitals.
        path: the path below the server, with names in braces; it may hold a query.
        fields: how the arguments travel.
        body: how the body is written.
        content_type: of the body; empty where there is none.
        security: sets of secrets, any of which will do; an empty set when none is needed.
        server: where it is called, if not at the document's server.
    """

    api: Api
    method: str
    path: str
    fields: tuple[Field, ...]
    body: BodyForm
    content_type: str
    security: tuple[Requirement, ...]
    server: str = ""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An operation that cannot be called, and why."""

    operation: str
    reason: str


def read_operations(
    document: Mapping[str, Any],
    *,
    origin: str,
    server: str = "",
    allow_hosts: Collection[str] = (),
    headers: Collection[str] = (),
    files: Collection[str] = (),
) -> list[Operation | LeftOut]:
    """All operations of the document, in its order; what is wrong with one costs only that one.

    An operation is called by its `operationId`, or by method and path where that is missing or was
    used before. Callbacks, links and webhooks are no operations of the service.

    Args:
        document: an OpenAPI document.
        origin: the name of the catalogue.
        server: the one in use; without it the document's first one.
        allow_hosts: hosts that operations may name as their own server.
        headers: names, in small letters, of the headers that the user adds to each request.
        files: names of the files that may be sent.
    """
    return list(_OperationReader(document, origin, server, allow_hosts, headers, files).all())


class _OperationReader:
    def __init__(
        self,
        document: Mapping[str, Any],
        origin: str,
        server: str,
        allow_hosts: Collection[str],
        headers: Collection[str],
        files: Collection[str],
    ) -> None:
        self._document = document
        self._origin = origin
        self._server = server or _server_or_none(document)
        self._allow_hosts = allow_hosts
        self._headers = headers
        self._schemas = SchemaReader(document)
        self._bodies = BodyReader(self._schemas, files)
        self._used: set[str] = set()

    def all(self) -> Iterator[Operation | LeftOut]:
        for path, given in self._document["paths"].items():
            if given is None or path.startswith("x-"):
                continue
            try:
                item = self._schemas.resolved(given, where="the path")
            except UsageError as error:
                yield LeftOut(one_line(path, 200), str(error))
                continue
            for method in _METHODS:
                if method in item:
                    yield self._one(method, path, item)

    def _one(self, method: str, path: str, item: Mapping[str, Any]) -> Operation | LeftOut:
        where = f"{method.upper()} {one_line(path, 200)}"
        try:
            given = self._schemas.resolved(item[method], where="the operation")
            return self._operation(method, path, item, given)
        except UsageError as error:
            return LeftOut(where, str(error))

    def _operation(
        self, method: str, path: str, item: Mapping[str, Any], given: Mapping[str, Any]
    ) -> Operation:
        where = f"{method.upper()} {one_line(path, 200)}"
        server = operation_server(
            given.get("servers") or item.get("servers"),
            self._document,
            self._server,
            self._allow_hosts,
        )
        security = security_of(given, self._schemas, self._headers)
        # A fragment only tells apart operations of one path; it is never sent.
        path = path.partition("#")[0]
        arguments = Arguments()
        self._add_parameters(path, item, given, security, arguments, where)
        body, content_type = self._bodies.add(given, arguments, where)
        words = [given.get(key) for key in ("summary", "description")]
        sentences = [
            _sentence(one.strip()) for one in words if isinstance(one, str) and one.strip()
        ]
        return Operation(
            api=Api(
                identifier=self._identifier(method, path, given.get("operationId")),
                summary=one_line(" ".join(filter(None, sentences)), 1000) or where,
                parameters=tuple(arguments.parameters),
                returns=self._returns(given, where),
                origin=self._origin,
                effect=_effect(method, path),
            ),
            method=method.upper(),
            path=path,
            fields=tuple(arguments.fields),
            body=body,
            content_type=content_type,
            security=security,
            server=server,
        )

    def _identifier(self, method: str, path: str, named: object) -> str:
        candidates = [named] if isinstance(named, str) else []
        candidates.append(f"{method}_{path.lstrip('/')}")
        names = [re.sub(r"[^A-Za-z0-9_.-]+", "_", one).strip("_")[:200] for one in candidates]
        free = (one for one in names if one and one not in self._used)
        name = next(free, "") or next(
            numbered
            for number in range(2, len(self._used) + 3)
            if (numbered := f"{names[-1] or method}_{number}") not in self._used
        )
        self._used.add(name)
        return name

    def _add_parameters(
        self,
        path: str,
        item: Mapping[str, Any],
        given: Mapping[str, Any],
        security: tuple[Requirement, ...],
        arguments: Arguments,
        where: str,
    ) -> None:
        secret = {(p.place, p.name.lower()) for one in security for p in one}
        secret |= {("header", name) for name in self._headers}
        below, _, query = path.partition("?")
        in_path, in_query = (re.findall(r"\{([^{}]+)\}", part) for part in (below, query))
        for parameter in self._parameters(item, given):
            place, name = parameter["in"], parameter["name"]
            is_unused = place == "path" and name not in in_path + in_query
            if (place, name.lower()) in secret or is_unused:
                continue
            if place == "header" and name.lower() in _NOT_ARGUMENTS:
                continue
            arguments.add(*self._field(parameter, where))
        declared = {(one.place, one.name) for one in arguments.fields}
        for name in dict.fromkeys(in_path + in_query):
            in_its_place = name in in_query and ("query", name) in declared
            if ("path", name) not in declared and not in_its_place:
                arguments.add(Field(name, name, "path"), ApiParameter(name, "text", required=True))

    def _parameters(
        self, item: Mapping[str, Any], given: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        found: dict[tuple[str, str], dict[str, Any]] = {}
        for source in (item, given):
            listed = source.get("parameters") or []
            if not isinstance(listed, list):
                raise UsageError("its parameters must be a list")
            for one in listed:
                parameter = self._schemas.resolved(one, where="a parameter")
                place, name = parameter.get("in"), parameter.get("name")
                if not isinstance(place, str) or place not in _STYLES:
                    raise UsageError("a parameter has no known place")
                if not isinstance(name, str) or not name:
                    raise UsageError("a parameter has no name")
                if place == "header" and not _HEADER_NAME.fullmatch(name):
                    raise UsageError(f"a header has a name that is none: {name[:60]!r}")
                found[place, name] = parameter
        return list(found.values())

    def _field(self, parameter: Mapping[str, Any], where: str) -> tuple[Field, ApiParameter]:
        place, name = parameter["in"], parameter["name"]
        style = parameter.get("style")
        style = style if isinstance(style, str) else _STYLES[place]
        content = parameter.get("content")
        schema = parameter.get("schema")
        if isinstance(content, Mapping) and content:
            declared = next(iter(content.values()))
            if not all("json" in kind for kind in content) or not isinstance(declared, Mapping):
                raise UsageError(f"its parameter {name[:60]!r} is not written as JSON")
            schema = declared.get("schema")
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
            {} if schema is None else schema,
            required=place == "path" or parameter.get("required") is True,
            description=str(parameter.get("description") or ""),
            where=f"the parameter {name[:60]!r} of {where}",
        )

    def _returns(self, given: Mapping[str, Any], where: str) -> str:
        """What it gives, in words; what is wrong with that is no reason not to call it."""
        responses = given.get("responses")
        if not isinstance(responses, Mapping):
            return ""
        good = next((code for code in responses if str(code).startswith("2")), None)
        if good is None:
            return ""
        where = f"the answer of {where}"
        try:
            response = self._schemas.resolved(responses[good], where=where)
            content = response.get("content")
            for kind, declared in content.items() if isinstance(content, Mapping) else ():
                if "json" in kind and isinstance(declared, Mapping) and "schema" in declared:
                    return self._schemas.words_for(declared["schema"], where=where)
        except UsageError:
            return ""
        return one_line(str(response.get("description") or ""), 120)


def _effect(method: str, path: str) -> Effect:
    """What the method tells, unless the path of a reading one says that something is done."""
    effect = _EFFECTS.get(method, "changes")
    return "changes" if effect == "reads" and path_orders(path) else effect


def _sentence(words: str) -> str:
    return words if not words or words.endswith((".", "!", "?", ":")) else f"{words}."


def _server_or_none(document: Mapping[str, Any]) -> str:
    try:
        return server_of(document)
    except UsageError:
        return ""
