"""The report of a run of the API agent: no phone in it, and what services say is only shown."""

from pathlib import Path
from typing import Any

from lxml import html

from tapgraph.agents.run.budget import Spent
from tapgraph.agents.run.events import Delegated
from tapgraph.agents.run.human import AbsentHuman
from tapgraph.agents.run.outcome import Outcome
from tapgraph.agents.run.run_folder import RunFolder
from tapgraph.evals.report.run_report import write_report
from tapgraph.tools.api.functions import PythonFunctions

EVIL = "<script>alert(1)</script>"


def page_of(folder: Path) -> Any:
    return html.fromstring(write_report(RunFolder.open(folder)).read_bytes())


def test_it_shows_apis_calls_results_and_answers(
    run_api: Any, chooses: Any, tmp_path: Path
) -> None:
    send = {
        "action": "call",
        "api": "send_message",
        "arguments": {"person": {"from_call": 1, "pointer": "/0/id"}, "text": "hello"},
    }
    model = chooses(
        {"action": "call", "api": "list_people"}, send, {"action": "finish", "answer": "Told."}
    )
    run_api(model, human=AbsentHuman("allow"))
    page = page_of(tmp_path / "run")
    titles = [" ".join(one.text_content().split()) for one in page.xpath("//article//h3")]
    assert titles == [
        "APIs to choose from",
        "list_people",
        "send_message person=[step 1 /0/id], text=“hello”",
        "finish “Told.”",
    ]
    sent = [one.text_content() for one in page.xpath("//h4[text()='Sent']/following-sibling::pre")]
    assert sent == ['{\n  "person": 7,\n  "text": "hello"\n}']
    text = page.text_content()
    assert "The agent asks to confirm" in text
    assert "3 APIs of contacts" in text
    for word in ("On the device", "pictures 0 ms", "changed nothing", "Device"):
        assert word not in page.xpath("string(//body)")


def test_what_a_service_says_is_only_shown(run_api: Any, chooses: Any, tmp_path: Path) -> None:
    def evil(text: str = "") -> str:
        """Says what it likes."""
        return EVIL

    model = chooses(
        {"action": "call", "api": "evil", "arguments": {"text": EVIL}},
        {"action": "finish", "answer": {"from_call": 1}},
    )
    run_api(model, runner=PythonFunctions([evil]))
    page = page_of(tmp_path / "run")
    assert len(page.xpath("//script")) == 1
    assert page.text_content().count(EVIL) >= 3


def test_a_subgoal_that_was_handed_over_is_told(run_api: Any, chooses: Any, tmp_path: Path) -> None:
    run_api(chooses({"action": "finish", "answer": ""}))
    spent = Spent(3, 500, 1.0, 0.0)
    with RunFolder.open(tmp_path / "run") as folder:
        folder.record(
            Delegated(2, "mobile", EVIL, "mobile/001", Outcome.GAVE_UP, "no such app", "", spent)
        )
    text = page_of(tmp_path / "run").text_content()
    assert f"Handed over: {EVIL}" in text
    assert "3 steps · 500 tokens · mobile/001" in text
    assert "no such app" in text
    assert "Tokens500" in "".join(text.split())
