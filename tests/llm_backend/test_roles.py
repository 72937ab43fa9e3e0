"""A model for each role, and one that steps in."""

import pytest

from tapgraph.errors import ModelUnavailable, UsageError
from tapgraph.llm_backend.chat_model import ChatModel, ModelTraits
from tapgraph.llm_backend.messages import user
from tapgraph.llm_backend.roles import FallbackModel, RoleModels
from tapgraph.llm_backend.scripted_model import ScriptedModel


def away(name: str) -> ScriptedModel:
    def refuse(messages: object, schema: object) -> str:
        raise ModelUnavailable(f"{name} is away")

    return ScriptedModel(refuse, traits=ModelTraits(name))


def test_role_without_a_model_of_its_own_gets_the_default() -> None:
    default, large = ScriptedModel([]), ScriptedModel([])
    models = RoleModels(default, {"manager": large})
    assert models.for_role("manager") is large
    assert models.for_role("operator") is default


def test_fallback_answers_when_the_first_is_away() -> None:
    first = away("first")
    model: ChatModel = FallbackModel(first, ScriptedModel(["Hello."], traits=ModelTraits("b")))
    reply = model.reply([user("?")], max_tokens=5)
    assert (reply.text, reply.model) == ("Hello.", "b")
    assert model.traits.name == "first"


def test_fallback_is_not_asked_without_need() -> None:
    second = ScriptedModel([])
    assert FallbackModel(ScriptedModel(["Hello."]), second).reply([user("?")]).text == "Hello."
    assert not second.requests


def test_both_away_gives_both_reasons() -> None:
    with pytest.raises(ModelUnavailable, match="first is away; and the fallback: second is away"):
        FallbackModel(away("first"), away("second")).reply([user("?")])


@pytest.mark.parametrize(
    "other",
    [
        ModelTraits("b", pictures="all"),
        ModelTraits("b", coordinate_space="0-1000"),
        ModelTraits("b", is_demonstrator=True),
        ModelTraits("b", dialect="ui-tars"),
    ],
)
def test_fallback_that_reads_or_points_differently_is_refused(other: ModelTraits) -> None:
    with pytest.raises(UsageError, match="the fallback 'b' must"):
        FallbackModel(ScriptedModel([]), ScriptedModel([], traits=other))


def test_fallback_may_be_bound_and_limited_otherwise() -> None:
    other = ModelTraits("b", json="tools", max_tokens=9, enforces_schemas=True)
    model = FallbackModel(away("first"), ScriptedModel(["Hello."], traits=other))
    assert model.reply([user("?")]).text == "Hello."


def test_every_role_has_the_fallback() -> None:
    models = RoleModels(away("a"), {"manager": away("b")}, ScriptedModel(["one", "two"]))
    assert models.for_role("manager").reply([user("?")]).text == "one"
    assert models.for_role("operator").reply([user("?")]).text == "two"


def test_all_traits_lists_each_once() -> None:
    models = RoleModels(away("a"), {"manager": away("b"), "notetaker": away("a")}, away("c"))
    assert [traits.name for traits in models.all_traits] == ["a", "b", "c"]
