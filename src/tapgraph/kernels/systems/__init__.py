"""Attention systems by name."""

from collections.abc import Mapping
from types import MappingProxyType

from tapgraph.kernels.attention_system import AttentionSystem
from tapgraph.kernels.systems.dense import Dense
from tapgraph.kernels.systems.dhsa import Dhsa
from tapgraph.kernels.systems.duo import Duo
from tapgraph.kernels.systems.expected_attention import ExpectedAttention
from tapgraph.kernels.systems.h2o import H2O
from tapgraph.kernels.systems.hip import Hip
from tapgraph.kernels.systems.keydiff import KeyDiff
from tapgraph.kernels.systems.landmark import Landmark
from tapgraph.kernels.systems.quest import Quest
from tapgraph.kernels.systems.razor import Razor
from tapgraph.kernels.systems.recycled import Recycled
from tapgraph.kernels.systems.sale import Sale
from tapgraph.kernels.systems.sink_window import SinkWindow
from tapgraph.kernels.systems.snapkv import SnapKV
from tapgraph.kernels.systems.token_select import TokenSelect
from tapgraph.kernels.systems.tova import Tova
from tapgraph.kernels.systems.triangle_mix import TriangleMix
from tapgraph.kernels.systems.xattention import XAttention

__all__ = ["SYSTEMS"]

SYSTEMS: Mapping[str, type[AttentionSystem]] = MappingProxyType({
    system.name: system
    for system in (
        Landmark,
        Recycled,
        Razor,
        Duo,
        TokenSelect,
        Hip,
        Sale,
        Dhsa,
        SnapKV,
        H2O,
        Tova,
        ExpectedAttention,
        KeyDiff,
        Quest,
        Dense,
        SinkWindow,
        TriangleMix,
        XAttention,
    )
})
"""The name of each system and its class; the class's first argument is its config."""
