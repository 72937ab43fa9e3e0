"""OpenAPI documents, read from untrusted JSON or YAML."""

import json
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import yaml

from tapgraph.errors import UsageError
from tapgraph.tools.api.json_value import one_line

__all__ = ["parse_document", "read_document"]

MAX_DOCUMENT_BYTES = 16 * 1024 * 1024
_MAX_DEPTH = 100


def read_document(path: Path) -> dict[str, Any]:
    """The OpenAPI 3.0 or 3.1 document in a file of JSON or YAML.

    Raises:
        UsageError: the file cannot be read, or is no such document.
    """
    try:
        if path.stat().st_size > MAX_DOCUMENT_BYTES:
            raise UsageError(f"{path} is larger than {MAX_DOCUMENT_BYTES:,} bytes")
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    return parse_document(content, name=str(path))


def parse_document(content: bytes, *, name: str) -> dict[str, Any]:
    """The OpenAPI 3.0 or 3.1 document in these bytes of JSON or YAML; `name` stands in errors.

    Of YAML only what JSON can say is read: aliases are refused, because a small document can become
    huge through them, and dates stay text.

    Raises:
        UsageError: it is cut off, too large, nested too deep, or no such document.
    """
    if len(content) > MAX_DOCUMENT_BYTES:
        raise UsageError(f"{name} is larger than {MAX_DOCUMENT_BYTES:,} bytes")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{name} is not UTF-8 text") from error
    document = _json(text, name) if text.lstrip().startswith("{") else _yaml(text, name)
    if not isinstance(document, dict):
        raise UsageError(f"{name} must hold an object, got {one_line(repr(document), 60)}")
    version = document.get("openapi")
    if "swagger" in document:
        raise UsageError(f"{name} is a Swagger 2.0 document: convert it to OpenAPI 3 first")
    if not isinstance(version, str) or not version.startswith(("3.0", "3.1")):
        raise UsageError(
            f"{name} must be an OpenAPI 3.0 or 3.1 document, got {one_line(repr(version), 40)}"
        )
    if not isinstance(document.get("paths"), Mapping):
        raise UsageError(f"{name} has no paths")
    return document


def _json(text: str, name: str) -> object:
    try:
        return json.loads(text)
    except RecursionError as error:
        raise UsageError(f"{name} is nested too deep") from error
    except ValueError as error:
        raise UsageError(f"{name} is not whole JSON: {error}") from error


class _Loader(yaml.SafeLoader):
    """YAML without dates, and with texts for keys, as JSON has them."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """An object whose keys are texts; answers are listed under numbers in most documents."""
        return {str(key): value for key, value in super().construct_mapping(node, deep).items()}


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _yaml(text: str, name: str) -> object:
    try:
        depth = 0
        for event in yaml.parse(text, Loader=_Loader):
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if isinstance(event, yaml.AliasEvent):
                raise UsageError(f"{name} uses YAML aliases, which are not read: write them out")
            if depth > _MAX_DEPTH:
                raise UsageError(f"{name} is nested deeper than {_MAX_DEPTH} levels")
        # A subclass of SafeLoader, which makes nothing but plain values.
        return yaml.load(text, Loader=_Loader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UsageError(f"{name} is not whole YAML: {one_line(str(error), 200)}") from error
