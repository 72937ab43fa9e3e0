"""How deep in braces a JSON text stands, while it grows."""

import re

__all__ = ["JsonNesting"]

_MARKS = re.compile(r'["\\{}\[\]]')
_CLOSERS_OF_STRING = re.compile(r'["\\]')


class JsonNesting:
    """Follows a text that grows at its end and never reads a character twice.

    >>> nesting = JsonNesting()
    >>> nesting.find_end('{"a": "}', floor=0), nesting.find_end('{"a": "}"} rest', floor=0)
    (None, 10)
    """

    def __init__(self, depth: int = 0) -> None:
        self._depth = depth
        self._place = 0
        self._is_in_string = False

    def find_end(self, text: str, *, floor: int) -> int | None:
        """How many characters there are up to the brace that comes back to the depth `floor`."""
        while True:
            marks = _CLOSERS_OF_STRING if self._is_in_string else _MARKS
            found = marks.search(text, self._place)
            if found is None:
                self._place = max(self._place, len(text))
                return None
            self._place = found.end()
            match found[0]:
                case '"':
                    self._is_in_string = not self._is_in_string
                case "\\":
                    # The escaped letter is passed over, even if it has not come yet.
                    self._place += 1
                case "{" | "[":
                    self._depth += 1
                case _:
                    self._depth -= 1
                    if self._depth <= floor:
                        return self._place

    def forget(self, characters: int) -> None:
        """The first characters of the text are cut off."""
        self._place -= characters
