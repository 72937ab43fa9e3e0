import math

import pytest
import torch

from tapgraph.errors import UsageError
from tapgraph.kernels.rotary import PlainRotary


def test_each_pair_of_halves_turns_by_its_own_angle() -> None:
    generator = torch.Generator().manual_seed(0)
    vectors = torch.randn(2, 3, 4, 6, generator=generator, dtype=torch.float64)
    positions = torch.tensor([[0, 1, 5, 9], [3, 2, 2, 100]])

    rotated = PlainRotary(base=100.0)(vectors, positions)

    for row in range(2):
        for token in range(4):
            for pair in range(3):
                angle = int(positions[row, token]) * 100.0 ** (-2 * pair / 6)
                plain = torch.complex(
                    vectors[row, :, token, pair], vectors[row, :, token, pair + 3]
                )
                turned = plain * complex(math.cos(angle), math.sin(angle))
                result = torch.complex(
                    rotated[row, :, token, pair], rotated[row, :, token, pair + 3]
                )
                assert (turned - result).abs().max() < 1e-13


def test_a_product_depends_on_the_distance_only() -> None:
    generator = torch.Generator().manual_seed(0)
    first, second = torch.randn(2, 1, 1, 1, 8, generator=generator, dtype=torch.float64)
    rotary = PlainRotary()

    def product(position: int, other: int) -> float:
        left = rotary(first, torch.tensor([[position]]))
        return float((left * rotary(second, torch.tensor([[other]]))).sum())

    assert product(7, 3) == pytest.approx(product(1007, 1003), abs=1e-10)
    assert product(7, 3) != pytest.approx(product(7, 4), abs=1e-3)


def test_each_head_may_have_its_own_positions() -> None:
    vectors = torch.ones(1, 2, 1, 4, dtype=torch.float64)
    rotary = PlainRotary()

    both = rotary(vectors, torch.tensor([[[3], [8]]]))

    assert torch.equal(both[:, :1], rotary(vectors[:, :1], torch.tensor([[3]])))
    assert torch.equal(both[:, 1:], rotary(vectors[:, 1:], torch.tensor([[8]])))


def test_a_rotation_can_be_undone() -> None:
    vectors = torch.randn((2, 3, 4, 6), generator=torch.Generator().manual_seed(0)).double()
    positions = torch.tensor([[0, 1, 5, 900], [3, 2, 2, 100]])
    rotary = PlainRotary()

    undone = rotary.undo(rotary(vectors, positions), positions)

    assert (undone - vectors).abs().max() < 1e-13


def test_bad_input_is_named() -> None:
    with pytest.raises(UsageError, match=r"^head_dim must be even, got 3$"):
        PlainRotary()(torch.zeros(1, 1, 1, 3), torch.zeros(1, 1, dtype=torch.int64))
    with pytest.raises(UsageError, match=r"^positions must be \[1, 2\] or \[1, 4, 2\], got \[1, 1"):
        PlainRotary()(torch.zeros(1, 4, 2, 4), torch.zeros(1, 3, dtype=torch.int64))
    with pytest.raises(UsageError, match=r"^base must be positive, got -1$"):
        PlainRotary(base=-1)
