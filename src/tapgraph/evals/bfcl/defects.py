"""Tasks of bfcl-eval that no caller can do by the benchmark's own rules, and why.

They are those of version 2026.3.23 and count like all others; the scores are given without them as
well.
"""

from collections.abc import Mapping

__all__ = ["DEFECTS"]

_NO_NUMBERS = (
    "the converter reads every item of an ArrayList of `any` as text, the gold holds others"
)
_WRONG_TYPE = "the gold gives a text for an integer, which no call with checked types may"
_NO_VALUE = "a required list may have no value at all"

DEFECTS: Mapping[str, str] = {
    "simple_java_36": _NO_NUMBERS,
    "simple_java_64": "the value inside the gold's HashMap stands in no list of possible ones",
    "simple_java_65": _NO_NUMBERS,
    "live_simple_106-63-0": _NO_VALUE,
    "live_simple_112-68-0": _NO_VALUE,
    "live_multiple_862-181-3": "the gold needs an argument that the function does not have",
    "live_multiple_964-207-0": "the gold lacks the argument that the function requires",
    "multi_turn_base_173": _WRONG_TYPE,
    "multi_turn_miss_func_173": _WRONG_TYPE,
    "multi_turn_miss_param_173": _WRONG_TYPE,
    "multi_turn_long_context_173": _WRONG_TYPE,
}
