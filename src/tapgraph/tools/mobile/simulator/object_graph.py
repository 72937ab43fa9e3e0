"""Copying a graph of live objects, with the functions in it.

A phone's state is full of callbacks: what a dialog's button does, what a permission is asked for.
`copy.deepcopy` and plain `pickle` take a function for a constant, so that a copied button would
still act on the first phone. Here a function is copied with the variables that it has captured;
functions that shared a variable share its copy. Classes, code and constants stay the same objects,
which is why a frozen graph means something only in the process that made it.
"""

import io
import pickle
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import date, timedelta
from enum import Enum
from functools import partial
from random import Random
from types import CellType, CodeType, FunctionType, MappingProxyType, ModuleType
from typing import Any, Final

from tapgraph.errors import UsageError

__all__ = ["Constants", "FrozenGraph", "freeze", "thaw"]

_PLAIN: Final = (str, bytes, int, float, complex, type(None), date, timedelta, Enum)
_ATOMS: Final = frozenset({str, bytes, int, float, bool, type(None)})
_SHARED: Final = (type, CodeType, ModuleType)


class Constants:
    """Values that can never change, so that all copies share them.

    Those are the frozen dataclasses, tuples, frozen sets, mapping proxies and partials that hold,
    all the way down, nothing but each other, plain values, classes, and functions that a module or
    a class has. They are looked for in the candidates and in what these hold.
    """

    def __init__(self, candidates: Iterable[object]) -> None:
        self.by_id: dict[int, object] = {}
        for candidate in candidates:
            self._note(candidate)

    def _note(self, value: object) -> bool:
        if isinstance(value, (*_PLAIN, *_SHARED)) or _is_lasting(value):
            return True
        if id(value) in self.by_id:
            return True
        parts = _parts(value)
        if parts is None:
            return False
        # All parts are looked at: those that never change count even where the whole does not.
        noted = [self._note(part) for part in parts]
        if not all(noted):
            return False
        self.by_id[id(value)] = value
        return True


@dataclass(frozen=True, slots=True)
class FrozenGraph:
    """A graph at one moment; it can be thawed any number of times.

    Attributes:
        data: the objects that every thawed graph has for itself.
        shared: those that it has in common with all others.
    """

    data: bytes
    shared: tuple[object, ...]


def freeze(root: object, constants: Constants, outside: Mapping[int, str]) -> FrozenGraph:
    """The graph that can be reached from an object.

    Args:
        root: where to start.
        constants: what is shared.
        outside: by `id`, the names of objects that each copy gets new ones for.

    Raises:
        UsageError: something in it cannot be copied, such as an open file or a generator.
    """
    stream = io.BytesIO()
    freezer = _Freezer(stream, constants, outside)
    try:
        freezer.dump(root)
        # A captured variable may lead back to its own function. So functions are written with empty
        # cells, and what is in the cells follows when everything else is known.
        while freezer.cells:
            cells, freezer.cells = freezer.cells, []
            freezer.dump([(cell, cell.cell_contents) for cell in cells])
        freezer.dump([])
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise UsageError(
            f"this phone's state cannot be copied: {error}; apps and pages may hold values, "
            "objects and functions, but no files, locks, cursors or generators"
        ) from error
    return FrozenGraph(stream.getvalue(), tuple(freezer.shared))


def thaw(graph: FrozenGraph, outside: Mapping[str, object]) -> Any:
    """A new graph in the state of a frozen one.

    Args:
        graph: what `freeze` gave.
        outside: by name, the objects that stand for those that were left out.
    """
    thawer = _Thawer(io.BytesIO(graph.data), graph.shared, outside)
    root = thawer.load()
    while cells := thawer.load():
        for cell, contents in cells:
            cell.cell_contents = contents
    return root


class _Freezer(pickle.Pickler):
    def __init__(
        self, stream: io.BytesIO, constants: Constants, outside: Mapping[int, str]
    ) -> None:
        super().__init__(stream, protocol=5)
        self.cells: list[CellType] = []
        self.shared: list[object] = []
        self._constants = constants.by_id
        self._outside = outside
        self._numbers: dict[int, int] = {}

    def persistent_id(self, obj: object) -> int | str | None:
        if type(obj) in _ATOMS:
            return None
        key = id(obj)
        if key in self._numbers:
            return self._numbers[key]
        if key in self._outside:
            return self._outside[key]
        if key in self._constants or isinstance(obj, _SHARED) or _is_lasting(obj):
            return self._share(obj)
        return None

    def _share(self, obj: object) -> int:
        number = self._numbers.setdefault(id(obj), len(self.shared))
        if number == len(self.shared):
            self.shared.append(obj)
        return number

    def reducer_override(self, obj: object) -> Any:
        if isinstance(obj, FunctionType):
            self._share(obj.__globals__)
            blank = (obj.__code__, obj.__globals__, obj.__name__, obj.__closure__)
            rest = (obj.__defaults__, obj.__kwdefaults__, obj.__qualname__, obj.__dict__)
            return _blank_function, blank, rest, None, None, _complete_function
        if isinstance(obj, CellType):
            if _is_filled(obj):
                self.cells.append(obj)
            return CellType, ()
        if isinstance(obj, MappingProxyType):
            return MappingProxyType, (dict(obj),)
        if type(obj) is Random:
            # Its 625 numbers one by one would take longer than all the rest of a phone.
            version, words, gauss = obj.getstate()
            return _random_at, (version, array("I", words).tobytes(), gauss)
        return NotImplemented


class _Thawer(pickle.Unpickler):
    def __init__(
        self, stream: io.BytesIO, shared: tuple[object, ...], outside: Mapping[str, object]
    ) -> None:
        super().__init__(stream)
        self._shared = shared
        self._outside = outside

    def persistent_load(self, pid: int | str) -> object:
        return self._outside[pid] if isinstance(pid, str) else self._shared[pid]


def _blank_function(
    code: CodeType, names: dict[str, Any], name: str, closure: tuple[CellType, ...] | None
) -> FunctionType:
    return FunctionType(code, names, name, None, closure)


def _complete_function(function: FunctionType, rest: tuple[Any, Any, str, dict[str, Any]]) -> None:
    function.__defaults__, function.__kwdefaults__, function.__qualname__, extra = rest
    function.__dict__.update(extra)


def _random_at(version: int, words: bytes, gauss: float | None) -> Random:
    random = Random(0)
    random.setstate((version, tuple(array("I", words)), gauss))
    return random


def _is_lasting(obj: object) -> bool:
    """Whether it is a function that a module or a class has: it captures nothing."""
    return (
        isinstance(obj, FunctionType)
        and obj.__closure__ is None
        and "<locals>" not in obj.__qualname__
    )


def _is_filled(cell: CellType) -> bool:
    try:
        cell.cell_contents  # noqa: B018 - reading is the only way to ask
    except ValueError:
        return False
    return True


def _parts(value: object) -> Iterable[object] | None:
    """What a value that cannot itself change holds; None for one that can change."""
    if isinstance(value, tuple | frozenset):
        return value
    if isinstance(value, MappingProxyType):
        return value.values()
    if isinstance(value, partial):
        return (value.func, *value.args, *value.keywords.values())
    parameters = getattr(type(value), "__dataclass_params__", None)
    if parameters is None or not parameters.frozen:
        return None
    if getattr(value, "__dict__", None) and len(vars(value)) != len(fields(value)):  # type: ignore[arg-type]
        return None
    return [getattr(value, field.name) for field in fields(value)]  # type: ignore[arg-type]
