"""Arguments written into an HTTP request, in OpenAPI's styles and without a way out of their place.

Whatever a model wrote: an argument for the path stays one segment, one for the query one value, and
one for a header one line.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from urllib.parse import quote, urlencode

import httpx

from tapgraph.errors import ToolError
from tapgraph.tools.api.json_value import Json, json_text
from tapgraph.tools.api.openapi_fields import Field
from tapgraph.tools.api.openapi_operations import Operation

__all__ = ["PreparedRequest", "prepare"]

_RESERVED = ":/?@!$'()*,;"
_BETWEEN = {"spaceDelimited": "%20", "pipeDelimited": "%7C", "tabDelimited": "%09"}
_LARGEST_FILE_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class PreparedRequest:
    """A request without its secrets."""

    method: str
    url: str
    headers: Mapping[str, str]
    content: bytes | None


def prepare(
    operation: Operation,
    server: str,
    arguments: Mapping[str, Json],
    *,
    files: Mapping[str, Path] | None = None,
) -> PreparedRequest:
    """The request for a call whose arguments are already checked.

    Args:
        operation: what is called.
        server: where, unless the operation has a server of its own.
        arguments: by their names.
        files: the files that may be sent, by the names that arguments give.

    Raises:
        ToolError: an argument would leave its place: a line break in a header, an empty or
            upward-leading part of the path; or a file cannot be read.
    """
    fields = [one for one in operation.fields if one.argument in arguments]
    headers = {"accept": "application/json, text/*;q=0.8, */*;q=0.1"}
    cookies: list[str] = []
    for field in fields:
        value = arguments[field.argument]
        if field.place == "header":
            headers[field.name.lower()] = _header_text(field, value)
        elif field.place == "cookie":
            cookies += _cookie_parts(field, value)
    if cookies:
        headers["cookie"] = "; ".join(cookies)
    content, content_type = _body(operation, arguments, files or {})
    if content is not None:
        headers["content-type"] = content_type
    url = f"{operation.server or server}/{_target(operation.path, fields, arguments)}"
    return PreparedRequest(operation.method, url, headers, content)


def _target(template: str, fields: Sequence[Field], arguments: Mapping[str, Json]) -> str:
    """Path and query; the template of a path may hold a query of its own."""
    path, _, own = template.partition("?")
    query: list[str] = []
    for field in fields:
        value, slot = arguments[field.argument], f"{{{field.name}}}"
        if field.place == "path":
            path = path.replace(slot, _path_text(field, value))
        if field.place in {"path", "query"} and slot in own:
            own = own.replace(slot, _encoded(value))
        elif field.place == "query":
            query += _query_parts(field, value)
    # A slot that stays open belongs to an optional argument that was not given.
    query[:0] = [part for part in own.split("&") if part and not re.search(r"\{.*\}", part)]
    return path.lstrip("/") + (f"?{'&'.join(query)}" if query else "")


def _body(
    operation: Operation, arguments: Mapping[str, Json], files: Mapping[str, Path]
) -> tuple[bytes | None, str]:
    """The body, if one is sent, and its content type."""
    fields = [one for one in operation.fields if one.place == "body" and one.argument in arguments]
    if operation.body == "none" or (not fields and operation.body != "json"):
        return None, ""
    if len(fields) == 1 and not fields[0].name:
        value: Json = arguments[fields[0].argument]
    elif any(not one.name for one in operation.fields if one.place == "body"):
        return None, ""
    else:
        value = {one.name: arguments[one.argument] for one in fields}
    match operation.body:
        case "json":
            is_any = operation.content_type == "*/*"
            kind = "application/json" if is_any else operation.content_type
            return json_text(value).encode(), kind
        case "form" if fields[0].name:
            written = [_query_parts(one, arguments[one.argument]) for one in fields]
            return "&".join(chain.from_iterable(written)).encode(), operation.content_type
        case "form" if isinstance(value, Mapping):
            pairs = [(name, _text(item)) for name, item in value.items()]
            return urlencode(pairs, quote_via=quote).encode(), operation.content_type
        case "multipart" if isinstance(value, Mapping):
            return _multipart(value, {one.name for one in fields if one.is_file}, files)
        case "file":
            kind = operation.content_type
            is_any = "*" in kind
            return _content(value, files), "application/octet-stream" if is_any else kind
        case _:
            return _text(value).encode(), operation.content_type


def _multipart(
    value: Mapping[str, Json], uploaded: set[str], files: Mapping[str, Path]
) -> tuple[bytes, str]:
    parts: list[tuple[str, tuple[str | None, bytes]]] = []
    for name, item in value.items():
        listed = _items(item)
        for one in [item] if listed is None else listed:
            is_file = name in uploaded
            content = _content(one, files) if is_file else _text(one).encode()
            parts.append((name, (_text(one) if is_file else None, content)))
    request = httpx.Request("POST", "http://localhost", files=parts)
    return request.read(), request.headers["content-type"]


def _content(name: Json, files: Mapping[str, Path]) -> bytes:
    """What is in a file that the user named; no other file of the machine is ever read."""
    path = files.get(_text(name))
    if path is None:
        raise ToolError(f"no file is called {_text(name)[:80]!r}; there are {', '.join(files)}")
    try:
        if path.stat().st_size > _LARGEST_FILE_BYTES:
            raise ToolError(f"the file {path.name!r} is larger than {_LARGEST_FILE_BYTES:,} bytes")
        return path.read_bytes()
    except OSError as error:
        raise ToolError(f"the file {path.name!r} cannot be read: {error.strerror}") from error


def _text(value: Json) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return json_text(value)


def _encoded(value: Json, safe: str = "") -> str:
    return quote(_text(value), safe=safe)


def _items(value: Json) -> list[Json] | None:
    is_list = isinstance(value, Sequence) and not isinstance(value, str)
    return list(value) if is_list else None  # type: ignore[arg-type]


def _path_text(field: Field, value: Json) -> str:
    for text in _leaves(value):
        if not text or any(not c.isprintable() for c in text):
            raise ToolError(f"{field.argument} must not be empty or hold control characters")
        if any(part in {".", ".."} for part in re.split(r"[/\\]", text)):
            raise ToolError(f"{field.argument} must not hold '.' or '..' as a part of a path")
    if field.as_json:
        return _encoded(json_text(value))
    before, between = {"label": (".", "."), "matrix": (";", ";")}.get(field.style, ("", ","))
    joint = between if field.explode else ","
    name = f"{_encoded(field.name)}=" if field.style == "matrix" else ""
    if isinstance(value, Mapping):
        if field.explode:
            return before + joint.join(f"{_encoded(k)}={_encoded(v)}" for k, v in value.items())
        return before + name + ",".join(_encoded(one) for pair in value.items() for one in pair)
    listed = _items(value)
    if listed is None:
        return before + name + _encoded(value)
    if field.explode and name:
        return "".join(f";{name}{_encoded(one)}" for one in listed)
    return before + name + joint.join(_encoded(one) for one in listed)


def _leaves(value: Json) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield key
            yield from _leaves(item)
    elif (listed := _items(value)) is not None:
        if not listed:
            yield ""
        for item in listed:
            yield from _leaves(item)
    else:
        yield _text(value)


def _query_parts(field: Field, value: Json) -> list[str]:
    safe = _RESERVED if field.reserved else ""
    name = quote(field.name, safe="")
    if field.as_json:
        return [f"{name}={quote(json_text(value), safe=safe)}"]
    if isinstance(value, Mapping):
        if field.style == "deepObject":
            return [f"{name}{key}={item}" for key, item in _deep_pairs(value, safe)]
        pairs = [(_encoded(key), _encoded(item, safe)) for key, item in value.items()]
        if field.explode:
            return [f"{key}={item}" for key, item in pairs]
        return [f"{name}={','.join(one for pair in pairs for one in pair)}"]
    listed = _items(value)
    if listed is None:
        return [f"{name}={_encoded(value, safe)}"]
    if field.style == "deepObject":
        return [f"{name}{key}={item}" for key, item in _deep_pairs(value, safe)]
    texts = [_encoded(one, safe) for one in listed]
    if field.explode and field.style == "form":
        return [f"{name}={text}" for text in texts]
    between = _BETWEEN.get(field.style, ",")
    return [f"{name}={between.join(texts)}"]


def _deep_pairs(value: Json, safe: str) -> Iterator[tuple[str, str]]:
    """`[key][key]` and the value for each plain value inside; items of lists by their number."""
    listed = _items(value)
    inside = value.items() if isinstance(value, Mapping) else enumerate(listed or ())
    if not isinstance(value, Mapping) and listed is None:
        yield "", _encoded(value, safe)
    for key, item in inside:
        for rest, text in _deep_pairs(item, safe):
            yield f"%5B{_encoded(key)}%5D{rest}", text


def _header_text(field: Field, value: Json) -> str:
    if field.as_json:
        text = json_text(value)
    elif isinstance(value, Mapping):
        between = "=" if field.explode else ","
        text = ",".join(f"{key}{between}{_text(item)}" for key, item in value.items())
    else:
        listed = _items(value)
        text = _text(value) if listed is None else ",".join(_text(one) for one in listed)
    if not text.isascii() or not text.isprintable():
        raise ToolError(
            f"{field.argument} goes into a header: one line of plain ASCII text, please"
        )
    return text.strip()


def _cookie_parts(field: Field, value: Json) -> list[str]:
    listed = _items(value)
    if isinstance(value, Mapping):
        pairs = [(key, item) for key, item in value.items()]
        return [f"{_encoded(key)}={_encoded(item)}" for key, item in pairs]
    if listed is not None:
        return [f"{_encoded(field.name)}={_encoded(','.join(map(_text, listed)))}"]
    return [f"{_encoded(field.name)}={_encoded(value)}"]
