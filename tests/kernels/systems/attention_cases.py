"""Every attention system twice: with a budget that covers a short context, and with a small one."""

from collections.abc import Callable, Mapping

import torch

from tapgraph.kernels.attention_system import AttentionSystem
from tapgraph.kernels.systems.dense import Dense
from tapgraph.kernels.systems.dhsa import Dhsa, DhsaConfig
from tapgraph.kernels.systems.duo import Duo, DuoConfig
from tapgraph.kernels.systems.expected_attention import (
    ExpectedAttention,
    ExpectedAttentionConfig,
)
from tapgraph.kernels.systems.h2o import H2O, H2OConfig
from tapgraph.kernels.systems.hip import Hip
from tapgraph.kernels.systems.hip_search import HipConfig
from tapgraph.kernels.systems.keydiff import KeyDiff
from tapgraph.kernels.systems.landmark import Landmark, LandmarkConfig
from tapgraph.kernels.systems.quest import Quest, QuestConfig
from tapgraph.kernels.systems.razor import Razor, RazorConfig
from tapgraph.kernels.systems.recycled import Recycled, RecycledConfig
from tapgraph.kernels.systems.sale import Sale, SaleConfig
from tapgraph.kernels.systems.scored_cache import ScoredConfig
from tapgraph.kernels.systems.sink_window import SinkWindow, SinkWindowConfig
from tapgraph.kernels.systems.snapkv import SnapKV, SnapKVConfig
from tapgraph.kernels.systems.token_select import TokenSelect, TokenSelectConfig
from tapgraph.kernels.systems.tova import Tova
from tapgraph.kernels.systems.triangle_mix import TriangleMix, TriangleMixConfig
from tapgraph.kernels.systems.xattention import XAttention, XAttentionConfig

__all__ = ["COVERING", "TIGHT"]

SECOND_HEAD = torch.tensor([[False, True], [False, True]])
"""For two layers of two KV heads: the second head keeps everything."""

COVERING: Mapping[str, Callable[[], AttentionSystem]] = {
    "landmark": lambda: Landmark(LandmarkConfig(block=7, retrieved=64, chunk=20, dense_below=0)),
    "recycled": lambda: Recycled(RecycledConfig(kept=512, stride=3)),
    "razor": lambda: Razor(RazorConfig(window_floor=512), SECOND_HEAD),
    "duo": lambda: Duo(DuoConfig(sink=4, recent=512, prefill="strict"), SECOND_HEAD),
    "token_select": lambda: TokenSelect(TokenSelectConfig(n_init=4, k=512, n_local=16, chunk=8)),
    "hip": lambda: Hip(HipConfig(kept=512, window=8, sink=2, dense_layers=0, dense_below=0)),
    "sale": lambda: Sale(SaleConfig(threshold=0.0, dense_below=0, dense_threshold=1e-300)),
    "dhsa": lambda: Dhsa(DhsaConfig(budget_tokens=512, dense_below=0)),
    "snapkv": lambda: SnapKV(SnapKVConfig(kept=512)),
    "h2o": lambda: H2O(H2OConfig(kept=512)),
    "tova": lambda: Tova(ScoredConfig(kept=512)),
    "expected_attention": lambda: ExpectedAttention(ExpectedAttentionConfig(kept=512)),
    "keydiff": lambda: KeyDiff(ScoredConfig(kept=512)),
    "quest": lambda: Quest(QuestConfig(kept=512, page=4, dense_layers=0, dense_below=0)),
    "dense": Dense,
    "sink_window": lambda: SinkWindow(SinkWindowConfig(recent_tokens=512)),
    "triangle_mix": lambda: TriangleMix(
        TriangleMixConfig(local_tokens=512, last_queries=1, dense_share=0.0, dense_below=0)
    ),
    "xattention": lambda: XAttention(XAttentionConfig(mass=1.0, stride=4, block=8, dense_below=0)),
}
"""Systems that see all of a context of up to 200 tokens, through their sparse code if they can."""

TIGHT: Mapping[str, Callable[[], AttentionSystem]] = {
    "landmark": lambda: Landmark(LandmarkConfig(block=7, retrieved=2, chunk=12, dense_below=0)),
    "recycled": lambda: Recycled(RecycledConfig(kept=8, stride=4, dense_budgets=1)),
    "razor": lambda: Razor(
        RazorConfig(window_floor=8, prefill="chunked", dense_budgets=1), SECOND_HEAD
    ),
    "duo": lambda: Duo(DuoConfig(sink=4, recent=8, dense_below=0), SECOND_HEAD),
    "token_select": lambda: TokenSelect(
        TokenSelectConfig(n_init=2, k=4, n_local=6, theta=0.0, chunk=4, dense_budgets=1)
    ),
    "hip": lambda: Hip(
        HipConfig(
            kept=8, query_block=4, sink=2, window=4, refresh_every=3, dense_layers=0, dense_below=0
        )
    ),
    "sale": lambda: Sale(
        SaleConfig(threshold=0.3, query_block=8, key_block=4, local_keys=8, chunk=24, dense_below=0)
    ),
    "dhsa": lambda: Dhsa(
        DhsaConfig(
            budget_tokens=12,
            first_tokens=2,
            local_tokens=4,
            fixed_chunk=4,
            block=8,
            boundaries_per_block=2,
            instruction_tokens=3,
            chunk=20,
            dense_below=0,
        )
    ),
    "snapkv": lambda: SnapKV(SnapKVConfig(kept=12, room=3, window=4, kernel=3)),
    "h2o": lambda: H2O(H2OConfig(kept=12, room=3, prompt="chunks")),
    "tova": lambda: Tova(ScoredConfig(kept=12, room=1)),
    "expected_attention": lambda: ExpectedAttention(
        ExpectedAttentionConfig(kept=12, room=3, sink=2, future=8)
    ),
    "keydiff": lambda: KeyDiff(ScoredConfig(kept=12, room=3, prompt="chunks")),
    "quest": lambda: Quest(QuestConfig(kept=12, page=4, dense_layers=0, dense_below=0)),
    "dense": Dense,
    "sink_window": lambda: SinkWindow(SinkWindowConfig(sink_tokens=2, recent_tokens=6)),
    "triangle_mix": lambda: TriangleMix(
        TriangleMixConfig(
            sink_tokens=2, local_tokens=6, last_queries=4, chunk=16, dense_share=0.0, dense_below=0
        )
    ),
    "xattention": lambda: XAttention(XAttentionConfig(mass=0.5, stride=2, block=4, dense_below=0)),
}
"""Systems that leave much of a context of 60 tokens unread, or forget it."""
