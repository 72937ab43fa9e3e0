"""The Chooser's choice: what it is told, and what code makes of its words."""

from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import BaseModel

from tapgraph.agents.api.chooser import chooser
from tapgraph.agents.api.replies import ChooserReply
from tapgraph.agents.api.state import Choice
from tapgraph.agents.run.events import Decided
from tapgraph.tools.api.catalog import Api, ApiCatalog
from tapgraph.tools.api.functions import PythonFunctions


class Price(BaseModel):
    euros: int


def says(action: str, **fields: Any) -> ChooserReply:
    return ChooserReply.model_validate({"thought": "so", "action": action, **fields})


def choice(desk: Any, **fields: Any) -> Choice:
    made: Choice = desk.run(chooser, **fields)["choice"]
    return made


CALL = says("call", api="weather", arguments={"city": "Lyon"})


def test_a_step_begins_without_the_last_ones_error(desk: Any) -> None:
    update = desk(CALL).run(chooser, step=3, error="broken", missing="all")
    assert (update["step"], update["error"], update["missing"]) == (4, "", "")


def test_a_call_has_its_arguments(desk: Any) -> None:
    given = {"city": "Lyon"}
    assert choice(desk(CALL)) == Choice("call", "weather", given, given)


def test_references_are_filled_in_and_what_was_written_is_kept(desk: Any) -> None:
    city = {"from_call": 1, "pointer": "/0/name"}
    chooses = desk(says("call", api="weather", arguments={"city": city}))
    chooses.team.run.folder.save_result(1, [{"name": "Lyon"}])
    assert choice(chooses) == Choice("call", "weather", {"city": city}, {"city": "Lyon"})


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"api": "wether"}, "weather"),
        ({"api": "weather"}, "city"),
        ({"api": "weather", "arguments": {"city": {"from_call": 9}}}, "step 9 gave no"),
    ],
)
def test_a_call_that_cannot_be_made_has_a_problem(fields: Any, told: str, desk: Any) -> None:
    made = choice(desk(says("call", **fields)))
    assert told in made.problem
    assert made.arguments == {}


def test_a_reply_that_cannot_be_used_is_a_choice_with_a_problem(desk: Any) -> None:
    mute = desk("I would call Ann.")
    made = choice(mute)
    assert made.action == "none"
    assert "no valid reply in 3 tries" in made.problem
    assert mute.events(Decided) == []


@pytest.mark.parametrize(
    ("reply", "subject"),
    [
        (says("search", query="music"), "music"),
        (says("ask_user", question="Which?"), "Which?"),
    ],
)
def test_a_search_and_a_question_have_their_words(
    reply: ChooserReply, subject: str, desk: Any
) -> None:
    assert choice(desk(reply)) == Choice(reply.action, subject)


def test_reading_fills_in_references(desk: Any) -> None:
    part = {"title": {"from_call": 1}}
    chooses = desk(says("read", arguments=part))
    chooses.team.run.folder.save_result(1, "The end")
    assert choice(chooses) == Choice("read", "", part, {"title": "The end"})


@pytest.mark.parametrize(
    ("reply", "name", "told"),
    [
        (CALL, "weather", {"city": "Lyon"}),
        (says("search", query="music"), "search", {"query": "music"}),
        (says("ask_user", question="Which?"), "ask_user", {"question": "Which?"}),
        (says("finish", answer="12"), "finish", {"answer": "12"}),
        (says("give_up", answer="no way"), "give_up", {"answer": "no way"}),
        (says("read", arguments={"a": 1}), "read", {"a": 1}),
    ],
)
def test_the_choice_is_recorded(reply: ChooserReply, name: str, told: Any, desk: Any) -> None:
    chooses = desk(reply)
    chooses.run(chooser)
    assert chooses.events(Decided) == [Decided(2, "so", {"name": name, "arguments": told}, "")]


@pytest.mark.parametrize(
    ("answer", "text"),
    [(" 12 ", "12"), (None, ""), ({"a": 1}, '{"a":1}'), ([1], "[1]")],
)
def test_an_answer_becomes_words(answer: Any, text: str, desk: Any) -> None:
    assert choice(desk(says("finish", answer=answer))).answer.replace(" ", "") == text


@pytest.mark.parametrize("answer", [{"euros": 3}, '{"euros": 3}', {"euros": "3"}])
def test_an_answer_of_a_type_becomes_its_json(answer: Any, desk: Any) -> None:
    made = choice(desk(says("finish", answer=answer), answer_type=Price))
    assert (made.answer, made.problem) == ('{"euros":3}', "")


@pytest.mark.parametrize("answer", [{"euros": "three"}, "three euros", None])
def test_an_answer_that_does_not_fit_its_type_has_a_problem(answer: Any, desk: Any) -> None:
    made = choice(desk(says("finish", answer=answer), answer_type=Price))
    assert made.answer == ""
    assert made.problem.startswith("answer must fit Price: ")


def test_giving_up_without_words_says_the_thought(desk: Any) -> None:
    assert choice(desk(says("give_up"))).answer == "so"
    assert choice(desk(says("give_up", answer="no way"))).answer == "no way"


def test_the_prompt_holds_task_time_apis_and_steps(desk: Any, past: Any) -> None:
    chooses = desk(CALL)
    chooses.team.run.folder.save_result(1, "sunny")
    chooses.run(chooser, candidates=["weather"], history=[past(1, arguments={"city": "Lyon"})])
    for part in (
        "## Task\nTell me the weather in Lyon\n",
        "It was given on Sunday 2026-03-01T08:30+01:00.",
        "<apis>\nweather(city: text)",
        '[1] call weather {"city": "Lyon"} -> done\n  gave "sunny"\n',
        "\n\nChoose the next action.",
    ):
        assert part in chooses.prompt


def test_the_rest_of_a_small_catalogue_gets_a_line_each(desk: Any) -> None:
    chooses = desk(CALL)
    chooses.run(chooser, candidates=["weather"])
    assert chooses.prompt.count("delete_city") == 1
    assert "\ndelete_city(city): Deletes a city.\n</apis>" in chooses.prompt


def test_an_api_that_was_listed_in_short_is_a_candidate_once_it_is_called(desk: Any) -> None:
    call = desk(says("call", api="delete_city"))
    update = call.run(chooser, candidates=["weather"])
    assert update["candidates"] == ["weather", "delete_city"]
    assert "'city' is missing" in update["choice"].problem


def test_a_large_catalogue_is_not_listed(desk: Any) -> None:
    names = [f"place_{n}" for n in range(61)]
    catalog = ApiCatalog(Api(name, "Tells of a place.") for name in names)
    chooses = desk(CALL, runner=SimpleNamespace(catalog=catalog))
    chooses.run(chooser, candidates=["place_1"])
    assert "place_2" not in chooses.prompt


def test_the_second_failure_in_a_row_is_told(desk: Any, past: Any) -> None:
    one, two = desk(CALL), desk(CALL)
    one.run(chooser, history=[past(1, verdict="C", after="a")])
    two.run(chooser, history=[past(n, verdict="C", after=f"a{n}") for n in (1, 2)])
    assert "Hint" not in one.prompt
    assert "Hint: The last 2 steps failed. Do not repeat them as they are" in two.prompt


def test_the_second_return_is_told(desk: Any, past: Any) -> None:
    once, twice = desk(CALL), desk(CALL)
    once.run(chooser, history=[past(1, after="a")])
    twice.run(chooser, history=[past(1, after="a"), past(2, after="a")])
    assert "Hint" not in once.prompt
    assert "Hint: The last step was done 2 times in the same place" in twice.prompt


def test_what_a_check_found_undone_is_told(desk: Any) -> None:
    chooses = desk(CALL)
    chooses.run(chooser, missing="the note")
    assert "Hint: A check of the whole task found this undone: the note" in chooses.prompt


def test_hints_have_a_line_each(desk: Any, past: Any) -> None:
    chooses = desk(CALL)
    chooses.run(chooser, missing="all", history=[past(1, after="a"), past(2, after="a")])
    lines = [line.partition(":")[0] for line in chooses.prompt.splitlines()[-2:]]
    assert lines == ["Hint", "Hint"]


def test_the_schema_names_what_is_offered(desk: Any) -> None:
    chooses = desk(CALL)
    chooses.run(chooser, candidates=["weather"])
    schema = chooses.model.requests[0].schema.model_json_schema()
    assert schema["properties"]["api"]["enum"] == ["weather", "delete_city", ""]


def test_the_rules_say_what_the_answer_must_be(desk: Any) -> None:
    free, typed = desk(CALL), desk(CALL, answer_type=Price)
    free.run(chooser)
    typed.run(chooser)
    assert "in a sentence or two" in free.rules
    assert '"euros"' in typed.rules


def test_the_time_is_that_of_the_clock(desk: Any) -> None:
    def log(at: str) -> str:
        """Keeps a time."""
        return at

    chooses = desk(
        says("call", api="log", arguments={"at": {"from_system": "today"}}),
        runner=PythonFunctions([log]),
    )
    assert choice(chooses).arguments == {"at": "2026-03-01"}
