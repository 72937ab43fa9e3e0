"""What an evaluation says it was made with."""

import shutil
import subprocess
from pathlib import Path

import pytest

import tapgraph
from tapgraph.evals.provenance import provenance

CHECKOUT = Path(tapgraph.__file__).parents[2]


@pytest.mark.skipif(
    not (CHECKOUT / ".git").exists() or shutil.which("git") is None, reason="no git checkout"
)
def test_a_checkout_is_named_by_its_commit() -> None:
    head = subprocess.run(
        ["git", "-C", str(CHECKOUT), "rev-parse", "HEAD"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert provenance().commit.removesuffix(" (dirty)") == head.stdout.strip()


def test_without_git_the_commit_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert provenance().commit == ""


def test_the_same_prompts_have_the_same_hash() -> None:
    assert provenance().prompts == provenance().prompts
    assert len(provenance().prompts) == 16
