"""Object-level attention (OAT, arXiv 2407.13335): which of a screen's elements come next.

A transformer over the elements and the words of a goal; its decoder points at one element after the
other, and at the goal itself to stop, so it works for any number of elements. `evals` measures
whether an order by it keeps what is needed; no agent uses it (docs/perception.md says why).

Deviations: features of the view hierarchy in the place of a picture's; reading order in the place
of shelf rows; two layers of width 48 and one, in the place of four and four of 512; the table of
positions in closed form, where the paper trains it to the same cosines.
"""

import math
from collections.abc import Sequence
from itertools import accumulate

import torch
from torch import Tensor, nn

__all__ = ["ObjectAttention", "position_table"]

_WIDTH, _HEADS, _PLACES = 48, 2, 16
_NEVER = -1e9


def position_table(places: int, width: int, *, spread: float = 2.0) -> Tensor:
    """Rows whose cosines are `exp(-(i - j)^2 / (2 spread^2))`, `[places, width]`.

    The paper's distance-based table (its section 3.2) by one eigenvalue decomposition; with fewer
    columns than places the smallest eigenvalues are left out.

    Raises:
        ValueError: there are more columns than places.
    """
    if width > places:
        raise ValueError(f"{places} places give no table of width {width}; it must not be larger")
    at = torch.arange(places, dtype=torch.float64)
    gram = torch.exp(-((at[:, None] - at[None]) ** 2) / (2 * spread**2))
    values, vectors = torch.linalg.eigh(gram)
    rows = vectors * values.clamp(min=0).sqrt()
    table: Tensor = rows[:, -width:].float()
    return table


class ObjectAttention(nn.Module):
    """Encoder over elements and aim, decoder over what was touched, and a head that points."""

    def __init__(self, features: int, *, buckets: int, most_objects: int) -> None:
        super().__init__()
        self.plain = nn.Linear(features, _WIDTH)
        self.words = nn.EmbeddingBag(buckets, _WIDTH, mode="mean")
        self.places = nn.Linear(_PLACES, _WIDTH, bias=False)
        self.table: Tensor
        self.register_buffer("table", position_table(most_objects, _PLACES))
        layer = nn.TransformerEncoderLayer(
            _WIDTH, 4, 2 * _WIDTH, dropout=0.1, batch_first=True, norm_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        back = nn.TransformerDecoderLayer(
            _WIDTH, 4, 2 * _WIDTH, dropout=0.1, batch_first=True, norm_first=True
        )
        self.decoder = nn.TransformerDecoder(back, 1)
        self.start = nn.Parameter(torch.zeros(_WIDTH))
        self.from_decoder = nn.Linear(_WIDTH, _HEADS * _WIDTH, bias=False)
        self.from_encoder = nn.Linear(_WIDTH, _HEADS * _WIDTH, bias=False)
        self.over_heads = nn.Linear(_HEADS, 1, bias=False)

    def forward(
        self,
        features: Tensor,
        words: Sequence[Sequence[int]],
        goal: Sequence[int],
        path: Sequence[int],
    ) -> Tensor:
        """Logits `[stops + 1, objects + 1]` of what follows each part of the path.

        The last column is to stop, which is forbidden at the first step.

        Args:
            features: `[objects, features]`, in reading order.
            words: numbers of the words of each object, below `buckets`.
            goal: those of the goal.
            path: places of the objects that were looked at so far.
        """
        places = self.places(self.table[: len(words)])
        objects = self.plain(features) + self._meant(words) + places
        encoded = self.encoder(torch.cat([objects, self._meant([goal])])[None])
        inputs = torch.cat([self.start[None], objects[list(path)]]) + _times(len(path) + 1)
        mask = nn.Transformer.generate_square_subsequent_mask(len(inputs))
        decoded = self.decoder(inputs[None], encoded, tgt_mask=mask, tgt_is_causal=True)
        logits = self.pointed(decoded[0], encoded[0])
        forbidden = torch.zeros_like(logits)
        forbidden[0, -1] = _NEVER
        return logits + forbidden

    def pointed(self, decoded: Tensor, encoded: Tensor) -> Tensor:
        """Object attention: how much each step `[steps, width]` points at each object.

        One scaled product a head, and a linear map over the heads.
        """
        left = self.from_decoder(decoded).view(-1, _HEADS, _WIDTH)
        right = self.from_encoder(encoded).view(-1, _HEADS, _WIDTH)
        by_head = torch.einsum("thw,nhw->tnh", left, right) / math.sqrt(_WIDTH)
        logits: Tensor = self.over_heads(by_head)[..., 0]
        return logits

    def _meant(self, texts: Sequence[Sequence[int]]) -> Tensor:
        """The mean of the words of each text, `[texts, width]`; nothing for one without words."""
        flat = torch.tensor([word for text in texts for word in text], dtype=torch.long)
        starts = [0, *accumulate(len(text) for text in texts)][:-1]
        meant: Tensor = self.words(flat, torch.tensor(starts, dtype=torch.long))
        return meant


def _times(count: int) -> Tensor:
    """Sine and cosine of each step, `[count, width]`."""
    rates = torch.exp(torch.arange(0, _WIDTH, 2) * (-math.log(10000.0) / _WIDTH))
    angles = torch.arange(count)[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], dim=1)
