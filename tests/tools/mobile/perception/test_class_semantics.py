import pytest
import torch

from tapgraph.tools.mobile.perception.class_semantics import GatePart, SemanticGate


def conv3(layer: torch.nn.Conv1d, rows: torch.Tensor) -> torch.Tensor:
    """A window of three frames, by loops: rows `[classes, time]` to `[out, time]`."""
    weight, bias = layer.weight, layer.bias
    assert bias is not None
    out = torch.zeros(weight.shape[0], rows.shape[1])
    for channel in range(weight.shape[0]):
        for frame in range(rows.shape[1]):
            total = bias[channel].clone()
            for offset in (-1, 0, 1):
                if 0 <= frame + offset < rows.shape[1]:
                    total += weight[channel, :, offset + 1] @ rows[:, frame + offset]
            out[channel, frame] = total
    return out


def test_the_gates_are_those_of_the_formula() -> None:
    torch.manual_seed(0)
    gate = SemanticGate(8, 3)
    features, semantics = torch.randn(1, 8, 5), torch.rand(1, 3, 5)
    near = torch.relu(conv3(gate.channel_near, semantics[0]))
    channel = torch.sigmoid(gate.channel_out.weight @ near.mean(1) + gate.channel_out.bias)
    near = torch.relu(conv3(gate.time_near, semantics[0]))
    time = torch.sigmoid(conv3(gate.time_out, near))
    expected = channel[:, None] * features[0] + time * features[0]
    with torch.no_grad():
        assert gate(features, semantics)[0] == pytest.approx(expected.detach(), abs=1e-6)


def test_the_gates_look_at_the_semantics_and_never_at_the_features() -> None:
    torch.manual_seed(0)
    gate = SemanticGate(8, 3)
    features, semantics = torch.randn(1, 8, 5), torch.rand(1, 3, 5)
    with torch.no_grad():
        assert gate(2 * features, semantics) == pytest.approx(2 * gate(features, semantics))
        assert not torch.allclose(gate(features, semantics), gate(features, semantics.flip(-1)))


def test_one_part_alone_leaves_the_other_out() -> None:
    torch.manual_seed(0)
    only_time: tuple[GatePart, ...] = ("time",)
    gate = SemanticGate(4, 3, only_time)
    features, semantics = torch.randn(1, 4, 6), torch.rand(1, 3, 6)
    with torch.no_grad():
        assert gate(features, semantics) == pytest.approx(gate.time_gate(semantics) * features)
