"""OpenAPI documents of several files, joined into one."""

import posixpath
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote, unquote

from tapgraph.errors import UsageError
from tapgraph.tools.api.openapi_document import MAX_DOCUMENT_BYTES, parse_value, read_file

__all__ = ["FolderFiles", "OtherFiles", "joined"]

_PARTS = "x-tapgraph-files"
_MOST_FILES = 2000


class OtherFiles(Protocol):
    """The files that a document may refer to."""

    def name_of(self, reference: str, *, seen_from: str) -> str:
        """The one name of a file that the file `seen_from` calls `reference`; "" is the document.

        Raises:
            UsageError: no such file may be read.
        """
        ...

    def load(self, name: str) -> object:
        """What is in the file.

        Raises:
            UsageError: it cannot be read.
        """
        ...


class FolderFiles:
    """Files in the folder of a document and below; links that lead out of it are not followed."""

    def __init__(self, document: Path) -> None:
        """Allow what lies beside this file."""
        self._folder = document.parent.resolve()
        self._own = document.name
        self._left_bytes = MAX_DOCUMENT_BYTES

    def name_of(self, reference: str, *, seen_from: str) -> str:
        """The path below the folder; see `OtherFiles`."""
        name = posixpath.normpath(posixpath.join(posixpath.dirname(seen_from), unquote(reference)))
        if ":" in reference or name.startswith(("/", "..")):
            raise UsageError(f"{reference!r} is outside the document's folder")
        return "" if name == self._own else name

    def load(self, name: str) -> object:
        """What is in the file; see `OtherFiles`."""
        path = (self._folder / name).resolve()
        if not path.is_relative_to(self._folder):
            raise UsageError(f"{name!r} is outside the document's folder")
        content = read_file(path, max_bytes=self._left_bytes)
        self._left_bytes -= len(content)
        return parse_value(content, name=name)


def joined(document: dict[str, Any], others: OtherFiles) -> dict[str, Any]:
    """The document with all files that it refers to, references changed to lead there.

    A reference to what cannot be read stays as it is: what needs it is left out later, by name.
    """
    parts: dict[str, object] = {"": document}
    unreadable: set[str] = set()
    waiting = [""]
    while waiting:
        own = waiting.pop()
        for node in _referring(parts[own]):
            file, _, pointer = node["$ref"].partition("#")
            try:
                name = others.name_of(file, seen_from=own) if file else own
                if name not in parts and (name in unreadable or len(parts) > _MOST_FILES):
                    continue
                if name not in parts:
                    unreadable.add(name)
                    parts[name] = others.load(name)
                    waiting.append(name)
            except UsageError:
                continue
            node["$ref"] = f"#{pointer}" if not name else f"#/{_PARTS}/{_token(name)}{pointer}"
    del parts[""]
    return {**document, _PARTS: parts} if parts else document


def _token(name: str) -> str:
    """The name as a part of a JSON pointer in an address."""
    return quote(name.replace("~", "~0").replace("/", "~1"), safe="~")


def _referring(value: object) -> Iterator[dict[str, Any]]:
    """All objects with a reference, however deep, each once: aliases of YAML share them."""
    waiting = [value]
    told: set[int] = set()
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            if isinstance(node.get("$ref"), str) and id(node) not in told:
                told.add(id(node))
                yield node
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)
