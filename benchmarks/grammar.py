"""Which grammar engine holds replies to a schema: xgrammar or llguidance.

    pip install xgrammar llguidance jsonschema
    python benchmarks/grammar.py [--vocabulary 360 32000] [--json benchmarks/results/grammar.json]

For vocabularies of several sizes (byte-level BPE, trained here on Python's standard library) and
for the schemas that the agents use and harder ones it measures, for each engine: seconds to prepare
the tokenizer, milliseconds to compile a schema, microseconds per token to compute the mask and take
the token, and how many of the replies that were drawn at random among the allowed tokens fit the
schema (checked by jsonschema). Both write JSON without blanks. A reply that is not complete after
`--tokens` tokens is counted as cut, and is no mistake.
"""

import argparse
import json
import platform
import random
import statistics
import sysconfig
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

import jsonschema
import llguidance
import torch
import xgrammar
from llguidance.numpy import allocate_token_bitmask, fill_next_token_bitmask
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from tapgraph.agents.api.replies import ChooserReply
from tapgraph.agents.mobile.replies import (
    DelegatingManagerReply,
    ManagerReply,
    NotetakerReply,
    OperatorReply,
    ReflectorReply,
    ShortcutReply,
    TipsReply,
    VerifierReply,
)
from tapgraph.llm_backend.local.vocabulary import token_bytes

SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
END = 2
AGENT_SCHEMAS: Mapping[str, dict[str, Any]] = {
    model.__name__: model.model_json_schema()
    for model in (
        ManagerReply, DelegatingManagerReply, OperatorReply, ReflectorReply, NotetakerReply,
        VerifierReply, ShortcutReply, TipsReply, ChooserReply, VerifierReply, TipsReply,
    )
}  # fmt: skip
HARD_SCHEMAS: Mapping[str, dict[str, Any]] = {
    "enumeration": {"enum": ["yes", "no", "neither", 3, None]},
    "bounded text": {
        "type": "object",
        "properties": {"text": {"type": "string", "minLength": 2, "maxLength": 200}},
        "required": ["text"],
        "additionalProperties": False,
    },
    "pattern": {
        "type": "object",
        "properties": {
            "code": {"type": "string", "pattern": "^[A-Z]{3}-[0-9]{4}$"},
            "count": {"type": "integer", "minimum": 3, "maximum": 1200},
        },
        "required": ["code", "count"],
        "additionalProperties": False,
    },
    "few entries": {
        "type": "object",
        "additionalProperties": {"type": "integer"},
        "maxProperties": 3,
    },
    "short list": {"type": "array", "items": {"type": "boolean"}, "minItems": 2, "maxItems": 5},
    "tool choice": {
        "anyOf": [
            {
                "type": "object",
                "properties": {
                    "name": {"const": name},
                    "arguments": {
                        "type": "object",
                        "properties": {"x": {"type": "integer"}, "text": {"type": "string"}},
                        "required": ["x"],
                        "additionalProperties": False,
                    },
                },
                "required": ["name", "arguments"],
                "additionalProperties": False,
            }
            for name in ("tap", "tap_twice", "swipe")
        ]
    },
    "recursive": {
        "$ref": "#/$defs/tree",
        "$defs": {
            "tree": {
                "type": "object",
                "properties": {
                    "name": {"type": "string", "maxLength": 8},
                    "children": {"type": "array", "items": {"$ref": "#/$defs/tree"}, "maxItems": 1},
                },
                "required": ["name", "children"],
                "additionalProperties": False,
            }
        },
    },
}


class Matcher(Protocol):
    """Holds one reply to a grammar."""

    def allowed(self) -> Sequence[int]:
        """The tokens that may come next; timed."""
        ...

    def accept(self, token: int) -> None:
        """Take one; timed."""
        ...

    def is_complete(self) -> bool:
        """Whether nothing but the end may come."""
        ...


@dataclass(slots=True)
class Timer:
    """Seconds spent in an engine."""

    seconds: float = 0.0
    tokens: int = 0

    def measure(self, call: Callable[[], Any]) -> Any:
        began = time.perf_counter()
        result = call()
        self.seconds += time.perf_counter() - began
        return result


class XGrammar:
    """xgrammar, as its documentation says."""

    name = "xgrammar"

    def __init__(self, spelled: Sequence[bytes]) -> None:
        # A steering token must have a text of some kind; an empty one is never allowed.
        self._tokenizer = xgrammar.TokenizerInfo(list(spelled), stop_token_ids=[END])
        self._size = len(spelled)

    def compile(self, schema: Mapping[str, Any]) -> Callable[[Timer], Matcher]:
        compiler = xgrammar.GrammarCompiler(self._tokenizer, max_threads=1, cache_enabled=False)
        compiled = compiler.compile_json_schema(
            json.dumps(schema), any_whitespace=False, separators=(",", ":"), strict_mode=False
        )
        return lambda timer: XGrammarMatcher(compiled, self._size, timer)


class XGrammarMatcher:
    """A reply under xgrammar."""

    def __init__(self, compiled: Any, size: int, timer: Timer) -> None:
        self._matcher = xgrammar.GrammarMatcher(compiled)
        self._mask = xgrammar.allocate_token_bitmask(1, size)
        self._size = size
        self._timer = timer

    def allowed(self) -> Sequence[int]:
        self._timer.measure(lambda: self._matcher.fill_next_token_bitmask(self._mask))
        return tokens_of(self._mask[0], self._size)

    def accept(self, token: int) -> None:
        if not self._timer.measure(lambda: self._matcher.accept_token(token)):
            raise RuntimeError(f"xgrammar refuses {token}, which it allowed")

    def is_complete(self) -> bool:
        return bool(self._matcher.is_terminated())


class Spelled:
    """A vocabulary as llguidance wants to see it."""

    def __init__(self, spelled: Sequence[bytes], tokenizer: PreTrainedTokenizerFast) -> None:
        self.eos_token_id = END
        self.bos_token_id = None
        self.special_token_ids = [i for i, raw in enumerate(spelled) if not raw]
        self.tokens = [raw or b"\xff" + str(i).encode() for i, raw in enumerate(spelled)]
        self._tokenizer = tokenizer

    def __call__(self, text: str) -> list[int]:
        tokens: list[int] = self._tokenizer.encode(text, add_special_tokens=False)
        return tokens


class LLGuidance:
    """llguidance, as its documentation says."""

    name = "llguidance"

    def __init__(self, spelled: Sequence[bytes], tokenizer: PreTrainedTokenizerFast) -> None:
        wrapper = llguidance.TokenizerWrapper(Spelled(spelled, tokenizer))
        self._tokenizer = llguidance.LLTokenizer(
            wrapper, n_vocab=len(spelled), slices=llguidance.LLTokenizer.json_slices()
        )
        self._size = len(spelled)

    def compile(self, schema: Mapping[str, Any]) -> Callable[[Timer], Matcher]:
        grammar = llguidance.LLMatcher.grammar_from_json_schema(
            json.dumps(schema),
            overrides={"whitespace_flexible": False, "item_separator": ",", "key_separator": ":"},
        )
        matcher = llguidance.LLMatcher(self._tokenizer, grammar, log_level=0)
        if matcher.is_error():
            raise ValueError(matcher.get_error())
        return lambda timer: LLGuidanceMatcher(matcher.deep_copy(), self._size, timer)


class LLGuidanceMatcher:
    """A reply under llguidance."""

    def __init__(self, matcher: Any, size: int, timer: Timer) -> None:
        self._matcher = matcher
        self._mask = allocate_token_bitmask(1, size)
        self._size = size
        self._timer = timer

    def allowed(self) -> Sequence[int]:
        self._timer.measure(lambda: fill_next_token_bitmask(self._matcher, self._mask))
        return tokens_of(torch.from_numpy(self._mask[0]), self._size)

    def accept(self, token: int) -> None:
        if not self._timer.measure(lambda: self._matcher.consume_token(token)):
            raise RuntimeError(f"llguidance refuses {token}: {self._matcher.get_error()}")

    def is_complete(self) -> bool:
        return bool(self._matcher.is_stopped())


def tokens_of(mask: torch.Tensor, size: int) -> list[int]:
    """The ids whose bit is set in int32 `[ceil(size / 32)]`."""
    bits = (mask[:, None] >> torch.arange(32, dtype=torch.int32)) & 1
    found: list[int] = bits.flatten()[:size].nonzero()[:, 0].tolist()
    return found


def train(size: int) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer of about this size."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=[AddedToken(token, special=True) for token in SPECIAL],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    library = sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py"))
    tokenizer.train([str(path) for path in library], trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=SPECIAL[END])


@dataclass(frozen=True, slots=True)
class Measured:
    """One engine at one vocabulary."""

    engine: str
    version: str
    vocabulary: int
    prepare_s: float
    compile_ms_median: float
    compile_ms_most: float
    token_us: float
    slowest_schema_token_us: float
    replies: int
    complete: int
    cut: int
    invalid: int
    refused_schemas: dict[str, str]
    invalid_schemas: dict[str, str]


def measure(
    name: str, open_engine: Callable[[], Any], spelled: Sequence[bytes], replies: int, most: int
) -> Measured:
    """Prepare an engine, compile all schemas, draw replies under each."""
    began = time.perf_counter()
    engine = open_engine()
    prepare_s = time.perf_counter() - began
    compiled_ms: list[float] = []
    per_token: list[float] = []
    total, outcomes = Timer(), {"complete": 0, "cut": 0, "invalid": 0}
    refused: dict[str, str] = {}
    invalid: dict[str, str] = {}
    for title, schema in {**AGENT_SCHEMAS, **HARD_SCHEMAS}.items():
        began = time.perf_counter()
        try:
            open_matcher = engine.compile(schema)
        except (ValueError, RuntimeError) as error:
            refused[title] = str(error).strip().partition("\n")[0][:200]
            continue
        compiled_ms.append((time.perf_counter() - began) * 1e3)
        timer = Timer()
        for seed in range(replies):
            outcome, text = reply(open_matcher(timer), spelled, seed, most, timer)
            if outcome == "complete" and (problem := problem_of(text, schema)):
                outcome = "invalid"
                invalid[title] = f"{problem}: {text[:120].decode('utf-8', 'replace')!r}"
            outcomes[outcome] += 1
        per_token.append(timer.seconds / timer.tokens * 1e6)
        total.seconds += timer.seconds
        total.tokens += timer.tokens
    return Measured(
        engine=name, version=version(name), vocabulary=len(spelled), prepare_s=round(prepare_s, 3),
        compile_ms_median=round(statistics.median(compiled_ms), 3),
        compile_ms_most=round(max(compiled_ms), 3),
        token_us=round(total.seconds / total.tokens * 1e6, 1),
        slowest_schema_token_us=round(max(per_token), 1),
        replies=sum(outcomes.values()), **outcomes,
        refused_schemas=refused, invalid_schemas=invalid,
    )  # fmt: skip


def reply(
    matcher: Matcher, spelled: Sequence[bytes], seed: int, most: int, timer: Timer
) -> tuple[str, bytes]:
    """A random reply, closed where possible, so that replies end; and whether it is complete."""
    draw = random.Random(seed)
    said = b""
    for _ in range(most):
        allowed = matcher.allowed()
        closing = [token for token in allowed if spelled[token][:1] in {b'"', b"}", b"]"}]
        token = draw.choice(closing if closing and draw.random() < 0.2 else allowed)
        if token == END:
            return "complete", said
        matcher.accept(token)
        timer.tokens += 1
        said += spelled[token]
        if matcher.is_complete():
            return "complete", said
    return "cut", said


def problem_of(said: bytes, schema: Mapping[str, Any]) -> str:
    """What is wrong with a complete reply; empty for nothing."""
    try:
        jsonschema.validate(json.loads(said.decode(), object_pairs_hook=unique), schema)
    except jsonschema.ValidationError as error:
        return str(error.message)[:100]
    except ValueError as error:
        return str(error)[:100]
    return ""


def unique(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """The object of these members, of which none may stand twice."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError("a key stands twice")
        found[key] = value
    return found


def main() -> None:
    """Measure, print, and write if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--vocabulary", type=int, nargs="+", default=[360, 32000])
    parser.add_argument("--replies", type=int, default=40)
    parser.add_argument("--tokens", type=int, default=150)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    results: list[Measured] = []
    for size in arguments.vocabulary:
        tokenizer = train(size)
        spelled = token_bytes(tokenizer)

        def open_xgrammar(spelled: Sequence[bytes] = spelled) -> XGrammar:
            return XGrammar(spelled)

        def open_llguidance(
            spelled: Sequence[bytes] = spelled, tokenizer: PreTrainedTokenizerFast = tokenizer
        ) -> LLGuidance:
            return LLGuidance(spelled, tokenizer)

        for name, opener in (("xgrammar", open_xgrammar), ("llguidance", open_llguidance)):
            result = measure(name, opener, spelled, arguments.replies, arguments.tokens)
            results.append(result)
            print(json.dumps(asdict(result), indent=2, ensure_ascii=False), flush=True)
    if arguments.json:
        written = {
            "machine": f"{platform.machine()}, one thread",
            "python": platform.python_version(),
            "replies_per_schema": arguments.replies,
            "most_tokens": arguments.tokens,
            "results": [asdict(result) for result in results],
        }
        arguments.json.write_text(json.dumps(written, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
