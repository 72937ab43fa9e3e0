"""What a reply may look like, said without a grammar engine."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

from tapgraph.errors import UsageError

__all__ = ["Choice", "Constraint", "JsonSchema", "OneOf"]


@dataclass(frozen=True)
class JsonSchema:
    """The reply is one JSON value of this schema, on one line.

    Attributes:
        schema: a JSON schema; an object that lists entries has no others, unless
            `additionalProperties` says so. `{"type": "object"}` is any object.
        prefix: literal text before the value.
        suffix: literal text after it.
        longest_text: None to leave the schema as it is; else every value that could grow without
            end is limited, strings to so many characters (`short_schema`). A weak model may never
            close a value by itself.
    """

    schema: Mapping[str, Any]
    prefix: str = ""
    suffix: str = ""
    longest_text: int | None = None

    def __post_init__(self) -> None:
        if self.longest_text is not None and self.longest_text < 1:
            raise UsageError(f"longest_text must be at least 1, got {self.longest_text}")

    @cached_property
    def key(self) -> str:
        """Equal for equal constraints."""
        return json.dumps([dict(self.schema), self.prefix, self.suffix, self.longest_text])


@dataclass(frozen=True)
class Choice:
    """The reply is exactly one of these texts."""

    options: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.options or not all(self.options):
            raise UsageError(f"a choice needs texts that are not empty, got {self.options!r}")

    @cached_property
    def key(self) -> str:
        """Equal for equal constraints."""
        return json.dumps(self.options)


@dataclass(frozen=True)
class OneOf:
    """The reply keeps to one of these."""

    options: tuple[JsonSchema | Choice, ...]

    @cached_property
    def key(self) -> str:
        """Equal for equal constraints."""
        return json.dumps([option.key for option in self.options])


Constraint: TypeAlias = JsonSchema | Choice | OneOf
