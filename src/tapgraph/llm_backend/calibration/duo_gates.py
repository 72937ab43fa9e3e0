"""Which heads DuoAttention keeps whole: one gate for each KV head, learnt on passkeys."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor
from torch.nn import functional
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from tapgraph.errors import UsageError
from tapgraph.kernels.head_choice import best_share, heads_to_keep
from tapgraph.kernels.in_models.attention import (
    AttentionCall,
    layer_shapes,
    replace_attention,
    windowed_layers,
)
from tapgraph.kernels.in_models.text_decoder import TextDecoder
from tapgraph.kernels.sink_ring import streaming_visible
from tapgraph.llm_backend.calibration.calibration_file import Calibration, data_hash, fingerprint
from tapgraph.llm_backend.calibration.passkeys import (
    LabelledSequence,
    PasskeyData,
    PasskeyStyle,
    passkey_sequences,
    style_for,
)

__all__ = ["DuoTraining", "Progress", "fit_gates", "full_heads_of", "gate_loss", "train_duo_gates"]

PIECE_QUERIES = 256
"""Streaming attention is computed for so many queries at once."""


@dataclass(frozen=True, slots=True)
class DuoTraining:
    """How gates are learnt.

    Attributes:
        steps: of one sequence each. (The authors' 2,000 take hours on a CPU.)
        learning_rate: the highest; it rises from a tenth and falls back to it. (Theirs, for so many
            steps, is 0.02.)
        warm_share: share of the steps for the rise, and for the fall.
        gate_weight: of the mean gate in the loss, what makes gates fall that do not matter.
        sink: first tokens that a streaming head sees.
        recent: tokens before a token that a streaming head sees.
        full_share: share of the KV heads that become full heads.
    """

    steps: int = 32
    learning_rate: float = 0.08
    warm_share: float = 0.2
    gate_weight: float = 0.05
    sink: int = 128
    recent: int = 256
    full_share: float = 0.5

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise UsageError(f"steps must be at least 1, got {self.steps!r}")
        if not 0 < self.warm_share <= 0.5:
            raise UsageError(f"warm_share must be above 0 and at most 0.5, got {self.warm_share!r}")
        if self.learning_rate <= 0:
            raise UsageError(f"learning_rate must be positive, got {self.learning_rate!r}")
        if self.gate_weight < 0:
            raise UsageError(f"gate_weight must be at least 0, got {self.gate_weight!r}")
        if self.sink < 0 or self.recent < 0:
            raise UsageError(
                f"sink and recent must be at least 0, got {self.sink!r} and {self.recent!r}"
            )
        heads_to_keep(self.full_share, 1)

    def rate(self, step: int) -> float:
        """The learning rate of a step, counted from 0."""
        warm = max(1, round(self.warm_share * self.steps))
        rising = min(1.0, step / warm)
        falling = min(1.0, (self.steps - 1 - step) / warm)
        return self.learning_rate * (0.1 + 0.9 * min(rising, falling))


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a training run stands after a step.

    Attributes:
        step: counted from 0.
        distance: of the final hidden states from those of dense attention; less is better.
        mean_gate: mean over all KV heads, 0..1.
    """

    step: int
    distance: float
    mean_gate: float


def train_duo_gates(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    *,
    seed: int,
    training: DuoTraining | None = None,
    data: PasskeyData | None = None,
    on_step: Callable[[Progress], None] | None = None,
) -> Calibration:
    """The KV heads that `Duo` must keep whole, with the gates they were chosen by.

    Args:
        model: a causal language model, in evaluation mode; as it was afterwards.
        tokenizer: for the passkeys.
        seed: of the passkeys.
        training: None means `DuoTraining()`.
        data: None means `PasskeyData()`.
        on_step: told of every step.

    Returns:
        Tensors `full_heads` (bool `[layers, kv_heads]`) and `gates` (float32, likewise; -inf in
        layers with a sliding window of their own, of which no head is chosen).

    Raises:
        UsageError: the model is one that attention systems cannot work in, or the passkeys do not
            fit the context.
    """
    training = DuoTraining() if training is None else training
    data = PasskeyData() if data is None else data
    style: PasskeyStyle = style_for(tokenizer)
    hashes: list[str] = []

    def sequences() -> Iterator[LabelledSequence]:
        for sequence in passkey_sequences(tokenizer, data, style=style, seed=seed):
            hashes.append(data_hash(sequence.token_ids))
            yield sequence

    last: list[Progress] = []

    def watch(progress: Progress) -> None:
        last[:] = [progress]
        if on_step is not None:
            on_step(progress)

    gates = fit_gates(model, sequences(), training, on_step=watch)
    gates[windowed_layers(model)] = -torch.inf
    return Calibration(
        system="duo",
        model_fingerprint=fingerprint(model),
        model_name=str(model.name_or_path),
        data_sha256=hashlib.sha256("".join(hashes).encode()).hexdigest(),
        seed=seed,
        settings={
            "steps": training.steps,
            "learning_rate": training.learning_rate,
            "gate_weight": training.gate_weight,
            "sink": training.sink,
            "recent": training.recent,
            "full_share": training.full_share,
            "style": style,
            "passkeys": data.passkeys,
            "words": data.words,
            "shortest": data.shortest,
            "longest": data.longest,
            "last_distance": last[0].distance,
        },
        tensors={"full_heads": full_heads_of(gates, training.full_share), "gates": gates},
    )


def full_heads_of(gates: Tensor, share: float) -> Tensor:
    """The share of all KV heads with the highest gates; ties go to the earlier layer, then head.

    Xiao et al., 2410.10819, section 2.3, where ties are broken at random.

    Args:
        gates: `[layers, kv_heads]`; -inf where there is nothing to choose.
        share: 0..1, rounded up to whole heads.

    Returns:
        bool `[layers, kv_heads]`.

    Raises:
        UsageError: the share is not in 0..1.
    """
    return best_share(gates, share)


def fit_gates(
    model: PreTrainedModel,
    sequences: Iterable[LabelledSequence],
    training: DuoTraining,
    *,
    on_step: Callable[[Progress], None] | None = None,
) -> Tensor:
    """Gates in 0..1, float32 `[layers, kv_heads]`, that stay high where attention reaches far.

    Xiao et al., 2410.10819, section 2.2 and Algorithm 1: all weights are frozen; gates begin at 1;
    loss and mixing as in `gate_loss`. Deviations from the authors' code: streaming heads see
    exactly sink and recent tokens instead of whole blocks of 128; gates are float32; there is no
    activation checkpointing and no parallelism, so long contexts need much memory.

    Raises:
        UsageError: there are fewer sequences than steps.
    """
    shapes = layer_shapes(model)
    gates = torch.ones(len(shapes), shapes[0].kv_heads, device=model.device, requires_grad=True)
    optimizer = torch.optim.AdamW([gates], lr=training.learning_rate, weight_decay=0.0)
    step = -1
    with _frozen(model):
        for step, sequence in enumerate(islice(sequences, training.steps)):
            optimizer.param_groups[0]["lr"] = training.rate(step)
            distance = gate_loss(model, gates, sequence, training)
            loss = distance + training.gate_weight * gates.abs().mean()
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            with torch.no_grad():
                gates.clamp_(0, 1)
            if on_step is not None:
                on_step(Progress(step, float(distance.detach()), float(gates.detach().mean())))
    if step + 1 < training.steps:
        raise UsageError(f"{training.steps} steps need as many sequences, got {step + 1}")
    return gates.detach().cpu()


def gate_loss(
    model: PreTrainedModel, gates: Tensor, sequence: LabelledSequence, training: DuoTraining
) -> Tensor:
    """How far gated attention moves the final hidden states from those of dense attention.

    The sequence runs through the model twice. The first time is dense and needs no gradient. The
    second time each head puts out gate * (its dense output of the first time) + (1 - gate) * (its
    own streaming attention), so no second dense attention is needed, and errors of earlier layers
    reach later ones through the streaming part only.

    Args:
        model: with frozen weights.
        gates: `[layers, kv_heads]`; outside 0..1 they count as 0 or 1.
        sequence: what to read.
        training: for sink and recent.

    Returns:
        A scalar, float32 (float64 for float64 models): the squared difference after the last norm,
        mean over width and over the tail of the sequence.
    """
    decoder = TextDecoder(model).module
    token_ids = sequence.token_ids.to(model.device)[None]
    outputs: dict[int, Tensor] = {}

    def attend_and_keep(call: AttentionCall) -> Tensor:
        outputs[call.layer.index] = call.dense()
        return outputs[call.layer.index]

    with torch.no_grad(), replace_attention(model, attend_and_keep):
        dense = decoder(input_ids=token_ids, use_cache=False).last_hidden_state
    gated_attention = _GatedAttention(gates, outputs, training.sink, training.recent)
    with replace_attention(model, gated_attention):
        gated = decoder(input_ids=token_ids, use_cache=False).last_hidden_state
    exact = torch.float64 if dense.dtype == torch.float64 else torch.float32
    tail = slice(sequence.tail, None)
    difference: Tensor = gated[0, tail].to(exact) - dense[0, tail].to(exact)
    return difference.square().mean()


@contextmanager
def _frozen(model: PreTrainedModel) -> Iterator[None]:
    """No gradient for any weight; afterwards as before."""
    learning = [weight for weight in model.parameters() if weight.requires_grad]
    for weight in learning:
        weight.requires_grad_(False)
    try:
        yield
    finally:
        for weight in learning:
            weight.requires_grad_(True)


@dataclass(frozen=True, slots=True)
class _GatedAttention:
    """A mixture of given dense outputs and streaming attention.

    Attributes:
        gates: `[layers, kv_heads]`.
        dense: output of each layer, `[1, heads, tokens, head_dim]`.
        sink: first tokens that streaming heads see.
        recent: tokens before a token that they see.
    """

    gates: Tensor
    dense: Mapping[int, Tensor]
    sink: int
    recent: int

    def __call__(self, call: AttentionCall) -> Tensor:
        if call.window is not None:
            return call.dense()
        dense = self.dense[call.layer.index]
        gates = self.gates[call.layer.index].clamp(0, 1)
        gates = gates.repeat_interleave(call.layer.group).to(dense.dtype)[:, None, None]
        return gates * dense + (1 - gates) * self._stream(call)

    def _stream(self, call: AttentionCall) -> Tensor:
        """Attention to sink, recent tokens and itself; memory grows linearly with the tokens."""
        queries, keys, values = call.queries, call.keys, call.values
        slots = torch.arange(keys.shape[2], device=keys.device)
        outputs = []
        for first in range(0, queries.shape[2], PIECE_QUERIES):
            asking = slots[first : first + PIECE_QUERIES]
            near = slots[max(0, first - self.recent) : first + PIECE_QUERIES]
            seen = torch.cat((slots[: min(self.sink, int(near[0]))], near))
            mask = streaming_visible(asking, seen, sink=self.sink, recent=self.recent + 1)
            outputs.append(
                functional.scaled_dot_product_attention(
                    queries[:, :, asking],
                    keys[:, :, seen],
                    values[:, :, seen],
                    attn_mask=mask,
                    scale=call.layer.scale,
                    enable_gqa=True,
                )
            )
        return torch.cat(outputs, dim=2)
