"""Plain Python functions as APIs: signature, type hints and docstring say what they take."""

import inspect
import time
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, PydanticUserError, ValidationError, create_model
from pydantic_core import PydanticSerializationError, to_jsonable_python

from tapgraph.errors import ToolError, UsageError
from tapgraph.tools.api.calls import CallResult, checked_arguments, result_text
from tapgraph.tools.api.catalog import Api, ApiCatalog
from tapgraph.tools.api.docstring import read_docstring
from tapgraph.tools.api.json_schema import SchemaReader
from tapgraph.tools.api.json_value import Json, one_line

__all__ = ["PythonFunctions"]

_FAILURES = (ValueError, LookupError, ArithmeticError, OSError)


@dataclass(frozen=True, slots=True)
class _Function:
    api: Api
    call: Callable[..., object]
    model: type[BaseModel]


class PythonFunctions:
    """An `ApiRunner` over functions of this process.

    What a function raises because its arguments make no sense (`ValueError`, `LookupError`,
    `ArithmeticError`, `OSError`) and a `ToolError` are told to the model; anything else is a fault
    of the function and goes through.

    >>> def area(width: float, height: float = 1.0) -> float:
    ...     '''The area of a rectangle.'''
    ...     return width * height
    >>> functions = PythonFunctions([area])
    >>> print(functions.catalog["area"].signature())
    area(width: number, height?: number = 1.0) -> number
      The area of a rectangle.
    >>> functions.call("area", {"width": 3, "height": 4}).value
    12.0
    """

    def __init__(
        self, functions: Sequence[Callable[..., object]], *, origin: str = "python"
    ) -> None:
        """Make an API of each function, called by its name.

        Raises:
            UsageError: a function has no name, no type hints, or parameters that have no name; or
                two have the same name.
        """
        read = [_read(function, origin) for function in functions]
        self._functions = {one.api.identifier: one for one in read}
        self.catalog = ApiCatalog(one.api for one in read)

    def call(self, identifier: str, arguments: Mapping[str, Json]) -> CallResult:
        """Call the function.

        Raises:
            ToolError: an argument does not fit, or the function says so.
        """
        api = self.catalog[identifier]
        function = self._functions[identifier]
        given = checked_arguments(api, arguments)
        try:
            checked = function.model.model_validate(given)
        except ValidationError as error:
            raise ToolError(f"{identifier} was not called: {_told(error)}") from error
        values = {
            name: getattr(checked, field) for name, field in _fields(function) if name in given
        }
        began = time.monotonic()
        try:
            answer = function.call(**values)
        except _FAILURES as error:
            words = one_line(str(error) or type(error).__name__, 600)
            raise ToolError(f"{identifier} failed: {words}") from error
        elapsed_s = time.monotonic() - began
        try:
            value: Json = to_jsonable_python(answer)
        except (PydanticSerializationError, ValueError, RecursionError) as error:
            raise UsageError(
                f"{identifier} must give what JSON can say, got {type(answer).__name__}"
            ) from error
        return CallResult(value, result_text(value), elapsed_s)


def _fields(function: _Function) -> list[tuple[str, str]]:
    """The names of parameters, and of the model's fields that stand for them."""
    return [(field.alias or name, name) for name, field in function.model.model_fields.items()]


def _told(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_context=False, include_input=False)
    parts = (f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in found[:5])
    return one_line("; ".join(parts), 600)


def _read(function: Callable[..., object], origin: str) -> _Function:
    name = getattr(function, "__name__", "")
    if not name.isidentifier():
        raise UsageError(f"a function must have a name, got {function!r}")
    try:
        hints = typing.get_type_hints(function, include_extras=True)
        signature = inspect.signature(function)
    except (NameError, TypeError, ValueError) as error:
        raise UsageError(f"the type hints of {name} cannot be read: {error}") from error
    documented = read_docstring(inspect.getdoc(function) or "")
    members: dict[str, Any] = {}
    for parameter in signature.parameters.values():
        if parameter.kind not in {parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY}:
            raise UsageError(f"{name} takes {parameter}, which has no name in a call")
        if parameter.name not in hints:
            raise UsageError(f"the parameter {parameter.name!r} of {name} has no type hint")
        default = ... if parameter.default is parameter.empty else parameter.default
        # Under names of their own: pydantic keeps some, such as `json` and `copy`, for itself.
        members[f"argument_{len(members)}"] = (
            hints[parameter.name],
            Field(default, alias=parameter.name),
        )
    try:
        model = create_model(name, __config__=ConfigDict(extra="forbid"), **members)
        schema = model.model_json_schema()
    except (PydanticUserError, NameError, ValueError) as error:
        raise UsageError(f"the types of {name} cannot be said in JSON: {error}") from error
    reader = SchemaReader(schema)
    required = schema.get("required", [])
    return _Function(
        api=Api(
            identifier=name,
            summary=documented.summary,
            parameters=tuple(
                reader.parameter(
                    one,
                    {key: value for key, value in described.items() if key != "title"},
                    required=one in required,
                    description=documented.arguments.get(one, ""),
                    where=f"the parameter {one!r} of {name}",
                )
                for one, described in schema.get("properties", {}).items()
            ),
            returns=documented.returns or _return_words(hints.get("return")),
            origin=origin,
        ),
        call=function,
        model=model,
    )


_PLAIN = {str: "text", int: "integer", float: "number", bool: "boolean", type(None): ""}


def _return_words(hint: object) -> str:
    if isinstance(hint, type):
        return _PLAIN.get(hint, hint.__name__)
    return "" if hint is None else str(hint)
