"""Freed memory stays with the process."""

import platform
import subprocess
import sys

import pytest

SCRIPT = """
import resource, sys, threading
import torch
from tapgraph.llm_backend.local.freed_memory import keep_freed_memory

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def work():
    # The heap grows for some turns, until it has room for all; tensors of more than 32 MiB never
    # get into it by default.
    for turn in range(20):
        if turn == 10:
            before = faults()
        tensors = [torch.ones(mib * 2**18) for mib in (1, 9, 3, 40)]
        del tensors
    print(faults() - before)

if sys.argv[1] == "keep":
    assert keep_freed_memory()
torch.set_num_threads(1)
thread = threading.Thread(target=work)
thread.start()
thread.join()
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
def test_large_tensors_take_fewer_fresh_pages() -> None:
    def faults(what: str) -> int:
        command = [sys.executable, "-c", SCRIPT, what]
        return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    assert faults("keep") < faults("leave") / 2
