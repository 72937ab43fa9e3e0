"""A checkpoint directory, loaded."""

import copy
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import jinja2
import torch
from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError
from tokenizers.models import WordPiece
from torch import Tensor
from transformers import (
    CONFIG_MAPPING,
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    AutoTokenizer,
    GgufConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging

from tapgraph.errors import UsageError
from tapgraph.llm_backend.local.harmless_text import HarmlessText
from tapgraph.llm_backend.local.picture_processor import PictureProcessor
from tapgraph.llm_backend.local.trained_landmarks import TrainedLandmarks
from tapgraph.llm_backend.local.vocabulary import puts_blank_first, reserved_texts, token_bytes

__all__ = [
    "DTYPES",
    "Checkpoint",
    "load_checkpoint",
    "load_encoder",
    "multiplies_bfloat16",
    "without_progress_bar",
]

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}

_CONTEXT_NAMES = ("max_position_embeddings", "max_seq_len", "seq_length", "context_length")
_UNTOLD_CONTEXT = 32_768
"""For models whose positions have no end, as recurrent ones."""
_MARK = "words of the assistant"


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A model in memory with what turns text and pictures into its inputs.

    Attributes:
        path: where it came from.
        model: in evaluation mode; an engine's thread is the only one that may call it.
        tokenizer: used by all threads, for its own methods do not change it.
        chat_template: the checkpoint's Jinja template; None when it has none.
        end_tokens: any of them ends a reply.
        vocabulary: how many logits the model gives; it may be more than there are tokens.
        token_bytes: what each token stands for; see `vocabulary.token_bytes`.
        nameless: where `[vocabulary]` a logit belongs to no token, or to the landmark, which is
            put and not chosen; None where all may be chosen.
        sampling: values of `Sampling` for requests that name none, by name.
        landmarks: those that it was fine-tuned with; None for none.
        puts_blank_first: whether the tokenizer puts a blank before every text.
        wants_parts: whether the template reads words only from lists of parts.
        harmless: encodes prompts, whose words spell no token that is reserved or was added.
    """

    path: Path
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    chat_template: str | None = None
    sampling: Mapping[str, Any] = field(default_factory=dict)
    landmarks: TrainedLandmarks | None = None
    end_tokens: frozenset[int] = field(init=False)
    vocabulary: int = field(init=False)
    token_bytes: tuple[bytes, ...] = field(init=False)
    nameless: Tensor | None = field(init=False)
    puts_blank_first: bool = field(init=False)
    wants_parts: bool = field(init=False)
    harmless: HarmlessText = field(init=False)

    def __post_init__(self) -> None:
        outputs: Any = self.model.get_output_embeddings()
        size = self.model.config.get_text_config(decoder=True).vocab_size
        if outputs is not None:
            size = outputs.weight.shape[0]
        object.__setattr__(self, "vocabulary", int(size))
        wants_parts = not _probe(self, as_parts=False) and bool(_probe(self, as_parts=True))
        object.__setattr__(self, "wants_parts", wants_parts)
        named = {*_end_tokens(self.model, self.tokenizer), *_token_after_a_turn(self)}
        # What the model has no logit for never comes.
        ending = frozenset(token for token in named if 0 <= token < size)
        if not ending:
            raise UsageError(
                f"the checkpoint {str(self.path)!r} names no token of its vocabulary that ends a "
                "reply: set eos_token_id in its generation_config.json"
            )
        object.__setattr__(self, "end_tokens", ending)
        object.__setattr__(self, "token_bytes", token_bytes(self.tokenizer))
        if self.landmarks is not None:
            self.check_tokens([self.landmarks.landmark_id])
        object.__setattr__(self, "nameless", _nameless(self))
        object.__setattr__(
            self, "puts_blank_first", puts_blank_first(self.tokenizer, self.token_bytes)
        )
        backend: Any = self.tokenizer
        harmless = HarmlessText(backend.backend_tokenizer, reserved_texts(self.tokenizer))
        object.__setattr__(self, "harmless", harmless)

    @property
    def name(self) -> str:
        """What to call it: the name of its directory or file."""
        return self.path.name.removesuffix(".gguf")

    @cached_property
    def pictures(self) -> PictureProcessor:
        """What reads pictures for it.

        Raises:
            UsageError: it takes none.
        """
        try:
            return PictureProcessor.load(
                self.path, self.model.config, copy.deepcopy(self.tokenizer)
            )
        except UsageError as error:
            raise UsageError(f"the model {self.name!r} takes no pictures: {error}") from error

    @property
    def context_tokens(self) -> int:
        """How many tokens a prompt and its reply may have together, as the checkpoint says."""
        text = self.model.config.get_text_config(decoder=True)
        told = (getattr(text, name, None) for name in _CONTEXT_NAMES)
        return int(next((length for length in told if isinstance(length, int)), _UNTOLD_CONTEXT))

    @property
    def special_tokens(self) -> frozenset[int]:
        """Tokens that steer the model and are not part of what it says."""
        added = self.tokenizer.added_tokens_decoder
        return frozenset({
            *self.tokenizer.all_special_ids,
            *(i for i, token in added.items() if token.special),
        })

    def check_tokens(self, tokens: Iterable[int]) -> None:
        """See that these are ids of the vocabulary.

        Raises:
            UsageError: one is not.
        """
        most = min(len(self.token_bytes), self.vocabulary)
        for token in tokens:
            if not 0 <= token < most:
                raise UsageError(f"token ids of {self.name} are from 0 to {most - 1}, got {token}")


def load_checkpoint(
    path: Path,
    *,
    device: str = "auto",
    dtype: str = "auto",
    sampling: Mapping[str, Any] | None = None,
) -> Checkpoint:
    """Load a causal language model, or one that also reads pictures, from a folder or GGUF file.

    Nothing is fetched from a network, and no code of the checkpoint is run.

    Args:
        path: a directory with `config.json`, weights and a tokenizer; or a GGUF file, or a
            directory with one and no `config.json`, whose weights are unpacked.
        device: as in torch (`cpu`, `cuda`, `cuda:1`), or `auto`: the first GPU, else the CPU.
        dtype: `float32`, `bfloat16`, `float16`, or `auto`: the checkpoint's own on a GPU; on a CPU
            `bfloat16` where it multiplies that, else `float32`, for the others are slower then.
        sampling: see `Checkpoint.sampling`; others are those of its `generation_config.json`.

    Raises:
        UsageError: the path does not exist, is no checkpoint, lacks weights or a tokenizer, is of
            an unknown kind, or the device or dtype cannot be.
    """
    where = _device(device)
    files = _files(path)
    config = _config(path, files)
    kept_dtype = _dtype(dtype, where)
    tokenizer = _tokenizer(path, files)
    backend: Any = tokenizer
    if isinstance(backend.backend_tokenizer.model, WordPiece):
        raise UsageError(
            f"the tokenizer in {str(path)!r} is WordPiece, whose tokens do not tell where blanks "
            "stand: such a checkpoint gives vectors, and no replies"
        )
    model = _model(path, files, config, kept_dtype)
    model.to(where)  # type: ignore[arg-type]
    model.eval().requires_grad_(False)
    return Checkpoint(
        path=path,
        model=model,
        tokenizer=tokenizer,
        chat_template=_chat_template(path, tokenizer),
        sampling={**_own_sampling(model), **(sampling or {})},
        landmarks=TrainedLandmarks.read(path),
    )


def load_encoder(
    path: Path, *, device: str = "auto"
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """The layers of any checkpoint, without what turns outputs into tokens, and its tokenizer.

    On a CPU they are float32: vectors are compared by small differences.

    Raises:
        UsageError: as `load_checkpoint`.
    """
    where = _device(device)
    files = _files(path)
    dtype = _dtype("float32" if where.type == "cpu" else "auto", where)
    model = _model(path, files, _config(path, files), dtype, AutoModel)
    model.to(where)  # type: ignore[arg-type]
    model.eval().requires_grad_(False)
    return model, _tokenizer(path, files)


@contextmanager
def without_progress_bar() -> Iterator[None]:
    """`transformers` shows none in this context."""
    was_enabled = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if was_enabled:
            logging.enable_progress_bar()


@dataclass(frozen=True, slots=True)
class _Files:
    """What `transformers` is to read: a folder, or one GGUF file in it."""

    folder: Path
    gguf: str | None

    @property
    def arguments(self) -> dict[str, Any]:
        """Of every `from_pretrained`."""
        only = {"local_files_only": True, "trust_remote_code": False}
        return only if self.gguf is None else {**only, "gguf_file": self.gguf}


def _files(path: Path) -> _Files:
    if not path.exists():
        raise UsageError(f"there is no checkpoint at {str(path)!r}: the path does not exist")
    if path.is_file() and path.suffix == ".gguf":
        return _Files(path.parent, path.name)
    if (path / "config.json").is_file():
        return _Files(path, None)
    packed = sorted(file.name for file in path.glob("*.gguf")) if path.is_dir() else []
    if len(packed) > 1:
        raise UsageError(f"{str(path)!r} holds {len(packed)} GGUF files: name one of them")
    if not packed:
        raise UsageError(
            f"{str(path)!r} is no checkpoint: it must be a GGUF file, or a directory with one or "
            "with a config.json, weights (*.safetensors) and a tokenizer"
        )
    return _Files(path, packed[0])


def _config(path: Path, files: _Files) -> Any:
    own_code = _own_code(files)
    if own_code:
        raise UsageError(
            f"{str(path)!r} is of the kind {own_code!r}, which needs code of its own; code of a "
            "checkpoint is never run here"
        )
    try:
        return AutoConfig.from_pretrained(files.folder, **files.arguments)
    except StrictDataclassError as error:
        why = _first_line(error.__cause__ or error)
        raise UsageError(f"the config.json in {str(path)!r} holds what cannot be: {why}") from error
    except (
        ArithmeticError, AttributeError, LookupError, OSError, TypeError, ValueError,
    ) as error:  # fmt: skip
        raise UsageError(f"{str(path)!r} is of no known kind: {_first_line(error)}") from error


def _own_code(files: _Files) -> str:
    """The kind of a checkpoint that `transformers` knows only by the checkpoint's code, or ""."""
    if files.gguf is not None:
        return ""
    try:
        told = json.loads((files.folder / "config.json").read_text(encoding="utf-8"))
        kind, has_code = str(told.get("model_type", "")), "auto_map" in told
    except (OSError, ValueError, AttributeError):
        return ""
    return kind or "unknown" if has_code and kind not in CONFIG_MAPPING else ""


def _model(path: Path, files: _Files, config: Any, dtype: Any, kind: Any = None) -> PreTrainedModel:
    """The weights in a model of a kind; by default one that chooses tokens."""
    if kind is None:
        is_vision = getattr(config, "vision_config", None) is not None
        kind = AutoModelForImageTextToText if is_vision else AutoModelForCausalLM
    unpacking = {} if files.gguf is None else {"quantization_config": GgufConfig(dequantize=True)}
    try:
        with without_progress_bar():
            model, found = kind.from_pretrained(
                files.folder,
                config=config,
                dtype=dtype,
                output_loading_info=True,
                ignore_mismatched_sizes=True,
                **unpacking,
                **files.arguments,
            )
    except ImportError as error:
        raise UsageError(
            f"the weights in {str(path)!r} need a library that is not installed: "
            f"{_first_line(error)}"
        ) from error
    except (
        ArithmeticError, AttributeError, LookupError, OSError, RuntimeError, SafetensorError,
        TypeError, ValueError,
    ) as error:  # fmt: skip
        raise UsageError(
            f"the weights in {str(path)!r} cannot be loaded: {_first_line(error)}"
        ) from error
    missing, unexpected = found["missing_keys"], found["unexpected_keys"]
    if kind is AutoModel:
        # What chooses tokens or classes has no place there, and its own poolers are not used.
        missing, unexpected = [name for name in missing if "pooler" not in name], []
    mismatched = [one[0] for one in found["mismatched_keys"]]
    for problem, names in (
        ("have other shapes than its config.json says", mismatched),
        ("lack what the model needs", missing),
        ("hold what the model has no place for", unexpected),
    ):
        if names:
            first = ", ".join(sorted(names)[:3])
            raise UsageError(
                f"the weights in {str(path)!r} {problem}: {first}, {len(names)} in all"
            )
    loaded: PreTrainedModel = model
    return loaded


def _tokenizer(path: Path, files: _Files) -> PreTrainedTokenizerBase:
    known = ("tokenizer.json", "tokenizer.model", "vocab.json", "tekken.json", "vocab.txt")
    if files.gguf is None and not any((path / name).is_file() for name in known):
        raise UsageError(f"the checkpoint {str(path)!r} has no tokenizer: add its tokenizer.json")
    try:
        with without_progress_bar():
            tokenizer = AutoTokenizer.from_pretrained(files.folder, **files.arguments)
    except Exception as error:
        raise UsageError(
            f"the tokenizer in {str(path)!r} cannot be loaded: {_first_line(error)}"
        ) from error
    if not isinstance(tokenizer, PreTrainedTokenizerBase) or not tokenizer.is_fast:
        raise UsageError(f"the tokenizer in {str(path)!r} has no tokenizer.json, which is needed")
    # Both would change prompts without a word.
    backend: Any = tokenizer
    backend.backend_tokenizer.no_truncation()
    backend.backend_tokenizer.no_padding()
    return tokenizer


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UsageError(f"device must be auto, cpu, cuda or cuda:N, got {name!r}") from error
    if device.type not in {"cpu", "cuda"}:
        raise UsageError(f"device must be auto, cpu, cuda or cuda:N, got {name!r}")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise UsageError(f"this machine has {torch.cuda.device_count()} GPUs, got device {name!r}")
    return device


def _dtype(name: str, device: torch.device) -> Any:
    if name == "auto":
        if device.type == "cpu":
            return torch.bfloat16 if multiplies_bfloat16() else torch.float32
        return "auto"
    if name not in DTYPES:
        raise UsageError(f"dtype must be one of auto, {', '.join(DTYPES)}, got {name!r}")
    return DTYPES[name]


def multiplies_bfloat16() -> bool:
    """Whether the processor has instructions for products of bfloat16 (AVX512-BF16, AMX, ARM)."""
    able = torch.cpu.get_capabilities()
    return any(able.get(name, False) for name in ("avx512_bf16", "amx_bf16", "bf16", "arm_bf16"))


def _chat_template(path: Path, tokenizer: PreTrainedTokenizerBase) -> str | None:
    template = tokenizer.chat_template
    if isinstance(template, dict):
        template = template.get("default")
    if template is None and (path / "chat_template.json").is_file():
        try:
            kept = json.loads((path / "chat_template.json").read_text(encoding="utf-8"))
            template = kept.get("chat_template")
        except (AttributeError, ValueError) as error:
            raise UsageError(
                f"the chat_template.json in {str(path)!r} holds no template: {_first_line(error)}"
            ) from error
    return None if template is None else str(template)


def _own_sampling(model: PreTrainedModel) -> dict[str, Any]:
    """What the checkpoint's makers say of sampling."""
    settings = getattr(model, "generation_config", None)
    if settings is None or settings.do_sample is False:
        names: tuple[str, ...] = ("repetition_penalty",)
    else:
        names = ("temperature", "top_p", "top_k", "min_p", "repetition_penalty")
    told = {name: getattr(settings, name, None) for name in names}
    return {name: value for name, value in told.items() if value is not None}


def _end_tokens(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> Iterable[int]:
    """Tokens that end a reply, from wherever a checkpoint may name them."""
    settings = getattr(model, "generation_config", None)
    text_config = model.config.get_text_config()
    for named in (
        getattr(settings, "eos_token_id", None),
        getattr(text_config, "eos_token_id", None),
        tokenizer.eos_token_id,
    ):
        tokens = named if isinstance(named, list | tuple) else [named]
        yield from (token for token in tokens if isinstance(token, int))


def _token_after_a_turn(checkpoint: Checkpoint) -> Iterable[int]:
    """The steering token that the chat template writes after an assistant's words, if it does.

    Files made by converters often name only the token that ends a text.
    """
    after = _probe(checkpoint, as_parts=checkpoint.wants_parts).rpartition(_MARK)[2].lstrip()
    spelled = {
        str(checkpoint.tokenizer.convert_ids_to_tokens(token)): token
        for token in checkpoint.special_tokens
    }
    found = [text for text in spelled if after.startswith(text)]
    return (spelled[max(found, key=len)],) if found else ()


def _probe(checkpoint: Checkpoint, *, as_parts: bool) -> str:
    """What the template makes of a turn of the assistant; empty where it drops the words."""
    if checkpoint.chat_template is None:
        return _MARK

    def turn(role: str, words: str) -> dict[str, Any]:
        return {
            "role": role,
            "content": [{"type": "text", "text": words}] if as_parts else words,
        }

    try:
        text = checkpoint.tokenizer.apply_chat_template(
            [turn("user", "a"), turn("assistant", _MARK)],
            chat_template=checkpoint.chat_template,
            tokenize=False,
        )
    except (jinja2.TemplateError, TypeError, KeyError):
        return ""
    return str(text) if _MARK in text else ""


def _nameless(checkpoint: Checkpoint) -> Tensor | None:
    known = torch.zeros(checkpoint.vocabulary, dtype=torch.bool)
    ids = checkpoint.tokenizer.get_vocab().values()
    known[[token for token in ids if token < checkpoint.vocabulary]] = True
    if checkpoint.landmarks is not None:
        known[checkpoint.landmarks.landmark_id] = False
    return None if bool(known.all()) else ~known


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
