"""A model's thoughts, where they stand in front of its words."""

import re
from dataclasses import dataclass

__all__ = ["Thought", "part_thinking"]

_BLOCK = re.compile(r"\s*<think>(.*?)(?:</think>|\Z)", re.DOTALL)
# Some templates open the block in the prompt. A JSON string cannot hold a raw line break, so a tag
# alone on its line ends thoughts and is not part of an answer.
_OPENED_BEFORE = re.compile(r"\A(.*?)^[ \t]*</think>[ \t]*$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Thought:
    """Thoughts and words, apart."""

    reasoning: str
    text: str


def part_thinking(text: str) -> Thought:
    """Part the `<think>` blocks at the beginning from the words that follow.

    A block that is left open holds all that follows it, so there are no words.

    >>> part_thinking('<think>{"x": 1}? No.</think> {"x": 2}')
    Thought(reasoning='{"x": 1}? No.', text='{"x": 2}')
    """
    thoughts: list[str] = []
    position = 0
    while block := _BLOCK.match(text, position):
        thoughts.append(block[1].strip())
        position = block.end()
    if not thoughts and (block := _OPENED_BEFORE.match(text)):
        thoughts.append(block[1].strip())
        position = block.end()
    if not thoughts:
        return Thought("", text)
    return Thought("\n".join(thoughts), text[position:].strip())
