"""Clients highlight words in a part of a message, or in the last one as a field of the request."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import torch

from tapgraph.kernels.highlight import Steering
from tapgraph.llm_backend.local.engine import Engine
from tapgraph.llm_backend.server.app import ServerLimits
from tapgraph.llm_backend.server.serving import Server, open_server

if TYPE_CHECKING:
    from tests.llm_backend.tiny_checkpoints import Tiny

TEXT = "Open Notes. Buy milk, and only milk."


@pytest.fixture(scope="module")
def steered(tiny: "Tiny") -> Iterator[Server]:
    """A server whose model follows highlights."""
    every = Steering(torch.ones(2, 4, dtype=torch.bool), 1e-4)
    with (
        Engine(tiny.load(), steering=every) as engine,
        open_server(engine, host="127.0.0.1", port=0, limits=ServerLimits()) as running,
    ):
        yield running


def ask(server: Server, content: Any = TEXT, **more: Any) -> httpx.Response:
    body = {
        "model": server.model,
        "messages": [{"role": "user", "content": content}],
        "max_tokens": 12,
        "temperature": 0,
        "logprobs": True,
        **more,
    }
    return httpx.post(f"{server.url}/chat/completions", json=body, timeout=60)


def said(response: httpx.Response) -> Any:
    assert response.status_code == 200, response.text
    return response.json()["choices"][0]["logprobs"]


def part(text: str = TEXT, **more: Any) -> list[dict[str, Any]]:
    return [{"type": "text", "text": text, **more}]


def test_a_part_and_the_request_highlight_the_same(steered: Server) -> None:
    plain = ask(steered)
    by_part = ask(steered, part(highlight=["Buy milk"]))
    by_field = ask(steered, highlight=["Buy milk"])
    assert said(by_part) == said(by_field) != said(plain)
    assert said(ask(steered, part(highlight=["Open Notes."]))) != said(by_part)
    assert plain.json()["usage"]["highlight_read_share"] is None
    assert by_part.json()["usage"]["highlight_read_share"] == 1


def test_true_highlights_the_whole_part_and_false_nothing(steered: Server) -> None:
    two = [*part("Read this."), *part(highlight=True)]
    assert said(ask(steered, two)) == said(
        ask(steered, [*part("Read this."), *part(highlight=[TEXT])])
    )
    assert said(ask(steered, part(highlight=False))) == said(ask(steered))


@pytest.mark.parametrize("highlight", [["tea"], [""], ["  "], [], "milk", [3]])
def test_a_highlight_that_is_not_there_is_refused(steered: Server, highlight: Any) -> None:
    for refused in (ask(steered, highlight=highlight), ask(steered, part(highlight=highlight))):
        assert refused.status_code == 400, refused.text


def test_words_of_earlier_messages_are_not_highlighted_by_the_request(steered: Server) -> None:
    messages = [
        {"role": "user", "content": "Buy tea."},
        {"role": "assistant", "content": "Done."},
        {"role": "user", "content": "Thanks."},
    ]
    refused = ask(steered, messages=messages, highlight=["tea"])
    assert refused.status_code == 400
    assert "last user message" in refused.text


def test_what_a_tool_gave_cannot_be_highlighted(steered: Server) -> None:
    call = {"id": "a", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    messages = [
        {"role": "user", "content": "Look."},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "a", "content": part("A screen.", highlight=True)},
    ]
    refused = ask(steered, messages=messages)
    assert refused.status_code == 400
    assert "tool.content" in refused.text


def test_a_server_without_steered_heads_says_so(server: Server) -> None:
    refused = ask(server, highlight=["Buy milk"])
    assert refused.status_code == 400
    assert "tapgraph kernels calibrate steering" in refused.text
