"""The JSON objects that stand in a text, read as they are certainly meant."""

import ast
import json
import re
from dataclasses import dataclass

from tapgraph.errors import InvalidReply
from tapgraph.llm_backend.thinking import part_thinking

__all__ = ["NOTATION_REPAIRS", "Found", "find_objects"]

_MENDED = "took away trailing commas or Python's constants"
_LITERAL = "read it as a Python literal"
NOTATION_REPAIRS = frozenset({_MENDED, _LITERAL})
"""Those of `Found.repairs` that say that the object itself was no JSON."""

# Prose may hold braces ("{curly}"); only a brace before a key or an empty object starts JSON.
_OBJECT_START = re.compile(r"""\{\s*(?:["}]|'[^'\n]*'\s*:)""")
_OUTSIDE_STRINGS = re.compile(
    r'("(?:[^"\\]|\\.)*(?:"|\Z))|,(?=\s*[}\]])|\b(True|False|None)\b', re.DOTALL
)
_CONSTANTS = {"True": "true", "False": "false", "None": "null"}
_STRING_OR_BRACE = re.compile(
    r""""(?:[^"\\]|\\.)*(?:"|\Z)|'(?:[^'\\]|\\.)*(?:'|\Z)|[{}]""", re.DOTALL
)
_UNKNOWN_ESCAPE = re.compile(r"\\[^\\'\"nrtbfu]")
_MOST_OBJECTS = 50
_FENCE = re.compile(r"```\w*")


@dataclass(frozen=True, slots=True)
class Found:
    """The objects of a text in order, and what had to be put right to read them."""

    objects: tuple[dict[str, object], ...]
    repairs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Read:
    found: dict[str, object]
    text: str
    """From the object on; other than the given one where it was mended."""
    end: int
    repair: str = ""


def find_objects(text: str) -> Found:
    """The outermost JSON objects: alone, in a Markdown fence, in prose, after thinking.

    Trailing commas, and objects in Python's notation, can mean one thing only and are read so.
    Strings keep whatever they hold: `//`, `# `, quotes, braces, line breaks.

    Raises:
        InvalidReply: an object is cut or broken, or there are far too many; the text says where,
            for the model.
    """
    words = part_thinking(text)
    repairs = ["left out its thinking"] if words.text != text else []
    rest, around = words.text, ""
    objects: list[dict[str, object]] = []
    while start := _OBJECT_START.search(rest):
        if len(objects) == _MOST_OBJECTS:
            raise InvalidReply(f"it holds more than {_MOST_OBJECTS} JSON objects; give only one")
        around += rest[: start.start()]
        read = _read_first(rest[start.start() :])
        if read.repair:
            repairs.append(read.repair)
        objects.append(read.found)
        rest = read.text[read.end :]
    if objects:
        around += rest
        if "```" in around:
            repairs.append("took it out of its fence")
        if _FENCE.sub("", around).strip():
            repairs.append("left out the words around it")
    return Found(tuple(objects), tuple(dict.fromkeys(repairs)))


def _read_first(text: str) -> _Read:
    """The object with which the text begins."""
    try:
        read = _read_as_meant(text)
        # A lone surrogate cannot be stored or sent as UTF-8.
        json.dumps(read.found, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        around = text[max(0, error.pos - 20) : error.pos + 20]
        raise InvalidReply(f"the JSON is broken near {around!r}: {error.msg}") from error
    except UnicodeEncodeError as error:
        raise InvalidReply("a string holds half of a surrogate pair") from error
    except RecursionError as error:
        raise InvalidReply("the JSON is nested too deeply") from error
    except ValueError as error:
        raise InvalidReply(f"the JSON cannot be read: {error}") from error
    return read


def _read_as_meant(text: str) -> _Read:
    decoder = json.JSONDecoder(
        object_pairs_hook=_without_repeated_keys, parse_constant=_refuse_constant, strict=False
    )
    try:
        return _Read(*_decoded(decoder, text))
    except json.JSONDecodeError as error:
        mended = _OUTSIDE_STRINGS.sub(
            lambda match: match[1] or _CONSTANTS.get(match[2] or "", ""), text
        )
        try:
            return _Read(*_decoded(decoder, mended), _MENDED)
        except json.JSONDecodeError:
            pass
        try:
            return _read_literal(text)
        except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError):
            raise error from None


def _decoded(decoder: json.JSONDecoder, text: str) -> tuple[dict[str, object], str, int]:
    found, end = decoder.raw_decode(text)
    return found, text, end


def _read_literal(text: str) -> _Read:
    """The Python dictionary with which the text begins, where it can be one in one way only.

    Raises:
        SyntaxError, ValueError, TypeError, MemoryError, RecursionError: it cannot.
    """
    source = _balanced(text)
    if _UNKNOWN_ESCAPE.search(source):
        raise ValueError("Python and JSON have this escape not in common")
    tree = ast.parse(source, mode="eval")
    found = ast.literal_eval(tree)
    # Tuples, sets, bytes and keys that are no strings do not come back as they were.
    if _repeats_keys(tree) or json.loads(json.dumps(found, allow_nan=False)) != found:
        raise ValueError("JSON has no such object")
    return _Read(found, text, len(source), _LITERAL)


def _balanced(text: str) -> str:
    """The text up to the brace that closes its first one.

    Raises:
        ValueError: none does, or two strings touch each other: Python would join them, but a model
            forgot to escape a quote.
    """
    depth, last_string_end = 0, -1
    for match in _STRING_OR_BRACE.finditer(text):
        if match[0] in {"{", "}"}:
            last_string_end = -1
            depth += 1 if match[0] == "{" else -1
            if depth == 0:
                return text[: match.end()]
        elif last_string_end >= 0 and not text[last_string_end : match.start()].strip():
            raise ValueError("two strings touch each other")
        else:
            last_string_end = match.end()
    raise ValueError("it is cut")


def _repeats_keys(tree: ast.AST) -> bool:
    return any(
        len({ast.dump(key) for key in node.keys if key}) < len(node.keys)
        for node in ast.walk(tree)
        if isinstance(node, ast.Dict)
    )


def _without_repeated_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    keys = [key for key, _ in pairs]
    if len(set(keys)) < len(keys):
        repeated = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {repeated!r} stands twice in one object")
    return dict(pairs)


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a JSON number")
