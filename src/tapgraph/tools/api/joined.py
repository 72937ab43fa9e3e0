"""Several runners as one."""

from collections.abc import Mapping, Sequence

from tapgraph.tools.api.calls import ApiRunner, CallResult
from tapgraph.tools.api.catalog import ApiCatalog
from tapgraph.tools.api.json_value import Json

__all__ = ["JoinedRunner"]


class JoinedRunner:
    """An `ApiRunner` over the APIs of several; each call goes to the one that it belongs to."""

    def __init__(self, runners: Sequence[ApiRunner]) -> None:
        """Join the runners, which stay the caller's to close.

        Raises:
            UsageError: two of them have an API of the same identifier.
        """
        self.catalog = ApiCatalog(api for runner in runners for api in runner.catalog)
        self._runners = {api.identifier: runner for runner in runners for api in runner.catalog}

    def call(self, identifier: str, arguments: Mapping[str, Json]) -> CallResult:
        """Call the API where it belongs.

        Raises:
            ToolError: there is no such API, or from its runner.
            EnvironmentMissing: from its runner.
        """
        return self._runners[self.catalog[identifier].identifier].call(identifier, arguments)
