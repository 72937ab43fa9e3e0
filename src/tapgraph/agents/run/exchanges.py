"""What roles were asked and said in a run, for whoever learns from it.

A line of `exchanges.jsonl` is one valid answer: the role, the words of its system turn, the words
of the user's turn, and the reply.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from tapgraph.errors import UsageError
from tapgraph.llm_backend.messages import Message

__all__ = ["EXCHANGES", "exchange_line", "role_examples"]

EXCHANGES = "exchanges.jsonl"


def exchange_line(role: str, messages: Sequence[Message], output: str) -> str:
    """One line of JSON, without its end; pictures are left out."""
    words = {
        "role": role,
        "system": "\n\n".join(one.text for one in messages if one.role == "system"),
        "input": "\n\n".join(one.text for one in messages if one.role != "system"),
        "output": output,
    }
    return json.dumps(words, ensure_ascii=False)


def role_examples(run: Path, role: str) -> Sequence[Mapping[str, str]]:
    """What a role was asked and said in a run, oldest first: `system`, `input` and `output`.

    Raises:
        UsageError: the run has no exchanges, or none of this role.
    """
    try:
        # Not `splitlines`: words may hold separators of other kinds.
        lines = (run / EXCHANGES).read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError as error:
        raise UsageError(
            f"{str(run)!r} holds no {EXCHANGES}: {error.strerror}; runs write it as they go"
        ) from error
    # The last line may have been cut off.
    exchanges = [json.loads(line) for line in lines if line.endswith("}")]
    wanted = role.lower()
    found = [
        {name: one[name] for name in ("system", "input", "output")}
        for one in exchanges
        if one["role"] == wanted
    ]
    if not found:
        roles = ", ".join(sorted({one["role"] for one in exchanges})) or "none"
        raise UsageError(f"no {role!r} was asked in {str(run)!r}; roles that were: {roles}")
    return found
