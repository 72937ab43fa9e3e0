"""Values that a model points at instead of writing them: filled in by code, exactly.

==================================================== ===============================================
`{"from_call": 3, "pointer": "/items/0/id"}`         a part of what step 3 gave (RFC 6901)
`{"from_call": 3}`                                   all of it
`{"from_system": "now"}`, `"today"`, `"timezone"`    what the user's system says
==================================================== ===============================================

References may stand anywhere inside the arguments. What they bring is data and never searched for
further references.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from tapgraph.errors import ToolError
from tapgraph.tools.api.json_pointer import value_at
from tapgraph.tools.api.json_value import Json, check_size, excerpt, json_line

__all__ = ["References", "ResultStore"]

_OF_CALL = ({"from_call"}, {"from_call", "pointer"})


class ResultStore(Protocol):
    """Where what steps gave is kept; a run folder."""

    def has_result(self, step: int) -> bool:
        """Whether a step gave something."""
        ...

    def load_result(self, step: int) -> Json:
        """What it gave."""
        ...


@dataclass(frozen=True, slots=True)
class References:
    """Fills references in.

    Attributes:
        results: what the steps gave.
        now: the user's time, with its zone.
    """

    results: ResultStore
    now: datetime

    def filled(self, written: Json) -> Json:
        """The value with each reference replaced by what it points at.

        Raises:
            ToolError: a reference is malformed or points at nothing, or the value is too large.
        """
        check_size("the arguments", written)
        return self._filled(written)

    def _filled(self, written: Json) -> Json:
        if isinstance(written, Mapping):
            if "from_call" in written and set(written) in _OF_CALL:
                return self._of_call(written)
            if set(written) == {"from_system"}:
                return self._of_system(written["from_system"])
            return {name: self._filled(value) for name, value in written.items()}
        if isinstance(written, Sequence) and not isinstance(written, str):
            return [self._filled(value) for value in written]
        return written

    def _of_call(self, reference: Mapping[str, Json]) -> Json:
        step, pointer = reference["from_call"], reference.get("pointer", "")
        if not isinstance(step, int) or isinstance(step, bool) or not isinstance(pointer, str):
            raise ToolError(
                'a reference is {"from_call": number of a step, "pointer": "/..."}, got '
                + excerpt(json_line(reference), 120)
            )
        if step < 1 or not self.results.has_result(step):
            raise ToolError(f"step {step} gave no result that could be referred to")
        try:
            return value_at(self.results.load_result(step), pointer)
        except ToolError as error:
            raise ToolError(f"the result of step {step}: {error}") from error

    def _of_system(self, name: Json) -> str:
        match name:
            case "now":
                return self.now.isoformat(timespec="seconds")
            case "today":
                return self.now.date().isoformat()
            case "timezone":
                return getattr(self.now.tzinfo, "key", None) or self.now.strftime("%z")
            case _:
                raise ToolError(
                    'from_system is "now", "today" or "timezone", got '
                    + excerpt(json_line(name), 60)
                )
