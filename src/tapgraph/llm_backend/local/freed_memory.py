"""Keeping freed memory in the process."""

import ctypes

__all__ = ["keep_freed_memory"]

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
_KEPT_BYTES = 2**30


def keep_freed_memory() -> bool:
    """Let glibc keep up to 1 GiB of freed memory for the next allocation.

    By default it gives large tensors back at once and takes fresh pages for the next ones, which
    the kernel fills with zeros: on two cores that was a fifth of the time of reading a prompt
    (`benchmarks/backend.py`). All threads that begin later share one arena, for the others keep
    little. It concerns the whole process, so the `tapgraph` command does it and opening a model in
    somebody else's process does not; call it there before threads begin.

    Returns:
        Whether the C library could be told; False on systems without glibc.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    return bool(
        mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)
        & mallopt(_M_MMAP_THRESHOLD, _KEPT_BYTES)
        & mallopt(_M_ARENA_MAX, 1)
    )
