"""A small server of OpenAI's chat protocol, with the quirks of the servers that there are.

Tests get it from the fixture `openai_server`, and this module from the fixture `stand_in`::

    server = openai_server(lambda request: "Hello.")
    server = openai_server(lambda request: Tap(x=1), stand_in.SERVERS["deepseek"])
    model = open_model(server.spec("m", "pictures=all"), settings)
"""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

from pydantic import BaseModel

Answer = str | BaseModel | dict[str, Any] | tuple[int, object]
"""Words, an object that is said as JSON, the whole body of a completion, or status and body (JSON,
or bytes as they are); status 0 hangs up without an answer."""

Form = Literal["schema", "object", "tools"]
THOUGHT = 'Perhaps {"x": 77}? No.'


@dataclass(frozen=True)
class Quirks:
    """What a server does otherwise than others.

    Attributes:
        forms: the ways to bind a reply that it takes; others are refused by name.
        blames_nothing: its refusals do not say what they refuse.
        checks: what is wrong with a schema that is sent as strict, by OpenAI's rules.
        tokens_name: the one name of the limit that it takes.
        most_tokens: limits above are refused.
        refuses: fields that it refuses.
        api_version: the query and the header `api-key` that it asks for.
        thinks: where the thoughts of its model stand.
        thought: what they are.
        usage: how it counts where it does not count 11 and 7 tokens. A reply that is counted longer
            than the request allows is cut in its thoughts.
        context_tokens: longer prompts are cut without a word.
    """

    forms: frozenset[Form] = frozenset({"schema", "object", "tools"})
    blames_nothing: bool = False
    checks: Callable[[dict[str, Any]], list[str]] | None = None
    tokens_name: str = "max_tokens"
    most_tokens: int | None = None
    refuses: frozenset[str] = frozenset()
    api_version: str | None = None
    thinks: Literal["", "tag", "reasoning_content", "reasoning"] = ""
    thought: str = THOUGHT
    usage: Mapping[str, Any] = field(default_factory=dict)
    context_tokens: int | None = None


PLAIN = Quirks()
SERVERS: Mapping[str, Quirks] = {
    "vllm": Quirks(thinks="reasoning_content"),
    "vllm without a reasoning parser": Quirks(thinks="tag"),
    "openai": Quirks(tokens_name="max_completion_tokens", refuses=frozenset({"temperature"})),
    "azure": Quirks(api_version="2024-10-21"),
    "openrouter": Quirks(thinks="reasoning"),
    "deepseek": Quirks(
        forms=frozenset({"object", "tools"}), most_tokens=8192, thinks="reasoning_content"
    ),
    "object only": Quirks(forms=frozenset({"object"})),
    "tools only": Quirks(forms=frozenset({"tools"})),
    "no form": Quirks(forms=frozenset()),
    "no form and no word": Quirks(forms=frozenset(), blames_nothing=True),
    "ollama": Quirks(context_tokens=4096, thinks="reasoning"),
}
"""By the name of a server, or of what it lacks."""


@dataclass
class StandIn:
    """A running server.

    Attributes:
        url: for a client; it ends in `/v1`.
        requests: the JSON of all requests.
        headers: their headers, by lower-case names.
        queries: what stood behind the question mark of their paths.
    """

    answer: Callable[[dict[str, Any]], Answer]
    quirks: Quirks = PLAIN
    url: str = ""
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    queries: list[dict[str, list[str]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._server = _Server(self)
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def spec(self, name: str = "test-model", options: str = "") -> str:
        """The model spec that leads here."""
        return f"{self.url}#{name}" + (f"?{options}" if options else "")

    def close(self) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()

    def respond(self, request: dict[str, Any]) -> tuple[int, object]:
        """Status and body for the last request."""
        refusal = _refusal(self.quirks, request, self.headers[-1], self.queries[-1])
        if refusal:
            message = "Bad request" if self.quirks.blames_nothing else refusal
            return 400, {"error": {"message": message}}
        said = self.answer(request)
        if isinstance(said, BaseModel):
            said = said.model_dump_json()
        if isinstance(said, str):
            return 200, _completion(self.quirks, request, said)
        return said if isinstance(said, tuple) else (200, said)


def form_of(request: Mapping[str, Any]) -> Form | None:
    """How a request binds the reply."""
    kind = request.get("response_format", {}).get("type")
    if "tool_choice" in request:
        return "tools"
    return {"json_schema": "schema", "json_object": "object"}.get(kind)  # type: ignore[return-value]


def _refusal(
    quirks: Quirks,
    request: Mapping[str, Any],
    headers: Mapping[str, str],
    query: Mapping[str, list[str]],
) -> str:
    """Why a request is refused, in the words of a real server; empty where it is not."""
    form = form_of(request)
    if quirks.api_version and (
        query.get("api-version") != [quirks.api_version] or "api-key" not in headers
    ):
        return "Resource not found"
    if form and form not in quirks.forms:
        name = {"schema": "json_schema", "object": "json_object", "tools": "tool_choice"}[form]
        return f"This response_format type or tool_choice is unavailable now: {name}"
    if form == "schema" and quirks.checks is not None:
        asked = request["response_format"]["json_schema"]
        problems = quirks.checks(asked["schema"]) if asked["strict"] else []
        if problems:
            return f"Invalid schema for response_format {asked['name']!r}: {problems[0]}"
    for other in {"max_tokens", "max_completion_tokens"} - {quirks.tokens_name}:
        if other in request:
            return f"Unsupported parameter: {other!r}. Use {quirks.tokens_name!r} instead."
    limit = request.get(quirks.tokens_name, 0)
    if quirks.most_tokens is not None and limit > quirks.most_tokens:
        return f"Invalid max_tokens value, the valid range is [1, {quirks.most_tokens}]"
    refused = sorted(quirks.refuses & set(request))
    return f"Unsupported value: {refused[0]!r} is not supported with this model." if refused else ""


def _completion(quirks: Quirks, request: Mapping[str, Any], text: str) -> dict[str, Any]:
    prompt_tokens = 11
    if quirks.context_tokens is not None:
        prompt_tokens = min(len(json.dumps(request["messages"])) // 4, quirks.context_tokens)
    usage = {"prompt_tokens": prompt_tokens, "completion_tokens": 7, **quirks.usage}
    usage["total_tokens"] = usage["prompt_tokens"] + usage["completion_tokens"]
    is_cut = usage["completion_tokens"] > request.get(quirks.tokens_name, usage["total_tokens"])
    is_call = form_of(request) == "tools"
    message: dict[str, Any] = {"role": "assistant", "content": "" if is_cut else text}
    if quirks.thinks == "tag":
        end = "" if is_cut else f"\n</think>\n\n{text}"
        message["content"] = f"<think>\n{quirks.thought}{end}"
    elif quirks.thinks:
        message[quirks.thinks] = quirks.thought
    if is_call:
        function = {"name": request["tool_choice"]["function"]["name"], "arguments": text}
        message["tool_calls"] = [{"id": "call_1", "type": "function", "function": function}]
        message["content"] = None
    reason = "tool_calls" if is_call else "stop"
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 0,
        "model": "test-model",
        "choices": [
            {"index": 0, "finish_reason": "length" if is_cut else reason, "message": message}
        ],
        "usage": usage,
    }


class _Server(ThreadingHTTPServer):
    # The test ends even when a handler still waits on purpose.
    daemon_threads = True
    block_on_close = False

    def __init__(self, stand_in: StandIn) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.stand_in = stand_in


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        stand_in = self.server.stand_in
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        path = urlsplit(self.path)
        stand_in.requests.append(request)
        stand_in.headers.append({name.lower(): value for name, value in self.headers.items()})
        stand_in.queries.append(parse_qs(path.query))
        if path.path != "/v1/chat/completions":
            self._send(404, {"error": {"message": f"no path {self.path}"}})
            return
        self._send(*stand_in.respond(request))

    def _send(self, status: int, body: object) -> None:
        if status == 0:
            self.close_connection = True
            return
        encoded = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(encoded)))
        # The client's usual pauses between tries are half a second and more.
        self.send_header("Retry-After-Ms", "1")
        self.end_headers()
        self.wfile.write(encoded)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 — the base's name
        pass
