"""What settings of attention systems must be like, in the same words for all."""

from typing import Literal, get_args, get_origin, get_type_hints

from tapgraph.errors import UsageError

__all__ = ["check_choices", "check_least"]


def check_least(config: object, **least: float) -> None:
    """Raise unless each named setting is at least so much.

    Raises:
        UsageError: one is less.
    """
    for name, bound in least.items():
        if getattr(config, name) < bound:
            raise UsageError(f"{name} must be at least {bound}, got {getattr(config, name)!r}")


def check_choices(config: object) -> None:
    """Raise unless each setting of a `Literal` type has one of its values.

    Raises:
        UsageError: one has another.
    """
    for name, kind in get_type_hints(type(config)).items():
        values = get_args(kind)
        if get_origin(kind) is Literal and getattr(config, name) not in values:
            told = f"{', '.join(map(repr, values[:-1]))} or {values[-1]!r}"
            raise UsageError(f"{name} must be {told}, got {getattr(config, name)!r}")
