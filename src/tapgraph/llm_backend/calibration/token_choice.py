"""Which tokens random text may be made of."""

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

__all__ = ["ordinary_token_ids"]


def ordinary_token_ids(tokenizer: PreTrainedTokenizerBase) -> Tensor:
    """The ids that are no special tokens, int64, ascending."""
    special = set(tokenizer.all_special_ids)
    return torch.tensor([token for token in range(len(tokenizer)) if token not in special])
