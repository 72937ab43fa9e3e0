"""Vectors of texts from any server that speaks OpenAI's protocol."""

from collections.abc import Sequence

import openai

from tapgraph.errors import ModelUnavailable

__all__ = ["OpenAIEmbedder"]

_NO_KEY = "no-key"
_AT_ONCE = 256


class OpenAIEmbedder:
    """Texts to vectors by `POST /v1/embeddings`.

    `EmbeddingRetriever(memory, "NAME", OpenAIEmbedder(url, "NAME"))` searches a memory with it.
    """

    def __init__(self, base_url: str, name: str, *, api_key: str | None = None) -> None:
        """Prepare requests to a server, with its version: `http://localhost:8000/v1`."""
        self._name = name
        self._client = openai.OpenAI(base_url=base_url, api_key=api_key or _NO_KEY)

    def __call__(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector for each text.

        Raises:
            ModelUnavailable: the server does not answer, refuses, or gives something else.
        """
        vectors: list[list[float]] = []
        try:
            for start in range(0, len(texts), _AT_ONCE):
                part = list(texts[start : start + _AT_ONCE])
                answer = self._client.embeddings.create(
                    model=self._name, input=part, encoding_format="float"
                )
                vectors += [one.embedding for one in sorted(answer.data, key=lambda one: one.index)]
        except openai.OpenAIError as error:
            raise ModelUnavailable(
                f"no vectors from the model {self._name!r} ({error}): give a server with "
                "/v1/embeddings, or search by words"
            ) from error
        if len(vectors) != len(texts):
            raise ModelUnavailable(
                f"the model {self._name!r} gave {len(vectors)} vectors for {len(texts)} texts"
            )
        return vectors

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
