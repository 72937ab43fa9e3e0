"""A shortcut as a tree: actions in a row, and blocks of conditions, menus and repeats."""

import json
import plistlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias
from xml.parsers.expat import ExpatError

from tapgraph.errors import UnreadableWorkflow

__all__ = ["Block", "BlockKind", "Node", "Part", "Workflow", "WorkflowAction", "read_workflow"]

BlockKind = Literal["conditional", "choosefrommenu", "repeat.count", "repeat.each"]

APPLE = "is.workflow.actions."
_BLOCKS: Mapping[str, BlockKind] = {
    f"{APPLE}conditional": "conditional",
    f"{APPLE}choosefrommenu": "choosefrommenu",
    f"{APPLE}repeat.count": "repeat.count",
    f"{APPLE}repeat.each": "repeat.each",
}
_BEGIN, _MIDDLE, _END = 0, 1, 2
_DEEPEST = 64
_LARGEST_FILE = 64 * 2**20


@dataclass(frozen=True, slots=True)
class WorkflowAction:
    """One action as it stands in the file; `position` counts from 0."""

    position: int
    identifier: str
    parameters: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Part:
    """A marker of a block and what follows it: the true branch, a menu's case, a loop's body."""

    marker: WorkflowAction
    body: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Block:
    """A condition, menu or repeat; its end marker names its output."""

    kind: BlockKind
    parts: tuple[Part, ...]
    end: WorkflowAction

    @property
    def begin(self) -> WorkflowAction:
        """The marker that holds the condition, the menu's prompt or the count."""
        return self.parts[0].marker


Node: TypeAlias = WorkflowAction | Block


@dataclass(frozen=True, slots=True)
class Workflow:
    """A shortcut, ready to run."""

    actions: tuple[WorkflowAction, ...]
    body: tuple[Node, ...]

    @classmethod
    def from_actions(cls, actions: object) -> "Workflow":
        """The workflow of a `WFWorkflowActions` list.

        Raises:
            UnreadableWorkflow: it is no such list, or a block has no beginning or no end.
        """
        parsed = _actions(actions)
        return cls(parsed, _Nesting(parsed).parsed())


def read_workflow(path: Path) -> Workflow:
    """The workflow in a `.shortcut` or plist file (binary or XML) or in a JSON file.

    Raises:
        UnreadableWorkflow: it is signed, cut, too large, or no workflow.
    """
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise UnreadableWorkflow(f"{path.name} is larger than {_LARGEST_FILE >> 20} MiB")
        raw = path.read_bytes()
    except OSError as error:
        raise UnreadableWorkflow(f"cannot read {str(path)!r}: {error.strerror}") from error
    found = _loaded(raw, path.name)
    if isinstance(found, Mapping) and isinstance(found.get("shortcut"), Mapping):
        found = found["shortcut"]
    if isinstance(found, Mapping):
        found = found.get("WFWorkflowActions")
    return Workflow.from_actions(found)


def _loaded(raw: bytes, name: str) -> object:
    if raw.startswith(b"AEA1"):
        raise UnreadableWorkflow(
            f"{name} is a signed shortcut; export it unsigned (its plist) or use its iCloud record"
        )
    if b"<!ENTITY" in raw[:4096]:
        raise UnreadableWorkflow(f"{name} declares XML entities, which no shortcut needs")
    try:
        if raw.lstrip()[:1] in {b"{", b"["}:
            return json.loads(raw)
        return plistlib.loads(raw)
    except RecursionError as error:
        raise UnreadableWorkflow(f"{name} is nested too deeply") from error
    except (ValueError, KeyError, TypeError, ExpatError, plistlib.InvalidFileException) as error:
        raise UnreadableWorkflow(
            f"{name} is neither a whole plist nor whole JSON: {str(error)[:120] or 'broken'}"
        ) from error


def _actions(found: object) -> tuple[WorkflowAction, ...]:
    if not isinstance(found, Sequence) or isinstance(found, str | bytes):
        raise UnreadableWorkflow("a workflow needs a list WFWorkflowActions")
    parsed = []
    for position, one in enumerate(found):
        identifier = one.get("WFWorkflowActionIdentifier") if isinstance(one, Mapping) else None
        if not isinstance(one, Mapping) or not isinstance(identifier, str) or not identifier:
            raise UnreadableWorkflow(f"action {position} has no WFWorkflowActionIdentifier")
        parameters = one.get("WFWorkflowActionParameters", {})
        if not isinstance(parameters, Mapping):
            raise UnreadableWorkflow(f"the parameters of action {position} are no dictionary")
        parsed.append(WorkflowAction(position, identifier, parameters))
    return tuple(parsed)


@dataclass(slots=True)
class _Open:
    kind: BlockKind
    group: object
    markers: list[WorkflowAction] = field(default_factory=list)
    bodies: list[list[Node]] = field(default_factory=list)


class _Nesting:
    """Markers paired by `GroupingIdentifier`."""

    def __init__(self, actions: Sequence[WorkflowAction]) -> None:
        self._actions = actions
        self._body: list[Node] = []
        self._open: list[_Open] = []

    def parsed(self) -> tuple[Node, ...]:
        for action in self._actions:
            kind = _BLOCKS.get(action.identifier)
            if kind is None:
                self._current().append(action)
            else:
                self._marker(kind, action)
        if self._open:
            begin = self._open[-1].markers[0]
            raise UnreadableWorkflow(
                f"the {self._open[-1].kind} block that begins at action {begin.position} has no end"
            )
        return tuple(self._body)

    def _current(self) -> list[Node]:
        return self._open[-1].bodies[-1] if self._open else self._body

    def _marker(self, kind: BlockKind, action: WorkflowAction) -> None:
        mode = action.parameters.get("WFControlFlowMode", _BEGIN)
        group = action.parameters.get("GroupingIdentifier")
        if mode == _BEGIN:
            if len(self._open) >= _DEEPEST:
                raise UnreadableWorkflow(f"blocks are nested more than {_DEEPEST} deep")
            self._open.append(_Open(kind, group, [action], [[]]))
            return
        if mode not in {_MIDDLE, _END}:
            raise UnreadableWorkflow(
                f"action {action.position} has the unknown WFControlFlowMode {mode!r}"
            )
        block = self._open[-1] if self._open else None
        if block is None or block.group != group or block.kind != kind:
            word = "end" if mode == _END else "middle part"
            raise UnreadableWorkflow(
                f"action {action.position} is the {word} of a {kind} block that is not open"
            )
        if mode == _MIDDLE:
            block.markers.append(action)
            block.bodies.append([])
            return
        self._open.pop()
        parts = zip(block.markers, block.bodies, strict=True)
        made = tuple(Part(marker, tuple(body)) for marker, body in parts)
        self._current().append(Block(kind, made, action))


def walk(nodes: Sequence[Node]) -> Iterator[WorkflowAction]:
    """All actions that are no markers, in the order of the file."""
    for node in nodes:
        if isinstance(node, WorkflowAction):
            yield node
        else:
            for part in node.parts:
                yield from walk(part.body)
