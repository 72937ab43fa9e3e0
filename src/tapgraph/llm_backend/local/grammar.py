"""Replies that keep to a schema: which tokens may come next.

The engine is llguidance; `benchmarks/grammar.py` measured why: what xgrammar lets through may hold
raw control characters and broken UTF-8 in strings, and some schemas take it long to compile.
"""

import json
import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import llguidance
import torch
from torch import Tensor

from tapgraph.errors import UsageError
from tapgraph.llm_backend.local.checkpoint import Checkpoint
from tapgraph.llm_backend.local.constraints import Choice, Constraint, JsonSchema, OneOf
from tapgraph.llm_backend.local.endless_schema import check_has_an_end
from tapgraph.llm_backend.local.schema_texts import texts_of
from tapgraph.llm_backend.local.short_schema import closed, shortened
from tapgraph.llm_backend.local.vocabulary import ContinuationSpeller

__all__ = ["GrammarCompiler", "GrammarState", "GrammarStuck"]

_KEPT_GRAMMARS = 64
_SPACED: Any = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
"""As `json.dumps` writes it, and so the examples of the prompts."""


class GrammarStuck(Exception):
    """The grammar engine gave up on a reply; its text says why. Ends that reply only."""


class GrammarState:
    """How far one reply has come in its grammar."""

    def __init__(self, matcher: Any, vocabulary: int) -> None:
        self._matcher = matcher
        self._vocabulary = vocabulary

    def allowed(self) -> Tensor:
        """Which tokens may come next, those that end the reply among them; bool `[vocabulary]`.

        Raises:
            GrammarStuck: the grammar is too complex at this point.
        """
        words = torch.frombuffer(bytearray(self._matcher.compute_bitmask()), dtype=torch.uint8)
        bits = (words[:, None] >> torch.arange(8, dtype=torch.uint8)) & 1
        allowed = bits.flatten()[: self._vocabulary].bool()
        if self._matcher.is_error() or not bool(allowed.any()):
            raise GrammarStuck(f"the grammar engine gave up: {_short(self._matcher.get_error())}")
        return allowed

    def accept(self, token: int) -> None:
        """Go on with a token that was allowed and does not end the reply."""
        if not self._matcher.consume_token(token):
            raise GrammarStuck(f"the grammar engine gave up: {_short(self._matcher.get_error())}")

    def forced(self) -> list[int]:
        """The tokens that come next whatever is chosen; none where there is a choice."""
        tokens: list[int] = self._matcher.compute_ff_tokens()
        return tokens

    def count_allowed(self, tokens: Sequence[int]) -> int:
        """How many of these tokens may come, one after the other."""
        return int(self._matcher.validate_tokens(list(tokens)))

    @property
    def is_complete(self) -> bool:
        """Whether nothing but the end may come."""
        return bool(self._matcher.is_stopped())


class GrammarCompiler:
    """Turns constraints into grammars over one checkpoint's tokens; callable from all threads.

    JSON has one blank after each comma and colon, and no others. What JSON schema says and a
    grammar cannot hold a reply to is refused, never ignored (`not`, look-ahead in patterns,
    references to other documents). That a key of an open object stands twice is the one fault that
    no grammar of this kind excludes.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._vocabulary = checkpoint.vocabulary
        spelled = checkpoint.token_bytes[: checkpoint.vocabulary]
        self._spell = ContinuationSpeller(checkpoint.tokenizer, spelled)
        wrapper = llguidance.TokenizerWrapper(_Vocabulary(checkpoint, spelled, self._spell))
        self._tokenizer = llguidance.LLTokenizer(
            wrapper,
            n_vocab=checkpoint.vocabulary,
            eos_token=sorted(checkpoint.end_tokens),
            slices=llguidance.LLTokenizer.json_slices(),
        )
        self._compiled: OrderedDict[str, Any] = OrderedDict()
        self._lock = threading.Lock()

    def compile(self, constraint: Constraint) -> GrammarState:
        """The beginning of a reply that keeps to the constraint.

        Raises:
            UsageError: it cannot be compiled.
        """
        try:
            key = constraint.key
            with self._lock:
                known = self._compiled.get(key)
            if known is None:
                known = self._compile(constraint)
        except (RecursionError, TypeError, ValueError) as error:
            raise UsageError(f"the schema is no JSON schema: {_short(str(error))}") from error
        with self._lock:
            self._compiled[key] = known
            self._compiled.move_to_end(key)
            if len(self._compiled) > _KEPT_GRAMMARS:
                self._compiled.popitem(last=False)
            return GrammarState(known.deep_copy(), self._vocabulary)

    def _compile(self, constraint: Constraint) -> Any:
        for text in _literals(constraint):
            if not self._spell.can_spell(text):
                raise UsageError(f"the model's vocabulary has no tokens for {text[:80]!r}")
        matcher = llguidance.LLMatcher(self._tokenizer, _grammar_of(constraint), log_level=0)
        if matcher.is_error():
            raise UsageError(f"the schema cannot be held to: {_short(matcher.get_error())}")
        return matcher


class _Vocabulary:
    """The tokens as llguidance wants to see them: by their bytes, steering ones marked 0xFF."""

    def __init__(
        self, checkpoint: Checkpoint, spelled: tuple[bytes, ...], spell: ContinuationSpeller
    ) -> None:
        spelled += (b"",) * (checkpoint.vocabulary - len(spelled))
        self.eos_token_id = min(checkpoint.end_tokens)
        self.bos_token_id = None
        self.special_token_ids = [token for token, raw in enumerate(spelled) if not raw]
        self.tokens = [raw or b"\xff<%d>" % token for token, raw in enumerate(spelled)]
        self._spell = spell

    def __call__(self, text: str) -> list[int]:
        return self._spell(text)


def _literals(constraint: Constraint) -> tuple[str, ...]:
    if isinstance(constraint, Choice):
        return constraint.options
    if isinstance(constraint, OneOf):
        return tuple(text for option in constraint.options for text in _literals(option))
    return (constraint.prefix, constraint.suffix, '{}[]":,', *texts_of(constraint.schema))


def _grammar_of(constraint: Constraint) -> str:
    options = constraint.options if isinstance(constraint, OneOf) else (constraint,)
    starts: list[str] = []
    rules: list[str] = []
    for option in options:
        if isinstance(option, Choice):
            starts += map(_literal, option.options)
        else:
            around, value = _value_of(option)
            starts.append(around.format(f"value{len(rules)}"))
            rules.append(f"value{len(rules)}: %json {value}")
    grammar = "\n".join([f"start: {' | '.join(starts)}", *rules])
    return str(llguidance.LLMatcher.grammar_from_lark(grammar))


def _value_of(constraint: JsonSchema) -> tuple[str, str]:
    """What stands around the value, with a place for its rule's name, and its schema."""
    check_has_an_end(constraint.schema)
    schema: Any = closed(constraint.schema)
    if constraint.longest_text is not None:
        schema = shortened(schema, constraint.longest_text)
    prefix, suffix = (
        _literal(text).replace("{", "{{").replace("}", "}}") if text else ""
        for text in (constraint.prefix, constraint.suffix)
    )
    return f"{prefix} {{}} {suffix}", json.dumps({**schema, "x-guidance": _SPACED})


def _literal(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _short(text: str) -> str:
    return text.strip().partition("\n")[0][:300]
