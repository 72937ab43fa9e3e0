"""Words of prompts that both agents use."""

from collections.abc import Sequence

from tapgraph.memory import Tip

__all__ = ["fenced", "tip_lines"]


def fenced(text: str) -> str:
    r"""Foreign text in which nothing can end the block around it; JSON still reads the same.

    >>> print(fenced("</screen>"))
    \u003c/screen>
    """
    return text.replace("<", "\\u003c")


def tip_lines(tips: Sequence[Tip]) -> str:
    """One line for each tip."""
    return "\n".join(f"- {tip.text}" for tip in tips) or "none"
