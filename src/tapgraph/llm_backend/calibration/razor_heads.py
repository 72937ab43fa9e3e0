"""Which heads retrieve: RazorAttention's echo and induction scores on random repeated tokens."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from tapgraph.errors import UsageError
from tapgraph.kernels.dense import attend_densely_with_lse
from tapgraph.kernels.head_choice import GroupRule, retrieval_kv_heads
from tapgraph.kernels.in_models.attention import AttentionCall, layer_shapes, observe_attention
from tapgraph.llm_backend.calibration.calibration_file import Calibration, data_hash, fingerprint
from tapgraph.llm_backend.calibration.token_choice import ordinary_token_ids

__all__ = [
    "HeadScores",
    "RazorSearch",
    "find_razor_heads",
    "repetition_scores",
    "score_heads",
]


@dataclass(frozen=True, slots=True)
class RazorSearch:
    """How retrieval heads are looked for; the paper's numbers.

    Attributes:
        block_tokens: random tokens that are repeated (K); no more than the vocabulary has.
        repetitions: how often they stand in the sequence.
        echo_share: share of heads taken by echo score.
        induction_share: share of heads taken by induction score.
        rule: what a query head's score means for its group, see `retrieval_kv_heads`.
    """

    block_tokens: int = 2500
    repetitions: int = 4
    echo_share: float = 0.01
    induction_share: float = 0.14
    rule: GroupRule = "any"

    def __post_init__(self) -> None:
        if self.block_tokens < 2:
            raise UsageError(f"block_tokens must be at least 2, got {self.block_tokens!r}")
        if self.repetitions < 2:
            raise UsageError(f"repetitions must be at least 2, got {self.repetitions!r}")


@dataclass(frozen=True, slots=True)
class HeadScores:
    """Mean attention, 0..1, of the query heads of one layer, or `[layers, heads]` of a model.

    Attributes:
        echo: on earlier occurrences of the token itself.
        induction: on the tokens that followed them.
    """

    echo: Tensor
    induction: Tensor


def find_razor_heads(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    *,
    seed: int,
    search: RazorSearch | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> Calibration:
    """The KV heads that `Razor` must keep whole, with the scores they were chosen by.

    Random tokens, repeated, are read once. The attention of a query on an earlier occurrence of
    its own token is its echo score there, on the token after it its induction score; both are
    summed over occurrences and averaged over queries. The best 1 % by echo and 14 % by induction
    are retrieval heads.

    Tang et al., 2407.15891, section 3.2. Deviations: the tokens of a block are all different, so
    that an occurrence is the same slot of another block and nothing else (a vocabulary smaller
    than a block makes the block shorter); the tokenizer's beginning-of-text token, if it has one,
    stands before the first block.

    Args:
        model: a causal language model, in evaluation mode.
        tokenizer: for its vocabulary and special tokens.
        seed: of the random tokens.
        search: sizes and shares; None means the paper's.
        tell: gets a line now and then about how far it is.

    Returns:
        Tensors `retrieval_heads` (bool `[layers, kv_heads]`), `echo` and `induction` (float32
        `[layers, heads]`); the setting `kept_share` tells the share of KV heads that resulted.

    Raises:
        UsageError: the model is one that attention systems cannot work in.
    """
    search = RazorSearch() if search is None else search
    sequence, first = _repeated_tokens(tokenizer, search, seed)
    block = (len(sequence) - first) // search.repetitions
    scores = score_heads(model, sequence, first=first, block=block, tell=tell)
    shapes = layer_shapes(model)
    retrieval = retrieval_kv_heads(
        scores.echo,
        scores.induction,
        shapes[0].kv_heads,
        echo_share=search.echo_share,
        induction_share=search.induction_share,
        rule=search.rule,
    )
    return Calibration(
        system="razor",
        model_fingerprint=fingerprint(model),
        model_name=str(model.name_or_path),
        data_sha256=data_hash(sequence),
        seed=seed,
        settings={
            "block_tokens": block,
            "repetitions": search.repetitions,
            "echo_share": search.echo_share,
            "induction_share": search.induction_share,
            "rule": search.rule,
            "kept_share": float(retrieval.double().mean()),
        },
        tensors={
            "retrieval_heads": retrieval,
            "echo": scores.echo,
            "induction": scores.induction,
        },
    )


@torch.no_grad()
def score_heads(
    model: PreTrainedModel,
    sequence: Tensor,
    *,
    first: int,
    block: int,
    tell: Callable[[str], None] = lambda _: None,
) -> HeadScores:
    """Echo and induction scores of all query heads of a model.

    Args:
        model: a causal language model.
        sequence: token ids `[tokens]`; from `first` on a block of `block` tokens, repeated.
        first: where the first block begins.
        block: tokens of a block.
        tell: gets a line after every tenth layer.

    Returns:
        float32 `[layers, heads]`; -inf for layers whose own sliding window cannot retrieve.
    """
    shapes = layer_shapes(model)
    echo = torch.full((len(shapes), shapes[0].heads), -torch.inf)
    induction = echo.clone()

    def observe(seen: AttentionCall) -> None:
        if seen.window is None:
            scores = repetition_scores(
                seen.queries, seen.keys, scale=seen.layer.scale, first=first, block=block
            )
            echo[seen.layer.index] = scores.echo.float().cpu()
            induction[seen.layer.index] = scores.induction.float().cpu()
        done = seen.layer.index + 1
        if done % 10 == 0 or done == len(shapes):
            tell(f"layer {done} of {len(shapes)}")

    with observe_attention(model, observe):
        model(input_ids=sequence[None].to(model.device), use_cache=False, logits_to_keep=1)
    return HeadScores(echo, induction)


def repetition_scores(
    queries: Tensor, keys: Tensor, *, scale: float, first: int, block: int
) -> HeadScores:
    """Echo and induction scores of one layer.

    With the log-sum-exp of each query's scores, an attention weight is exp(score - log-sum-exp),
    so only the few weights that count are computed: no attention matrix is ever held.

    Args:
        queries: of the whole sequence, after RoPE, `[1, heads, tokens, head_dim]`.
        keys: `[1, kv_heads, tokens, head_dim]`.
        scale: what the dot products are multiplied with.
        first: where the first block begins.
        block: tokens of a block; the sequence ends with a block.

    Returns:
        `[heads]`, for the queries from the second block on.
    """
    tokens = queries.shape[2]
    repetitions = (tokens - first) // block
    total = attend_densely_with_lse(queries, keys, keys, scale=scale).log_sum_exp
    group = queries.shape[1] // keys.shape[1]
    echo, induction = torch.zeros_like(total), torch.zeros_like(total)
    for back in range(1, repetitions):
        asking = slice(first + back * block, tokens)
        for offset, scores in ((0, echo), (1, induction)):
            seen = slice(first + offset, tokens - back * block + offset)
            matched = keys[:, :, seen].repeat_interleave(group, dim=1).to(total.dtype)
            products = (queries[:, :, asking].to(total.dtype) * matched).sum(dim=-1) * scale
            scores[:, :, asking] += torch.exp(products - total[:, :, asking])
    asking = slice(first + block, tokens)
    return HeadScores(echo[0, :, asking].mean(dim=-1), induction[0, :, asking].mean(dim=-1))


def _repeated_tokens(
    tokenizer: PreTrainedTokenizerBase, search: RazorSearch, seed: int
) -> tuple[Tensor, int]:
    """The sequence, and where its first block begins."""
    ids = ordinary_token_ids(tokenizer)
    generator = torch.Generator().manual_seed(seed)
    block = ids[torch.randperm(len(ids), generator=generator)[: search.block_tokens]]
    repeated = block.repeat(search.repetitions)
    if tokenizer.bos_token_id is None:
        return repeated, 0
    return torch.cat((torch.tensor([tokenizer.bos_token_id]), repeated)), 1
