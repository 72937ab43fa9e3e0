"""Linear layers whose weights are kept in 8 bits; half the memory to be read for each token."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from tapgraph.llm_backend.local.checkpoint import multiplies_bfloat16

__all__ = ["Int8Linear", "quantize_linear_layers"]

_FEW_ROWS = 16
"""Up to so many rows, torch's kernel over 8-bit weights is used; for more the weights are unpacked,
which is then soon paid for by a product in a type that the processor multiplies."""


class Int8Linear(nn.Module):
    """A linear layer with weights rounded to 255 steps of a scale for each output, nothing else.

    Args:
        linear: what it stands for, in bfloat16.
    """

    weight: Tensor
    scales: Tensor
    bias: Tensor | None

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.in_features, self.out_features = linear.in_features, linear.out_features
        on_processor = linear.weight.device.type == "cpu"
        is_slow = on_processor and not multiplies_bfloat16()
        self._multiplied = torch.float32 if is_slow else linear.weight.dtype
        whole = linear.weight.detach().float()
        scales = (whole.abs().amax(dim=1) / 127).clamp(min=1e-12)
        steps = (whole / scales[:, None]).round().to(torch.int8)
        self.register_buffer("weight", steps)
        self.register_buffer("scales", scales.to(linear.weight.dtype))
        self.register_buffer("bias", None if linear.bias is None else linear.bias.detach())

    def forward(self, inputs: Tensor) -> Tensor:
        """`[..., in_features]` to `[..., out_features]`."""
        rows = inputs.reshape(-1, self.in_features)
        if len(rows) <= _FEW_ROWS and rows.device.type == "cpu":
            product = torch._weight_int8pack_mm(rows, self.weight, self.scales)
        else:
            unpacked = self.weight.to(self._multiplied) * self.scales[:, None]
            product = functional.linear(rows.to(self._multiplied), unpacked).to(rows.dtype)
        if self.bias is not None:
            product = product + self.bias
        return product.reshape(*inputs.shape[:-1], self.out_features)


def quantize_linear_layers(model: Any) -> None:
    """Put an `Int8Linear` into the place of each linear layer of a model in bfloat16.

    An output layer that shares its weights with the embedding gets 8-bit weights of its own; the
    embedding stays as it is.
    """
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if type(child) is nn.Linear:
                setattr(module, name, Int8Linear(child))
