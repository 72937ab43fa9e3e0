import pytest
import torch
from torch.nn import functional

from tapgraph.tools.mobile.perception.object_attention import ObjectAttention, position_table

WORDS = [[1, 2], [], [3], [4, 5, 6]]
GOAL = [3, 7]


@pytest.fixture
def net() -> ObjectAttention:
    torch.manual_seed(0)
    return ObjectAttention(5, buckets=16, most_objects=20).eval().requires_grad_(False)


@pytest.mark.parametrize("places", [6, 22, 40])
def test_positions_have_the_cosines_that_the_paper_trains_them_to(places: int) -> None:
    rows = functional.normalize(position_table(places, places).double(), dim=1)
    for one in range(places):
        for other in range(places):
            wanted = torch.exp(torch.tensor(-((one - other) ** 2) / (2 * 2.0**2)).double())
            assert float(rows[one] @ rows[other]) == pytest.approx(float(wanted), abs=1e-5)


def test_positions_have_equal_lengths() -> None:
    lengths = position_table(22, 22).norm(dim=1)
    assert torch.allclose(lengths, torch.ones(22), atol=1e-5)


def test_object_attention_is_a_mixture_of_scaled_products(net: ObjectAttention) -> None:
    decoded, encoded = torch.randn(3, 48), torch.randn(5, 48)
    found = net.pointed(decoded, encoded)
    left, right = net.from_decoder.weight, net.from_encoder.weight
    for step in range(3):
        for thing in range(5):
            total = 0.0
            for head in range(2):
                rows = slice(48 * head, 48 * head + 48)
                product = (left[rows] @ decoded[step]) @ (right[rows] @ encoded[thing])
                total += float(net.over_heads.weight[0, head] * product) / 48**0.5
            assert float(found[step, thing]) == pytest.approx(total, abs=1e-4)


def test_there_is_a_logit_for_each_object_and_one_to_stop(net: ObjectAttention) -> None:
    logits = net(torch.randn(4, 5), WORDS, GOAL, [2, 0])
    assert logits.shape == (3, 5)


def test_it_cannot_stop_before_it_began(net: ObjectAttention) -> None:
    chances = net(torch.randn(4, 5), WORDS, GOAL, [2]).softmax(1)
    assert float(chances[0, -1]) == 0
    assert float(chances[1, -1]) > 0


def test_what_comes_later_does_not_change_what_was_pointed_at(net: ObjectAttention) -> None:
    features = torch.randn(4, 5)
    short, long = net(features, WORDS, GOAL, [2]), net(features, WORDS, GOAL, [2, 1, 3])
    assert torch.allclose(short, long[:2], atol=1e-5)


def test_the_goal_matters(net: ObjectAttention) -> None:
    features = torch.randn(4, 5)
    assert not torch.allclose(net(features, WORDS, GOAL, []), net(features, WORDS, [9], []))


def test_a_table_wider_than_its_places_is_refused() -> None:
    with pytest.raises(ValueError, match="8 places"):
        position_table(8, 16)
