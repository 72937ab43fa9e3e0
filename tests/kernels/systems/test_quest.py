"""Quest, against loops over pages."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from tapgraph.errors import UsageError
from tapgraph.kernels import LayerShape, PlainRotary, Quest, QuestConfig

ROUNDING = 1e-12
PAGE, KEPT, PROMPT, TOKENS = 4, 12, 30, 43
SHAPE = LayerShape(index=2, layers=3, heads=8, kv_heads=2, head_dim=6, scale=0.4)


def open_layer(index: int = 2, dense_below: int = 0) -> Any:
    config = QuestConfig(kept=KEPT, page=PAGE, dense_below=dense_below)
    shape = LayerShape(index=index, layers=3, heads=8, kv_heads=2, head_dim=6, scale=0.4)
    return Quest(config).open_layer(shape, PlainRotary())


def run(layer: Any, given: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    outputs = [layer.prefill(*(tensor[:, :, :PROMPT] for tensor in given))]
    outputs += [
        layer.decode(*(tensor[:, :, token : token + 1] for tensor in given))
        for token in range(PROMPT, TOKENS)
    ]
    return torch.cat(outputs, dim=2)


def pages_read(queries: Tensor, keys: Tensor, kv_head: int, token: int) -> list[int]:
    """The best pages of the full ones before the newest page, and that one."""
    newest = token // PAGE
    worth = [0.0] * newest
    for head in range(kv_head * 4, kv_head * 4 + 4):
        bounds = []
        for page in range(newest):
            of_page = keys[0, kv_head, page * PAGE : (page + 1) * PAGE]
            bound = 0.0
            for channel in range(6):
                factor = float(queries[0, head, token, channel])
                bound += max(factor * float(key) for key in of_page[:, channel])
            bounds.append(0.4 * bound)
        shares = torch.tensor(bounds, dtype=torch.float64).softmax(dim=0).tolist()
        worth = [max(pair) for pair in zip(worth, shares, strict=True)]
    best = sorted(range(newest), key=lambda page: (-worth[page], page))[: KEPT // PAGE - 1]
    return [*best, newest]


def test_a_step_reads_the_pages_of_the_greatest_bound(naive: Any, random_inputs: Any) -> None:
    given = random_inputs(TOKENS, TOKENS, batch=1)

    def sees(row: int, head: int, query: int) -> list[int]:
        if query < PROMPT:
            return list(range(query + 1))
        pages = pages_read(given[0], given[1], head // 4, query)
        return [token for token in range(query + 1) if token // PAGE in pages]

    layer = open_layer()
    output = run(layer, given)
    expected = naive(*given, SHAPE.scale, sees)
    torch.testing.assert_close(output, expected.output, atol=ROUNDING, rtol=0)
    kept = layer.kept_by_last_query()
    for head in range(8):
        assert kept[head].nonzero()[:, 0].tolist() == sees(0, head, TOKENS - 1)
    assert layer.reading.scored == 2 * ((TOKENS - 1) // PAGE)


def test_the_first_layers_and_short_texts_are_dense(naive: Any, random_inputs: Any) -> None:
    given = random_inputs(TOKENS, TOKENS, batch=1)
    dense = naive(*given, SHAPE.scale, lambda row, head, query: range(query + 1)).output
    for layer in (open_layer(index=1), open_layer(dense_below=TOKENS + 1)):
        torch.testing.assert_close(run(layer, given), dense, atol=ROUNDING, rtol=0)
    assert (run(open_layer(), given) - dense).abs().max() > 1e-3


def test_bounds_follow_a_text_that_is_cut_and_goes_on_otherwise(random_inputs: Any) -> None:
    given, other = random_inputs(TOKENS, TOKENS, batch=1), random_inputs(3, 3, batch=1, seed=1)
    layer, fresh = open_layer(), open_layer()
    run(layer, given)
    layer.crop(PROMPT)
    fresh.prefill(*(tensor[:, :, :PROMPT] for tensor in given))
    for token in range(3):
        new = [tensor[:, :, token : token + 1] for tensor in other]
        torch.testing.assert_close(layer.decode(*new), fresh.decode(*new), atol=ROUNDING, rtol=0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: QuestConfig(page=0), "page must be at least 1, got 0"),
        (lambda: QuestConfig(kept=31), "kept must be at least two pages of 16, got 31"),
        (lambda: QuestConfig(dense_layers=-1), "dense_layers must be at least 0, got -1"),
    ],
)
def test_impossible_settings_are_named(make: Callable[[], object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make()
