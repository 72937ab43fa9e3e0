"""Whether a regular expression from outside may run for minutes, or means something else here."""

import re

__all__ = ["may_run_long", "means_something_else"]

_MOST_STEPS = 10**9
_ESCAPED = re.compile(r"\\.", re.DOTALL)
_SET_OPERATION = re.compile(r"\[|--|&&|~~|\|\|")
_ELEMENT = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|[*+]|\{\d+,\d*\}|[()|]|.", re.DOTALL)


def may_run_long(pattern: str, text_length: int) -> bool:
    r"""Whether searching a text of this length may take more than about 10**9 steps.

    Python's engine backtracks and cannot be stopped, so this errs on the safe side: a repeated
    group that repeats or branches inside is refused, and k open repeats count as length^(k + 1).

    >>> may_run_long(r"(a+)+$", 30), may_run_long(r"[0-9]+\.[0-9]+", 500)
    (True, False)
    """
    open_repeats = 0
    is_branching = [False]
    closed_branching = False
    for found in _ELEMENT.finditer(pattern):
        element = found.group()
        is_repeat = element in {"*", "+"} or (element[0] == "{" and len(element) > 1)
        if is_repeat:
            open_repeats += 1
            if closed_branching:
                return True
            is_branching[-1] = True
        closed_branching = False
        if element == "(":
            is_branching.append(False)
        elif element == "|":
            is_branching[-1] = True
        elif element == ")" and len(is_branching) > 1:
            closed_branching = is_branching.pop()
            is_branching[-1] = is_branching[-1] or closed_branching
    steps: int = (text_length + 1) ** min(open_repeats + 1, 20)
    return steps > _MOST_STEPS


def means_something_else(pattern: str) -> bool:
    r"""Whether a set holds what Apple's engine reads as sets inside sets, and Python as letters.

    Sets without an end count too; Python warns of either instead of only refusing them.

    >>> means_something_else("[[:alpha:]]+"), means_something_else(r"[a\[]")
    (True, False)
    """
    for found in _ELEMENT.finditer(pattern):
        element = found.group()
        if element == "[":
            return True
        if element[0] == "[" and _SET_OPERATION.search(_ESCAPED.sub("", element[1:])):
            return True
    return False
