"""A call as a model wrote it, and its arguments, checked one by one."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from tapgraph.errors import InvalidReply

__all__ = ["FoundCall", "encodable", "known_name"]

_LARGEST = 1_000_000
_NUMBER = re.compile(r"-?\d{1,9}(?:\.\d{1,9})?")
_PART = re.compile(r"[^\s,()\[\]]+")
_SECONDS = re.compile(r"\s*(?:s|secs?|seconds?|秒)\s*\Z", re.IGNORECASE)
_BETWEEN = re.compile(r"[\s_-]")


@dataclass(frozen=True, slots=True)
class FoundCall:
    """An action with its arguments as the model wrote them, and what was mended to read it."""

    name: str
    arguments: Mapping[str, object]
    repairs: tuple[str, ...] = ()

    def has(self, key: str) -> bool:
        """Whether the argument was given and holds something."""
        return self.arguments.get(key) not in (None, "", [], ())

    def text(self, key: str, default: str | None = None) -> str:
        """The argument as text; the default where it is absent.

        Raises:
            InvalidReply: it is absent and there is no default, or it is no text.
        """
        value = self.arguments.get(key)
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if value is None and default is not None:
            return default
        if not isinstance(value, str):
            raise InvalidReply(f"{self.name} needs {key} as text")
        return encodable(value)

    def filled_text(self, key: str) -> str:
        """The argument as text that is not blank.

        Raises:
            InvalidReply: it is absent, blank or no text.
        """
        text = self.text(key)
        if not text.strip():
            raise InvalidReply(f"{self.name} needs {key} that is not empty")
        return text

    def point(self, *keys: str) -> tuple[float, float]:
        """The first of the arguments that was given, as a point; of a box it is the middle.

        Raises:
            InvalidReply: none was given, or it is neither two nor four numbers.
        """
        key = next((key for key in keys if self.has(key)), keys[0])
        numbers = _numbers(self.arguments.get(key))
        if len(numbers) == 4:
            return (numbers[0] + numbers[2]) / 2, (numbers[1] + numbers[3]) / 2
        if len(numbers) == 2:
            return numbers[0], numbers[1]
        raise InvalidReply(f"{self.name} needs {key} as one point of two numbers")

    def number(self, key: str) -> float:
        """The argument as a number; 0 where it is absent.

        Raises:
            InvalidReply: it is no number.
        """
        number = _number(self.arguments.get(key, 0))
        if number is None:
            raise InvalidReply(f"{self.name} needs {key} as a number")
        return number

    def seconds(self, key: str) -> dict[str, float]:
        """The arguments of a `Wait`: none where the model gave no time.

        Raises:
            InvalidReply: it is no number of seconds.
        """
        value = self.arguments.get(key)
        if not self.has(key):
            return {}
        if isinstance(value, str):
            value = _SECONDS.sub("", value)
        seconds = _number(value)
        if seconds is None or seconds < 0:
            raise InvalidReply(f"{self.name} needs {key} as a number of seconds")
        return {"seconds": seconds}


def known_name(written: str, names: Collection[str]) -> tuple[str, tuple[str, ...]]:
    """Which of the names is meant, and the repair if it is written otherwise.

    Case, spaces, hyphens and underscores do not count.

    Raises:
        InvalidReply: none of them is meant.

    >>> known_name("long press", ["Tap", "Long_Press"])
    ('Long_Press', ("'long press' was read as Long_Press",))
    """
    if written in names:
        return written, ()
    for name in names:
        if _BETWEEN.sub("", name).casefold() == _BETWEEN.sub("", written).casefold():
            return name, (f"{written!r} was read as {name}",)
    raise InvalidReply(f"no action is called {written[:40]!r}; use one of {', '.join(names)}")


def encodable(text: str) -> str:
    """The text, which can be stored and sent as UTF-8.

    Raises:
        InvalidReply: it cannot, for it holds half of a surrogate pair.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidReply("a text holds half of a surrogate pair") from error
    return text


def _numbers(value: object) -> tuple[float, ...]:
    """The two or four numbers of a point or box; none if it is anything else."""
    match value:
        case str():
            return _numbers(_PART.findall(value))
        case {"x": x, "y": y}:
            return _numbers([x, y])
        case [[x1, y1], [x2, y2]]:
            return _numbers([x1, y1, x2, y2])
        case list() | tuple():
            numbers = tuple(number for part in value if (number := _number(part)) is not None)
            return numbers if len(numbers) == len(value) else ()
    return ()


def _number(value: object) -> float | None:
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        return float(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        # Infinity and NaN fail the comparison too.
        return value if -_LARGEST < value < _LARGEST else None
    return None
