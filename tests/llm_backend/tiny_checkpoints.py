"""Tiny random checkpoints of each family and tokenizers of each kind, as a user would have them."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import gguf
import torch
import transformers
from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    trainers,
)
from transformers import PreTrainedTokenizerFast
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from tapgraph.llm_backend.local.checkpoint import Checkpoint, load_checkpoint
from tapgraph.llm_backend.local.generation import GenerationRequest, Prompt, Sampling

__all__ = ["TOKENIZER_KINDS", "Tiny"]

SPECIAL_TOKENS = (
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>",
    "<|image_pad|>", "<|video_pad|>",
)  # fmt: skip
CORPUS = (
    'The operator taps "Search" and types milk, eggs and bread.',
    '{"thought": "I see the screen.", "action": "Tap", "arguments": {"element": 3}}',
    "Größe: 12 €, 東京, 🙂 — ça va?",
    "Turn on Do Not Disturb, then go back to the home screen and open Notes.",
)
VOCABULARY = 360
_UNKNOWN = "<unk>"
_BYTES = tuple(f"<0x{byte:02X}>" for byte in range(256))
_WORD_BEGIN = "\u2581"
ROOM = 9
"""Models have room for more tokens than their tokenizers know; those must never be chosen."""

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n"
    "{% if message.content is string %}{{ message.content }}"
    "{% else %}{% for part in message.content %}"
    "{% if part.type == 'image' %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% else %}{{ part.text }}{% endif %}{% endfor %}{% endif %}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
WITHOUT_SYSTEM = (
    "{{ bos_token }}{% if messages[0].role == 'system' %}"
    "{{ raise_exception('System role not supported') }}{% endif %}"
    "{% for message in messages %}<|im_start|>{{ message.role }}\n"
    "{{ message.content | trim }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>model\n{% endif %}"
)
TEXT: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 4096,
    "tie_word_embeddings": False,
    "bos_token_id": 0,
    "eos_token_id": 2,
    "pad_token_id": 0,
}
VISION: dict[str, Any] = {
    "depth": 1, "hidden_size": 32, "intermediate_size": 32, "num_heads": 2, "out_hidden_size": 32,
}  # fmt: skip
PLACES: dict[str, Any] = {
    "vision_start_token_id": 3, "vision_end_token_id": 4, "image_token_id": 5, "video_token_id": 6,
    "eos_token_id": 2,
}  # fmt: skip
ROTATION: dict[str, Any] = {
    "rope_type": "default", "rope_theta": 10000.0, "mrope_section": [1, 1, 2],
}  # fmt: skip

GGUF_NAMES = {
    "model.embed_tokens.weight": "token_embd.weight",
    "model.norm.weight": "output_norm.weight",
    "lm_head.weight": "output.weight",
}
GGUF_PARTS = {
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def _byte_level() -> Tokenizer:
    """GPT-2, Qwen, Llama 3."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    _train(tokenizer, trainers.BpeTrainer)
    return tokenizer


def _byte_level_with_a_blank_first() -> Tokenizer:
    """RoBERTa's way, which older GPT-like models share."""
    tokenizer = _byte_level()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    return tokenizer


def _prepended() -> Tokenizer:
    """Llama 2 and Mistral before Metaspace: a normalizer puts the mark before every text."""
    tokenizer = _with_byte_fallback()
    tokenizer.normalizer = normalizers.Sequence([
        normalizers.Prepend(_WORD_BEGIN),
        normalizers.Replace(" ", _WORD_BEGIN),
    ])
    return tokenizer


def _replaced() -> Tokenizer:
    """Gemma: blanks are marks, and nothing is put before a text."""
    tokenizer = _with_byte_fallback()
    tokenizer.normalizer = normalizers.Replace(" ", _WORD_BEGIN)
    tokenizer.decoder = decoders.Sequence([
        decoders.Replace(_WORD_BEGIN, " "),
        decoders.ByteFallback(),
        decoders.Fuse(),
    ])
    return tokenizer


def _metaspace(scheme: str) -> Callable[[], Tokenizer]:
    def make() -> Tokenizer:
        """Llama 2 and Mistral as newer files have them."""
        tokenizer = _with_byte_fallback()
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme, split=False)
        return tokenizer

    return make


def _unigram(*, byte_fallback: bool) -> Callable[[], Tokenizer]:
    def make() -> Tokenizer:
        """T5, XLM-R and their kind, with SentencePiece's own normalizer without byte fallback."""
        tokenizer = Tokenizer(models.Unigram())
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
        tokenizer.decoder = decoders.Metaspace(prepend_scheme="always")
        letters = sorted({*"".join(CORPUS), *map(chr, range(0x21, 0x7F))})
        trainer = trainers.UnigramTrainer(
            vocab_size=VOCABULARY - len(SPECIAL_TOKENS),
            special_tokens=[_UNKNOWN],
            unk_token=_UNKNOWN,
            initial_alphabet=letters,
            show_progress=False,
        )
        tokenizer.train_from_iterator(CORPUS * 8, trainer)
        pieces = json.loads(tokenizer.to_str())["model"]["vocab"]
        known = [(token, 0.0) for token in SPECIAL_TOKENS]
        if byte_fallback:
            known += [(token, -20.0) for token in _BYTES]
            tokenizer.decoder = decoders.Sequence([
                decoders.ByteFallback(),
                decoders.Metaspace(prepend_scheme="always"),
            ])
        else:
            tokenizer.normalizer = normalizers.Replace(Regex(" {2,}"), " ")
        known += [(text, score) for text, score in pieces]
        tokenizer.model = models.Unigram(
            known, unk_id=len(known) - len(pieces), byte_fallback=byte_fallback
        )
        tokenizer.add_special_tokens(_special())
        return tokenizer

    return make


TOKENIZER_KINDS: Mapping[str, Callable[[], Tokenizer]] = {
    "byte_level": _byte_level,
    "byte_level_with_a_blank_first": _byte_level_with_a_blank_first,
    "prepended": _prepended,
    "replaced": _replaced,
    "metaspace_first": _metaspace("first"),
    "metaspace_always": _metaspace("always"),
    "unigram": _unigram(byte_fallback=False),
    "unigram_with_bytes": _unigram(byte_fallback=True),
}


def train_tokenizer(
    template: str | None, kind: str = "byte_level", added: Sequence[AddedToken] = ()
) -> PreTrainedTokenizerFast:
    """A tokenizer of a few hundred tokens, and of any that are added."""
    tokenizer = TOKENIZER_KINDS[kind]()
    tokenizer.add_tokens(list(added))
    trained = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|im_end|>",
        bos_token="<|endoftext|>",
        pad_token="<|endoftext|>",
    )
    trained.chat_template = template
    return trained


def _with_byte_fallback() -> Tokenizer:
    """SentencePiece's BPE: whole letters where they are known, else their bytes."""
    tokenizer = Tokenizer(models.BPE(unk_token=_UNKNOWN))
    tokenizer.normalizer = normalizers.Replace(" ", _WORD_BEGIN)
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY - len(SPECIAL_TOKENS) - len(_BYTES) - 1, show_progress=False
    )
    tokenizer.train_from_iterator(CORPUS * 8, trainer)
    trained: dict[str, Any] = json.loads(tokenizer.to_str())["model"]
    texts = sorted(trained["vocab"], key=trained["vocab"].__getitem__)
    vocabulary = (*SPECIAL_TOKENS, _UNKNOWN, *_BYTES, *texts)
    tokenizer = Tokenizer(
        models.BPE(
            {text: place for place, text in enumerate(vocabulary)},
            [tuple(merge) for merge in trained["merges"]],
            unk_token=_UNKNOWN,
            fuse_unk=True,
            byte_fallback=True,
        )
    )
    tokenizer.decoder = decoders.Sequence([
        decoders.Replace(_WORD_BEGIN, " "),
        decoders.ByteFallback(),
        decoders.Fuse(),
        decoders.Strip(" ", 1, 0),
    ])
    tokenizer.add_special_tokens(_special())
    return tokenizer


def _train(tokenizer: Tokenizer, trainer: Any) -> None:
    tokenizer.train_from_iterator(
        CORPUS * 8,
        trainer(
            vocab_size=VOCABULARY,
            special_tokens=_special(),
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )


def _special() -> list[AddedToken]:
    return [AddedToken(token, special=True, normalized=False) for token in SPECIAL_TOKENS]


def build_config(family: str, **changes: Any) -> Any:
    """The configuration of a family's tiny model."""
    text = {"vocab_size": VOCABULARY + ROOM, **TEXT, **changes}
    with_head_dim = {**text, "head_dim": 8}
    configs: dict[str, Callable[[], Any]] = {
        "llama": lambda: transformers.LlamaConfig(**text),
        "qwen2": lambda: transformers.Qwen2Config(**text),
        "qwen3": lambda: transformers.Qwen3Config(**with_head_dim),
        "mistral": lambda: transformers.MistralConfig(**text, sliding_window=None),
        "gemma": lambda: transformers.GemmaConfig(**with_head_dim),
        "gemma3": lambda: transformers.Gemma3TextConfig(**with_head_dim, sliding_window=16),
        "qwen2_5_vl": lambda: transformers.Qwen2_5_VLConfig(
            text_config={**text, "rope_parameters": ROTATION},
            vision_config={**VISION, "fullatt_block_indexes": [0]},
            **PLACES,
        ),
        "qwen3_vl": lambda: transformers.Qwen3VLConfig(
            text_config={**with_head_dim, "rope_parameters": ROTATION},
            vision_config={
                **VISION, "deepstack_visual_indexes": [0], "num_position_embeddings": 64,
            },
            **PLACES,
        ),
    }  # fmt: skip
    return configs[family]()


def build_model(family: str, **changes: Any) -> transformers.PreTrainedModel:
    """A random model of the family in float32; its logits are spread, so that ties are rare."""
    is_vision = family.endswith("_vl")
    kind: Any = (
        transformers.AutoModelForImageTextToText if is_vision else transformers.AutoModelForCausalLM
    )
    model: transformers.PreTrainedModel = kind.from_config(
        build_config(family, **changes), dtype=torch.float32
    )
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim > 1 and "norm" not in name:
                parameter.mul_(6.0)
    model.eval()
    return model


def save_checkpoint(
    folder: Path,
    family: str,
    *,
    seed: int = 0,
    template: str | None = CHATML,
    tokenizer: PreTrainedTokenizerFast | None = None,
    **changes: Any,
) -> Path:
    """Make and save a checkpoint with its tokenizer, and its image processor if it has eyes."""
    torch.manual_seed(seed)
    if family.startswith("gemma") and template == CHATML:
        template = WITHOUT_SYSTEM
    tokenizer = tokenizer or train_tokenizer(template)
    build_model(family, vocab_size=len(tokenizer) + ROOM, **changes).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    if family.endswith("_vl"):
        patch = 14 if family == "qwen2_5_vl" else 16
        processor: Any = Qwen2VLImageProcessorPil
        processor(
            patch_size=patch,
            merge_size=2,
            temporal_patch_size=2,
            size={"shortest_edge": 4 * patch * patch, "longest_edge": 64 * patch * patch},
        ).save_pretrained(folder)
    return folder


def save_gguf(folder: Path, file: Path) -> Path:
    """A llama checkpoint's weights and tokenizer as one GGUF file."""
    checkpoint = load_checkpoint(folder, device="cpu", dtype="float32")
    config, tokenizer = checkpoint.model.config, checkpoint.tokenizer
    heads = {"attn_q": config.num_attention_heads, "attn_k": config.num_key_value_heads}
    writer = gguf.GGUFWriter(file, "llama")
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_vocab_size(config.vocab_size)
    kept = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    names = [str(tokenizer.convert_ids_to_tokens(token)) for token in range(len(tokenizer))]
    names += [f"[PAD{token}]" for token in range(len(names), config.vocab_size)]
    controls = range(len(SPECIAL_TOKENS))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(names)
    writer.add_token_types([3 if token in controls else 1 for token in range(len(names))])
    writer.add_token_merges([" ".join(pair) for pair in kept["model"]["merges"]])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(2)
    writer.add_chat_template(CHATML)
    for name, tensor in checkpoint.model.state_dict().items():
        packed = GGUF_NAMES.get(name)
        if packed is None:
            _, _, layer, part = name.split(".", 3)
            packed = f"blk.{layer}.{GGUF_PARTS[part.removesuffix('.weight')]}.weight"
        rows = heads.get(packed.split(".")[-2])
        if rows:
            # llama.cpp rotates pairs of neighbours, transformers halves.
            tensor = tensor.unflatten(0, (rows, 2, -1)).transpose(1, 2).flatten(0, 2)
        writer.add_tensor(packed, tensor.contiguous().numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return file


class Tiny:
    """Tiny checkpoints, and requests for them."""

    nameless = tuple(range(VOCABULARY, VOCABULARY + ROOM))
    """Ids that have logits and no token."""

    def __init__(self, make_folder: Callable[[str], Path]) -> None:
        self._make_folder = make_folder
        self._made: dict[str, Path] = {}

    def folder(self, family: str = "llama") -> Path:
        """The directory of a family's checkpoint; made once."""
        if family not in self._made:
            self._made[family] = save_checkpoint(self._make_folder(family), family)
        return self._made[family]

    def save(self, folder: Path, family: str = "llama", **changes: Any) -> Path:
        """Make a checkpoint that differs in its template, seed or configuration."""
        return save_checkpoint(folder, family, **changes)

    def tokenizer(
        self, kind: str, added: Sequence[AddedToken] = (), template: str | None = CHATML
    ) -> PreTrainedTokenizerFast:
        """A tokenizer of one of `TOKENIZER_KINDS`, with tokens that were added to it."""
        return train_tokenizer(template, kind, added)

    def gguf(self, file: Path) -> Path:
        """The llama checkpoint as a GGUF file."""
        return save_gguf(self.folder(), file)

    def load(self, family: str = "llama") -> Checkpoint:
        """A family's checkpoint on the CPU in float32."""
        return load_checkpoint(self.folder(family), device="cpu", dtype="float32")

    def prompt(self, length: int, seed: int = 0) -> tuple[int, ...]:
        """Random token ids that steer nothing."""
        generator = torch.Generator().manual_seed(seed)
        drawn = torch.randint(len(SPECIAL_TOKENS), VOCABULARY, (length,), generator=generator)
        return tuple(drawn.tolist())

    def greedy(
        self, prompt: Sequence[int], max_tokens: int | None = 12, **more: Any
    ) -> GenerationRequest:
        """A request for the likeliest tokens."""
        return GenerationRequest(Prompt(tuple(prompt)), max_tokens, Sampling(0), **more)
