"""The recall model as files: configuration, weights in half precision, tokenizer."""

from pathlib import Path

import torch
from tokenizers import Regex, Tokenizer, decoders, normalizers, pre_tokenizers, processors
from tokenizers.models import WordLevel
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from tapgraph.evals.long_context.recall_vocabulary import PIECE, SPECIAL_TOKENS, TOKENS

__all__ = [
    "HEADS",
    "HEAD_DIM",
    "KV_HEADS",
    "LANDMARK_MODEL_PATH",
    "MAX_POSITIONS",
    "RECALL_MODEL_PATH",
    "ROPE_THETA",
    "export",
    "new_model",
    "recall_tokenizer",
]

RECALL_MODEL_PATH = Path(__file__).parent / "recall_model"
"""A folder for `AutoModelForCausalLM` and `AutoTokenizer`; its README.md says what it recalls."""
LANDMARK_MODEL_PATH = Path(__file__).parent / "landmark_model"
"""Another one, trained with landmarks for Landmark Attention; its README.md tells how."""
HEADS = 8
KV_HEADS = 2
HEAD_DIM = 64
ROPE_THETA = 1e7
MAX_POSITIONS = 65_536

_PAD, _BOS, _EOS = (TOKENS.index(token) for token in ("<pad>", "<s>", "</s>"))


def new_model(seed: int, *, layers: int = 4, kv_heads: int = KV_HEADS) -> LlamaForCausalLM:
    """An untrained recall model of 8 heads; 2.3 million parameters as it is by default."""
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(TOKENS),
        hidden_size=256,
        intermediate_size=256,
        num_hidden_layers=layers,
        num_attention_heads=HEADS,
        num_key_value_heads=kv_heads,
        head_dim=HEAD_DIM,
        max_position_embeddings=MAX_POSITIONS,
        rope_parameters={"rope_type": "default", "rope_theta": ROPE_THETA},
        tie_word_embeddings=True,
        pad_token_id=_PAD,
        bos_token_id=_BOS,
        eos_token_id=_EOS,
        dtype="float32",
    )
    return LlamaForCausalLM(config)


def recall_tokenizer() -> PreTrainedTokenizerFast:
    """The tokenizer of `recall_vocabulary.encode`, with `<s>` put before every text."""
    tokenizer = Tokenizer(
        WordLevel({token: index for index, token in enumerate(TOKENS)}, unk_token="<unk>")
    )
    tokenizer.normalizer = normalizers.Sequence([
        normalizers.Lowercase(),
        normalizers.Replace(Regex(r"\s+"), " "),
        normalizers.Strip(),
    ])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Metaspace(prepend_scheme="always", split=False),
        pre_tokenizers.Split(Regex(PIECE), behavior="isolated"),
    ])
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="always", split=False)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A $B", special_tokens=[("<s>", _BOS)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        additional_special_tokens=list(SPECIAL_TOKENS[4:]),
        model_max_length=MAX_POSITIONS,
    )


def export(model: LlamaForCausalLM, folder: Path) -> None:
    """Write what `AutoModelForCausalLM` and `AutoTokenizer` load; weights lie there as float16.

    The configuration asks for float32, so that the model computes in it unless told otherwise.
    """
    folder.mkdir(parents=True, exist_ok=True)
    halves = {name: tensor.half() for name, tensor in model.state_dict().items()}
    model.save_pretrained(folder, state_dict=halves)
    config = LlamaConfig.from_pretrained(folder)
    config.dtype = torch.float32
    config.save_pretrained(folder)
    GenerationConfig(
        do_sample=False, bos_token_id=_BOS, eos_token_id=_EOS, pad_token_id=_PAD
    ).save_pretrained(folder)
    recall_tokenizer().save_pretrained(folder)
