"""Which secrets an operation takes, and where they go."""

from collections.abc import Collection, Mapping
from typing import Any, TypeAlias

from tapgraph.errors import UsageError
from tapgraph.tools.api.json_schema import SchemaReader
from tapgraph.tools.api.json_value import one_line
from tapgraph.tools.api.secret import Placement

__all__ = ["Requirement", "declared_schemes", "security_of"]

Requirement: TypeAlias = tuple[Placement, ...]


def security_of(
    operation: Mapping[str, Any], schemas: SchemaReader, headers: Collection[str]
) -> tuple[Requirement, ...]:
    """Sets of secrets, any of which will do; one empty set when none is needed.

    A scheme that is not known leaves out the sets with it, unless the user gives headers of their
    own: those may be what is meant.

    Raises:
        UsageError: no set is left.
    """
    document = schemas.document
    alternatives = operation.get("security", document.get("security"))
    if not alternatives:
        return ((),)
    if not isinstance(alternatives, list):
        raise UsageError("its security must be a list")
    found: list[Requirement] = []
    problem = "its security names no scheme"
    for alternative in alternatives:
        if not isinstance(alternative, Mapping):
            continue
        try:
            found.append(tuple(_placement(str(name), schemas) for name in alternative))
        except UsageError as error:
            problem = str(error)
    if not found and headers:
        return ((),)
    if not found:
        raise UsageError(problem)
    return tuple(found)


def declared_schemes(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """The security schemes of a document by their names."""
    components = document.get("components")
    schemes = components.get("securitySchemes") if isinstance(components, Mapping) else None
    return schemes if isinstance(schemes, Mapping) else {}


def _placement(scheme: str, schemas: SchemaReader) -> Placement:
    shown = repr(one_line(scheme, 80))
    schemes = declared_schemes(schemas.document)
    if scheme not in schemes:
        raise UsageError(f"its security scheme {shown} is not declared")
    given = schemas.resolved(schemes[scheme], where=f"the security scheme {shown}")
    kind, http_scheme = given.get("type"), str(given.get("scheme", "")).lower()
    name, place = given.get("name"), given.get("in")
    if kind == "apiKey" and isinstance(name, str) and name.isascii() and name.isprintable():
        match place:
            case "header" | "query" | "cookie":
                return Placement(scheme, place, name)
    if kind == "http" and http_scheme == "basic":
        return Placement(scheme, "header", "Authorization", "basic")
    if kind in ("oauth2", "openIdConnect") or (kind == "http" and http_scheme == "bearer"):
        return Placement(scheme, "header", "Authorization", "bearer")
    raise UsageError(f"its security scheme {shown} is of an unknown kind")
