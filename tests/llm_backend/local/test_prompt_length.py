"""What is far too long for a model is not turned into tokens to find out."""

from types import SimpleNamespace
from typing import Any

import pytest

from tapgraph.errors import ContextExceeded
from tapgraph.llm_backend.local.prompt_length import check_text_length


class CountingTokenizer:
    """A token for so many characters; remembers how much it read."""

    def __init__(self, characters: int = 4) -> None:
        self.read = 0
        self.backend_tokenizer = self
        self._characters = characters

    def encode(self, text: str, *, add_special_tokens: bool) -> Any:
        self.read += len(text)
        return SimpleNamespace(ids=[0] * (len(text) // self._characters))


def checkpoint(tokenizer: CountingTokenizer) -> Any:
    return SimpleNamespace(name="small", context_tokens=8192, tokenizer=tokenizer)


@pytest.mark.parametrize("texts", [["x" * 30_000_000], ["x" * 3_000] * 10_000])
def test_no_more_than_the_context_is_read(texts: list[str]) -> None:
    tokenizer = CountingTokenizer()
    with pytest.raises(ContextExceeded, match="the context of small is 8192 tokens"):
        check_text_length(checkpoint(tokenizer), texts)
    assert tokenizer.read < 8192 * 4 + 2**16 + 10_000


def test_a_text_of_usual_length_is_not_read_twice() -> None:
    tokenizer = CountingTokenizer()
    check_text_length(checkpoint(tokenizer), ["x" * 8192 * 8])
    assert tokenizer.read == 0


def test_a_long_text_of_few_tokens_passes() -> None:
    check_text_length(checkpoint(CountingTokenizer(200)), [" " * 1_000_000])
