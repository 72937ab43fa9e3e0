"""Vectors of texts from a checkpoint on this machine."""

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias
from urllib.parse import parse_qsl

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from tapgraph.errors import ContextExceeded, UsageError
from tapgraph.llm_backend.local.checkpoint import load_encoder
from tapgraph.llm_backend.settings_from_text import check_option_names, settings_from_text

__all__ = [
    "Embedder",
    "EmbeddingSettings",
    "Pooling",
    "Vectors",
    "open_embedder",
    "open_embedder_spec",
]

Pooling: TypeAlias = Literal["auto", "mean", "last", "first"]
_AT_ONCE = 16
_POOLING_FILE = Path("1_Pooling") / "config.json"
_POOLING_SETTINGS: tuple[tuple[str, Pooling], ...] = (
    ("pooling_mode_mean_tokens", "mean"),
    ("pooling_mode_lasttoken", "last"),
    ("pooling_mode_cls_token", "first"),
)


@dataclass(frozen=True, slots=True)
class EmbeddingSettings:
    """How vectors are made.

    Attributes:
        pooling: which outputs are the vector: `mean` of all, of the `last` or the `first` token;
            `auto` for what the checkpoint says (`1_Pooling/config.json`), else `last` in causal
            models and `mean` in others.
        device: see `load_checkpoint`.
    """

    pooling: Pooling = "auto"
    device: str = "auto"


@dataclass(frozen=True, slots=True)
class Vectors:
    """The vectors of some texts, each of length 1, and how many tokens these have together."""

    vectors: list[list[float]]
    tokens: int


class Embedder:
    """A checkpoint's layers; callable from all threads, one call at a time.

    Attributes:
        name: the directory's name.
        pooling: how outputs become a vector.
        max_tokens: of one text.
    """

    def __init__(
        self,
        name: str,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        pooling: Literal["mean", "last", "first"],
    ) -> None:
        self.name = name
        self.pooling = pooling
        self._model: Any = model
        backend: Any = tokenizer
        self._backend = backend.backend_tokenizer
        most = getattr(model.config.get_text_config(), "max_position_embeddings", 512)
        self.max_tokens = min(int(most), int(tokenizer.model_max_length))
        embeddings: Any = model.get_input_embeddings()
        self._vocabulary = int(embeddings.weight.shape[0])
        self._lock = threading.Lock()

    def embed(self, texts: Sequence[str | Sequence[int]]) -> Vectors:
        """One vector for each text, or list of token ids, in their order.

        Raises:
            UsageError: a text is empty, or a token is not in the vocabulary.
            ContextExceeded: a text has too many tokens.
        """
        lists = [self._tokens(text) for text in texts]
        vectors: list[list[float]] = [[] for _ in lists]
        # Texts of like length together need the least padding.
        order = sorted(range(len(lists)), key=lambda place: len(lists[place]))
        for begin in range(0, len(order), _AT_ONCE):
            places = order[begin : begin + _AT_ONCE]
            found = self._pooled([lists[place] for place in places])
            for place, vector in zip(places, found.tolist(), strict=True):
                vectors[place] = vector
        return Vectors(vectors, sum(map(len, lists)))

    def _tokens(self, text: str | Sequence[int]) -> list[int]:
        if isinstance(text, str):
            sendable = text.encode("utf-8", "replace").decode("utf-8")
            tokens = list(self._backend.encode(sendable, add_special_tokens=True).ids)
        else:
            tokens = list(text)
        if not tokens:
            raise UsageError("a text that has no tokens has no vector")
        if len(tokens) > self.max_tokens:
            raise ContextExceeded(
                f"{self.name} takes {self.max_tokens} tokens a text, this one has {len(tokens)}"
            )
        if not all(0 <= token < self._vocabulary for token in tokens):
            raise UsageError(f"token ids of {self.name} are from 0 to {self._vocabulary - 1}")
        return tokens

    def _pooled(self, lists: Sequence[list[int]]) -> Tensor:
        """Vectors of length 1, `[batch, width]`, in float32 on the CPU."""
        longest = max(map(len, lists))
        device = self._model.device
        ids = torch.zeros(len(lists), longest, dtype=torch.long)
        mask = torch.zeros_like(ids)
        for row, tokens in enumerate(lists):
            ids[row, : len(tokens)] = torch.tensor(tokens)
            mask[row, : len(tokens)] = 1
        with self._lock, torch.inference_mode():
            outputs = self._model(
                input_ids=ids.to(device), attention_mask=mask.to(device)
            ).last_hidden_state.float()
        outputs = outputs.cpu()
        match self.pooling:
            case "mean":
                weights = mask[..., None].float()
                pooled = (outputs * weights).sum(1) / weights.sum(1)
            case "last":
                pooled = outputs[torch.arange(len(lists)), mask.sum(1) - 1]
            case "first":
                pooled = outputs[:, 0]
        return torch.nn.functional.normalize(pooled, dim=-1)


def open_embedder(path: Path, settings: EmbeddingSettings = EmbeddingSettings()) -> Embedder:
    """Load any checkpoint, of an encoder or a causal model, to make vectors.

    Raises:
        UsageError: it cannot be loaded, or its pooling is another one.
    """
    model, tokenizer = load_encoder(path, device=settings.device)
    pooling = settings.pooling
    if pooling == "auto":
        pooling = _told_pooling(path) or ("last" if _is_causal(model) else "mean")
    return Embedder(path.name, model, tokenizer, pooling)  # type: ignore[arg-type]


def open_embedder_spec(spec: str) -> Embedder:
    """As `open_embedder`, from `PATH[?pooling=mean&device=cpu]`."""
    address, _, query = spec.partition("?")
    try:
        options = dict(parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query)))
    except ValueError as error:
        raise UsageError(f"options look like pooling=mean, got {query!r}") from error
    check_option_names("a model for vectors", options, EmbeddingSettings)
    return open_embedder(Path(address), settings_from_text(EmbeddingSettings, options))


def _told_pooling(path: Path) -> Pooling | None:
    """What a checkpoint in the layout of `sentence-transformers` says."""
    file = path / _POOLING_FILE
    if not file.is_file():
        return None
    told = json.loads(file.read_text(encoding="utf-8"))
    found = [pooling for name, pooling in _POOLING_SETTINGS if told.get(name)]
    if len(found) != 1:
        raise UsageError(
            f"{str(file)!r} does not choose one of the mean, the last and the first token: "
            "give pooling=mean, pooling=last or pooling=first"
        )
    return found[0]


def _is_causal(model: PreTrainedModel) -> bool:
    named = " ".join(model.config.architectures or ())
    return "CausalLM" in named or bool(getattr(model.config, "is_decoder", False))
