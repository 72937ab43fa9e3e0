"""Asking for an object, and asking again."""

from typing import Literal

import pytest
from PIL import Image
from pydantic import BaseModel

from tapgraph.errors import (
    BudgetExhausted,
    InvalidReply,
    ModelUnavailable,
    ToolError,
    UsageError,
)
from tapgraph.llm_backend.chat_model import Reply, Usage
from tapgraph.llm_backend.messages import user
from tapgraph.llm_backend.scripted_model import ScriptedModel
from tapgraph.llm_backend.structured import CallRecord, ask


class Tap(BaseModel):
    x: int
    y: int


def test_valid_answer_takes_one_call() -> None:
    model = ScriptedModel([Tap(x=1, y=2)])
    asked = ask(model, [user("where?")], Tap)
    assert asked.answer == Tap(x=1, y=2)
    assert len(model.requests) == 1


def test_invalid_reply_is_told_to_the_model_with_its_own_words() -> None:
    model = ScriptedModel(["Tap at 1, 2.", '{"x": 1}', '{"x": 1, "y": 2}'])
    asked = ask(model, [user("where?")], Tap)
    assert asked.answer == Tap(x=1, y=2)
    first, second, third = model.requests
    assert [message.role for message in second.messages] == ["user", "assistant", "user"]
    assert second.messages[0] == first.messages[0]
    assert second.messages[1].text == "Tap at 1, 2."
    assert "no JSON object" in second.messages[2].text
    assert '"required": ["x", "y"]' in second.messages[2].text
    assert "y: Field required" in third.messages[2].text


class Plan(BaseModel):
    thought: str
    subgoals: list[str]
    status: Literal["working", "finished"] = "working"


@pytest.mark.parametrize("dots", ["...", "…", " ... "])
def test_a_reply_that_only_copies_the_dots_of_an_example_is_invalid(dots: str) -> None:
    whole = Plan(thought="Maps.", subgoals=["Open Maps"])
    model = ScriptedModel([Plan(thought=dots, subgoals=[dots, dots]), whole])
    assert ask(model, [user("plan")], Plan).answer == whole
    assert "stands for words; write them" in model.requests[1].messages[2].text


@pytest.mark.parametrize(
    "plan",
    [
        Plan(thought="...", subgoals=["Open Maps"]),
        Plan(thought="", subgoals=[]),
        Plan(thought="Wait...", subgoals=["..."]),
    ],
)
def test_dots_beside_words_and_no_words_at_all_are_valid(plan: Plan) -> None:
    assert ask(ScriptedModel([plan]), [user("plan")], Plan).answer == plan


def test_usage_of_all_tries_is_summed() -> None:
    model = ScriptedModel([
        Reply("no", usage=Usage(10, 2, 0.5)),
        Reply("{}", usage=Usage(20, 3, 1.0)),
    ])
    with pytest.raises(InvalidReply) as raised:
        ask(model, [user("where?")], Tap, retries=1)
    assert raised.value.replies == ("no", "{}")
    spent = (raised.value.prompt_tokens, raised.value.completion_tokens, raised.value.cost_usd)
    assert spent == (30, 5, 1.5)


def test_cut_reply_is_invalid_even_when_it_parses() -> None:
    whole = '{"x": 1, "y": 2}'
    model = ScriptedModel([Reply(whole, finish_reason="length", usage=Usage(5, 77)), whole])
    asked = ask(model, [user("where?")], Tap)
    assert len(asked.replies) == 2
    assert "cut after 77 tokens" in model.requests[1].messages[-1].text


def test_model_that_only_thought_is_told_so() -> None:
    thought = Reply("", reasoning="Hmm.", finish_reason="length", usage=Usage(5, 900))
    model = ScriptedModel([thought, Tap(x=1, y=2)])
    assert ask(model, [user("where?")], Tap).answer == Tap(x=1, y=2)
    assert "all of its 900 tokens went into thinking" in model.requests[1].messages[-1].text


def test_reply_that_is_cut_twice_is_given_up() -> None:
    cut = Reply("", finish_reason="length", usage=Usage(5, 900))
    model = ScriptedModel([cut, cut, Tap(x=1, y=2)])
    with pytest.raises(InvalidReply, match=r"in 2 tries.*give it more with max_tokens"):
        ask(model, [user("where?")], Tap, retries=5)


def test_cut_reply_between_others_costs_no_further_try() -> None:
    cut = Reply("{", finish_reason="length")
    model = ScriptedModel(["no", cut, "no", Tap(x=1, y=2)])
    assert ask(model, [user("where?")], Tap, retries=3).answer == Tap(x=1, y=2)


def test_without_settings_the_models_own_hold() -> None:
    model = ScriptedModel([Tap(x=1, y=2), Tap(x=1, y=2)])
    ask(model, [user("where?")], Tap)
    ask(model, [user("where?")], Tap, max_tokens=9, temperature=0.5)
    assert [(each.max_tokens, each.temperature) for each in model.requests] == [
        (None, None),
        (9, 0.5),
    ]


def test_withheld_reply_is_invalid() -> None:
    model = ScriptedModel([Reply("", finish_reason="content_filter")])
    with pytest.raises(InvalidReply, match="content filter"):
        ask(model, [user("where?")], Tap, retries=0)


def test_each_call_is_recorded() -> None:
    records: list[CallRecord] = []
    picture = Image.new("RGB", (4, 4))
    model = ScriptedModel([Reply("no", usage=Usage(10, 2), latency_s=1.5), Tap(x=1, y=2)])
    ask(model, [user("where?", picture)], Tap, on_call=records.append)
    assert [(record.attempt, record.valid) for record in records] == [(1, False), (2, True)]
    assert records[0].usage == Usage(10, 2)
    assert records[0].latency_s == 1.5
    assert records[0].images == 1
    assert records[0].model == "scripted"
    assert "no JSON object" in records[0].error
    assert not records[1].error


def test_thoughts_cached_tokens_and_repairs_are_recorded() -> None:
    records: list[CallRecord] = []
    reply = Reply('{"x": 1, "y": 2,}', reasoning="Hmm.", usage=Usage(10, 2, cached_tokens=8))
    ask(ScriptedModel([reply]), [user("where?")], Tap, on_call=records.append)
    (record,) = records
    assert (record.reasoning, record.usage.cached_tokens) == ("Hmm.", 8)
    assert record.repairs == ("took away trailing commas or Python's constants",)


class Spot(BaseModel):
    at: str
    repairs: tuple[str, ...] = ()


def read_spot(reply: Reply) -> Spot:
    if not reply.text.startswith("@"):
        raise InvalidReply("it names no spot")
    return Spot(at=reply.text[1:], repairs=("took away the sign",))


def test_a_reader_of_its_own_takes_words_without_a_schema() -> None:
    records: list[CallRecord] = []
    model = ScriptedModel(['{"at": "top"}', "@top"])
    asked = ask(model, [user("where?")], Spot, read=read_spot, on_call=records.append)
    assert asked.answer.at == "top"
    assert [request.schema for request in model.requests] == [None, None]
    told = model.requests[1].messages[-1].text
    assert "it names no spot" in told
    assert "schema" not in told
    assert [record.repairs for record in records] == [(), ("took away the sign",)]


def test_repairs_of_an_answer_are_recorded_even_when_it_is_refused() -> None:
    def refuse(spot: Spot) -> None:
        raise ToolError("not there")

    records: list[CallRecord] = []
    with pytest.raises(InvalidReply, match="not there"):
        ask(
            ScriptedModel(["@top"]),
            [user("where?")],
            Spot,
            read=read_spot,
            check=refuse,
            retries=0,
            on_call=records.append,
        )
    assert records[0].repairs == ("took away the sign",)


def test_unavailable_model_is_recorded_and_raised() -> None:
    def refuse(messages: object, schema: object) -> str:
        raise ModelUnavailable("no server")

    records: list[CallRecord] = []
    with pytest.raises(ModelUnavailable):
        ask(ScriptedModel(refuse), [user("where?")], Tap, on_call=records.append)
    assert [(record.valid, record.error) for record in records] == [(False, "no server")]


def test_budget_is_asked_before_every_call() -> None:
    calls_left = iter([1])

    def before_call() -> None:
        if next(calls_left, None) is None:
            raise BudgetExhausted("no call is left")

    model = ScriptedModel(["no", "no", "no"])
    with pytest.raises(BudgetExhausted):
        ask(model, [user("where?")], Tap, before_call=before_call)
    assert len(model.requests) == 1


def test_long_invalid_reply_is_shown_again_clipped() -> None:
    model = ScriptedModel(["long " * 10_000, Tap(x=1, y=2)])
    ask(model, [user("where?")], Tap)
    assert len(model.requests[1].messages[1].text) < 5000


def test_negative_retries_are_refused() -> None:
    with pytest.raises(UsageError, match="at least 0, got -1"):
        ask(ScriptedModel([]), [user("where?")], Tap, retries=-1)


def test_what_a_check_refuses_is_told_to_the_model() -> None:
    model = ScriptedModel([Tap(x=-1, y=2), Tap(x=1, y=2)])

    def on_screen(tap: Tap) -> None:
        if tap.x < 0:
            raise ToolError(f"x must be from 0 to 1079, got {tap.x}")

    asked = ask(model, [user("where?")], Tap, check=on_screen)
    assert asked.answer == Tap(x=1, y=2)
    assert "x must be from 0 to 1079, got -1" in model.requests[1].messages[-1].text
