"""The examples of RFC 6901, section 5, and what is told where a pointer names nothing."""

import pytest

from tapgraph.errors import ToolError
from tapgraph.tools.api.json_pointer import value_at
from tapgraph.tools.api.json_value import Json

DOCUMENT: dict[str, Json] = {
    "foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5, 'k"l': 6,
    " ": 7, "m~n": 8,
}  # fmt: skip


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("", DOCUMENT), ("/foo", ["bar", "baz"]), ("/foo/0", "bar"), ("/", 0), ("/a~1b", 1),
        ("/c%d", 2), ("/e^f", 3), ("/g|h", 4), ("/i\\j", 5), ('/k"l', 6), ("/ ", 7), ("/m~0n", 8),
    ],
)  # fmt: skip
def test_the_examples_of_the_standard(pointer: str, value: Json) -> None:
    assert value_at(DOCUMENT, pointer) == value


def test_an_escaped_tilde_is_not_read_twice() -> None:
    assert value_at({"~1": "kept"}, "/~01") == "kept"


@pytest.mark.parametrize(
    ("pointer", "told"),
    [
        ("foo", "starts with '/'"),
        ("/nothing", "'nothing' is not among foo, "),
        ("/foo/2", "'2' is not an index of a list of 2"),
        ("/foo/-", "'-' is not an index"),
        ("/foo/00", "'00' is not an index"),
        ("/foo/\N{ARABIC-INDIC DIGIT ONE}", "is not an index"),
        ("/foo/0/0", "'0' is not in a text"),
        ("/a~b", "written '~0'"),
    ],
)
def test_a_pointer_that_names_nothing_says_what_is_there(pointer: str, told: str) -> None:
    with pytest.raises(ToolError) as raised:
        value_at(DOCUMENT, pointer)
    assert told in str(raised.value)
