"""How much memory keys and values may take, and how much a reply of some length takes."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from tapgraph.kernels.attention_system import LayerAttention
from tapgraph.kernels.token_store import PAGE_TOKENS

__all__ = ["CacheCost", "free_bytes", "measured_cost"]

_MEASURED_PAGES = 4
"""The first two are as they were given even where old ones are kept in few bits."""


@dataclass(frozen=True, slots=True)
class CacheCost:
    """What the cache of one reply takes.

    Attributes:
        fixed: bytes.
        page: bytes for each 256 tokens begun, once the prompt is read.
        prompt_page: until then; more where a system drops nothing before.
    """

    fixed: int
    page: int
    prompt_page: int

    def bytes_for(self, tokens: int, *, is_read: bool = False) -> int:
        """Bytes of a cache that has seen so many tokens, whose prompt is read or not yet."""
        page = self.page if is_read else self.prompt_page
        return self.fixed + page * -(-tokens // PAGE_TOKENS)

    def tokens_in(self, budget_bytes: int) -> int:
        """The longest prompt that the budget holds."""
        return max(0, budget_bytes - self.fixed) // max(1, self.prompt_page) * PAGE_TOKENS


def measured_cost(
    open_layers: Callable[[], Sequence[LayerAttention]], dtype: torch.dtype, device: torch.device
) -> CacheCost:
    """What empty layers of one sequence take when they are given a few pages of zeros.

    Systems that keep only a part of a long text take less than this says.
    """
    reading = _sizes(open_layers(), dtype, device, replies=False)
    sizes = _sizes(open_layers(), dtype, device, replies=True)
    growth = max(0, sizes[-1] - sizes[-2])
    fixed = max(size - pages * growth for pages, size in enumerate((0, *sizes)))
    return CacheCost(fixed, growth, max(growth, reading[-1] - reading[-2]))


def _sizes(
    layers: Sequence[LayerAttention], dtype: torch.dtype, device: torch.device, *, replies: bool
) -> list[int]:
    """Bytes after each page, which ends with a decode step or is all prompt."""
    sizes = [0] * _MEASURED_PAGES
    for layer in layers:
        shape = layer.shape
        queries = torch.zeros(
            (1, shape.heads, PAGE_TOKENS, shape.head_dim), dtype=dtype, device=device
        )
        keys = queries[:, : shape.kv_heads]
        for page in range(_MEASURED_PAGES):
            layer.prefill(queries[:, :, 1:], keys[:, :, 1:], keys[:, :, 1:])
            last = layer.decode if replies else layer.prefill
            last(queries[:, :, :1], keys[:, :, :1], keys[:, :, :1])
            sizes[page] += layer.bytes_held()
    return sizes


def free_bytes(device: torch.device) -> int:
    """Memory that is free on the device now; for the CPU, what the system or its group allows."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    free = _available_bytes()
    group = Path("/sys/fs/cgroup")
    most, used = _number(group / "memory.max"), _number(group / "memory.current")
    return free if most is None or used is None else max(0, min(free, most - used))


def _available_bytes() -> int:
    try:
        with Path("/proc/meminfo").open(encoding="ascii") as lines:
            for line in lines:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
