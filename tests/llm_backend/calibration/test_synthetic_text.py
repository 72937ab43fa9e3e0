import pytest
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from tapgraph.errors import UsageError
from tapgraph.llm_backend.calibration.synthetic_text import (
    hash_of_texts,
    key_value_texts,
    mixed_texts,
)

WORDS = [first + second + "n" for first in ("ba", "ke", "lo", "mi", "tu") for second in "aeiou"]


def _tokenizer(words: list[str]) -> PreTrainedTokenizerFast:
    tokens = ["<s>", "<unk>", "key", "is", ".", *words]
    tokenizer = Tokenizer(models.WordLevel({t: i for i, t in enumerate(tokens)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", unk_token="<unk>")


@pytest.mark.parametrize("tokens", [1, 10, 333])
def test_texts_have_the_length_asked_for_and_nothing_unknown(tokens: int) -> None:
    tokenizer = _tokenizer(WORDS)
    texts = key_value_texts(tokenizer, count=3, tokens=tokens, seed=0)
    texts += mixed_texts(tokenizer, count=3, tokens=tokens, seed=0)
    assert [len(text) for text in texts] == [tokens] * 6
    assert all(text[0] == tokenizer.bos_token_id for text in texts)
    assert not any(tokenizer.unk_token_id in text for text in texts)


def test_questions_at_the_end_repeat_records_of_the_text() -> None:
    tokenizer = _tokenizer(WORDS)
    [text] = key_value_texts(tokenizer, count=1, tokens=400, seed=1)
    records = str(tokenizer.decode(list(text))).split(".")[1:-1]
    asked = [record for record in records[-5:] if record in records[:-5]]
    assert len(asked) >= 3


def test_equal_seeds_give_equal_texts_and_other_seeds_others() -> None:
    tokenizer = _tokenizer(WORDS)
    hashes = [
        hash_of_texts(mixed_texts(tokenizer, count=2, tokens=50, seed=seed)) for seed in (3, 3, 4)
    ]
    assert hashes[0] == hashes[1] != hashes[2]


def test_a_vocabulary_without_words_is_refused() -> None:
    with pytest.raises(UsageError, match=r"at least 16 words of one token, found 6"):
        key_value_texts(_tokenizer(WORDS[:4]), count=1, tokens=50, seed=0)
