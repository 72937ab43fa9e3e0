"""APIs as tools of the model: what is offered, and what is made of calls."""

import json
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tapgraph.agents.api.native_calls import NativeTools
from tapgraph.agents.run.events import ActionStarted, Decided, ModelCalled, StepTimed
from tapgraph.agents.run.human import AbsentHuman
from tapgraph.agents.run.outcome import Outcome
from tapgraph.errors import InvalidReply, ToolError
from tapgraph.llm_backend.chat_model import ModelTraits, Reply, ToolCall
from tapgraph.llm_backend.scripted_model import ScriptedModel
from tapgraph.tools.api.calls import CallResult
from tapgraph.tools.api.catalog import Api, ApiCatalog, ApiParameter
from tapgraph.tools.api.json_schema import SchemaReader
from tapgraph.tools.api.json_value import json_text
from tapgraph.tools.token_estimate import estimate_tokens

NATIVE = ModelTraits("tools", calls="native")
CITY = (ApiParameter("city", "text", "Where.", required=True),)
APIS = ApiCatalog([
    Api("weather now", "Tells the weather.", CITY, effect="reads"),
    Api("weather_now", "Tells it too.", CITY, effect="reads"),
    Api("search", "Looks for a city.", CITY, effect="reads"),
    Api("delete", "Deletes a city.", CITY, effect="destroys"),
    Api("brief", "Does more.", CITY),
])
TOOLS = NativeTools.of(APIS, ["weather now", "weather_now", "search", "delete"], ["brief"])


def calls(*named: tuple[str, Any], words: str = "so") -> Reply:
    made = [
        ToolCall(f"c{n}", name, given if isinstance(given, str) else json.dumps(given))
        for n, (name, given) in enumerate(named)
    ]
    return Reply(words, tool_calls=tuple(made), finish_reason="tool_calls")


def test_each_tool_has_a_name_of_its_own_that_servers_take() -> None:
    names = [spec.name for spec in TOOLS.specs]
    assert names[:5] == ["weather_now", "weather_now_2", "search_2", "delete", "brief"]
    assert names[5:] == ["search", "read", "ask_user", "finish", "give_up"]


def test_a_long_identifier_is_cut_and_found_again() -> None:
    long = [f"{'a' * 70}{n}" for n in range(3)]
    tools = NativeTools.of(ApiCatalog(map(Api, long)), long, [])
    assert {len(spec.name) for spec in tools.specs[:3]} <= {62, 64}
    (reply,) = tools.read(calls((tools.specs[2].name, {})), most=8).replies
    assert reply.api == long[2]


def test_a_wide_schema_is_cut_to_its_budget() -> None:
    leaf = {"type": "string", "description": "words " * 30}
    wide = {"type": "object", "properties": {f"m{n}": leaf for n in range(60)}, "required": ["m0"]}
    parameter = SchemaReader({}).parameter("body", wide, required=True, where="x")
    tools = NativeTools.of(ApiCatalog([Api("post", parameters=(parameter,))]), ["post"], [])
    schema: Any = tools.specs[0].parameters
    assert estimate_tokens(json_text(schema)) <= 1200
    assert schema["properties"]["body"]["properties"]["m59"] == {"type": "string"}


def test_what_is_listed_in_short_takes_its_required_arguments() -> None:
    schema: Any = TOOLS.specs[4].parameters
    assert (schema["required"], list(schema["properties"])) == (["city"], ["city"])


@pytest.mark.parametrize(
    ("name", "given", "action", "field"),
    [
        ("search", {"query": "music"}, "search", "query"),
        ("read", {"arguments": {"a": 1}}, "read", "arguments"),
        ("ask_user", {"question": "Which?"}, "ask_user", "question"),
        ("finish", {"answer": [1]}, "finish", "answer"),
        ("give_up", {"answer": "no way"}, "give_up", "answer"),
    ],
)
def test_other_actions_are_tools(name: str, given: Any, action: str, field: str) -> None:
    (reply,) = TOOLS.read(calls((name, given)), most=8).replies
    assert (reply.action, getattr(reply, field)) == (action, given[field])


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (Reply("Done."), "calls no tool"),
        (calls(("finish", {})), "lacks 'answer'"),
        (calls(("ask_user", {"question": ""})), "cannot be used"),
        (calls(("delete", "[1]")), "not one JSON object"),
        (calls(("delete", '{"city": ')), "is broken"),
    ],
)
def test_a_reply_that_calls_nothing_usable_is_invalid(reply: Reply, told: str) -> None:
    with pytest.raises(InvalidReply, match=told):
        TOOLS.read(reply, most=8)


READ, DELETE = ("weather_now", {"city": "Lyon"}), ("delete", {"city": "Lyon"})


@pytest.mark.parametrize(
    ("named", "most", "taken"),
    [
        ([READ, READ, DELETE], 8, 2),
        ([DELETE, READ], 8, 1),
        ([READ, ("finish", {"answer": ""})], 8, 1),
        ([READ] * 9, 3, 3),
        ([READ, ("unheard_of", {})], 8, 1),
    ],
)
def test_only_what_reads_is_called_together(named: Any, most: int, taken: int) -> None:
    read = TOOLS.read(calls(*named), most=most)
    assert len(read.replies) == taken
    assert read.repairs == (f"took {taken} of {len(named)} calls",)


class Meeting:
    """Two APIs that answer only when both are being called."""

    catalog = ApiCatalog([
        Api("sun", "Tells of the sun.", CITY, effect="reads"),
        Api("rain", "Tells of the rain.", CITY, effect="reads"),
        Api("keep", "Keeps a text.", (ApiParameter("text", required=True),), effect="changes"),
    ])

    def __init__(self) -> None:
        self.meets = threading.Barrier(2)
        self.kept: list[object] = []

    def call(self, identifier: str, arguments: Any) -> CallResult:
        if identifier == "keep":
            self.kept.append(arguments["text"])
            return CallResult("kept", "kept", 0.0)
        self.meets.wait(timedelta(seconds=20).total_seconds())
        if arguments["city"] == "Atlantis":
            raise ToolError("no such city")
        return CallResult({identifier: arguments["city"]}, "", 7.0)


def test_calls_that_read_are_made_at_once_each_a_step_of_its_own(
    run_api: Any, events: Callable[[Any], list[Any]]
) -> None:
    reference = {"from_call": 2, "pointer": "/rain"}
    said = [
        calls(("sun", {"city": "Atlantis"}), ("rain", {"city": "Lyon"}), words="Both."),
        calls(("keep", {"text": reference})),
        calls(("finish", {"answer": reference})),
        Reply('{"complete": true}'),
        Reply('{"tips": []}'),
    ]
    model = ScriptedModel(said, traits=NATIVE)
    meeting = Meeting()
    result = run_api(model, runner=meeting, human=AbsentHuman("allow"))
    assert (result.outcome, result.answer) == (Outcome.SUCCESS, "Lyon")
    assert meeting.kept == ["Lyon"]
    prompt = model.requests[1].messages[-1].text
    assert '[1] call sun {"city": "Atlantis"} -> failed: "no such city"' in prompt
    assert '[2] call rain {"city": "Lyon"} -> done\n  gave {"rain": "Lyon"}' in prompt
    assert [one.step for one in events(ActionStarted)] == [1, 2, 3]
    assert [(one.step, one.thought) for one in events(Decided)][:2] == [(1, "Both."), (2, "Both.")]
    assert len([one for one in events(ModelCalled) if one.role == "chooser"]) == 3
    assert all(one.device_s <= one.total_s for one in events(StepTimed))


def test_of_several_calls_one_that_cannot_be_made_fails_at_its_own_step(run_api: Any) -> None:
    said = [
        calls(("sun", {"city": "Oslo"}), ("sun", {"town": "Rome"}), ("rain", {"city": "Lyon"})),
        calls(("give_up", {"answer": "no"})),
        Reply('{"tips": []}'),
    ]
    model = ScriptedModel(said, traits=NATIVE)
    run_api(model, runner=Meeting())
    prompt = model.requests[1].messages[-1].text
    assert '[1] call sun {"city": "Oslo"} -> done' in prompt
    assert '[2] call sun {"town": "Rome"} -> failed: "sun was not called' in prompt
    assert '[3] call rain {"city": "Lyon"} -> done' in prompt


def test_the_tools_stand_in_the_request_and_not_in_the_prompt(run_api: Any) -> None:
    said = [calls(("give_up", {"answer": "no"})), Reply('{"tips": []}')]
    model = ScriptedModel(said, traits=NATIVE)
    run_api(model)
    request = model.requests[0]
    assert request.schema is None
    assert {"list_people", "send_message"} <= {spec.name for spec in request.tools}
    assert "list_people" not in request.messages[-1].text
    assert "They are your tools." in request.messages[-1].text
