"""What a user is told of the attention system at work."""

import logging
from typing import TYPE_CHECKING

import pytest
import torch

from tapgraph.errors import UsageError
from tapgraph.kernels import (
    AttentionSystem,
    Dhsa,
    Duo,
    DuoConfig,
    KeyDiff,
    ModelAttention,
    ScoredConfig,
)
from tapgraph.llm_backend.chat_model import ModelTraits
from tapgraph.llm_backend.local.attention_line import attention_line
from tapgraph.llm_backend.local.engine import Engine, EngineLimits
from tapgraph.llm_backend.local.opening import LocalSettings, open_local

if TYPE_CHECKING:
    from tests.llm_backend.tiny_checkpoints import Tiny

SECOND_HEAD = torch.tensor([[False, True], [False, True]])


def line(tiny: "Tiny", system: AttentionSystem | None, family: str = "llama") -> str:
    with Engine(tiny.load(family), system, EngineLimits(context_tokens=2048)) as engine:
        return attention_line(engine)


def test_dense_attention_tells_its_bytes_at_the_context_limit(tiny: "Tiny") -> None:
    config = tiny.load().model.config
    head_dim = config.hidden_size // config.num_attention_heads
    mib = 2 * 2 * 2 * head_dim * 2048 * 4 / 2**20
    assert line(tiny, None) == (
        f"attention dense: reads everything; keys and values of 2,048 tokens take {mib:,.0f} MiB"
    )


def test_a_system_that_drops_tokens_tells_what_that_saves(tiny: "Tiny") -> None:
    told = line(tiny, KeyDiff(ScoredConfig(kept=100, room=28)))
    assert told.startswith("attention keydiff: dense below 101 tokens; keys and values of 2,048")
    assert "calibrated" not in told
    assert line(tiny, Duo(DuoConfig(), SECOND_HEAD)).startswith(
        "attention duo: dense below 3,072 tokens, so this context never leaves that; "
    )
    assert line(tiny, Duo(DuoConfig(), SECOND_HEAD)).endswith("; calibrated")


def test_layers_with_a_window_of_their_own_count_their_window(tiny: "Tiny") -> None:
    with Engine(tiny.load("gemma3"), limits=EngineLimits(context_tokens=2048)) as engine:
        attention = engine.attention
        assert isinstance(attention, ModelAttention)
        windowed = [module.window for module in attention._modules]
        of_layers = [min(2048, window or 2048) for window in windowed]
        shapes = [module.shape for module in attention._modules]
        sizes = [2 * 4 * shape.kv_heads * shape.head_dim for shape in shapes]
        assert attention.kept_bytes(2048) == sum(
            tokens * size for tokens, size in zip(of_layers, sizes, strict=True)
        )
    assert any(windowed)


def test_what_is_not_calibrated_warns_with_the_command(
    tiny: "Tiny", caplog: pytest.LogCaptureFixture
) -> None:
    assert "NOT calibrated; do: tapgraph kernels calibrate dhsa --model" in line(tiny, Dhsa())
    settings = LocalSettings(tiny.folder(), attention="sale", context_tokens=256)
    with caplog.at_level(logging.WARNING):
        open_local(settings, lambda name: ModelTraits(name=name)).close()
    assert "tapgraph kernels calibrate sale --model" in caplog.text


def test_landmark_is_refused_in_one_sentence(tiny: "Tiny") -> None:
    settings = LocalSettings(tiny.folder(), attention="landmark")
    with pytest.raises(UsageError, match="only from models that were fine-tuned with landmark"):
        open_local(settings, lambda name: ModelTraits(name=name))


def test_a_reply_says_what_share_its_last_step_read(tiny: "Tiny") -> None:
    system = KeyDiff(ScoredConfig(kept=50, room=10))
    with Engine(tiny.load(), system, EngineLimits(prefix_bytes=0)) as engine:
        reply = engine.submit(tiny.greedy(tiny.prompt(200), 20)).result()
        now = engine.statistics
    step = reply.finished.count.step
    assert step.tokens >= 200
    assert 50 <= step.read <= 60
    assert step.share == step.read / step.tokens
    assert (now.step_tokens, now.step_tokens_read) == (step.tokens, step.read)
