"""Which bytes each token stands for."""

import json
import re
from typing import Any

from transformers import PreTrainedTokenizerBase

__all__ = ["token_bytes"]

_BYTE_TOKEN = re.compile(r"<0x([0-9A-Fa-f]{2})>")
_WORD_BEGIN = "\u2581"


def token_bytes(tokenizer: PreTrainedTokenizerBase) -> tuple[bytes, ...]:
    """The bytes of every token, by id; empty for tokens that steer the model and for gaps.

    A reply is the UTF-8 text of its tokens' bytes, one after the other. Unlike `decode` of the
    tokens alone, the blank that some vocabularies put before a first word stays: a reply continues
    a prompt.
    """
    backend: Any = tokenizer.backend_tokenizer
    is_byte_level = _has_byte_level(json.loads(backend.to_str()).get("decoder"))
    added = tokenizer.added_tokens_decoder
    spelled = {token: text for text, token in tokenizer.get_vocab().items()}
    silent = {*tokenizer.all_special_ids, *(i for i, token in added.items() if token.special)}
    alphabet = _byte_alphabet()
    found: list[bytes] = []
    for token in range(max(spelled) + 1):
        text = spelled.get(token)
        if text is None or token in silent:
            found.append(b"")
        elif token in added:
            found.append(text.encode())
        elif is_byte_level:
            found.append(b"".join(alphabet.get(letter) or letter.encode() for letter in text))
        elif byte := _BYTE_TOKEN.fullmatch(text):
            found.append(bytes([int(byte[1], 16)]))
        else:
            found.append(text.replace(_WORD_BEGIN, " ").encode())
    return tuple(found)


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
