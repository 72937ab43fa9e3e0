from typing import Any

import pytest

from tapgraph.errors import UsageError
from tapgraph.kernels.attention_system import LayerShape
from tapgraph.kernels.inputs import check_call, check_inputs

SHAPE = LayerShape(index=3, layers=4, heads=8, kv_heads=2, head_dim=6, scale=1.0)


def test_the_group_is_told(random_inputs: Any) -> None:
    assert check_inputs(*random_inputs(3, 5)) == 4


def test_a_call_that_fits_passes(random_inputs: Any) -> None:
    check_call(SHAPE, *random_inputs(3, 3, batch=1))


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        (
            {"heads": 4},
            r"^layer 3 has 8 heads, 2 KV heads and head_dim 6, got queries \[1, 4, 3, 6\] and keys",
        ),
        ({"head_dim": 4}, r"^layer 3 has 8 heads, 2 KV heads and head_dim 6, got queries \[1, 8, "),
        ({"batch": 3}, r"^a layer is given one sequence at a time, got 3$"),
    ],
)
def test_a_call_of_another_shape_is_named(
    random_inputs: Any, sizes: dict[str, int], message: str
) -> None:
    queries, keys, values = random_inputs(3, 3, **{"batch": 1, **sizes})

    with pytest.raises(UsageError, match=message):
        check_call(SHAPE, queries, keys, values)


def test_queries_of_other_tokens_than_the_keys_are_refused(random_inputs: Any) -> None:
    queries, keys, values = random_inputs(3, 5, batch=1)

    with pytest.raises(UsageError, match=r"must be of the same new tokens, got 3 and 5$"):
        check_call(SHAPE, queries, keys, values)


def test_more_queries_than_keys_are_refused(random_inputs: Any) -> None:
    with pytest.raises(UsageError, match=r"at least as many keys as queries, got 4 and 5$"):
        check_inputs(*random_inputs(5, 4))
