"""What task embeddings are compared with: a function vector, and LoRA of rank 1."""

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from tapgraph.llm_backend.steering.head_outputs import HeadOutputs
from tapgraph.llm_backend.steering.prompt_pasts import AnswerPass, PromptPasts
from tapgraph.llm_backend.steering.task_prompts import Example

CAUSAL_HEADS, TRIED_HEADS = 10, 40
LORA_STEPS, LORA_BATCH, LORA_RATE, LORA_LOOK = 100, 4, 5e-3, 50


@dataclass
class FunctionVector:
    """The sum of what the causal heads add to the residual stream (2310.15213, section 2.3)."""

    vector: Tensor
    layers: Sequence[nn.Module]
    layer: int | None = None

    @contextmanager
    def added_at(self, layer: int) -> Iterator[None]:
        """`read` adds it to the output of this layer."""
        self.layer = layer
        yield
        self.layer = None

    def read(self, pasts: PromptPasts, examples: Sequence[Example]) -> AnswerPass:
        """Add it at the last prompt tokens."""
        # What stands before the last tokens is read and remembered without it.
        pasts.read(examples)
        hook = self.layers[self.layer or 0].register_forward_hook(self._add)
        try:
            return pasts.read(examples)
        finally:
            hook.remove()

    def _add(self, _: nn.Module, __: Any, output: Any) -> Any:
        if isinstance(output, tuple):
            return (output[0] + self.vector, *output[1:])
        return output + self.vector

    def best_layer(self, pasts: PromptPasts, validation: Sequence[Example]) -> int:
        """Of every fifth one, by the loss of the first token."""
        losses = {}
        for layer in range(0, len(self.layers) - 5, 5):
            with self.added_at(layer):
                logits = self.read(pasts, validation).logits[:, 0].float()
            wanted = torch.tensor([one.answer[0] for one in validation])
            losses[layer] = float(functional.cross_entropy(logits, wanted))
        return min(losses, key=losses.__getitem__)


def function_vector_of(
    heads: HeadOutputs,
    decoder_layers: Sequence[nn.Module],
    pasts: PromptPasts,
    vectors: Tensor,
    corrupted: Sequence[Example],
) -> FunctionVector:
    """From the heads whose mean output, put into corrupted prompts, helps the right token most.

    Effects are measured for the heads with the largest first-order effects.
    """
    layers, count, _ = heads.shape
    one_hot = torch.eye(layers * count).view(-1, layers, count)
    first_order = torch.zeros(layers, count)
    for example in corrupted:
        weights = torch.zeros(1, layers, count, requires_grad=True)
        with torch.enable_grad():
            logits = pasts.read([example], vectors=vectors[None], weights=weights).logits
            logits[0, 0].float().softmax(-1)[example.answer[0]].backward()  # type: ignore[no-untyped-call]
        first_order += torch.zeros(()) if weights.grad is None else weights.grad[0]
    tried = first_order.flatten().topk(TRIED_HEADS).indices
    effect = torch.full((layers * count,), -torch.inf)
    effect[tried] = 0
    for example in corrupted:
        logits = pasts.read(
            [example] * TRIED_HEADS,
            vectors=vectors.expand(TRIED_HEADS, -1, -1, -1),
            weights=one_hot[tried],
        ).logits
        effect[tried] += logits[:, 0].float().softmax(-1)[:, example.answer[0]]
    best = effect.topk(CAUSAL_HEADS).indices
    kept = torch.zeros(layers, count, 1)
    kept.view(-1)[best] = 1
    summed = (vectors * kept).flatten(1)
    added = [one.o_proj(row) for one, row in zip(heads.attention, summed, strict=True)]
    return FunctionVector(torch.stack(added).sum(0), decoder_layers)


class LoraLinear(nn.Module):
    """A linear layer with a product of rank 1 beside it."""

    def __init__(self, linear: nn.Linear, generator: torch.Generator) -> None:
        super().__init__()
        self.linear = linear
        down = torch.randn((1, linear.in_features), generator=generator)
        self.down = nn.Parameter(down / linear.in_features**0.5)
        self.up = nn.Parameter(torch.zeros(linear.out_features, 1))

    def forward(self, inputs: Tensor) -> Tensor:
        out: Tensor = self.linear(inputs)
        return out + functional.linear(functional.linear(inputs, self.down), self.up)


@contextmanager
def lora(model: Any, seed: int) -> Iterator[list[nn.Parameter]]:
    """Rank 1 on queries and values; its parameters. Afterwards the model is as it was."""
    generator = torch.Generator().manual_seed(seed)
    replaced = []
    parameters: list[nn.Parameter] = []
    for layer in model.model.layers:
        for name in ("q_proj", "v_proj"):
            linear = getattr(layer.self_attn, name)
            adapted = LoraLinear(linear, generator)
            setattr(layer.self_attn, name, adapted)
            replaced.append((layer.self_attn, name, linear))
            parameters += [adapted.down, adapted.up]
    try:
        yield parameters
    finally:
        for owner, name, linear in replaced:
            setattr(owner, name, linear)


def lora_answers(
    model: Any,
    parts: Sequence[Sequence[Example]],
    answers_of: Callable[[Sequence[Example]], list[list[int]]],
    *,
    seed: int,
) -> list[list[int]]:
    """Answers to the last part, after learning from the first; the second chooses the step."""
    train, validation, test = parts
    dice = random.Random(seed)
    queue: list[Example] = []
    with lora(model, seed) as parameters:
        optimizer = torch.optim.Adam(parameters, lr=LORA_RATE)
        best: tuple[float, list[Tensor]] = (float("inf"), [])
        for step in range(LORA_STEPS + 1):
            if step % LORA_LOOK == 0:
                with torch.no_grad():
                    loss = float(answer_loss(model, validation))
                if loss < best[0]:
                    best = loss, [one.detach().clone() for one in parameters]
            if step == LORA_STEPS:
                break
            if len(queue) < LORA_BATCH:
                queue += dice.sample(list(train), len(train))
            batch, queue = queue[:LORA_BATCH], queue[LORA_BATCH:]
            optimizer.zero_grad()
            answer_loss(model, batch).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        with torch.no_grad():
            for parameter, kept in zip(parameters, best[1], strict=True):
                parameter.copy_(kept)
            return answers_of(test)


def answer_loss(model: Any, examples: Sequence[Example]) -> Tensor:
    """Mean cross-entropy over all tokens of the answers."""
    texts = [one.prompt + one.answer for one in examples]
    longest = max(map(len, texts))
    rows = torch.tensor([[*text, *[0] * (longest - len(text))] for text in texts])
    labels = torch.full_like(rows, -100)
    for row, one in enumerate(examples):
        first = len(one.prompt)
        labels[row, first : first + len(one.answer)] = torch.tensor(one.answer)
    mask = (torch.arange(longest) < torch.tensor([[len(text)] for text in texts])).long()
    hidden = model.model(input_ids=rows, attention_mask=mask, use_cache=False).last_hidden_state
    wanted = labels[:, 1:] >= 0
    logits = model.lm_head(hidden[:, :-1][wanted]).float()
    return functional.cross_entropy(logits, labels[:, 1:][wanted])
