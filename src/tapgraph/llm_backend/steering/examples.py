"""Questions about passages to look for steered heads with: made ones, or those of a file."""

import random
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from transformers import PreTrainedTokenizerBase

from tapgraph.errors import UsageError
from tapgraph.llm_backend.prompt import fill, load_prompt
from tapgraph.llm_backend.steering.head_search import SteeredExample
from tapgraph.llm_backend.steering.spans import token_spans

__all__ = ["PassageQuestion", "made_questions", "read_questions", "steered_example"]

_NAMES = ("Anna", "Boris", "Clara", "David", "Elena", "Felix", "Greta", "Hugo", "Irene", "Jonas")
_THINGS = ("violin", "bicycle", "camera", "passport", "telescope", "umbrella", "necklace", "drill")
_PLACES = (
    "in the attic", "under the stairs", "behind the piano", "in the garage", "on the balcony",
    "beside the stove", "in the cellar", "above the wardrobe", "in the garden shed",
    "next to the bed",
)  # fmt: skip
_FACTS = 10
"""Sentences of a made passage; two thirds of them share the name or the thing with the key one."""


class PassageQuestion(BaseModel):
    """A question, the passage that answers it, and the words of the passage that matter."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    passage: str
    question: str
    key: str = Field(min_length=1)
    answer: str = Field(min_length=1)

    @model_validator(mode="after")
    def _has_key(self) -> "PassageQuestion":
        if self.key not in self.passage:
            raise ValueError("key must be words of passage")
        return self


def made_questions(count: int, *, seed: int) -> tuple[PassageQuestion, ...]:
    """Where somebody keeps something, among where others keep it and where they keep others."""
    return tuple(_made(random.Random(f"steering {seed} {number}")) for number in range(count))


def read_questions(file: Path) -> tuple[PassageQuestion, ...]:
    """The questions of a file: a JSON object with these four texts in each line.

    Raises:
        UsageError: the file cannot be read, or a line is something else.
    """
    try:
        lines = file.read_text("utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {str(file)!r}: {error}") from error
    questions = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            questions.append(PassageQuestion.model_validate_json(line))
        except ValidationError as error:
            raise UsageError(
                f"line {number} of {str(file)!r} must be an object with the texts passage, "
                f"question, key (words of the passage) and answer: {error.errors()[0]['msg']}"
            ) from error
    return tuple(questions)


def steered_example(
    tokenizer: PreTrainedTokenizerBase, question: PassageQuestion
) -> SteeredExample:
    """The question as the model is asked it, in its chat template where it has one.

    Raises:
        UsageError: the template changes the words, or the answer has no tokens.
    """
    asked = fill(
        load_prompt("tapgraph.llm_backend.steering", "answer"),
        passage=question.passage,
        question=question.question,
    )
    text = asked
    if getattr(tokenizer, "chat_template", None):
        text = str(
            tokenizer.apply_chat_template(
                [{"role": "user", "content": asked}], tokenize=False, add_generation_prompt=True
            )
        )
    begin = text.find(asked)
    if begin < 0:
        raise UsageError("the chat template changes the words of a question")
    begin += question.passage.index(question.key)
    backend: Any = tokenizer
    encoder = backend.backend_tokenizer
    encoded = encoder.encode(text, add_special_tokens=text is asked)
    answer = encoder.encode(question.answer, add_special_tokens=False)
    places = [(begin, begin + len(question.key))]
    return SteeredExample(
        tuple(encoded.ids), token_spans(encoded.offsets, places), tuple(answer.ids)
    )


def _made(draw: random.Random) -> PassageQuestion:
    name, thing, place = draw.choice(_NAMES), draw.choice(_THINGS), draw.choice(_PLACES)
    key = f"{name} keeps the {thing} {place}."
    facts = {(name, thing): key}
    kinds = (((name,), _THINGS), (_NAMES, (thing,)), (_NAMES, _THINGS))
    while len(facts) < _FACTS:
        names, things = kinds[len(facts) % 3]
        one, other = draw.choice(names), draw.choice(things)
        facts.setdefault((one, other), f"{one} keeps the {other} {draw.choice(_PLACES)}.")
    told = list(facts.values())
    draw.shuffle(told)
    return PassageQuestion(
        passage=" ".join(told),
        question=f"Where does {name} keep the {thing}?",
        key=key,
        answer=f"{place[0].upper()}{place[1:]}.",
    )
