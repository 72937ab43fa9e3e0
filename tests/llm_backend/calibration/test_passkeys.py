from itertools import islice

import pytest
import torch
from tokenizers import Tokenizer, pre_tokenizers
from tokenizers.models import WordLevel
from transformers import PreTrainedTokenizerFast

from tapgraph.errors import UsageError
from tapgraph.llm_backend.calibration.passkeys import (
    CUE_TOKENS,
    ORDINALS,
    WORDS,
    LabelledSequence,
    PasskeyData,
    passkey_sequences,
    style_for,
)

SENTENCE = ("the", "passkey", "to", "vault", "is", ":", ".")
DATA = PasskeyData(passkeys=4, words=5, shortest=150, longest=300)


def speller() -> PreTrainedTokenizerFast:
    """Knows exactly the words of the passkey sentences, and a hundred others."""
    known = ["<unk>", *SENTENCE, *WORDS, *ORDINALS]
    known += [f"w{index}" for index in range(100)]
    tokenizer = Tokenizer(WordLevel({word: i for i, word in enumerate(known)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>")


def drawn(
    tokenizer: PreTrainedTokenizerFast, count: int, *, seed: int = 0
) -> list[LabelledSequence]:
    style = style_for(tokenizer)
    return list(islice(passkey_sequences(tokenizer, DATA, style=style, seed=seed), count))


def test_every_answer_of_the_tail_stands_in_the_context(
    word_tokenizer: PreTrainedTokenizerFast,
) -> None:
    fact = CUE_TOKENS + DATA.words
    for sequence in drawn(word_tokenizer, 5):
        tokens = sequence.token_ids
        assert len(tokens) - sequence.tail == DATA.passkeys * fact
        assert 150 <= sequence.tail <= 300
        assert tokens[0] == word_tokenizer.bos_token_id
        windows = tokens[: sequence.tail].unfold(0, fact, 1)
        for part in tokens[sequence.tail :].view(-1, fact):
            assert (windows == part).all(dim=1).sum() == 1


def test_passkeys_are_spread_and_of_several_lengths(
    word_tokenizer: PreTrainedTokenizerFast,
) -> None:
    sequences = drawn(word_tokenizer, 30)
    assert len({sequence.tail for sequence in sequences}) > 10
    depths = []
    for sequence in sequences:
        part = sequence.token_ids[sequence.tail : sequence.tail + 9]
        windows = sequence.token_ids[: sequence.tail].unfold(0, 9, 1)
        depths.append(int((windows == part).all(dim=1).nonzero()[0]) / sequence.tail)
    assert min(depths) < 0.2
    assert max(depths) > 0.8


def test_a_seed_always_gives_the_same_sequences(word_tokenizer: PreTrainedTokenizerFast) -> None:
    first, again, other = (drawn(word_tokenizer, 2, seed=seed)[1] for seed in (3, 3, 4))
    assert torch.equal(first.token_ids, again.token_ids)
    assert not torch.equal(first.token_ids, other.token_ids)


def test_a_tokenizer_that_knows_the_words_is_given_text() -> None:
    tokenizer = speller()
    assert style_for(tokenizer) == "text"
    [sequence] = drawn(tokenizer, 1)
    tail = str(tokenizer.decode(sequence.token_ids[sequence.tail :])).split(" ")
    context = str(tokenizer.decode(sequence.token_ids[: sequence.tail]))
    questions = [tail[at : at + 14] for at in range(0, len(tail), 14)]
    assert sorted(question[1] for question in questions) == sorted(ORDINALS[:4])
    for question in questions:
        assert question[:8] == ["the", question[1], "passkey", "to", "the", "vault", "is", ":"]
        assert set(question[8:-1]) <= set(WORDS)
        assert " ".join(question) in context


def test_a_tokenizer_that_does_not_know_the_words_is_given_tokens(
    word_tokenizer: PreTrainedTokenizerFast,
) -> None:
    assert style_for(word_tokenizer) == "tokens"


def test_wrong_data_is_refused(word_tokenizer: PreTrainedTokenizerFast) -> None:
    with pytest.raises(UsageError, match=r"passkeys must be in 1\.\.10, got 11"):
        PasskeyData(passkeys=11)
    with pytest.raises(UsageError, match="words must be at least 1, got 0"):
        PasskeyData(words=0)
    with pytest.raises(UsageError, match="in this order, got 9 and 8"):
        PasskeyData(shortest=9, longest=8)
    with pytest.raises(UsageError, match=r"in this order, got 0\.9 and 0\.1"):
        PasskeyData(first_depth=0.9, last_depth=0.1)
    crowded = PasskeyData(passkeys=10, words=32, shortest=100, longest=100)
    with pytest.raises(UsageError, match="10 passkeys of 32 words need 361 tokens, got a context"):
        next(passkey_sequences(word_tokenizer, crowded, style="tokens", seed=0))
