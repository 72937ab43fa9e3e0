"""`tapgraph api --check`: what of an OpenAPI document can be called, and what cannot, and why."""

from collections.abc import Collection

from tapgraph.cli.terminal import print_json, print_line
from tapgraph.errors import UsageError
from tapgraph.tools.api.openapi_operations import LeftOut, Operation, read_operations
from tapgraph.tools.api.openapi_source import ServiceDocument, read_service

__all__ = ["check_document"]


def check_document(
    source: str,
    *,
    server: str = "",
    allow_hosts: Collection[str] = (),
    files: Collection[str] = (),
    json: bool,
) -> None:
    """Print what is loaded and what is left out; nothing is sent to the service.

    Raises:
        UsageError: the document cannot be read or is none.
        EnvironmentMissing: no server answers at the document's address.
    """
    document = read_service(source, allow_hosts=allow_hosts)
    address, problem = (server, "") if server else _server(document, allow_hosts)
    read = read_operations(
        document.content, origin=source, server=address, allow_hosts=allow_hosts, files=files
    )
    loaded = [one for one in read if isinstance(one, Operation)]
    left_out = [one for one in read if isinstance(one, LeftOut)]
    secrets = sorted({p.scheme for one in loaded for each in one.security for p in each})
    if json:
        print_json({
            "document": source,
            "server": address,
            "problem": problem,
            "secrets": secrets,
            "loaded": [one.api.identifier for one in loaded],
            "left_out": [{"operation": one.operation, "why": one.reason} for one in left_out],
        })
        return
    print_line(f"{source}: {len(loaded)} operations loaded, {len(left_out)} left out")
    print_line(f"server: {address or problem}")
    if secrets:
        print_line(f"secrets: {', '.join(secrets)}")
    for one in left_out:
        print_line(f"left out: {one.operation}: {one.reason}")


def _server(document: ServiceDocument, allow_hosts: Collection[str]) -> tuple[str, str]:
    """The server, or what is wrong with it: the operations are worth knowing all the same."""
    try:
        return document.server(allow_hosts), ""
    except UsageError as error:
        return "", f"{error}; give one with --server"
