"""A folder of shortcuts as a catalogue."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tapgraph.errors import ToolError, UsageError
from tapgraph.tools.api.calls import ApiRunner
from tapgraph.tools.api.shortcuts.folder import ShortcutFolder
from tapgraph.tools.api.shortcuts.system import ScriptedPerson, SimulatedSystem

Act = Callable[..., dict[str, object]]


def save(path: Path, *actions: dict[str, object]) -> None:
    path.write_text(json.dumps({"WFWorkflowActions": list(actions)}), encoding="utf-8")


def test_each_shortcut_is_an_api_with_its_first_comment(tmp_path: Path, act: Act) -> None:
    save(tmp_path / "Count words.json", act("comment", WFCommentActionText="Counts\nwords."))
    save(tmp_path / "Buzz.shortcut", act("vibrate"))
    (tmp_path / "notes.txt").write_text("no shortcut", encoding="utf-8")
    apis = list(ShortcutFolder(tmp_path, SimulatedSystem()).catalog)
    assert [(api.identifier, api.summary) for api in apis] == [
        ("Buzz", "A shortcut of 1 actions."),
        ("Count words", "Counts words."),
    ]
    assert [one.name for one in apis[0].parameters] == ["input"]


def test_calls_give_outputs_and_share_one_system(tmp_path: Path, act: Act) -> None:
    save(tmp_path / "copy.json", act("setclipboard"))
    save(tmp_path / "paste.json", act("getclipboard"))
    folder: ApiRunner = ShortcutFolder(tmp_path, system := SimulatedSystem())
    folder.call("copy", {"input": "tea"})
    assert folder.call("paste", {}).text == "tea"
    assert system.clipboard == "tea"


def test_cancelling_limits_and_unknown_arguments_are_told(tmp_path: Path, act: Act) -> None:
    save(tmp_path / "ask.json", act("ask", WFAskActionPrompt="Really?"))
    group = {"GroupingIdentifier": "g"}
    save(
        tmp_path / "loop.json",
        act("repeat.count", **group, WFControlFlowMode=0, WFRepeatCount=20_000),
        act("repeat.count", **group, WFControlFlowMode=2),
    )
    folder = ShortcutFolder(tmp_path, SimulatedSystem(person=ScriptedPerson([None])))
    with pytest.raises(ToolError, match="the person cancelled"):
        folder.call("ask", {})
    with pytest.raises(ToolError, match="more than 10,000 steps"):
        folder.call("loop", {})
    with pytest.raises(ToolError, match="no parameter"):
        folder.call("ask", {"text": "x"})


def test_files_that_cannot_be_apis_are_named(tmp_path: Path, act: Act) -> None:
    (tmp_path / "broken.json").write_text("{}", encoding="utf-8")
    with pytest.raises(UsageError, match=r"of shortcuts, and broken\.json is none"):
        ShortcutFolder(tmp_path, SimulatedSystem())
    save(tmp_path / "broken.json", act("vibrate"))
    save(tmp_path / "broken.shortcut", act("vibrate"))
    with pytest.raises(UsageError, match="two shortcuts called 'broken'"):
        ShortcutFolder(tmp_path, SimulatedSystem())
