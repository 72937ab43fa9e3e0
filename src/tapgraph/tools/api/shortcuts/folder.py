"""A folder of shortcuts as APIs that an agent calls."""

import time
from collections.abc import Mapping
from pathlib import Path

from tapgraph.errors import BudgetExhausted, ToolError, UnreadableWorkflow, UsageError
from tapgraph.tools.api.calls import CallResult, checked_arguments, result_text
from tapgraph.tools.api.catalog import Api, ApiCatalog, ApiParameter
from tapgraph.tools.api.json_value import Json
from tapgraph.tools.api.shortcuts.content import to_json
from tapgraph.tools.api.shortcuts.runtime import run_workflow
from tapgraph.tools.api.shortcuts.system import SimulatedSystem
from tapgraph.tools.api.shortcuts.workflow import Workflow, read_workflow

__all__ = ["ShortcutFolder", "shortcut_files"]

_ENDINGS = {".shortcut", ".plist", ".json"}
_COMMENT = "is.workflow.actions.comment"
_INPUT = ApiParameter("input", "text", "What the shortcut is given.")


def shortcut_files(folder: Path) -> list[Path]:
    """The files of a folder that may be shortcuts, by name."""
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in _ENDINGS)


class ShortcutFolder:
    """An `ApiRunner` over shortcuts; all calls act on one simulated system.

    An API is called by the name of its file; what it does says the shortcut's first comment.
    """

    def __init__(self, folder: Path, system: SimulatedSystem) -> None:
        """Read every shortcut of the folder.

        Raises:
            UsageError: a file is no shortcut, or two have the same name.
        """
        self._system = system
        self._workflows: dict[str, Workflow] = {}
        for path in shortcut_files(folder):
            if path.stem in self._workflows:
                raise UsageError(f"{folder} has two shortcuts called {path.stem!r}")
            try:
                self._workflows[path.stem] = read_workflow(path)
            except UnreadableWorkflow as error:
                raise UsageError(
                    f"{str(folder)!r} is a folder of shortcuts, and {path.name} is none: {error}"
                ) from error
        self.catalog = ApiCatalog(
            Api(name, _summary(workflow), (_INPUT,), origin=folder.name)
            for name, workflow in self._workflows.items()
        )

    def call(self, identifier: str, arguments: Mapping[str, Json]) -> CallResult:
        """Run a shortcut and give its output.

        Raises:
            ToolError: it is unknown, not executable, failed, was cancelled, or reached a limit.
        """
        api = self.catalog[identifier]
        given = checked_arguments(api, arguments).get("input")
        started = time.monotonic()
        try:
            result = run_workflow(
                self._workflows[api.identifier],
                self._system,
                given=given if isinstance(given, str) else None,
            )
        except BudgetExhausted as spent:
            raise ToolError(str(spent)) from spent
        if result.ended == "cancelled":
            raise ToolError("the person cancelled")
        value = to_json(result.output)
        return CallResult(value, result_text(value), time.monotonic() - started)


def _summary(workflow: Workflow) -> str:
    comments = (
        action.parameters.get("WFCommentActionText")
        for action in workflow.actions
        if action.identifier == _COMMENT
    )
    first = next((one for one in comments if isinstance(one, str) and one.strip()), "")
    return " ".join(first.split())[:300] or f"A shortcut of {len(workflow.actions)} actions."
