"""The closed vocabulary of the recall model: words, names, digits, punctuation, special tokens.

A token is a word with its leading space (written `▁`), a digit, or a mark of punctuation, so that
text made of known words comes back unchanged from `decode(encode(text))`, in lower case. Names are
invented words that mean nothing: any name can be a key, a value or a variable.
"""

import re
from collections.abc import Sequence

__all__ = ["BOS", "FILLER_WORDS", "NAMES", "PIECE", "SPECIAL_TOKENS", "TOKENS", "decode", "encode"]

PIECE = r"▁?[a-z]+|▁=|."
"""What one token covers, as a regular expression over text whose spaces are written `▁`."""

SPECIAL_TOKENS = ("<pad>", "<s>", "</s>", "<unk>", "<landmark>")
"""Tokens with no text of their own; `<landmark>` is in no training text."""

_FILLER = """
the a of and to in on at by with from into over under near after before while when then so but
or as if not no this that these those some many few each every other another new old small large
long short high low warm cold dark bright quiet loud slow quick early late good bad open closed
man woman child friend family house room door window table garden street town city river hill
sea road field forest tree bird horse dog fish boat train ship letter book story song game day
night morning evening year week hour winter summer rain wind snow fire stone paper glass iron
gold water bread salt milk walked looked came went saw heard found lost made took gave kept told
asked carried opened moved turned stood
"""

FILLER_WORDS = tuple(_FILLER.split())
"""The words that connected filler text is made of; locality is to be learnt from their order."""

_PROMPTS = """
key is are was be it its one two three four five ten special magic number numbers word words for
what which who where how all mentioned provided text hidden within following make sure memorize
will quiz you i we about afterwards grass green sky blue sun yellow here go there back again
question answer find variables variable assigned value values var according chain chains s
assignment above below list numbered most often common appear appeared frequently coded track
read do provide only do any please context repeat copy again sentence end begin first second
third last next name names has have than more less times count order
"""

_SYLLABLES = tuple(consonant + vowel for consonant in "bdfgklmnprstvz" for vowel in "aeiou")
_WORDS = tuple(dict.fromkeys([*FILLER_WORDS, *_PROMPTS.split()]))

NAMES = tuple(
    name
    for name in [first + second for first in _SYLLABLES for second in _SYLLABLES][::11]
    if name not in _WORDS
)[:384]
"""384 invented names of two syllables."""

_MARKS = ("▁", *"0123456789", *".,:;?!()'\"-/", "▁=")
_NAMED = (*SPECIAL_TOKENS, *_MARKS, *("▁" + word for word in (*_WORDS, *NAMES)))

TOKENS = (*_NAMED, *(f"<reserved_{index}>" for index in range(-len(_NAMED) % 64)))
"""Every token; a token's identity is its index. Filled up to a multiple of 64."""

_TOKEN_IDS = {token: index for index, token in enumerate(TOKENS)}
_UNKNOWN = _TOKEN_IDS["<unk>"]

BOS = _TOKEN_IDS["<s>"]
"""The token that every prompt begins with."""


def encode(text: str) -> tuple[int, ...]:
    """The tokens of a text, without `<s>`; what is not in the vocabulary becomes `<unk>`.

    >>> encode("the key is zebra") == (*encode("the key is"), TOKENS.index("<unk>"))
    True
    """
    spaced = "▁" + "▁".join(text.lower().split())
    return tuple(_TOKEN_IDS.get(piece, _UNKNOWN) for piece in re.findall(PIECE, spaced))


def decode(token_ids: Sequence[int]) -> str:
    """The text of tokens.

    >>> decode(encode("The sky is blue: 1024."))
    'the sky is blue: 1024.'
    """
    return "".join(TOKENS[token] for token in token_ids).replace("▁", " ").strip()
