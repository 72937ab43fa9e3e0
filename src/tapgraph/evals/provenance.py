"""What an evaluation was made with, so that somebody else can make it again."""

import os
import platform
import subprocess
from dataclasses import dataclass
from hashlib import sha256
from importlib import metadata, resources
from pathlib import Path

import tapgraph

__all__ = ["Provenance", "provenance"]

_LIBRARIES = ("langgraph", "openai", "pydantic", "pillow")


@dataclass(frozen=True, slots=True)
class Provenance:
    """Code, versions and machine.

    Attributes:
        commit: of the git checkout that tapgraph runs from, with ` (dirty)` where files differ
            from it; empty where tapgraph was installed.
        versions: of tapgraph, Python and what carries the agents.
        machine: system and processors.
        prompts: a hash over the phone agent's prompt files.
    """

    commit: str
    versions: dict[str, str]
    machine: str
    prompts: str


def provenance() -> Provenance:
    """That of this process."""
    versions = {"tapgraph": tapgraph.__version__, "python": platform.python_version()}
    return Provenance(
        commit=_commit(Path(tapgraph.__file__).parent),
        versions=versions | {name: metadata.version(name) for name in _LIBRARIES},
        machine=f"{platform.platform()}, {os.cpu_count()} processors",
        prompts=_prompts_hash(),
    )


def _prompts_hash() -> str:
    folder = resources.files("tapgraph.agents.mobile") / "prompts"
    digest = sha256()
    for file in sorted(folder.iterdir(), key=lambda one: one.name):
        digest.update(f"{file.name}\n".encode() + file.read_bytes())
    return digest.hexdigest()[:16]


def _commit(package: Path) -> str:
    """Nothing where the package lies in somebody else's repository, as one in a venv does."""
    if Path(_git(package, "rev-parse", "--show-toplevel")) / "src" / "tapgraph" != package:
        return ""
    commit = _git(package, "rev-parse", "HEAD")
    changed = _git(package, "status", "--porcelain", "--untracked-files=no", "--", ".")
    return f"{commit} (dirty)" if changed else commit


def _git(folder: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
