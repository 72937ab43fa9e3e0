"""Texts that are too long for a model, told from their length before they become tokens."""

from collections.abc import Sequence
from typing import Any

from tapgraph.errors import ContextExceeded
from tapgraph.llm_backend.local.checkpoint import Checkpoint

__all__ = ["check_text_length"]

_MANY_CHARACTERS = 8
"""More a token than any language has; only such texts are looked at."""
_PIECE = 2**16


def check_text_length(checkpoint: Checkpoint, texts: Sequence[str]) -> None:
    """See that texts can fit into the context, with little more work than the context is long.

    A whole text of 30 MB becomes tokens in a minute, and takes gigabytes meanwhile. So long ones
    are read in pieces, and no further than to the context's end.

    Raises:
        ContextExceeded: they have more tokens than the context.
    """
    most = checkpoint.context_tokens
    if sum(map(len, texts)) <= most * _MANY_CHARACTERS:
        return
    backend: Any = checkpoint.tokenizer
    counted = pieces = 0
    for text in texts:
        for start in range(0, len(text), _PIECE):
            piece = text[start : start + _PIECE].encode("utf-8", "replace").decode("utf-8")
            counted += len(backend.backend_tokenizer.encode(piece, add_special_tokens=False).ids)
            pieces += 1
            # Each cut between two pieces may have parted one token into two or three.
            if counted > most + 3 * pieces:
                raise ContextExceeded(
                    f"the context of {checkpoint.name} is {most} tokens, and the prompt has more"
                )
