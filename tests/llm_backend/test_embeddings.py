"""Vectors from a server of OpenAI's protocol."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tapgraph.errors import ModelUnavailable
from tapgraph.llm_backend.embeddings import OpenAIEmbedder


class _Server(BaseHTTPRequestHandler):
    """Gives the length of each text, the last one first; `broken` gives one vector too few."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        vectors = [
            {"object": "embedding", "index": number, "embedding": [float(len(text)), 1.0]}
            for number, text in enumerate(asked["input"])
        ]
        if asked["model"] == "broken":
            vectors.pop()
        answer: dict[str, Any] = {
            "object": "list", "data": vectors[::-1], "model": asked["model"],
            "usage": {"prompt_tokens": 1, "total_tokens": 1},
        }  # fmt: skip
        body = json.dumps(answer).encode()
        self.send_response(200 if self.path == "/v1/embeddings" else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words: object) -> None:
        """Say nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()


def test_each_text_gets_its_vector(url: str) -> None:
    embedder = OpenAIEmbedder(url, "small")
    texts = ["x" * number for number in range(300)]
    assert embedder(texts) == [[float(number), 1.0] for number in range(300)]
    embedder.close()


@pytest.mark.parametrize(("path", "name"), [("", "broken"), ("/nothing", "small")])
def test_a_server_that_gives_something_else_is_told(path: str, name: str, url: str) -> None:
    embedder = OpenAIEmbedder(url + path, name)
    with pytest.raises(ModelUnavailable, match=name):
        embedder(["one", "two"])
    embedder.close()
