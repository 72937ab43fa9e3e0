import pytest
import torch
from torch import Tensor, nn

from tapgraph.errors import UsageError
from tapgraph.kernels.attention_system import LayerShape
from tapgraph.kernels.reference import dense_attention
from tapgraph.kernels.rotary import PlainRotary
from tapgraph.kernels.systems.recycled import Recycled, RecycledConfig
from tapgraph.kernels.systems.recycled_cache import GroupRule
from tapgraph.kernels.systems.recycled_training import (
    recycled_training_attention,
    recycled_training_mask,
)

HEADS, KV_HEADS, HEAD_DIM = 4, 2, 6
SCALE = HEAD_DIM**-0.5


def random_vectors(batch: int, heads: int, tokens: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    sizes = (batch, heads, tokens, HEAD_DIM)
    return torch.randn(sizes, generator=generator, dtype=torch.float64) * 1.5


def naive_mask(
    queries: Tensor, keys: Tensor, starts: list[int], kept: int, stride: int, group: GroupRule
) -> Tensor:
    batch, heads, tokens, _ = queries.shape
    per_kv_head = heads // keys.shape[1]
    mask = torch.zeros(batch, heads, tokens, tokens, dtype=torch.bool)
    for row, start in enumerate(starts):
        for head in range(heads):
            kv_head = head // per_kv_head
            for slot in range(start, tokens):
                full = start + (slot - start) // stride * stride
                seen = list(range(start, full + 1))
                rows = torch.stack([
                    torch.softmax(
                        keys[row, kv_head, seen] @ queries[row, mate, full] * SCALE, dim=0
                    )
                    for mate in range(kv_head * per_kv_head, (kv_head + 1) * per_kv_head)
                ])
                joined = rows.amax(0) if group == "max" else rows.sum(0)
                best = sorted(seen, key=lambda j: (-float(joined[j - start]), j))[:kept]
                chosen = seen if slot == full else [*best, *range(full + 1, slot + 1)]
                mask[row, head, slot, chosen] = True
    return mask


@pytest.mark.parametrize("group", ["max", "sum"])
@pytest.mark.parametrize(("kept", "stride"), [(3, 5), (1, 1), (1, 7), (40, 4), (2, 40)])
def test_the_mask_equals_a_loop_over_tokens(kept: int, stride: int, group: GroupRule) -> None:
    queries, keys = random_vectors(3, HEADS, 23, 0), random_vectors(3, KV_HEADS, 23, 1)
    starts = [0, 4, 22]
    mask = recycled_training_mask(
        queries, keys, torch.tensor(starts), scale=SCALE, kept=kept, stride=stride, group=group
    )
    assert torch.equal(mask, naive_mask(queries, keys, starts, kept, stride, group))


def test_a_mask_without_causality_or_with_another_stride_would_be_noticed() -> None:
    queries, keys = random_vectors(1, HEADS, 23, 0), random_vectors(1, KV_HEADS, 23, 1)
    starts = torch.tensor([0])
    mask = recycled_training_mask(queries, keys, starts, scale=SCALE, kept=3, stride=5)
    assert not torch.equal(mask, naive_mask(queries, keys, [0], 3, 6, "max"))
    assert not mask.triu(1).any()


def test_training_shows_a_token_what_decode_shows_it_and_what_decode_has_dropped() -> None:
    queries, keys = random_vectors(1, HEADS, 30, 0), random_vectors(1, KV_HEADS, 30, 1)
    starts = torch.tensor([0])
    mask = recycled_training_mask(queries, keys, starts, scale=SCALE, kept=8, stride=10)
    shape = LayerShape(0, 1, HEADS, KV_HEADS, HEAD_DIM, SCALE)
    layer = Recycled(RecycledConfig(kept=8, stride=10, dense_budgets=1)).open_layer(
        shape, PlainRotary()
    )
    layer.prefill(queries[:, :, :21], keys[:, :, :21], keys[:, :, :21], starts)
    for slot in range(21, 30):
        now = slice(slot, slot + 1)
        layer.decode(queries[:, :, now], keys[:, :, now], keys[:, :, now], starts)
        kept, shown = layer.kept_by_last_query(), mask[:, :, slot, : slot + 1]
        assert (kept <= shown).all()
        assert (shown.sum(dim=-1) - kept.sum(dim=-1) == slot - 20).all()


def test_attention_under_the_mask_equals_masked_dense_attention() -> None:
    queries, keys = random_vectors(2, HEADS, 23, 0), random_vectors(2, KV_HEADS, 23, 1)
    values, starts = random_vectors(2, KV_HEADS, 23, 2), torch.tensor([0, 6])
    mask = recycled_training_mask(queries, keys, starts, scale=SCALE, kept=3, stride=5)
    output = recycled_training_attention(queries, keys, values, starts, scale=SCALE, mask=mask)
    expected = dense_attention(queries, keys, values, scale=SCALE, starts=starts, mask=mask)
    torch.testing.assert_close(output, expected.output, atol=1e-10, rtol=0)


def test_gradients_are_numbers_even_where_there_is_padding() -> None:
    queries, keys = random_vectors(2, HEADS, 13, 0), random_vectors(2, KV_HEADS, 13, 1)
    values, starts = random_vectors(2, KV_HEADS, 13, 2), torch.tensor([0, 6])
    for part in (queries, keys, values):
        part.requires_grad_()
    mask = recycled_training_mask(queries, keys, starts, scale=SCALE, kept=3, stride=5)
    assert not mask.requires_grad
    output = recycled_training_attention(queries, keys, values, starts, scale=SCALE, mask=mask)
    output.square().sum().backward()  # type: ignore[no-untyped-call]
    for part in (queries, keys, values):
        assert part.grad is not None
        assert part.grad.isfinite().all()
        assert not part.grad[1, :, :6].any()
        assert part.grad[1, :, 6:].any()


class TinyDecoder(nn.Module):
    """One attention layer and a residual."""

    def __init__(self, words: int, width: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(words, width)
        self.project = nn.Linear(width, (HEADS + 2 * KV_HEADS) * HEAD_DIM, bias=False)
        self.out = nn.Linear(HEADS * HEAD_DIM, width, bias=False)
        self.read = nn.Linear(width, words)

    def forward(self, words: Tensor, *, kept: int, stride: int) -> Tensor:
        batch, tokens = words.shape
        hidden = self.embed(words)
        heads = self.project(hidden).view(batch, tokens, -1, HEAD_DIM).transpose(1, 2)
        queries, keys, values = heads.split([HEADS, KV_HEADS, KV_HEADS], dim=1)
        positions = torch.arange(tokens).expand(batch, -1)
        queries, keys = PlainRotary()(queries, positions), PlainRotary()(keys, positions)
        starts = torch.zeros(batch, dtype=torch.int64)
        mask = recycled_training_mask(queries, keys, starts, scale=SCALE, kept=kept, stride=stride)
        attended = recycled_training_attention(
            queries, keys, values, starts, scale=SCALE, mask=mask
        )
        logits: Tensor = self.read(hidden + self.out(attended.transpose(1, 2).flatten(2)))
        return logits


def test_a_decoder_learns_under_the_mask() -> None:
    torch.manual_seed(0)
    model = TinyDecoder(words=12, width=24)
    words = torch.randint(0, 12, (8, 40), generator=torch.Generator().manual_seed(1))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    losses = []
    for _ in range(60):
        logits = model(words[:, :-1], kept=4, stride=6)
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), words[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.9 * losses[0]


@pytest.mark.parametrize(
    ("kept", "stride", "message"),
    [(0, 5, "kept must be at least 1, got 0"), (3, 0, "stride must be at least 1, got 0")],
)
def test_settings_that_make_no_sense_are_refused(kept: int, stride: int, message: str) -> None:
    queries, keys = random_vectors(1, HEADS, 5, 0), random_vectors(1, KV_HEADS, 5, 1)
    with pytest.raises(UsageError, match=message):
        recycled_training_mask(
            queries, keys, torch.tensor([0]), scale=SCALE, kept=kept, stride=stride
        )


def test_queries_and_keys_of_different_tokens_are_refused() -> None:
    queries, keys = random_vectors(1, HEADS, 5, 0), random_vectors(1, KV_HEADS, 7, 1)
    with pytest.raises(UsageError, match="must be of the same tokens, got 5 and 7"):
        recycled_training_mask(queries, keys, torch.tensor([0]), scale=SCALE, kept=2, stride=2)
