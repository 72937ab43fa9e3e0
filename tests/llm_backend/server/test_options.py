"""What clients and whoever serves say of sampling and names is kept to, or refused by name."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import httpx
import openai
import pytest

from tapgraph.llm_backend.local.checkpoint import load_checkpoint
from tapgraph.llm_backend.local.engine import Engine
from tapgraph.llm_backend.server.app import ServerLimits
from tapgraph.llm_backend.server.serving import Server, open_server

if TYPE_CHECKING:
    from tests.llm_backend.tiny_checkpoints import Tiny

Serve = Callable[..., AbstractContextManager[Server]]


def ask(server: Server, path: str = "/chat/completions", **more: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": "Go on."}]
    body = {"model": server.model, "messages": messages, "max_tokens": 12, "temperature": 0, **more}
    if path == "/completions":
        body["prompt"] = body.pop("messages")[0]["content"]
    told: dict[str, Any] = httpx.post(server.url + path, json=body, timeout=60).json()
    return told


def words(reply: dict[str, Any]) -> str:
    choice = reply["choices"][0]
    return str(choice["text"] if "text" in choice else choice["message"]["content"])


@pytest.mark.parametrize("path", ["/chat/completions", "/completions"])
@pytest.mark.parametrize(
    "options",
    [
        {"frequency_penalty": 2},
        {"presence_penalty": 2},
        {"repetition_penalty": 5},
        {"temperature": 2, "seed": 1, "top_k": 50},
        {"temperature": 2, "seed": 1, "min_p": 0.5},
    ],
)
def test_options_of_sampling_change_the_reply(
    server: Server, path: str, options: dict[str, Any]
) -> None:
    plain = {name: options[name] for name in ("temperature", "seed") if name in options}
    assert words(ask(server, path, **options)) != words(ask(server, path, **plain))


@pytest.mark.parametrize("narrow", [{"top_k": 1}, {"min_p": 1}, {"top_p": 1e-9}])
def test_the_narrowest_choice_is_the_likeliest_token(
    server: Server, narrow: dict[str, Any]
) -> None:
    assert words(ask(server, temperature=2, **narrow)) == words(ask(server))


def test_a_bias_bans_a_token_and_forces_another(server: Server, tiny: "Tiny") -> None:
    tokenizer = tiny.load().tokenizer
    first = tokenizer.encode(words(ask(server)))[0]
    assert not words(ask(server, logit_bias={str(first): -100})).startswith(
        str(tokenizer.decode(first))
    )
    forced = tokenizer.encode("e")[0]
    assert words(ask(server, logit_bias={str(forced): 100})) == 12 * "e"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"frequency_penalty": 3}, "frequency_penalty"),
        ({"logit_bias": {"9": 101}}, "logit_bias"),
        ({"logit_bias": {"x": 1}}, "logit_bias"),
        ({"logit_bias": {"999999": 1}}, "token ids of"),
        ({"top_k": -1}, "top_k"),
        ({"min_p": 2}, "min_p"),
        ({"verbosity": "low"}, "verbosity"),
    ],
)
def test_values_that_cannot_be_are_a_400(
    server: Server, options: dict[str, Any], told: str
) -> None:
    assert told in ask(server, **options)["error"]["message"]


def test_the_system_has_a_fingerprint(server: Server, serve: Serve) -> None:
    found = {
        ask(server, path)["system_fingerprint"] for path in ("/chat/completions", "/completions")
    }
    client = openai.OpenAI(base_url=server.url, api_key="none")
    chunks = client.completions.create(model=server.model, prompt="a", max_tokens=2, stream=True)
    found |= {str(chunk.system_fingerprint) for chunk in chunks}
    assert len(found) == 1
    with serve("qwen3") as other:
        assert ask(other)["system_fingerprint"] not in found


@pytest.fixture
def renamed(tiny: "Tiny") -> Iterator[Server]:
    checkpoint = load_checkpoint(tiny.folder(), device="cpu", sampling={"temperature": 0})
    with (
        Engine(checkpoint) as engine,
        open_server(
            engine, host="127.0.0.1", port=0, limits=ServerLimits(aliases=("gpt-4o", "small"))
        ) as running,
    ):
        yield running


def test_a_model_answers_to_its_other_names(renamed: Server) -> None:
    client = openai.OpenAI(base_url=renamed.url, api_key="none")
    assert [model.id for model in client.models.list()] == [renamed.model, "gpt-4o", "small"]
    for name in ("gpt-4o", "small", renamed.model):
        assert ask(renamed, model=name)["model"] == name
    assert ask(renamed, model="gpt-5")["error"]["code"] == "model_not_found"


def test_what_serving_says_of_sampling_holds_where_the_client_says_nothing(
    renamed: Server, server: Server
) -> None:
    assert words(ask(renamed, temperature=None)) == words(ask(server, temperature=0))
