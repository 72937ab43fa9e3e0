"""`tapgraph run --device web`: a scripted model fills in a form on a real Chromium."""

import json
import re
import shutil
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tapgraph.agents.run.run_folder import RunFolder
from tapgraph.cli.main import main

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        shutil.which("chromium") is None or shutil.which("chromedriver") is None,
        reason="no Chromium with chromedriver is installed",
    ),
]

PAGE = """<!doctype html><meta name=viewport content="width=device-width"><title>Order</title>
<form onsubmit="event.preventDefault();document.body.innerHTML=
`<h1>Ordered: ${tea.value} cups for ${who.value}, gift: ${gift.checked}</h1>`">
<input id=who placeholder=Name><select id=tea aria-label=Cups><option>1<option>2<option>3</select>
<label><input type=checkbox id=gift>Gift</label><button>Order</button></form>"""

DEEDS = [
    ("Tap", "Name"),
    ("Type", "Anna"),
    ("Tap", "1"),
    ("Tap", "3"),
    ("Tap", "Gift"),
    ("Tap", "Order"),
]


class Clerk:
    """Does one deed after the other, and believes what it sees."""

    def __init__(self, brain: ModuleType) -> None:
        self._brain = brain
        self._deeds = iter(DEEDS)
        self.shown: list[str] = []

    def __call__(self, request: dict[str, Any]) -> object:
        role = self._brain.role_of(request).__name__
        shown = self._brain.text_of(request["messages"][1])
        if role == "OperatorReply":
            self.shown.append(shown)
            return json.dumps(self._deed(shown))
        replies: dict[str, dict[str, Any]] = {
            "ManagerReply": {
                "thought": "One form.",
                "subgoals": ["Order tea"],
                "current": 1,
                "status": "finished" if "Ordered: " in shown else "working",
            },
            "ReflectorReply": {
                "verdict": "A",
                "progress": "more is filled in",
                "subgoal_done": "Ordered: " in shown,
            },
            "NotetakerReply": {"notes": ""},
            "VerifierReply": {"complete": "Ordered: " in shown},
            "ShortcutReply": {"worth_keeping": False},
            "TipsReply": {"tips": []},
        }
        return json.dumps(replies[role])

    def _deed(self, shown: str) -> dict[str, Any]:
        name, text = next(self._deeds)
        arguments: dict[str, Any] = {"text": text}
        if name == "Tap":
            lines = re.findall(rf'^\[(\d+)\] (?!text)[a-z]+ "{text}" \(', shown, re.MULTILINE)
            arguments = {"element": int(lines[-1])}
        return {
            "thought": "Next.",
            "call": {"action": name, "arguments": arguments},
            "description": f"{name} {text}",
            "completes_subgoal": text == "Order",
        }


def test_a_scripted_model_fills_in_a_form_on_a_page(
    openai_server: Any, phone_brain: ModuleType, tmp_path: Path, capsys: Any
) -> None:
    page, run = tmp_path / "order.html", tmp_path / "run"
    page.write_text(PAGE, encoding="utf-8")
    server = openai_server(clerk := Clerk(phone_brain))
    arguments = ["--device", "web", "--web-url", str(page), "--model", server.spec(), "--json"]
    arguments += ["--memory", str(tmp_path / "memory.db"), "--out", str(run), "--human", "allow"]
    assert main(["run", "Order 3 cups of tea for Anna as a gift.", *arguments]) == 0
    assert json.loads(capsys.readouterr().out)["outcome"] == "success"
    report = (run / "report.html").read_text(encoding="utf-8")
    assert all(f"{name} {text}" in report for name, text in DEEDS)
    assert report.count("data:image/") > len(DEEDS)
    last = RunFolder.open(run).load_screen(1 + len(DEEDS))
    assert [one.text for one in last.elements] == ["Ordered: 3 cups for Anna, gift: true"]
    assert 'app "Order"' in clerk.shown[0]
