"""Workflows from files and lists; bad ones are refused with a sentence."""

import json
import plistlib
from collections.abc import Callable
from pathlib import Path

import pytest

from tapgraph.errors import UnreadableWorkflow
from tapgraph.tools.api.shortcuts.workflow import Block, Workflow, WorkflowAction, read_workflow

Act = Callable[..., dict[str, object]]


def marked(act: Act, name: str, group: str, mode: int) -> dict[str, object]:
    return act(name, GroupingIdentifier=group, WFControlFlowMode=mode)


def test_blocks_nest_by_their_grouping_identifier(act: Act) -> None:
    workflow = Workflow.from_actions([
        marked(act, "repeat.count", "a", 0),
        marked(act, "conditional", "b", 0),
        act("vibrate"),
        marked(act, "conditional", "b", 1),
        marked(act, "conditional", "b", 2),
        marked(act, "repeat.count", "a", 2),
        act("exit"),
    ])
    loop, last = workflow.body
    assert isinstance(loop, Block)
    assert isinstance(last, WorkflowAction)
    (condition,) = loop.parts[0].body
    assert isinstance(condition, Block)
    assert [len(part.body) for part in condition.parts] == [1, 0]
    assert condition.begin.position == 1


@pytest.mark.parametrize(
    ("markers", "message"),
    [
        ([("conditional", "a", 0)], "conditional block that begins at action 0 has no end"),
        ([("conditional", "a", 2)], "action 0 is the end of a conditional block that is not open"),
        ([("conditional", "a", 1)], "middle part of a conditional block that is not open"),
        ([("conditional", "a", 0), ("conditional", "b", 2)], "action 1 is the end"),
        (
            [("conditional", "a", 0), ("repeat.each", "b", 0), ("conditional", "a", 2)],
            "action 2 is the end of a conditional block that is not open",
        ),
        ([("repeat.count", "a", 7)], "unknown WFControlFlowMode 7"),
        ([("conditional", str(n), 0) for n in range(100)], "nested more than 64 deep"),
    ],
)
def test_unpaired_control_flow_is_refused(
    act: Act, markers: list[tuple[str, str, int]], message: str
) -> None:
    with pytest.raises(UnreadableWorkflow, match=message):
        Workflow.from_actions([marked(act, *one) for one in markers])


@pytest.mark.parametrize(
    ("actions", "message"),
    [
        (None, "needs a list WFWorkflowActions"),
        ("text", "needs a list WFWorkflowActions"),
        ([{}], "action 0 has no WFWorkflowActionIdentifier"),
        ([{"WFWorkflowActionIdentifier": 3}], "action 0 has no WFWorkflowActionIdentifier"),
        (
            [{"WFWorkflowActionIdentifier": "a", "WFWorkflowActionParameters": "x"}],
            "parameters of action 0 are no dictionary",
        ),
    ],
)
def test_what_is_no_list_of_actions_is_refused(actions: object, message: str) -> None:
    with pytest.raises(UnreadableWorkflow, match=message):
        Workflow.from_actions(actions)


@pytest.mark.parametrize("form", ["binary", "xml", "json", "record"])
def test_the_same_workflow_is_read_from_every_form_of_file(
    act: Act, tmp_path: Path, form: str
) -> None:
    found = {"WFWorkflowActions": [act("gettext", WFTextActionText="Grüße")]}
    path = tmp_path / "greeting.shortcut"
    if form in {"binary", "xml"}:
        kind = plistlib.FMT_BINARY if form == "binary" else plistlib.FMT_XML
        path.write_bytes(plistlib.dumps(found, fmt=kind))
    else:
        path.write_text(json.dumps({"shortcut": found} if form == "record" else found), "utf-8")
    (only,) = read_workflow(path).actions
    assert only.parameters == {"WFTextActionText": "Grüße"}


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"AEA1\x00\x00\x00\x00rest", "is a signed shortcut; export it unsigned"),
        (b"", "neither a whole plist nor whole JSON"),
        (b"bplist00\x00\x01", "neither a whole plist nor whole JSON"),
        (b'{"WFWorkflowActions": [', "neither a whole plist nor whole JSON"),
        (b"<?xml version='1.0'?><plist><dict><key>WFWork", "neither a whole plist"),
        (b"<!DOCTYPE p [<!ENTITY a 'aaaa'>]><plist><string>&a;</string></plist>", "XML entities"),
        (b"[" * 200_000, "nested too deeply|neither"),
        (b"{}", "needs a list WFWorkflowActions"),
    ],
)
def test_unreadable_files_are_refused_with_a_sentence(
    tmp_path: Path, raw: bytes, message: str
) -> None:
    path = tmp_path / "bad.shortcut"
    path.write_bytes(raw)
    with pytest.raises(UnreadableWorkflow, match=message):
        read_workflow(path)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(UnreadableWorkflow, match="cannot read"):
        read_workflow(tmp_path / "none.shortcut")
