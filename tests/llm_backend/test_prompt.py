"""Filling prompts."""

import pytest

from tapgraph.errors import UsageError
from tapgraph.llm_backend.prompt import fill, load_prompt


@pytest.mark.parametrize("fields", [{}, {"problem": "x", "other": "y"}, {"other": "y"}])
def test_missing_or_unknown_field_is_refused(fields: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        fill("wrong: $problem", **fields)


def test_value_that_looks_like_a_field_is_not_filled() -> None:
    assert fill("wrong: $problem", problem="$problem ${x} $") == "wrong: $problem ${x} $"


def test_packaged_prompt_is_found() -> None:
    assert "$problem" in load_prompt("tapgraph.llm_backend", "invalid_reply")
