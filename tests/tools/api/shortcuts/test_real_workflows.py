"""The four real workflows run on the simulated system."""

import json
from pathlib import Path

import pytest

from tapgraph.tools.api.shortcuts.content import FileItem
from tapgraph.tools.api.shortcuts.runtime import not_executable_in, run_workflow
from tapgraph.tools.api.shortcuts.system import (
    ScriptedPerson,
    SimulatedSystem,
    WebRequest,
    WebResponse,
)
from tapgraph.tools.api.shortcuts.workflow import Workflow

NOTION, CURRENCY, LOCKER, SAVER = range(4)


@pytest.fixture(scope="module")
def workflows(real_data: Path) -> list[Workflow]:
    lines = (real_data / "examples/real_examples_4.jsonl").read_text("utf-8")
    return [Workflow.from_actions(json.loads(line)["aseqs"]) for line in lines.splitlines()]


def test_all_actions_of_the_four_are_known(workflows: list[Workflow]) -> None:
    assert [not_executable_in(workflow) for workflow in workflows] == [(), (), (), ()]


def test_the_notion_query_sends_its_request(workflows: list[Workflow]) -> None:
    system = SimulatedSystem(transport=lambda _: WebResponse(b"{}"))
    run_workflow(workflows[NOTION], system)
    (request,) = system.requests
    assert (request.method, request.url) == ("POST", "https://api.notion.com/v1/databases//query")
    assert request.body == b'{"page_size": 1}'
    assert request.headers["Content-Type"] == "application/json"


def test_the_currency_converter_converts(workflows: list[Workflow]) -> None:
    answer = json.dumps({"results": {"USD_ILS": {"val": 3.6}}}).encode()
    system = SimulatedSystem(
        person=ScriptedPerson(["10"]),
        transport=lambda _: WebResponse(answer, "application/json"),
    )
    run_workflow(workflows[CURRENCY], system)
    assert system.shown[0] == ("ask", "Amount of USD")
    assert system.shown[-1] == ("alert", "Online results \n10 USD = 36 ILS")


def test_the_locker_warns_saves_and_vibrates_a_minute(workflows: list[Workflow]) -> None:
    def answer(request: WebRequest) -> WebResponse:
        if "routinehub" in request.url:
            return WebResponse(b'{"result": "error", "message": "none"}', "application/json")
        return WebResponse(b"sound")

    system = SimulatedSystem(
        person=ScriptedPerson(["guess"]),
        transport=answer,
        files={"App_Locker/Sound.mp3": FileItem("App_Locker/Sound.mp3", b"beep")},
    )
    result = run_workflow(workflows[LOCKER], system)
    assert result.ended == "done"
    assert system.shown[1] == ("notification", "Wrong password\nTry again")
    assert system.effects.count("vibrate") == 60
    assert system.settings == {"Current Volume": 1.0}


def test_the_saver_saves_every_picture(workflows: list[Workflow]) -> None:
    def answer(request: WebRequest) -> WebResponse:
        if request.url.endswith("/update/1508"):
            body: dict[str, object] = {
                "version": 1,
                "api": "https://a.example/api",
                "success_Menu": ["返回"],
            }
        elif request.url.endswith("/api"):
            body = {"code": 0, "list": ["https://a.example/1.jpg", "https://a.example/2.jpg"]}
        else:
            return WebResponse(b"\xff\xd8", "image/jpeg")
        return WebResponse(json.dumps(body).encode(), "application/json")

    system = SimulatedSystem(transport=answer)
    run_workflow(workflows[SAVER], system, given="http://post.example/1")
    assert [photo.name for photo in system.photos] == ["1.jpg", "2.jpg"]
    assert system.opened == ["app:Instagram"]
