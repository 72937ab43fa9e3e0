"""Which bytes each token stands for, and which tokens spell a text."""

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

from transformers import PreTrainedTokenizerBase

__all__ = ["ContinuationSpeller", "puts_blank_first", "reserved_texts", "token_bytes"]

_BYTE_TOKEN = re.compile(r"<0x([0-9A-Fa-f]{2})>")
_WORD_BEGIN = "\u2581"
_RESERVED = re.compile(
    r"[<\[]\|?/?(?:s|unk|pad|bos|eos|mask|cls|sep|unused|reserved|extra_id|special)"
    r"[^<>\[\]]*\|?[>\]]|<0x[0-9A-F]{2}>",
    re.IGNORECASE,
)
"""How vocabularies write tokens that are no words, where they do not say so otherwise."""
_LONGEST_LETTER = 4
_ANCHORS = ("\x02", "\n", ".")
"""Letters that seldom grow together with what follows."""


def token_bytes(tokenizer: PreTrainedTokenizerBase) -> tuple[bytes, ...]:
    """The bytes of every token, by id; empty for tokens that steer the model and for gaps.

    A reply is the UTF-8 text of its tokens' bytes, one after the other. Unlike `decode` of the
    tokens alone, the blank that some vocabularies put before a first word stays: a reply continues
    a prompt.
    """
    backend: Any = tokenizer.backend_tokenizer
    written = json.loads(backend.to_str())
    is_byte_level = _has_byte_level(written.get("decoder"))
    added = tokenizer.added_tokens_decoder
    spelled = {token: text for text, token in tokenizer.get_vocab().items()}
    silent = {*tokenizer.all_special_ids, *(i for i, token in added.items() if token.special)}
    silent |= {token for token, text in spelled.items() if text == _unknown(written["model"])}
    alphabet = _byte_alphabet()
    found: list[bytes] = []
    for token in range(max(spelled) + 1):
        text = spelled.get(token)
        if text is None or token in silent:
            found.append(b"")
        elif is_byte_level and token in added:
            found.append(text.encode())
        elif is_byte_level:
            found.append(b"".join(alphabet.get(letter) or letter.encode() for letter in text))
        elif byte := _BYTE_TOKEN.fullmatch(text):
            found.append(bytes([int(byte[1], 16)]))
        else:
            found.append(text.replace(_WORD_BEGIN, " ").encode())
    return tuple(found)


def reserved_texts(tokenizer: PreTrainedTokenizerBase) -> tuple[str, ...]:
    """How tokens are written that no text may spell, the longest first.

    They are those that were added to the vocabulary, whether they steer the model or are only
    rare, and those that are kept free; blanks and line breaks are text, however they were added.
    """
    added = {token.content for token in tokenizer.added_tokens_decoder.values()}
    named = {text for text in tokenizer.get_vocab() if _RESERVED.fullmatch(text)}
    texts = {
        text
        for text in added | named | set(map(str, tokenizer.all_special_tokens))
        if len(text) > 1 and text.replace(_WORD_BEGIN, " ").strip()
    }
    return tuple(sorted(texts, key=lambda text: (-len(text), text)))


def puts_blank_first(tokenizer: PreTrainedTokenizerBase, spelled: Sequence[bytes]) -> bool:
    """Whether a text has a blank before it once it is encoded, so that replies begin with one."""
    backend: Any = tokenizer
    tokens = backend.backend_tokenizer.encode("a", add_special_tokens=False).ids
    return bool(tokens) and spelled[tokens[0]].startswith(b" ")


class ContinuationSpeller:
    """Tokens for a text that goes on another one.

    Many tokenizers put a blank before every text that they are given. So a text is encoded behind
    an anchor; where that does not give its bytes exactly, it is cut into the longest tokens.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, spelled: Sequence[bytes]) -> None:
        """Use the bytes of each token, empty for those that no text is made of."""
        backend: Any = tokenizer
        self._backend = backend.backend_tokenizer
        self._spelled = spelled
        self._tokens = {raw: token for token, raw in reversed(list(enumerate(spelled))) if raw}
        self._longest = max(map(len, self._tokens), default=0)
        self._letters = {
            letters
            for raw in self._tokens
            if len(raw) <= _LONGEST_LETTER and len(letters := raw.decode(errors="replace")) == 1
        }

    def __call__(self, text: str) -> list[int]:
        """The tokens; they end where the vocabulary has none for what follows."""
        wanted = text.encode()
        for anchor in ("", *_ANCHORS):
            encoded = self._backend.encode(anchor + text, add_special_tokens=False)
            tokens = [
                token
                for token, (begin, _) in zip(encoded.ids, encoded.offsets, strict=True)
                if begin >= len(anchor)
            ]
            if self.bytes_of(tokens) == wanted:
                return tokens
        return self._longest_first(wanted)

    def bytes_of(self, tokens: Iterable[int]) -> bytes:
        """What the tokens spell."""
        most = len(self._spelled)
        return b"".join(self._spelled[token] if token < most else b"" for token in tokens)

    def can_spell(self, text: str) -> bool:
        """Whether some tokens spell the text, one after the other."""
        if self._letters.issuperset(text):
            return True
        wanted = text.encode()
        reached = {0}
        for place in range(len(wanted)):
            if place in reached:
                ends = range(place + 1, min(place + self._longest, len(wanted)) + 1)
                reached.update(end for end in ends if wanted[place:end] in self._tokens)
                reached.discard(place)
        return len(wanted) in reached

    def _longest_first(self, wanted: bytes) -> list[int]:
        tokens: list[int] = []
        place = 0
        while place < len(wanted):
            for length in range(min(self._longest, len(wanted) - place), 0, -1):
                token = self._tokens.get(wanted[place : place + length])
                if token is not None:
                    break
            else:
                break
            tokens.append(token)
            place += length
        return tokens


def _unknown(model: Any) -> Any:
    """The text of the token for what the vocabulary does not hold; None for none."""
    if isinstance(model.get("unk_id"), int):
        return model["vocab"][model["unk_id"]][0]
    return model.get("unk_token")


def _has_byte_level(decoder: Any) -> bool:
    if not decoder:
        return False
    if decoder["type"] == "Sequence":
        return any(_has_byte_level(part) for part in decoder["decoders"])
    return bool(decoder["type"] == "ByteLevel")


def _byte_alphabet() -> dict[str, bytes]:
    """GPT-2's letters for bytes: printable ones stand for themselves, others are moved up."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    moved = [byte for byte in range(256) if byte not in printable]
    letters = {chr(byte): bytes([byte]) for byte in printable}
    return letters | {chr(256 + place): bytes([byte]) for place, byte in enumerate(moved)}
