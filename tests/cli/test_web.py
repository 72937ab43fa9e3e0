"""`tapgraph run --device web`: a scripted model fills in a form on a real Chromium."""

import json
import shutil
from pathlib import Path
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


def test_a_scripted_model_fills_in_a_form_on_a_page(
    openai_server: Any, clerk: Any, tmp_path: Path, capsys: Any
) -> None:
    page, run = tmp_path / "order.html", tmp_path / "run"
    page.write_text(PAGE, encoding="utf-8")
    does = clerk(DEEDS, lambda shown: "Ordered: " in shown)
    server = openai_server(does)
    arguments = ["--device", "web", "--web-url", str(page), "--model", server.spec(), "--json"]
    arguments += ["--memory", str(tmp_path / "memory.db"), "--out", str(run), "--human", "allow"]
    assert main(["run", "Order 3 cups of tea for Anna as a gift.", *arguments]) == 0
    assert json.loads(capsys.readouterr().out)["outcome"] == "success"
    report = (run / "report.html").read_text(encoding="utf-8")
    assert all(f"{name} {text}" in report for name, text in DEEDS)
    assert report.count("data:image/") > len(DEEDS)
    last = RunFolder.open(run).load_screen(1 + len(DEEDS))
    assert [one.text for one in last.elements] == ["Ordered: 3 cups for Anna, gift: true"]
    assert 'app "Order"' in does.shown[0]
