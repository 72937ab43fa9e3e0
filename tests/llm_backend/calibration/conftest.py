"""A two-layer model with heads made by hand, and a tokenizer for it."""

import pytest
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

VOCABULARY = 512
CODE = 32
"""A token's code takes so many places of the hidden state; its 16 slowest RoPE pairs carry it."""
CODES, BEFORE, OUT = (slice(part * CODE, (part + 1) * CODE) for part in range(3))
CONSTANT = 3 * CODE
HIDDEN, HEAD_DIM = 128, 64
FAST = torch.arange(5)
SLOW = torch.cat((torch.arange(16, 32), torch.arange(48, 64)))


class Planted:
    """Four query heads on two KV heads in each of two layers.

    layer 0, head 0 (KV head 0)   attends to the token before, and writes down its code
    layer 1, head 3 (KV head 1)   induction: attends to the token after an earlier occurrence of
                                  the token, and puts out its code
    layer 1, head 0 (KV head 0)   echo: attends to earlier occurrences of the token, puts out
                                  nothing
    all others                    attend evenly and put out nothing
    """

    def __init__(self) -> None:
        torch.manual_seed(0)
        config = LlamaConfig(
            vocab_size=VOCABULARY,
            hidden_size=HIDDEN,
            intermediate_size=8,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=HEAD_DIM,
            max_position_embeddings=2048,
            rope_parameters={"rope_type": "default", "rope_theta": 1e6},
            bos_token_id=1,
            eos_token_id=2,
            pad_token_id=0,
        )
        self.model: LlamaForCausalLM = LlamaForCausalLM(config).eval()
        self.model.name_or_path = "planted"
        with torch.no_grad():
            for name, weight in self.model.named_parameters():
                weight.fill_(1.0 if "norm" in name else 0.0)
            codes = torch.nn.functional.normalize(torch.randn(VOCABULARY, CODE), dim=1)
            embedding = self.model.model.embed_tokens.weight
            embedding[:, CODES] = codes
            embedding[:, CONSTANT] = 1.0
            self.model.lm_head.weight[:, OUT] = codes
            self._plant_previous_token()
            self._plant_induction_and_echo()

    def _weights(self, layer: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        attention = self.model.model.layers[layer].self_attn
        projections = (attention.q_proj, attention.k_proj, attention.v_proj, attention.o_proj)
        return tuple(projection.weight for projection in projections)

    def _plant_previous_token(self) -> None:
        queries, keys, values, outputs = self._weights(0)
        turns = 1e6 ** (-FAST / 32)
        # A query that is turned back by one position meets the key of the token before.
        queries[FAST, CONSTANT] = 2.0 * turns.cos()
        queries[FAST + 32, CONSTANT] = -2.0 * turns.sin()
        keys[FAST, CONSTANT] = 2.0
        values[:CODE, CODES] = 0.125 * torch.eye(CODE)
        outputs[BEFORE, :CODE] = torch.eye(CODE)

    def _plant_induction_and_echo(self) -> None:
        queries, keys, values, outputs = self._weights(1)
        third = 3 * HEAD_DIM
        queries[third + SLOW, CODES] = 3.0 * torch.eye(CODE)
        keys[HEAD_DIM + SLOW, BEFORE] = 3.0 * torch.eye(CODE)
        values[HEAD_DIM : HEAD_DIM + CODE, CODES] = torch.eye(CODE)
        outputs[OUT, third : third + CODE] = torch.eye(CODE)
        queries[SLOW, CODES] = 3.0 * torch.eye(CODE)
        keys[SLOW, CODES] = 3.0 * torch.eye(CODE)


@pytest.fixture
def planted_model() -> LlamaForCausalLM:
    """A model with one previous-token, one induction and one echo head."""
    return Planted().model


@pytest.fixture
def word_tokenizer() -> PreTrainedTokenizerFast:
    """512 tokens `<pad> <s> </s> <unk> w4 w5 ...`."""
    words = ["<pad>", "<s>", "</s>", "<unk>", *(f"w{index}" for index in range(4, VOCABULARY))]
    model = WordLevel({word: index for index, word in enumerate(words)}, unk_token="<unk>")
    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(model),
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
    )
