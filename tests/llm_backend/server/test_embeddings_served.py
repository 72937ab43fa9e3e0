"""Vectors of encoders and of causal models, by the mean and by the last token."""

import base64
import json
import struct
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import torch
from transformers import AutoModel, AutoTokenizer, BertConfig, BertForMaskedLM

from tapgraph.errors import UsageError
from tapgraph.llm_backend.embeddings import OpenAIEmbedder
from tapgraph.llm_backend.local.embedder import open_embedder, open_embedder_spec
from tapgraph.llm_backend.server.serving import Server

if TYPE_CHECKING:
    from tests.llm_backend.tiny_checkpoints import Tiny

Serve = Callable[..., AbstractContextManager[Server]]
TEXTS = ["milk", "eggs and bread for the whole week", "Größe: 12 €"]


@pytest.fixture(scope="module")
def encoder(tiny: "Tiny", tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An encoder as a masked language model leaves it on the disk."""
    folder = tmp_path_factory.mktemp("encoder")
    tokenizer = tiny.tokenizer("unigram_with_bytes", (), None)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
        intermediate_size=48, max_position_embeddings=64, architectures=["BertForMaskedLM"],
    )  # fmt: skip
    BertForMaskedLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def by_hand(folder: Path, text: str, pooling: str) -> list[float]:
    """One text alone, without padding, through the layers as `transformers` has them."""
    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    model = AutoModel.from_pretrained(folder, dtype=torch.float32)
    with torch.no_grad():
        outputs = model(torch.tensor([tokenizer.backend_tokenizer.encode(text).ids]))[0][0]
    pooled = {"mean": outputs.mean(0), "last": outputs[-1], "first": outputs[0]}[pooling]
    return (pooled / pooled.norm()).tolist()  # type: ignore[no-any-return]


@pytest.mark.parametrize("pooling", ["auto", "mean", "last", "first"])
@pytest.mark.parametrize("kind", ["encoder", "causal"])
def test_vectors_are_those_of_each_text_alone(
    kind: str, pooling: Any, encoder: Path, tiny: "Tiny"
) -> None:
    folder = encoder if kind == "encoder" else tiny.folder("qwen3")
    embedder = open_embedder_spec(f"{folder}?pooling={pooling}&device=cpu")
    expected = {"auto": "mean" if kind == "encoder" else "last"}.get(pooling, pooling)
    assert embedder.pooling == expected
    for text, vector in zip(TEXTS, embedder.embed(TEXTS).vectors, strict=True):
        assert vector == pytest.approx(by_hand(folder, text, expected), abs=1e-5)


def test_a_checkpoint_says_its_own_pooling(tiny: "Tiny", tmp_path: Path) -> None:
    folder = tiny.save(tmp_path, "llama")
    (folder / "1_Pooling").mkdir()
    file = folder / "1_Pooling" / "config.json"
    file.write_text(json.dumps({"pooling_mode_mean_tokens": True}), encoding="utf-8")
    assert open_embedder(folder).pooling == "mean"
    file.write_text(json.dumps({"pooling_mode_max_tokens": True}), encoding="utf-8")
    with pytest.raises(UsageError, match="give pooling=mean"):
        open_embedder(folder)


@pytest.mark.parametrize("options", ["pooling=max", "depth=3", "pooling"])
def test_options_that_cannot_be_are_told(options: str, encoder: Path) -> None:
    with pytest.raises(UsageError, match="pooling"):
        open_embedder_spec(f"{encoder}?{options}")


@pytest.fixture(scope="module")
def served(serve_checkpoint: Serve, encoder: Path, tiny: "Tiny") -> Iterator[tuple[Server, str]]:
    embedder = open_embedder(encoder)
    with serve_checkpoint(tiny.folder(), embedder) as server:
        yield server, embedder.name


def post(server: Server, **body: Any) -> httpx.Response:
    return httpx.post(server.url + "/embeddings", json=body, timeout=60)


def test_our_own_client_gets_vectors_of_many_texts(served: tuple[Server, str]) -> None:
    server, name = served
    embedder = OpenAIEmbedder(server.url, name)
    try:
        vectors = embedder(TEXTS * 20)
    finally:
        embedder.close()
    assert vectors[0] == pytest.approx(vectors[3], abs=1e-5)
    assert len(vectors) == 60


def test_both_formats_and_token_lists_say_the_same(
    served: tuple[Server, str], encoder: Path
) -> None:
    server, name = served
    tokenizer: Any = AutoTokenizer.from_pretrained(encoder)
    tokens = tokenizer.backend_tokenizer.encode("milk").ids
    plain = post(server, model=name, input="milk").json()
    packed = post(server, model=name, input=[tokens], encoding_format="base64").json()
    raw = base64.b64decode(packed["data"][0]["embedding"])
    vector = struct.unpack(f"<{len(raw) // 4}f", raw)
    assert vector == pytest.approx(plain["data"][0]["embedding"], abs=1e-6)
    assert plain["usage"]["prompt_tokens"] == len(tokens)


def test_both_models_are_listed(served: tuple[Server, str]) -> None:
    server, name = served
    listed = httpx.get(server.url + "/models").json()["data"]
    assert [card["id"] for card in listed] == [server.model, name]


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        ({"model": "other"}, 404, "no model 'other'"),
        ({"input": ["word " * 100]}, 400, "takes 64 tokens a text"),
        ({"input": ["milk", ""]}, 400, "no tokens has no vector"),
        ({"input": []}, 400, "input"),
        ({"input": [10**6]}, 400, "token ids"),
        ({"input": [-1]}, 400, "token ids"),
        ({"dimensions": 8}, 400, "dimensions"),
        ({"input": ["a"] * 2049}, 400, "2048 texts at most"),
    ],
)
def test_what_has_no_vector_is_told(
    change: dict[str, Any], status: int, words: str, served: tuple[Server, str]
) -> None:
    server, name = served
    refused = post(server, **{"model": name, "input": "milk", **change})
    assert refused.status_code == status
    assert words in refused.json()["error"]["message"]


def test_without_a_model_for_vectors_the_option_is_told(server: Server) -> None:
    refused = post(server, model=server.model, input="milk")
    assert refused.status_code == 404
    assert "--embeddings PATH" in refused.json()["error"]["message"]
