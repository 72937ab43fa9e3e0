"""Which heads follow a highlight to better answers: layers first, then heads of the best layers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from tapgraph.errors import UsageError
from tapgraph.kernels.highlight import Highlight, Spans, Steering
from tapgraph.kernels.in_models.attention import (
    AttentionCache,
    ModelAttention,
    layer_shapes,
    use_attention,
    windowed_layers,
)
from tapgraph.kernels.in_models.text_decoder import TextDecoder
from tapgraph.kernels.systems.dense import Dense
from tapgraph.llm_backend.calibration.calibration_file import Calibration, fingerprint
from tapgraph.llm_backend.calibration.synthetic_text import hash_of_texts

__all__ = ["SteeredExample", "SteeringSearch", "find_steered_heads"]

_COUNTS = (4, 8, 16, 32)
"""How many heads together are tried."""
_ALPHAS = (0.3, 0.1, 0.03, 0.01)


@dataclass(frozen=True, slots=True)
class SteeredExample:
    """A question with its answer, as tokens.

    Attributes:
        prompt: everything before the answer.
        spans: of the prompt, what should be highlighted.
        answer: tokens.
    """

    prompt: tuple[int, ...]
    spans: Spans
    answer: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.answer:
            raise UsageError("an example needs an answer of at least one token")


@dataclass(frozen=True, slots=True)
class SteeringSearch:
    """How heads are looked for.

    Attributes:
        questions: by so many the heads are ranked, and by as many others the best ones are chosen.
        layers: how many of the best layers are looked at head by head.
        alpha: while layers and heads are compared.
        data: a file with questions, see `steering.examples`; empty for made ones.
    """

    questions: int = 12
    layers: int = 6
    alpha: float = 0.01
    data: str = ""

    def __post_init__(self) -> None:
        for name in ("questions", "layers"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be at least 1, got {getattr(self, name)!r}")
        if not 0 < self.alpha < 1:
            raise UsageError(f"alpha must be above 0 and below 1, got {self.alpha!r}")


@torch.inference_mode()
def find_steered_heads(
    model: PreTrainedModel,
    examples: Sequence[SteeredExample],
    *,
    seed: int,
    search: SteeringSearch = SteeringSearch(),
    tell: Callable[[str], None] = lambda _: None,
) -> Calibration:
    """The heads to steer and how strongly, with the gains they were chosen by.

    AutoPASTA (2409.10790), coarse to fine: whole layers are steered one by one, then single heads
    of the best layers. Deviations: a gain is the rise of the mean log-probability of a token of the
    right answer, and not of exact matches, for it is less noisy with few questions; how many of the
    best heads are taken, and alpha, are what gains most on questions that ranked nothing.

    Args:
        model: a causal language model, in evaluation mode.
        examples: at least `2 * search.questions`; the first of them are used.
        seed: of what drew the examples; only noted.
        search: sizes.
        tell: gets a line now and then.

    Returns:
        Tensors `heads` (bool `[layers, heads]`), `layer_gains` (`[layers]`), `head_gains`
        (`[layers, heads]`, NaN where not tried) and `choice_gains` (`[counts, alphas]`), in nats a
        token; the settings `alpha`, `count` and `gain` tell what was chosen.

    Raises:
        UsageError: there are too few examples, or attention systems cannot work in the model.
    """
    count = search.questions
    if len(examples) < 2 * count:
        raise UsageError(f"{2 * count} examples are needed, got {len(examples)}")
    examples = examples[: 2 * count]
    shapes = layer_shapes(model)
    width = shapes[0].heads
    free = [layer for layer, has in enumerate(windowed_layers(model).tolist()) if not has]
    with use_attention(model, Dense()) as attention:
        asked = [_Asked.of(model, attention, example) for example in examples]

        def gain(heads: Tensor, alpha: float, of: Sequence[_Asked]) -> float:
            steering = Steering(heads, alpha)
            return sum(one.gain(model, attention, steering) for one in of) / len(of)

        ranking, choosing = asked[:count], asked[count:]
        layer_gains = torch.full((len(shapes),), torch.nan)
        for layer in free:
            heads = _no_heads(len(shapes), width)
            heads[layer] = True
            layer_gains[layer] = gain(heads, search.alpha, ranking)
            tell(f"layer {layer} steered whole: {layer_gains[layer]:+.3f} nats a token")
        best = layer_gains.nan_to_num(-torch.inf).topk(min(search.layers, len(free))).indices
        head_gains = torch.full((len(shapes), width), torch.nan)
        for layer in sorted(best.tolist()):
            for head in range(width):
                heads = _no_heads(len(shapes), width)
                heads[layer, head] = True
                head_gains[layer, head] = gain(heads, search.alpha, ranking)
            tell(f"layer {layer}, best head: {head_gains[layer].max():+.3f} nats a token")
        order = head_gains.flatten().nan_to_num(-torch.inf).argsort(descending=True)
        tried = int((~head_gains.isnan()).sum())
        counts = sorted({min(most, tried) for most in _COUNTS})
        choices = torch.zeros(len(counts), len(_ALPHAS))
        for row, most in enumerate(counts):
            heads = _no_heads(len(shapes), width)
            heads.view(-1)[order[:most]] = True
            for column, alpha in enumerate(_ALPHAS):
                choices[row, column] = gain(heads, alpha, choosing)
            tell(f"{most} heads together: {choices[row].max():+.3f} nats a token")
    row, column = divmod(int(choices.argmax()), len(_ALPHAS))
    chosen = _no_heads(len(shapes), width)
    chosen.view(-1)[order[: counts[row]]] = True
    return Calibration(
        system="steering",
        model_fingerprint=fingerprint(model),
        model_name=str(model.name_or_path),
        data_sha256=hash_of_texts([(*one.prompt, *one.answer) for one in examples]),
        seed=seed,
        settings={
            "questions": count,
            "layers": search.layers,
            "search_alpha": search.alpha,
            "alpha": _ALPHAS[column],
            "count": counts[row],
            "gain": float(choices.max()),
        },
        tensors={
            "heads": chosen,
            "layer_gains": layer_gains,
            "head_gains": head_gains,
            "choice_gains": choices,
        },
    )


@dataclass(frozen=True, slots=True)
class _Asked:
    """An example whose prompt was read without steering.

    Attributes:
        example: it.
        read: all keys and values without steering.
        inputs: of each layer, `[1, tokens, width]`, prompt and answer.
        plain: the mean log-probability of the answer's tokens.
    """

    example: SteeredExample
    read: AttentionCache
    inputs: tuple[Tensor, ...]
    plain: float

    @classmethod
    def of(
        cls, model: PreTrainedModel, attention: ModelAttention, example: SteeredExample
    ) -> "_Asked":
        callable_model: Any = model
        cache = attention.new_cache()
        tokens = torch.tensor((*example.prompt, *example.answer), device=model.device)
        output = callable_model(
            input_ids=tokens[None],
            past_key_values=cache,
            output_hidden_states=True,
            logits_to_keep=len(example.answer) + 1,
        )
        return cls(example, cache, output.hidden_states, _score(output.logits, example))

    def gain(self, model: PreTrainedModel, attention: ModelAttention, steering: Steering) -> float:
        """What steering adds to the log-probability of a token of the answer.

        Layers before the first steered one, and tokens before the first highlight, are the same
        with it and without: they are not computed again.
        """
        callable_model: Any = model
        highlight = Highlight(steering, len(self.example.prompt), self.example.spans)
        first, layer = highlight.first, int(steering.heads.any(dim=1).nonzero()[0])
        cache = attention.new_cache([highlight])
        cache.begin_as(self.read, first)
        inputs = self.inputs[layer][:, first:]
        decoder: Any = TextDecoder(model).module
        layers = decoder.layers
        decoder.layers = layers[layer:]
        try:
            logits = callable_model(
                inputs_embeds=inputs,
                position_ids=torch.arange(first, first + inputs.shape[1], device=model.device)[
                    None
                ],
                past_key_values=cache,
                logits_to_keep=len(self.example.answer) + 1,
            ).logits
        finally:
            decoder.layers = layers
        return _score(logits, self.example) - self.plain


def _score(logits: Tensor, example: SteeredExample) -> float:
    """Mean log-probability of the answer's tokens; `logits` are the last of prompt and answer."""
    answer = torch.tensor(example.answer, device=logits.device)
    scores = logits[0, :-1].float().log_softmax(dim=-1)
    return float(scores.gather(1, answer[:, None]).mean())


def _no_heads(layers: int, heads: int) -> Tensor:
    return torch.zeros(layers, heads, dtype=torch.bool)
