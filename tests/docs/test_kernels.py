"""The tutorial of docs/kernels.md is a program that runs as it stands."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tapgraph.evals.long_context.recall_checkpoint import RECALL_MODEL_PATH

TEXT = (Path(__file__).parents[2] / "docs" / "kernels.md").read_text(encoding="utf-8")
TUTORIAL = TEXT.partition("## A method of your own")[2]
PROGRAM = re.findall(r"```python\n(.*?)```", TUTORIAL, re.DOTALL)[0]


def test_a_new_method_takes_at_most_forty_lines() -> None:
    assert len(PROGRAM.splitlines()) <= 40


def test_the_new_method_drops_tokens_for_good(tmp_path: Path) -> None:
    (tmp_path / "knorm.py").write_text(PROGRAM, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error", "knorm.py", str(RECALL_MODEL_PATH)],
        cwd=tmp_path,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    # 39 steps: 200 tokens stay, then up to 15 more are read beside the newest one.
    seen, read = re.findall(r"(\d+) tokens seen, (\d+) read", done.stdout)[0]
    assert int(seen) == 1039
    assert 200 < int(read) <= 216
    # One page of 256 places in 2 KV heads of 4 layers, in float32, and positions of 8 bytes.
    assert f"{4 * 2 * (2 * 256 * 64 * 4 + 200 * 8):,} bytes held" in done.stdout
