"""Models from words."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tapgraph.errors import ModelUnavailable, UsageError
from tapgraph.llm_backend.chat_model import ModelTraits
from tapgraph.llm_backend.messages import user
from tapgraph.llm_backend.model_spec import open_model, open_models, split_roles
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


def test_request_options_reach_the_server(openai_server: Start) -> None:
    server = openai_server(lambda request: "Hello.")
    options = (
        "max_tokens=900&temperature=0.6&top_p=0.95&reasoning_effort=low&api-version=2024-10-21"
        '&extra_body={"provider":{"order":["x","y"]},"note":"a%26b}"}'
    )
    given = settings(model_api_key="sk-mine")
    open_models(server.spec("m", options), given, roles=ROLES).for_role("manager").reply([
        user("?")
    ])
    (request,) = server.requests
    assert (request["max_tokens"], request["temperature"], request["top_p"]) == (900, 0.6, 0.95)
    assert request["reasoning_effort"] == "low"
    assert request["provider"] == {"order": ["x", "y"]}
    assert request["note"] == "a&b}"
    assert server.queries == [{"api-version": ["2024-10-21"]}]
    assert server.headers[0]["api-key"] == "sk-mine"


def test_cached_tokens_cost_what_the_option_says(openai_server: Start) -> None:
    usage = {"prompt_tokens": 1000, "completion_tokens": 0, "prompt_cache_hit_tokens": 400}
    body = {"choices": [{"message": {"content": ""}}], "usage": usage}
    server = openai_server(lambda request: body)
    model = open_model(server.spec("m", "price_in=2&price_cached=0.5"), settings())
    assert model.reply([user("?")]).usage.cost_usd == pytest.approx((600 * 2 + 400 * 0.5) / 1e6)


def test_how_a_model_calls_and_what_its_server_keeps_to_are_options() -> None:
    plain = open_model("http://h/v1#m", settings()).traits
    assert (plain.calls, plain.enforces_schemas) == ("reply", False)
    traits = open_model("http://h/v1#m?calls=native&keeps_schemas=true", settings()).traits
    assert (traits.calls, traits.enforces_schemas) == ("native", True)


@pytest.mark.parametrize("form", ["schema", "object", "tools", "none"])
def test_form_of_replies_is_an_option(form: str) -> None:
    assert open_model(f"http://h/v1#m?json={form}", settings()).traits.json == form


@pytest.mark.parametrize(
    ("dialect", "space"),
    [
        ("ui-tars", "pixels"),
        ("autoglm", "0-999"),
        ("gui-owl", "0-1000"),
        ("qwen-vl", "0-999"),
        ("computer-use", "pixels"),
    ],
)
def test_dialect_says_how_points_are_written_unless_an_option_does(
    dialect: str, space: str
) -> None:
    spec = f"http://h/v1#m?dialect={dialect}"
    assert open_model(spec, settings()).traits.dialect == dialect
    assert open_model(spec, settings()).traits.coordinate_space == space
    assert open_model(f"{spec}&coordinates=0-1", settings()).traits.coordinate_space == "0-1"


def test_without_options_a_model_sees_nothing_and_writes_json() -> None:
    assert open_model("http://h/v1#m", settings()).traits == ModelTraits(
        "m",
        pictures="none",
        coordinate_space="pixels",
        json="schema",
        max_tokens=16_384,
        has_known_price=False,
    )


def test_commas_inside_braces_do_not_part_models() -> None:
    body = 'extra_body={"a":[1,2],"b":"},manager=x"}'
    spec = f"http://h/v1#a?{body},manager=http://h/v1#b?{body}&pictures=all"
    assert split_roles(spec, roles=ROLES) == (
        f"http://h/v1#a?{body}",
        {"manager": f"http://h/v1#b?{body}&pictures=all"},
    )


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
        ("local:/no/such?timeout_s=0", "timeout_s cannot be .0."),
        ("http://h/v1", "ends in #NAME"),
        ("http://h/v1#", "ends in #NAME"),
        ("http://h/v1?pictures=all#m", "options stand after"),
        ("http://#m", "looks like http://localhost"),
        ("http://[::1/v1#m", "is not a URL"),
        ("http://h/v1#m?sight=1", "no option is called 'sight'.*pictures"),
        ("http://h/v1#m?vision=1", "no option is called 'vision'"),
        ("http://h/v1#m?pictures=some", "pictures cannot be 'some'"),
        ("http://h/v1#m?dialect=klingon", "no dialect is called 'klingon'.*ui-tars"),
        ("http://h/v1#m?json=yes", "json cannot be 'yes'"),
        ("http://h/v1#m?max_tokens=0", "max_tokens cannot be '0'"),
        ("http://h/v1#m?temperature=3", "temperature cannot be '3'"),
        ("http://h/v1#m?top_p=0", "top_p cannot be '0'"),
        ("http://h/v1#m?extra_body=[1]", r"extra_body cannot be .*dictionary"),
        ('http://h/v1#m?extra_body={"a":', "extra_body cannot be .*JSON"),
        ("http://h/v1#m?sight=1", "there are pictures.*json.*api-version"),
        ("local:/no/such?json=tools", "is called json"),
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
