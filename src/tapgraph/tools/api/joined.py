"""Several runners as one."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from tapgraph.tools.api.calls import ApiRunner, CallResult
from tapgraph.tools.api.catalog import Api, ApiCatalog
from tapgraph.tools.api.json_value import Json

__all__ = ["JoinedRunner"]


class JoinedRunner:
    """An `ApiRunner` over the APIs of several; each call goes to the one that it belongs to."""

    def __init__(self, runners: Sequence[ApiRunner], *, names: Sequence[str] = ()) -> None:
        """Join the runners, which stay the caller's to close.

        Args:
            runners: those to join.
            names: what each is called. APIs of equal identifiers get it in front: `notes.list`.

        Raises:
            UsageError: two APIs have the same identifier, and no different names.
        """
        times = Counter(api.identifier for runner in runners for api in runner.catalog)
        self._calls: dict[str, tuple[ApiRunner, str]] = {}
        apis: list[Api] = []
        for place, runner in enumerate(runners):
            for api in runner.catalog:
                joined = api
                if names and times[api.identifier] > 1:
                    name = re.sub(r"[^A-Za-z0-9_.-]+", "_", names[place])
                    joined = replace(api, identifier=f"{name}.{api.identifier}")
                apis.append(joined)
                self._calls[joined.identifier] = runner, api.identifier
        self.catalog = ApiCatalog(apis)

    def call(self, identifier: str, arguments: Mapping[str, Json]) -> CallResult:
        """Call the API where it belongs.

        Raises:
            ToolError: there is no such API, or from its runner.
            EnvironmentMissing: from its runner.
        """
        runner, own = self._calls[self.catalog[identifier].identifier]
        return runner.call(own, arguments)
