"""Executed: the gold and the chooser's shortcut each run on a simulated system of its own."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from tapgraph.errors import BudgetExhausted, ToolError, UnreadableWorkflow
from tapgraph.evals.shortcutsbench.freeze import ApiTexts
from tapgraph.evals.shortcutsbench.item import Action, Item
from tapgraph.evals.shortcutsbench.modes import let_run_free
from tapgraph.evals.shortcutsbench.question import Chooser
from tapgraph.evals.shortcutsbench.transcript import Comparison, Transcript
from tapgraph.tools.api.shortcuts.content import to_text
from tapgraph.tools.api.shortcuts.runtime import run_workflow
from tapgraph.tools.api.shortcuts.system import SimulatedSystem, WebRequest, WebResponse
from tapgraph.tools.api.shortcuts.workflow import Workflow

__all__ = ["compare_outcomes", "let_run_and_execute", "offline_web"]

_GIVEN = "https://example.org/given"


def let_run_and_execute(item: Item, chooser: Chooser, apis: ApiTexts) -> Transcript:
    """Free-running, and then executed beside the gold."""
    transcript = replace(let_run_free(item, chooser, apis), mode="executed")
    return replace(transcript, outcome=compare_outcomes(item.gold, transcript.actions))


def compare_outcomes(
    gold: Sequence[Action],
    own: Sequence[Action],
    *,
    make_system: Callable[[], SimulatedSystem] | None = None,
) -> Comparison:
    """Whether two shortcuts leave equal systems in equal states.

    Unless `make_system` says otherwise, a person answers with defaults, first choices and `1`, the
    web answers every request with the same small JSON, and the clock stands still. The output of a
    shortcut counts only where the gold does nothing else; where it does nothing at all, there is
    nothing to compare, so that doing nothing never scores.
    """
    made = make_system or (lambda: SimulatedSystem(transport=offline_web))
    untouched = made().state()
    try:
        wanted = _after(gold, made())
    except _CANNOT_RUN as error:
        return Comparison(gold_runs=False, matches=False, reason=str(error))
    if wanted.state == untouched and not wanted.output:
        return Comparison(
            gold_runs=False, matches=False, reason="the gold leaves nothing to compare"
        )
    try:
        found = _after(own, made())
    except _CANNOT_RUN as error:
        return Comparison(gold_runs=True, matches=False, reason=f"it does not run: {error}")
    differing = [name for name, value in wanted.state.items() if found.state[name] != value]
    if wanted.state == untouched and wanted.output != found.output:
        differing.append("output")
    reason = f"different: {', '.join(differing)}" if differing else ""
    return Comparison(gold_runs=True, matches=not differing, reason=reason)


def offline_web(_: WebRequest) -> WebResponse:
    """One answer to every request, so that a shortcut can be run without any network."""
    return WebResponse(b'{"ok": true}', "application/json")


_CANNOT_RUN = (ToolError, UnreadableWorkflow, BudgetExhausted)


@dataclass(frozen=True, slots=True)
class _After:
    state: Mapping[str, object]
    output: str


def _after(actions: Sequence[Action], system: SimulatedSystem) -> _After:
    workflow = Workflow.from_actions([
        {
            "WFWorkflowActionIdentifier": action.identifier,
            "WFWorkflowActionParameters": action.parameters,
        }
        for action in actions
    ])
    result = run_workflow(workflow, system, given=_GIVEN)
    output = to_text(result.output)
    # An action without an output of its own passes the shortcut's input on: nothing was done.
    return _After(system.state(), "" if output == _GIVEN else output)
