"""Models from words."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tapgraph.errors import ModelUnavailable, UsageError
from tapgraph.llm_backend.messages import user
from tapgraph.llm_backend.model_spec import open_model, open_models
from tapgraph.settings import Settings

Start = Callable[[Callable[[dict[str, Any]], object]], Any]

ROLES = ("manager", "operator")


def settings(**given: str) -> Settings:
    return Settings(home=Path("/nowhere"), **given)


def test_url_leads_to_its_server_without_a_key(openai_server: Start) -> None:
    server = openai_server(lambda request: "Hello.")
    model = open_model(server.spec("Qwen/Qwen2.5-VL:7b"), settings(openai_api_key="sk-openai"))
    assert model.reply([user("?")]).text == "Hello."
    assert server.requests[0]["model"] == "Qwen/Qwen2.5-VL:7b"
    assert "sk-openai" not in server.headers[0]["authorization"], "OpenAI's key went elsewhere"


def test_key_for_other_servers_is_sent(openai_server: Start) -> None:
    server = openai_server(lambda request: "Hello.")
    open_model(server.spec(), settings(model_api_key="sk-mine")).reply([user("?")])
    assert server.headers[0]["authorization"] == "Bearer sk-mine"


def test_openai_name_leads_to_the_set_server(openai_server: Start) -> None:
    server = openai_server(lambda request: "Hello.")
    given = settings(openai_base_url=server.url, openai_api_key="sk-openai")
    open_model("openai:gpt-x", given).reply([user("?")])
    assert server.requests[0]["model"] == "gpt-x"
    assert server.headers[0]["authorization"] == "Bearer sk-openai"


def test_options_are_read(openai_server: Start) -> None:
    server = openai_server(lambda request: "Hello.")
    options = (
        "pictures=all&coordinates=0-1000&max_image_px=1280&price_in=2&price_out=10&timeout_s=5"
    )
    model = open_model(server.spec("m", options), settings())
    traits = model.traits
    assert (traits.name, traits.sees_images, traits.coordinate_space) == ("m", True, "0-1000")
    assert traits.image_max_px == 1280
    usage = model.reply([user("?")]).usage
    expected = (usage.prompt_tokens * 2 + usage.completion_tokens * 10) / 1e6
    assert usage.cost_usd == pytest.approx(expected)


@pytest.mark.parametrize("spec", ["openai:gpt-x", "https://api.openai.com/v1#gpt-x"])
def test_openai_without_a_key_says_which_to_set(spec: str) -> None:
    with pytest.raises(ModelUnavailable, match="set OPENAI_API_KEY"):
        open_model(spec, settings())


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("", "a model is openai:NAME.*demonstrator"),
        ("gpt-x", "a model is openai:NAME"),
        ("openai:", "a model is openai:NAME"),
        ("local:", "a model is openai:NAME"),
        ("local:/no/such", "there is no checkpoint at '/no/such'"),
        ("local:/no/such?sight=1", "no option of a local model .* is called sight"),
        ("local:/no/such?pictures=some", "pictures cannot be 'some'"),
        ("local:/no/such?timeout_s=1", "is called timeout_s"),
        ("http://h/v1", "ends in #NAME"),
        ("http://h/v1#", "ends in #NAME"),
        ("http://h/v1?pictures=all#m", "options stand after"),
        ("http://#m", "looks like http://localhost"),
        ("http://[::1/v1#m", "is not a URL"),
        ("http://h/v1#m?sight=1", "no option is called 'sight'.*pictures"),
        ("http://h/v1#m?vision=1", "no option is called 'vision'"),
        ("http://h/v1#m?coordinates=0-10", "coordinates cannot be '0-10'"),
        ("http://h/v1#m?price_in=-1", "price_in cannot be '-1'"),
        ("http://h/v1#m?price_in=nan", "price_in cannot be 'nan'"),
        ("http://h/v1#m?max_image_px=0", "max_image_px cannot be '0'"),
        ("http://h/v1#m?pictures", "options look like"),
        ("http://h/v1#m?pictures=all&pictures=none", "stands twice"),
    ],
)
def test_wrong_spec_is_one_sentence_with_the_remedy(spec: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        open_model(spec, settings())


def test_roles_get_their_models_and_the_fallback_steps_in(openai_server: Start) -> None:
    small = openai_server(lambda request: (404, {"error": {"message": "gone"}}))
    large = openai_server(lambda request: "from the large one")
    spare = openai_server(lambda request: "from the spare one")
    spec = f"{small.spec('s')}, manager={large.spec('l', 'timeout_s=9')},fallback={spare.spec()}"
    models = open_models(spec, settings(), roles=ROLES)
    assert models.for_role("manager").reply([user("?")]).text == "from the large one"
    assert models.for_role("operator").reply([user("?")]).text == "from the spare one"


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("http://h/v1#a,http://h/v1#b", "exactly one model without a role, got 2"),
        ("manager=http://h/v1#a", "exactly one model without a role, got 0"),
        ("http://h/v1#a,boss=http://h/v1#b", "no role is called 'boss'; there are manager, op"),
        ("http://h/v1#a,manager=http://h/v1#b,manager=http://h/v1#c", "has two models"),
        ("http://h/v1#a,manager=nothing", "a model is openai:NAME"),
        ("http://h/v1#a,fallback=http://h/v1#b?pictures=all", "the fallback 'b' must"),
    ],
)
def test_wrong_spec_of_several_models_is_refused(spec: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        open_models(spec, settings(), roles=ROLES)
