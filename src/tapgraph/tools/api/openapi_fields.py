"""How the arguments of an operation travel in its request."""

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from tapgraph.tools.api.catalog import ApiParameter

__all__ = ["Arguments", "BodyForm", "Field", "Place"]

Place: TypeAlias = Literal["path", "query", "header", "cookie", "body"]
BodyForm: TypeAlias = Literal["none", "json", "form", "multipart", "text", "file"]

_LONGEST_NAME = 120


@dataclass(frozen=True, slots=True)
class Field:
    """How one argument travels.

    Attributes:
        argument: its name in a call.
        name: its name in the request; empty for a whole body.
        place: where it is put.
        style: how lists and objects are written there, by OpenAPI's names.
        explode: whether each item of a list or object is written by itself.
        as_json: whether it is written as JSON.
        reserved: whether the characters `:/?@!$'()*,;` stay as they are in a query.
        is_file: whether it names a file whose content is sent.
    """

    argument: str
    name: str
    place: Place
    style: str = "simple"
    explode: bool = False
    as_json: bool = False
    reserved: bool = False
    is_file: bool = False


class Arguments:
    """The arguments of one operation, each under a name of its own."""

    def __init__(self) -> None:
        """Hold none yet."""
        self.fields: list[Field] = []
        self.parameters: list[ApiParameter] = []

    @property
    def names(self) -> set[str]:
        """The names that are taken."""
        return {one.argument for one in self.fields}

    def add(self, field: Field, parameter: ApiParameter) -> None:
        """Add one; a name that is taken (a path and a query parameter `id`) gets its place.

        Foreign names are cut and put on one line; the request still has them as they are.
        """
        printable = "".join(one if one.isprintable() else " " for one in parameter.name)
        plain = name = printable.strip()[:_LONGEST_NAME].strip() or "argument"
        taken = self.names
        number = 1
        while name in taken:
            name = f"{plain}_{field.place}" + (f"_{number}" if number > 1 else "")
            number += 1
        self.fields.append(replace(field, argument=name))
        self.parameters.append(replace(parameter, name=name))
