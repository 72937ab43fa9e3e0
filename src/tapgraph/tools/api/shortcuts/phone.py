"""The simulated system as APIs that an agent calls one by one."""

import time
from collections.abc import Mapping

from tapgraph.errors import BudgetExhausted, ToolError
from tapgraph.tools.api.calls import CallResult, result_text
from tapgraph.tools.api.catalog import Api, ApiCatalog
from tapgraph.tools.api.json_value import Json, check_size
from tapgraph.tools.api.shortcuts.call import Cancelled, Stopped
from tapgraph.tools.api.shortcuts.content import Content, FileItem
from tapgraph.tools.api.shortcuts.runtime import ACTIONS, do_action
from tapgraph.tools.api.shortcuts.session import Limits, Session
from tapgraph.tools.api.shortcuts.system import SimulatedSystem

__all__ = ["ShortcutsPhone"]


class ShortcutsPhone:
    """An `ApiRunner` over the actions that the simulated system can do.

    Calls share one session: an argument may refer to the output of an earlier call by its `UUID`,
    variables last, and an action without input takes the output of the call before.
    """

    def __init__(
        self, catalog: ApiCatalog, system: SimulatedSystem, *, limits: Limits | None = None
    ) -> None:
        """Offer those APIs of a catalogue (ShortcutsBench's, say) that can be executed here."""
        self._catalog = ApiCatalog(api for api in catalog if api.identifier in ACTIONS)
        self._session = Session(system, limits or Limits())

    @classmethod
    def with_names_only(cls, system: SimulatedSystem) -> "ShortcutsPhone":
        """A phone whose catalogue holds nothing but the identifiers."""
        return cls(ApiCatalog(Api(name, origin="shortcuts") for name in sorted(ACTIONS)), system)

    @property
    def catalog(self) -> ApiCatalog:
        """The APIs that can be called here."""
        return self._catalog

    @property
    def system(self) -> SimulatedSystem:
        """What the calls act on."""
        return self._session.system

    def call(self, identifier: str, arguments: Mapping[str, Json]) -> CallResult:
        """Do one action.

        Raises:
            ToolError: it is unknown, failed, was cancelled, or a limit was reached.
        """
        api = self._catalog[identifier]
        check_size("the arguments", arguments)
        started = time.monotonic()
        self._session.started = started
        try:
            output = do_action(self._session, api.identifier, arguments)
        except Stopped as stop:
            output = stop.output
        except Cancelled as cancelled:
            raise ToolError("the person cancelled") from cancelled
        except BudgetExhausted as spent:
            raise ToolError(str(spent)) from spent
        value = _as_json(output)
        return CallResult(value, result_text(value), time.monotonic() - started)


def _as_json(content: Content) -> Json:
    if isinstance(content, dict):
        return {key: _as_json(one) for key, one in content.items()}
    if isinstance(content, list):
        return [_as_json(one) for one in content]
    if isinstance(content, FileItem):
        return content.text
    if content is None or isinstance(content, bool | int | float | str):
        return content
    return content.isoformat()
