"""The model whose answers are given beforehand."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from pydantic import BaseModel

from tapgraph.errors import UsageError
from tapgraph.llm_backend.chat_model import ChatModel, ModelTraits, Reply, Usage
from tapgraph.llm_backend.messages import system, user
from tapgraph.llm_backend.scripted_model import ScriptedModel


class Note(BaseModel):
    text: str


def test_answers_come_in_order() -> None:
    model: ChatModel = ScriptedModel(["one", "two"])
    assert [model.reply([user("?")]).text for _ in range(2)] == ["one", "two"]


def test_used_up_script_says_so() -> None:
    model = ScriptedModel(["one"])
    model.reply([user("?")])
    with pytest.raises(UsageError, match="has 1 answers, and request 2 came: 'what next'"):
        model.reply([user("what next")])


def test_object_is_said_as_json() -> None:
    reply = ScriptedModel([Note(text="a // b")]).reply([user("?")], schema=Note)
    assert reply.text == '{"text":"a // b"}'
    assert reply.parsed == Note(text="a // b")


def test_words_that_do_not_fit_are_not_parsed() -> None:
    assert ScriptedModel(["no"]).reply([user("?")], schema=Note).parsed is None


def test_function_sees_messages_and_schema() -> None:
    model = ScriptedModel(lambda messages, schema: f"{messages[0].text} {schema}")
    assert model.reply([user("hi")]).text == "hi None"


def test_whole_reply_is_kept() -> None:
    given = Reply("x", usage=Usage(3, 4), finish_reason="length", model="other")
    assert ScriptedModel([given]).reply([user("?")]) == given


def test_requests_are_recorded() -> None:
    model = ScriptedModel(["one"], traits=ModelTraits("m", pictures="all"))
    model.reply([system("be short"), user("?")], max_tokens=9, stop=["\n"])
    (request,) = model.requests
    assert [message.text for message in request.messages] == ["be short", "?"]
    assert (request.max_tokens, request.stop) == (9, ("\n",))
    assert model.traits.sees_images


def test_each_answer_is_given_once_to_many_threads() -> None:
    model = ScriptedModel([str(number) for number in range(200)])
    with ThreadPoolExecutor(8) as pool:
        said = list(pool.map(lambda _: model.reply([user("?")]).text, range(200)))
    assert sorted(said, key=int) == [str(number) for number in range(200)]
