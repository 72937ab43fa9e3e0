"""Whether calls are right by the benchmark's rules, which compare values and run nothing.

They are those of `ast_checker.py` of bfcl-eval, its oddities included: texts are compared without
case, blanks and the signs `,./-_*^`; of what a list or a dictionary holds only one level is looked
at; a value of another type counts where the data itself holds one of that type ("a variable").
"""

import importlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tapgraph.evals.bfcl.call import Call
from tapgraph.evals.bfcl.dataset import Language, Question, Row

__all__ = ["fault_of"]

_CONVERTERS = "bfcl_eval.eval_checker.ast_eval.type_convertor"
_IGNORED = re.compile(r"[ ,./\-_*^]")
_TYPES: Mapping[Language, Mapping[str, type]] = {
    "python": {
        "string": str,
        "integer": int,
        "float": float,
        "boolean": bool,
        "array": list,
        "tuple": list,
        "dict": dict,
        "any": str,
    },
    "java": {
        "byte": int,
        "short": int,
        "integer": int,
        "long": int,
        "float": float,
        "double": float,
        "boolean": bool,
        "char": str,
        "String": str,
        "any": str,
        "Array": list,
        "HashMap": dict,
        "ArrayList": list,
        "Set": set,
        "Hashtable": dict,
        "Queue": list,
        "Stack": list,
    },
    "javascript": {
        "String": str,
        "integer": int,
        "float": float,
        "Bigint": int,
        "Boolean": bool,
        "dict": dict,
        "array": list,
        "any": str,
    },
}
_NESTED: Mapping[Language, frozenset[str]] = {
    "python": frozenset({"array", "tuple"}),
    "java": frozenset({"Array", "ArrayList", "array"}),
    "javascript": frozenset({"Array", "ArrayList", "array"}),
}


def fault_of(question: Question, calls: Sequence[Call]) -> str:
    """What is wrong with the calls; empty where they are right."""
    if question.gold is None:
        if bool(calls) != ("irrelevance" in question.category):
            return ""
        return "something is called" if calls else "nothing is called"
    if len(calls) != len(question.gold):
        return f"{len(calls)} calls in place of {len(question.gold)}"
    left = list(calls)
    for gold in question.gold:
        faults = [_call_fault(question, gold, one) for one in left]
        if "" not in faults:
            return faults[0]
        left.pop(faults.index(""))
    return ""


def _call_fault(question: Question, gold: Mapping[str, Any], call: Call) -> str:
    (name, possible), *_ = gold.items()
    described = next((one for one in question.functions if one["name"] == name), None)
    if described is None:
        return f"the data describes no function {name!r}"
    if call.name != name:
        return f"{call.name!r} is called in place of {name!r}"
    properties = described["parameters"]["properties"]
    for needed in described["parameters"].get("required", ()):
        if needed not in call.arguments:
            return f"{needed!r} is missing"
    for argument, value in call.arguments.items():
        if argument not in properties or argument not in possible:
            return f"{argument!r} is not expected"
        if not _is_right(value, possible[argument], properties[argument], question.language):
            return f"{argument!r} is {value!r} in place of one of {possible[argument]!r}"
    for argument, values in possible.items():
        if argument not in call.arguments and "" not in values:
            return f"{argument!r} is left out"
    return ""


def _is_right(value: Any, possible: Sequence[Any], described: Row, language: Language) -> bool:
    kind = described["type"]
    expected = _TYPES[language].get(kind)
    if expected is None:
        return False
    nested = None
    if kind in _NESTED[language]:
        nested = _TYPES[language].get(described.get("items", {}).get("type", ""))
    if language != "python":
        if not isinstance(value, str):
            return False
        value = _converted(value, described, language)
    elif kind == "float" and type(value) is int:
        value = float(value)
    typed = _typed(value, possible, expected, nested)
    if not typed.is_right or typed.is_variable:
        return typed.is_right and value in possible
    return _is_among(value, possible, expected, nested)


def _is_among(value: Any, possible: Sequence[Any], expected: type, nested: type | None) -> bool:
    if expected is dict:
        return _fits_dict(value, possible)
    if expected is list and nested is dict:
        return _fits_dicts(value, possible)
    if expected is str:
        return _plain(value) in [_plain(one) for one in possible if isinstance(one, str)]
    if expected is list:
        return [_plain(one) for one in value] in [
            [_plain(one) for one in each] for each in possible
        ]
    return value in possible


@dataclass(frozen=True, slots=True)
class _Typed:
    is_right: bool
    is_variable: bool = False


def _typed(value: Any, possible: Sequence[Any], expected: type, nested: type | None) -> _Typed:
    """Whether the value is of the type, or of the one that the data holds instead."""
    held = next((type(one) for one in possible if one != ""), None)
    kind = type(value)
    if kind is expected:
        fits = nested is None or any(
            not isinstance(one, list)
            or all(_typed(item, one, nested, None).is_right for item in value)
            for one in possible
        )
        if fits:
            return _Typed(is_right=True, is_variable=held not in {None, expected})
    is_variable = held is not None and kind is held
    return _Typed(is_right=is_variable, is_variable=is_variable)


def _plain(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return _IGNORED.sub("", value).lower().replace("'", '"')


def _fits_dict(value: Mapping[str, Any], possible: Sequence[Any]) -> bool:
    return any(
        all(
            isinstance(one.get(name), list) and _plain(held) in map(_plain, one[name])
            for name, held in value.items()
        )
        and all(name in value or "" in values for name, values in one.items())
        for one in possible
        if one != ""
    )


def _fits_dicts(value: Sequence[Any], possible: Sequence[Any]) -> bool:
    return any(
        len(value) == len(each)
        and all(_fits_dict(held, [one]) for held, one in zip(value, each, strict=True))
        for each in possible
    )


def _converted(value: str, described: Row, language: Language) -> Any:
    """The value that a text of Java or JavaScript means, by the package's own converters."""
    short = "java" if language == "java" else "js"
    module = importlib.import_module(f"{_CONVERTERS}.{short}_type_converter")
    convert = getattr(module, f"{short}_type_converter")
    if described["type"] in _NESTED[language]:
        return convert(value, described["type"], described.get("items", {}).get("type"))
    return convert(value, described["type"])
