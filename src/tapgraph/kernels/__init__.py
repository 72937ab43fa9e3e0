"""Long-context attention: systems by name, a base for new ones, and their way into a model.

with use_attention(model, SnapKV(SnapKVConfig(kept=1024))):
    model.generate(**inputs)

It needs torch, and `use_attention` needs `transformers`; nothing here knows of agents.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from tapgraph.kernels.attention_system import (
    About,
    AttentionSystem,
    LayerAttention,
    LayerShape,
    Reading,
    Rotary,
)
from tapgraph.kernels.rotary import PlainRotary
from tapgraph.kernels.systems import SYSTEMS
from tapgraph.kernels.systems.dense import Dense, DenseConfig
from tapgraph.kernels.systems.dhsa import Dhsa, DhsaConfig
from tapgraph.kernels.systems.duo import Duo, DuoConfig
from tapgraph.kernels.systems.expected_attention import (
    ExpectedAttention,
    ExpectedAttentionConfig,
)
from tapgraph.kernels.systems.h2o import H2O, H2OConfig
from tapgraph.kernels.systems.hip import Hip, HipConfig
from tapgraph.kernels.systems.keydiff import KeyDiff
from tapgraph.kernels.systems.landmark import Landmark, LandmarkConfig
from tapgraph.kernels.systems.quest import Quest, QuestConfig
from tapgraph.kernels.systems.razor import Razor, RazorConfig
from tapgraph.kernels.systems.recycled import Recycled, RecycledConfig
from tapgraph.kernels.systems.sale import Sale, SaleConfig
from tapgraph.kernels.systems.scored_cache import (
    Held,
    ScoredCache,
    ScoredConfig,
    attention_weights,
)
from tapgraph.kernels.systems.sink_window import SinkWindow, SinkWindowConfig
from tapgraph.kernels.systems.snapkv import SnapKV, SnapKVConfig
from tapgraph.kernels.systems.token_select import TokenSelect, TokenSelectConfig
from tapgraph.kernels.systems.tova import Tova
from tapgraph.kernels.systems.triangle_mix import TriangleMix, TriangleMixConfig
from tapgraph.kernels.systems.xattention import XAttention, XAttentionConfig

if TYPE_CHECKING:
    from tapgraph.kernels.in_models.attention import ModelAttention, use_attention
    from tapgraph.kernels.in_models.attention_cache import AttentionCache

__all__ = [
    "H2O",
    "SYSTEMS",
    "About",
    "AttentionCache",
    "AttentionSystem",
    "Dense",
    "DenseConfig",
    "Dhsa",
    "DhsaConfig",
    "Duo",
    "DuoConfig",
    "ExpectedAttention",
    "ExpectedAttentionConfig",
    "H2OConfig",
    "Held",
    "Hip",
    "HipConfig",
    "KeyDiff",
    "Landmark",
    "LandmarkConfig",
    "LayerAttention",
    "LayerShape",
    "ModelAttention",
    "PlainRotary",
    "Quest",
    "QuestConfig",
    "Razor",
    "RazorConfig",
    "Reading",
    "Recycled",
    "RecycledConfig",
    "Rotary",
    "Sale",
    "SaleConfig",
    "ScoredCache",
    "ScoredConfig",
    "SinkWindow",
    "SinkWindowConfig",
    "SnapKV",
    "SnapKVConfig",
    "TokenSelect",
    "TokenSelectConfig",
    "Tova",
    "TriangleMix",
    "TriangleMixConfig",
    "XAttention",
    "XAttentionConfig",
    "attention_weights",
    "use_attention",
]

_LOADED_WHEN_USED = {
    "AttentionCache": "tapgraph.kernels.in_models.attention_cache",
    "ModelAttention": "tapgraph.kernels.in_models.attention",
    "use_attention": "tapgraph.kernels.in_models.attention",
}
"""From name to module: what needs `transformers`."""

if not TYPE_CHECKING:  # a checker would take it as a promise that every name is here

    def __getattr__(name: str) -> object:
        if name in _LOADED_WHEN_USED:
            return getattr(import_module(_LOADED_WHEN_USED[name]), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
