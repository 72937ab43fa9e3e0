"""`/v1/embeddings`."""

import base64
import struct
from typing import Any, Literal

import anyio.to_thread
from pydantic import Field

from tapgraph.llm_backend.local.embedder import Embedder
from tapgraph.llm_backend.server.refusals import Refusal
from tapgraph.llm_backend.server.wire_requests import Wire

__all__ = ["EmbeddingsEndpoint", "EmbeddingsRequest"]

_MOST_TEXTS = 2048


class EmbeddingsRequest(Wire):
    """The body of `/v1/embeddings`."""

    model: str
    input: str | list[str] | list[int] | list[list[int]] = Field(min_length=1)
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: None = Field(default=None, description="not supported")
    user: str | None = None


class EmbeddingsEndpoint:
    """Answers with the vectors of a checkpoint that was loaded for it."""

    def __init__(self, embedder: Embedder | None) -> None:
        self._embedder = embedder

    async def answer(self, asked: EmbeddingsRequest) -> dict[str, Any]:
        """The vectors; raises `Refusal` or `TapgraphError`."""
        embedder = self._embedder
        if embedder is None:
            raise Refusal(
                404, "no model for vectors is served: start the server with --embeddings PATH",
                code="model_not_found",
            )  # fmt: skip
        texts = _texts(asked)
        if len(texts) > _MOST_TEXTS:
            raise Refusal(400, f"a request may have {_MOST_TEXTS} texts at most", param="input")
        found = await anyio.to_thread.run_sync(embedder.embed, texts)
        encode = _base64 if asked.encoding_format == "base64" else list
        return {
            "object": "list",
            "data": [
                {"object": "embedding", "index": index, "embedding": encode(vector)}
                for index, vector in enumerate(found.vectors)
            ],
            "model": asked.model,
            "usage": {"prompt_tokens": found.tokens, "total_tokens": found.tokens},
        }


def _texts(asked: EmbeddingsRequest) -> list[str | list[int]]:
    given = asked.input
    if isinstance(given, str):
        return [given]
    tokens = [one for one in given if isinstance(one, int)]
    return [tokens] if tokens else [one for one in given if not isinstance(one, int)]


def _base64(vector: list[float]) -> str:
    """Little-endian float32, as OpenAI sends it."""
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
