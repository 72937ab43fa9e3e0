"""`indexed_attention.c`, built with the machine's own C compiler where there is one."""

import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tapgraph.kernels.merge import Partial
from tapgraph.kernels.token_store import TokenMemory
from tapgraph.settings import Settings

__all__ = ["attend_compiled", "attend_newest", "can_compute", "score_compiled", "search_compiled"]

SOURCE = Path(__file__).with_name("indexed_attention.c")
COMPILERS = ("cc", "gcc", "clang")
FLAGS = (
    *("-std=c11", "-O3", "-march=native", "-shared", "-fPIC"),
    *("-fno-math-errno", "-fno-trapping-math", "-fassociative-math", "-fno-signed-zeros"),
)
WIDEST = 256
"""The most channels of a head, as in the source."""
MOST_QUERIES = 16
"""The most queries for one list, as in the source."""


class _Call(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("keys", "values")),
        *((name, ctypes.c_int64) for name in ("head_stride", "token_stride")),
        *((name, ctypes.c_void_p) for name in ("indices", "counts")),
        *((name, ctypes.c_int64) for name in ("most", "lists_per_kv_head")),
        *((name, ctypes.c_void_p) for name in ("queries", "output", "log_sum_exp")),
        *((name, ctypes.c_int64) for name in ("group", "head_dim")),
    )


class _Text(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("keys", "values")),
        *((name, ctypes.c_int64) for name in ("head_stride", "tokens")),
    )


class _Newest(ctypes.Structure):
    _fields_ = (
        ("texts", ctypes.POINTER(_Text)),
        *((name, ctypes.c_void_p) for name in ("keys", "values", "queries", "output")),
        *((name, ctypes.c_int64) for name in ("kv_heads", "group", "head_dim")),
    )


class _Search(ctypes.Structure):
    _fields_ = (
        ("keys", ctypes.c_void_p),
        *((name, ctypes.c_int64) for name in ("head_stride", "token_stride")),
        *((name, ctypes.c_void_p) for name in ("queries", "first", "end", "found", "scored")),
        *((name, ctypes.c_int64) for name in ("group", "head_dim", "blocks", "most_queries")),
        *((name, ctypes.c_int64) for name in ("chunks", "key_block", "key_stride")),
        ("representative", ctypes.c_int64),
    )


def can_compute(queries: Tensor, keys: Tensor, values: Tensor, lists: int) -> bool:
    """Whether `attend_compiled` knows such tensors, which fit each other, and could be built."""
    return (
        queries.device.type == "cpu"
        and keys.dtype in {torch.bfloat16, torch.float32}
        and queries.dtype != torch.float64
        and queries.shape[3] <= WIDEST
        and queries.shape[1] * queries.shape[2] // lists <= MOST_QUERIES
        and keys.stride() == values.stride()
        and keys.stride(3) == 1
        and not (torch.is_grad_enabled() and (queries.requires_grad or keys.requires_grad))
        and _library() is not None
    )


def attend_compiled(
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    indices: Tensor | None,
    counts: Tensor,
    *,
    scale: float,
) -> Partial:
    """As `indexed_attention`, for tensors that `can_compute`; nothing is checked.

    Args:
        queries: `[1, heads, q_len, head_dim]`.
        keys: `[1, kv_heads, kv_len, head_dim]`.
        values: `[1, kv_heads, kv_len, head_dim]`.
        indices: int64 `[lists, most]`, all in 0..kv_len - 1; None: each list is the first tokens.
        counts: int64 `[lists]`.
        scale: what the dot products are multiplied with.
    """
    lists, head_dim = len(counts), queries.shape[3]
    asking = (queries.to(torch.float32) * scale).reshape(lists, -1, head_dim).contiguous()
    output, log_sum_exp = torch.empty_like(asking), asking.new_empty(asking.shape[:2])
    most = 0 if indices is None else indices.shape[1]
    _compute("attend_to_lists", asking, keys, values, indices, counts, most, output, log_sum_exp)
    return Partial(output.view_as(queries).to(queries.dtype), log_sum_exp.view(queries.shape[:3]))


def score_compiled(
    queries: Tensor, keys: Tensor, indices: Tensor | None, counts: Tensor, *, scale: float
) -> Tensor:
    """Products of queries with listed keys, float32 `[lists, heads of a list * q_len, most]`.

    Arguments as for `attend_compiled`; what a list does not reach is not written to.
    """
    lists, head_dim = len(counts), queries.shape[3]
    asking = (queries.to(torch.float32) * scale).reshape(lists, -1, head_dim).contiguous()
    most = keys.shape[2] if indices is None else indices.shape[1]
    output = asking.new_empty((*asking.shape[:2], most))
    _compute("score_lists", asking, keys, keys, indices, counts, most, output, output)
    return output


def attend_newest(
    queries: Tensor, keys: Tensor, values: Tensor, pasts: Sequence[TokenMemory], *, scale: float
) -> Tensor:
    """Store the newest token of each of several texts, and attend from it to its whole text.

    For tensors that `can_compute`, with a list for each KV head of each text; nothing is checked.

    Args:
        queries: `[1, heads, texts, head_dim]`.
        keys: `[1, kv_heads, texts, head_dim]`.
        values: `[1, kv_heads, texts, head_dim]`.
        pasts: of each text, with room for this token, which is counted already.
        scale: what the dot products are multiplied with.

    Returns:
        `[1, heads, texts, head_dim]` in the dtype of `queries`.
    """
    kv_heads, texts = keys.shape[1:3]
    keys, values = keys.transpose(1, 2).contiguous(), values.transpose(1, 2).contiguous()
    asking = (queries.transpose(1, 2).to(torch.float32) * scale).contiguous()
    output = torch.empty_like(asking)
    places = [
        _Text(past.keys.data_ptr(), past.values.data_ptr(), past.keys.stride(1), past.tokens)
        for past in pasts
    ]
    newest = _Newest(
        (_Text * texts)(*places),
        keys.data_ptr(),
        values.data_ptr(),
        asking.data_ptr(),
        output.data_ptr(),
        kv_heads,
        queries.shape[1] // kv_heads,
        queries.shape[3],
    )
    _share_out("attend_to_texts", newest, texts * kv_heads, keys.dtype)
    return output.to(queries.dtype).transpose(1, 2)


def search_compiled(
    queries: Tensor,
    keys: Tensor,
    first: Tensor,
    end: Tensor,
    *,
    chunks: int,
    key_block: int,
    key_stride: int,
    representative: int,
) -> tuple[Tensor, Tensor]:
    """The rounds of HiP's search, for keys that `can_compute`; nothing is checked.

    Args:
        queries: `[heads, blocks, queries, head_dim]`.
        keys: `[kv_heads, tokens, head_dim]`.
        first: int64 `[blocks]`, the first slot of each block's range.
        end: int64 `[blocks]`, the slot after it.
        chunks: key blocks to find.
        key_block: keys in one.
        key_stride: every so many of its keys are scored.
        representative: a branch's first (0), middle (1) or last (2) key block stands for it.

    Returns:
        Key blocks counted from `first`, -1 for none, int64 `[heads, blocks, chunks]`; and how many
        keys were scored, int64 `[heads, blocks]`.
    """
    asking = queries.to(torch.float32).contiguous()
    heads, blocks, most_queries, head_dim = asking.shape
    first, end = first.contiguous(), end.contiguous()
    found = first.new_empty((heads, blocks, chunks))
    scored = first.new_empty((heads, blocks))
    call = _Search(
        keys.data_ptr(),
        keys.stride(0),
        keys.stride(1),
        *(tensor.data_ptr() for tensor in (asking, first, end, found, scored)),
        *(heads // len(keys), head_dim, blocks, most_queries),
        *(chunks, key_block, key_stride, representative),
    )
    _share_out("search_trees", call, heads * blocks, keys.dtype)
    return found, scored


def _compute(
    name: str,
    asking: Tensor,
    keys: Tensor,
    values: Tensor,
    indices: Tensor | None,
    counts: Tensor,
    most: int,
    output: Tensor,
    log_sum_exp: Tensor,
) -> None:
    """Call a compiled function for all lists."""
    lists = len(counts)
    indices = None if indices is None else indices.contiguous()
    call = _Call(
        keys.data_ptr(),
        values.data_ptr(),
        keys.stride(1),
        keys.stride(2),
        None if indices is None else indices.data_ptr(),
        counts.data_ptr(),
        most,
        lists // keys.shape[1],
        asking.data_ptr(),
        output.data_ptr(),
        log_sum_exp.data_ptr(),
        asking.shape[1],
        asking.shape[2],
    )
    _share_out(name, call, lists, keys.dtype)


def _share_out(name: str, call: ctypes.Structure, lists: int, dtype: torch.dtype) -> None:
    """Call a compiled function, with the lists shared out among torch's threads."""
    is_half = int(dtype == torch.bfloat16)
    threads = min(torch.get_num_threads(), lists)
    edges = [lists * part // threads for part in range(threads + 1)]
    function = getattr(_library(), name)

    def compute(part: int) -> None:
        function(ctypes.byref(call), edges[part], edges[part + 1], is_half)

    if threads == 1:
        compute(0)
    else:
        # The compiled function runs without Python's lock.
        list(_threads(threads).map(compute, range(threads)))


@cache
def _threads(count: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(count, thread_name_prefix="attention")


@cache
def _library() -> Any:
    """The compiled functions, or None where they cannot be built."""
    compiler = next((found for name in COMPILERS if (found := shutil.which(name))), None)
    if compiler is None:
        return None
    built = Settings.from_environment().home / "compiled" / f"attention-{_key(compiler)}.so"
    try:
        if not built.is_file():
            _build(compiler, built)
        library = ctypes.CDLL(str(built))
    except (OSError, subprocess.SubprocessError):
        return None
    for name in ("attend_to_lists", "attend_to_texts", "score_lists", "search_trees"):
        function = getattr(library, name)
        function.argtypes = (ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_int32)
        function.restype = None
    return library


def _build(compiler: str, built: Path) -> None:
    built.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(dir=built.parent) as folder:
        fresh = Path(folder) / built.name
        subprocess.run(
            [compiler, *FLAGS, "-o", str(fresh), str(SOURCE), "-lm"],
            check=True,
            capture_output=True,
            timeout=120,
        )
        # Whole or not at all, for other processes may look.
        os.replace(fresh, built)


def _key(compiler: str) -> str:
    """Of the source, the compiler and the processor: what is built for one may crash on another."""
    processor = Path("/proc/cpuinfo")
    lines = processor.read_text("utf-8").splitlines() if processor.is_file() else []
    flags = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    described = "\n".join((
        SOURCE.read_text("utf-8"),
        *FLAGS,
        compiler,
        *platform.uname()[4:],
        flags,
    ))
    return hashlib.sha256(described.encode()).hexdigest()[:16]
