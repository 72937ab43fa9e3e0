"""The dialects by their names."""

from collections.abc import Mapping

from tapgraph.errors import UsageError
from tapgraph.llm_backend.dialects.autoglm import AutoGlm
from tapgraph.llm_backend.dialects.computer_use import ComputerUse
from tapgraph.llm_backend.dialects.gui_call import Dialect
from tapgraph.llm_backend.dialects.mobile_use import GUI_OWL, QWEN_VL
from tapgraph.llm_backend.dialects.ui_tars import UiTars

__all__ = ["DIALECTS", "dialect_named"]

_ALL: tuple[Dialect, ...] = (UiTars(), AutoGlm(), GUI_OWL, QWEN_VL, ComputerUse())

DIALECTS: Mapping[str, Dialect] = {dialect.name: dialect for dialect in _ALL}


def dialect_named(name: str) -> Dialect:
    """The dialect of that name.

    Raises:
        UsageError: there is none.

    >>> dialect_named("qwen-vl").coordinate_space
    '0-999'
    """
    if name not in DIALECTS:
        raise UsageError(f"no dialect is called {name!r}; use one of {', '.join(DIALECTS)}")
    return DIALECTS[name]
