"""`tapgraph run` twice with one memory: the second run finds what the first one learnt."""

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tapgraph.agents.mobile.replies import OperatorReply, ShortcutReply, TipsReply
from tapgraph.agents.run.events import Decided, MemoryChanged
from tapgraph.agents.run.run_folder import RunFolder
from tapgraph.cli.main import main

SWITCH = "Turn on the alarm at 08:30"
TIP = "Clock has a switch beside each alarm."
SHORTCUT = {
    "worth_keeping": True,
    "name": "Alarm_On",
    "description": "Opens Clock and turns on the alarm.",
    "precondition": "None.",
    "steps": [{"action": "Open_App", "from_action": 1}, {"action": "Tap", "from_action": 2}],
}


def test_the_second_run_finds_what_the_first_has_learnt(
    openai_server: Any,
    phone_brain: ModuleType,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    brain = phone_brain.PhoneBrain()

    def answer(request: dict[str, Any]) -> object:
        role = phone_brain.role_of(request)
        if role is TipsReply:
            return TipsReply.model_validate({"tips": [{"tip": TIP, "because": "Action 1."}]})
        if role is ShortcutReply:
            return ShortcutReply.model_validate(SHORTCUT)
        rules = phone_brain.text_of(request["messages"][0])
        if role is OperatorReply and "- Alarm_On()" in rules:
            assert f"- [T1] (learnt) {TIP}" in rules
            reply = OperatorReply(action="Alarm_On", description="It is on.", tips=["T1"])
            return phone_brain.as_object(reply)
        return brain(request)

    memory, model = str(tmp_path / "memory.db"), openai_server(answer).spec()

    def run(name: str) -> RunFolder:
        asked = ["run", SWITCH, "--seed", "0", "--model", model, "--memory", memory]
        assert main([*asked, "--out", str(tmp_path / name), "--json"]) == 0
        capsys.readouterr()
        return RunFolder.open(tmp_path / name)

    first, second = run("first"), run("second")
    changes = [one.change for one in first.events() if isinstance(one, MemoryChanged)]
    decided = [one.action["name"] for one in second.events() if isinstance(one, Decided)]
    assert changes == ["add", "verify", "add"]
    assert decided == ["Alarm_On"]
    report = (tmp_path / "first" / "report.html").read_text(encoding="utf-8")
    assert "Changes of the memory" in report
    assert main(["memory", "list", "--memory", memory, "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    entries = (*listed["tips"], *listed["shortcuts"])
    learnt = {one.get("name") or one["text"]: one["evidence"] for one in entries}
    assert (learnt["Alarm_On"]["successes"], learnt[TIP]["successes"]) == (2, 1)
