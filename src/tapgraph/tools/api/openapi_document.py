"""OpenAPI documents, read from untrusted JSON or YAML."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tapgraph.errors import UsageError
from tapgraph.tools.api.json_value import one_line
from tapgraph.tools.api.swagger import openapi_of_swagger
from tapgraph.tools.api.yaml_values import read_yaml

__all__ = ["MAX_DOCUMENT_BYTES", "checked_document", "parse_value", "read_file"]

MAX_DOCUMENT_BYTES = 128 * 1024 * 1024


def read_file(path: Path, *, max_bytes: int = MAX_DOCUMENT_BYTES) -> bytes:
    """What is in a file.

    Raises:
        UsageError: it cannot be read, or is larger than `max_bytes`.
    """
    try:
        if path.stat().st_size > max_bytes:
            raise UsageError(f"{path} is larger than {max_bytes:,} bytes")
        return path.read_bytes()
    except IsADirectoryError as error:
        raise UsageError(f"{path} is a folder; name the document in it") from error
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error


def parse_value(content: bytes, *, name: str) -> object:
    """The value in these bytes of JSON or YAML; `name` stands in errors.

    Of YAML only what JSON can say is read: dates stay text.

    Raises:
        UsageError: it is cut off, too large, or nested too deep.
    """
    if len(content) > MAX_DOCUMENT_BYTES:
        raise UsageError(f"{name} is larger than {MAX_DOCUMENT_BYTES:,} bytes")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{name} is not UTF-8 text") from error
    if not text.lstrip().startswith("{"):
        try:
            return read_yaml(text)
        except ValueError as error:
            raise UsageError(f"{name}: {one_line(str(error), 200)}") from error
    try:
        return json.loads(text)
    except RecursionError as error:
        raise UsageError(f"{name} is nested too deep") from error
    except ValueError as error:
        raise UsageError(f"{name} is not whole JSON: {error}") from error


def checked_document(value: object, *, name: str) -> dict[str, Any]:
    """The value as an OpenAPI 3 document; one of Swagger 2.0 is converted.

    Raises:
        UsageError: it is neither.
    """
    if not isinstance(value, dict):
        raise UsageError(f"{name} must hold an object, got {one_line(repr(value), 60)}")
    if not isinstance(value.get("paths"), Mapping):
        raise UsageError(f"{name} has no paths")
    version = value.get("openapi")
    if "swagger" in value and version is None:
        version = value["swagger"]
        if str(version).startswith("2"):
            return openapi_of_swagger(value)
    if not str(version).startswith("3"):
        shown = one_line(repr(version), 40)
        raise UsageError(f"{name} must be an OpenAPI 3 or Swagger 2.0 document, got {shown}")
    return value
