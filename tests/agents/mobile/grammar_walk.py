"""What the engine behind local models can write under a schema."""

import json
import random
from collections.abc import Mapping
from typing import Any

import llguidance

from tapgraph.llm_backend.local.short_schema import closed, shortened

BYTES = llguidance.LLTokenizer("byte")


def matcher_of(schema: Mapping[str, Any]) -> Any:
    """The engine behind local models at the beginning of a reply."""
    compact: Any = {"whitespace_flexible": False, "item_separator": ",", "key_separator": ":"}
    grammar = llguidance.LLMatcher.grammar_from_json_schema(json.dumps(schema), overrides=compact)
    matcher = llguidance.LLMatcher(BYTES, grammar, log_level=0)
    assert not matcher.is_error(), matcher.get_error()
    return matcher


def allows(schema: Mapping[str, Any], text: str) -> bool:
    """Whether that engine can write the text under the schema."""
    matcher, tokens = matcher_of(schema), BYTES.tokenize_str(text)
    return bool(matcher.try_consume_tokens(tokens) == len(tokens) and matcher.is_accepting())


def random_reply(schema: Mapping[str, Any], seed: int) -> str:
    """What a model without a clue writes under the schema; blanks are likely."""
    draw = random.Random(seed)
    matcher = matcher_of(shortened(closed(schema), longest_text=4))
    tokens: list[int] = []
    while not matcher.is_stopped():
        mask = matcher.compute_bitmask()
        allowed = [token for token in range(256) if mask[token // 8] >> token % 8 & 1]
        if not allowed:
            break
        blank = ord(" ") in allowed and draw.random() < 0.5
        tokens.append(ord(" ") if blank else draw.choice(allowed))
        assert matcher.consume_token(tokens[-1])
    return bytes(tokens).decode()
