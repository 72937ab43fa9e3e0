"""Demonstrations of a task, and prompts made of them."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, get_args

from tapgraph.errors import UsageError
from tapgraph.llm_backend.local.chat_prompt import ChatTurn, chat_prompt, text_prompt
from tapgraph.llm_backend.local.checkpoint import Checkpoint
from tapgraph.llm_backend.messages import TextPart

__all__ = [
    "Demonstration",
    "Example",
    "PromptForm",
    "demonstrations_hash",
    "example_of",
    "read_demonstrations",
]

PromptForm: TypeAlias = Literal["chat", "lines"]
"""`chat`: a user's turn and the assistant's, as the checkpoint's chat template writes them.
`lines`: `Q: …` and `A: …`, the paper's form."""


@dataclass(frozen=True, slots=True)
class Demonstration:
    """One case of a task.

    Attributes:
        input: what is asked, without words about the task.
        output: what is to be answered.
        system: what the system turn says before it (`chat` only); empty for none.
    """

    input: str
    output: str
    system: str = ""


@dataclass(frozen=True, slots=True)
class Example:
    """A prompt and its answer as tokens.

    Attributes:
        prompt: at least two tokens; the last one is where an embedding goes in.
        answer: what is to follow, the end of the line or of the turn included.
    """

    prompt: tuple[int, ...]
    answer: tuple[int, ...]


def read_demonstrations(path: Path) -> tuple[Demonstration, ...]:
    """Those of a file of JSON Lines: `{"input": "hot", "output": "cold"}`, `system` if wanted.

    Raises:
        UsageError: the file cannot be read, or a line is something else.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read the demonstrations {str(path)!r}: {error}") from error
    return tuple(
        _demonstration(line, f"{path}:{number}")
        for number, line in enumerate(lines, 1)
        if line.strip()
    )


def _demonstration(line: str, place: str) -> Demonstration:
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{place} is no JSON: {error}") from error
    told = set(fields) if isinstance(fields, dict) else set()
    if not {"input", "output"} <= told <= {"input", "output", "system"}:
        raise UsageError(f'{place} must be like {{"input": "hot", "output": "cold"}}, got {line!r}')
    if not all(isinstance(value, str) for value in fields.values()) or not fields["output"]:
        raise UsageError(f"{place} must hold texts, and an output that is not empty, got {line!r}")
    return Demonstration(**fields)


def demonstrations_hash(demonstrations: Sequence[Demonstration]) -> str:
    """A hash of their texts and order, 64 hexadecimal digits."""
    told = [[one.input, one.output, one.system] for one in demonstrations]
    return hashlib.sha256(json.dumps(told, ensure_ascii=True).encode()).hexdigest()


def example_of(
    checkpoint: Checkpoint,
    form: PromptForm,
    asked: Demonstration,
    shots: Sequence[Demonstration] = (),
) -> Example:
    """A prompt that asks for the output of `asked`, after the demonstrations `shots`.

    The answer is encoded together with the prompt: a number is not parted from the blank before
    it.

    Raises:
        UsageError: there is no such form, or the tokenizer joins the prompt's end to the answer.
    """
    if form not in get_args(PromptForm):
        raise UsageError(f"form must be one of {', '.join(get_args(PromptForm))}, got {form!r}")
    if form == "lines":
        before = "".join(f"Q: {one.input}\nA: {one.output}\n\n" for one in shots)
        asking = f"{before}Q: {asked.input}\nA:"
        prompt = text_prompt(checkpoint, asking).tokens
        whole = text_prompt(checkpoint, f"{asking} {asked.output}\n").tokens
        answer = whole[len(prompt) :]
    else:
        turns = [turn for one in shots for turn in (_said("user", one.input), _answered(one))]
        if asked.system:
            turns.insert(0, _said("system", asked.system))
        turns.append(_said("user", asked.input))
        prompt = chat_prompt(checkpoint, turns, thinks=False).tokens
        whole = chat_prompt(checkpoint, [*turns, _answered(asked)], thinks=False).tokens
        answer = _until_end(checkpoint, whole[len(prompt) :])
    if whole[: len(prompt)] != prompt or not answer:
        raise UsageError(
            f"in the form {form!r} the tokens of {checkpoint.name} before an answer depend on the "
            "answer; use another form"
        )
    return Example(prompt, answer)


def _said(role: Literal["system", "user", "assistant"], text: str) -> ChatTurn:
    return ChatTurn(role, (TextPart(text),))


def _answered(demonstration: Demonstration) -> ChatTurn:
    return _said("assistant", demonstration.output)


def _until_end(checkpoint: Checkpoint, tokens: tuple[int, ...]) -> tuple[int, ...]:
    ends = (place for place, token in enumerate(tokens) if token in checkpoint.end_tokens)
    return tokens[: next(ends, len(tokens) - 1) + 1]
