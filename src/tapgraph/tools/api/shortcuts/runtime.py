"""Runs a workflow on a simulated system."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from tapgraph.errors import BudgetExhausted, NotExecutable, ToolError
from tapgraph.tools.api.shortcuts.call import ActionCall, Cancelled, Handler, Stopped
from tapgraph.tools.api.shortcuts.conditions import holds
from tapgraph.tools.api.shortcuts.content import Content, items_of, to_text
from tapgraph.tools.api.shortcuts.data_actions import DATA_ACTIONS
from tapgraph.tools.api.shortcuts.date_actions import DATE_ACTIONS
from tapgraph.tools.api.shortcuts.device_actions import DEVICE_ACTIONS
from tapgraph.tools.api.shortcuts.number_actions import NUMBER_ACTIONS
from tapgraph.tools.api.shortcuts.session import Limits, Session
from tapgraph.tools.api.shortcuts.system import PersonQuestion, SimulatedSystem
from tapgraph.tools.api.shortcuts.text_actions import TEXT_ACTIONS
from tapgraph.tools.api.shortcuts.web_actions import WEB_ACTIONS
from tapgraph.tools.api.shortcuts.workflow import (
    Block,
    Node,
    Part,
    Workflow,
    WorkflowAction,
    walk,
)

__all__ = [
    "ACTIONS",
    "WorkflowResult",
    "not_executable_in",
    "run_workflow",
]

ACTIONS: Mapping[str, Handler] = {
    **TEXT_ACTIONS,
    **NUMBER_ACTIONS,
    **DATA_ACTIONS,
    **DATE_ACTIONS,
    **WEB_ACTIONS,
    **DEVICE_ACTIONS,
}
"""What can be executed besides conditions, menus and repeats, by identifier."""

_LONGEST_LOOP = 100_000


@dataclass(frozen=True, slots=True)
class WorkflowResult:
    """How a run ended.

    Attributes:
        ended: `done` after the last action or a stop, `cancelled` when the person cancelled.
        output: what the shortcut gave.
        steps: actions that ran, each turn of a loop counted.
    """

    ended: Literal["done", "cancelled"]
    output: Content
    steps: int


def run_workflow(
    workflow: Workflow,
    system: SimulatedSystem,
    *,
    given: Content = None,
    limits: Limits | None = None,
) -> WorkflowResult:
    """Run a shortcut to its end; what it did is in the system's state.

    Args:
        workflow: the shortcut.
        system: what it acts on.
        given: its input, which a first action without one takes.
        limits: what it may use.

    Raises:
        NotExecutable: an action, or a variant of one, is not known here; actions before it have
            been done.
        ToolError: an action failed as it would have failed on a phone.
        BudgetExhausted: a limit was reached.
    """
    session = Session(system, limits or Limits(), given, previous=given)
    try:
        _Run(session).nodes(workflow.body)
    except Stopped as stop:
        return WorkflowResult("done", stop.output, session.steps)
    except Cancelled:
        return WorkflowResult("cancelled", None, session.steps)
    return WorkflowResult("done", session.previous, session.steps)


def _do_action(session: Session, action: WorkflowAction) -> None:
    """Do one action, and keep its output for those that refer to its `UUID`."""
    handler = ACTIONS.get(action.identifier)
    if handler is None:
        raise NotExecutable(action.identifier)
    session.count_step()
    call = ActionCall(action.identifier, action.parameters, session)
    try:
        output = session.kept(handler(call))
    except RecursionError as error:
        raise ToolError("a parameter is nested too deeply") from error
    except (ArithmeticError, ValueError) as error:
        raise ToolError(f"a parameter cannot be used: {error}") from error
    session.previous = output
    uuid = action.parameters.get("UUID")
    if isinstance(uuid, str):
        session.outputs[uuid] = output


def not_executable_in(workflow: Workflow) -> tuple[tuple[int, str], ...]:
    """Position and identifier of each action that no handler knows.

    A workflow without any may still meet a variant that is not known when it runs.
    """
    return tuple(
        (action.position, action.identifier)
        for action in walk(workflow.body)
        if action.identifier not in ACTIONS
    )


@dataclass(slots=True)
class _Run:
    session: Session

    def nodes(self, nodes: Sequence[Node]) -> None:
        for node in nodes:
            if isinstance(node, WorkflowAction):
                self._action(node)
            else:
                self._block(node)

    def _action(self, action: WorkflowAction) -> None:
        try:
            _do_action(self.session, action)
        except NotExecutable as error:
            raise NotExecutable(f"{error.what} (action {action.position})") from error
        except ToolError as error:
            name = action.identifier.rpartition(".")[2]
            raise ToolError(f"action {action.position} ({name}): {error}") from error

    def _block(self, block: Block) -> None:
        self.session.count_step()
        call = ActionCall(block.begin.identifier, block.begin.parameters, self.session)
        if block.kind == "conditional":
            output = self._conditional(block, call)
        elif block.kind == "choosefrommenu":
            output = self._menu(block, call)
        elif block.kind == "repeat.count":
            output = self._repeated(block, [None] * self._times(call))
        else:
            output = self._repeated(block, call.items())
        self.session.previous = output
        uuid = block.end.parameters.get("UUID")
        if isinstance(uuid, str):
            self.session.outputs[uuid] = output

    def _conditional(self, block: Block, call: ActionCall) -> Content:
        if holds(call):
            return self._part(block.parts[0])
        if len(block.parts) > 1:
            return self._part(block.parts[1])
        return None

    def _menu(self, block: Block, call: ActionCall) -> Content:
        cases = block.parts[1:]
        titles = tuple(self._title(part) for part in cases)
        prompt = call.text("WFMenuPrompt")
        if not titles:
            raise ToolError("a menu has no cases")
        answer = self.session.ask(PersonQuestion("menu", prompt, titles))
        if answer is None:
            raise Cancelled
        if answer not in titles:
            raise ToolError(f"the answer {answer[:60]!r} is not one of the menu")
        return self._part(cases[titles.index(answer)])

    def _title(self, part: Part) -> str:
        parameters = part.marker.parameters
        attributed = parameters.get("WFMenuItemAttributedTitle")
        return to_text(self.session.value(attributed or parameters.get("WFMenuItemTitle")))

    def _times(self, call: ActionCall) -> int:
        times = call.number("WFRepeatCount", 1)
        if not 0 <= times <= _LONGEST_LOOP:
            raise BudgetExhausted(f"a loop of {times:g} turns is too long")
        return int(times)

    def _repeated(self, block: Block, items: Sequence[Content]) -> Content:
        outputs: list[Content] = []
        for index, item in enumerate(items, start=1):
            self.session.count_step()
            self.session.repeats.append((item, index))
            self.session.previous = item
            try:
                outputs += items_of(self._part(block.parts[0]))
            finally:
                self.session.repeats.pop()
        return self.session.kept(outputs)

    def _part(self, part: Part) -> Content:
        self.nodes(part.body)
        return self.session.previous
