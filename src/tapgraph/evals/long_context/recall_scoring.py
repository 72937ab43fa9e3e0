"""How often a model recalls: exact answers by task and length, and which heads look at the gold."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import DynamicCache, LlamaForCausalLM

from tapgraph.evals.long_context.recall_tasks import (
    RecallContext,
    RecallPrompt,
    RecallTask,
    recall_context,
)

__all__ = ["NEARBY", "HeadGaze", "RecallScore", "exact_answers", "head_gaze", "score_recall"]


NEARBY = 64
"""How many tokens count as nearby in `HeadGaze`."""


@dataclass(frozen=True, slots=True)
class RecallScore:
    """Exact answers on one task at one length.

    Attributes:
        task: which task.
        length: tokens of a context with one question.
        asked: questions asked.
        exact: questions whose every answer token was the model's first choice; greedy decoding
            gives exactly these answers.
    """

    task: RecallTask
    length: int
    asked: int
    exact: int

    @property
    def rate(self) -> float:
        """Exact answers per question, 0..1, more is better."""
        return self.exact / self.asked


@dataclass(frozen=True, slots=True)
class HeadGaze:
    """Where heads look while an answer is being given: shares of attention, [layers, heads] each.

    Attributes:
        gold: on the token of the context that is to be said next.
        nearby: on the last `NEARBY` tokens, the present one included.
        first: on `<s>`.
    """

    gold: Tensor
    nearby: Tensor
    first: Tensor


def score_recall(
    model: LlamaForCausalLM,
    task: RecallTask,
    *,
    length: int,
    contexts: int,
    questions: int,
    seed: int,
) -> RecallScore:
    """Ask up to `questions` questions about each of `contexts` contexts, each on its own."""
    asked = exact = 0
    for index in range(contexts):
        context = recall_context(
            task, length=length, questions=questions, seed=seed * 1_000_003 + index
        )
        answers = exact_answers(model, context)
        asked += len(answers)
        exact += sum(answers)
    return RecallScore(task=task, length=length, asked=asked, exact=exact)


@torch.inference_mode()
def exact_answers(model: LlamaForCausalLM, context: RecallContext) -> Sequence[bool]:
    """For each question of a context, whether greedy decoding would give its answer.

    The context is read once; every question continues from that state as if it were the only one.
    """
    cache = DynamicCache(config=model.config)
    tokens = torch.tensor([context.token_ids])
    model.model(input_ids=tokens, past_key_values=cache, use_cache=True)
    results = []
    for question in context.questions:
        answer = torch.tensor(question.answer_ids)
        follow = torch.tensor([question.cue_ids + question.answer_ids[:-1]])
        logits = model(
            input_ids=follow,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=len(answer),
        ).logits[0]
        results.append(bool((logits.argmax(-1) == answer).all()))
        cache.crop(-follow.shape[1])
    return results


@torch.inference_mode()
def head_gaze(model: LlamaForCausalLM, prompts: Sequence[RecallPrompt]) -> HeadGaze:
    """Attention of every head at the steps that say the answer, averaged over steps and prompts."""
    steps = []
    implementation = model.config._attn_implementation
    for prompt in prompts:
        cache = DynamicCache(config=model.config)
        read = len(prompt.token_ids) - 1
        model.model(
            input_ids=torch.tensor([prompt.token_ids[:read]]),
            past_key_values=cache,
            use_cache=True,
        )
        model.set_attn_implementation("eager")
        try:
            layers = model(
                input_ids=torch.tensor([prompt.token_ids[read:] + prompt.answer_ids[:-1]]),
                past_key_values=cache,
                use_cache=True,
                output_attentions=True,
            ).attentions
        finally:
            model.set_attn_implementation(implementation)
        attention = torch.stack([layer[0] for layer in layers])
        for step, gold in enumerate(prompt.gold_positions):
            row = attention[:, :, step]
            here = read + step + 1
            nearby = row[:, :, here - NEARBY : here].sum(-1)
            steps.append(torch.stack([row[:, :, gold], nearby, row[:, :, 0]]))
    gold_share, nearby_share, first_share = torch.stack(steps).mean(0)
    return HeadGaze(gold=gold_share, nearby=nearby_share, first=first_share)
