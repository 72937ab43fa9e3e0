"""Countdown by a tiny policy, under every credit rule and its controls; see `rhythm.py`."""

import random
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, get_args

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from tapgraph.llm_backend.training.credit import Credit, CreditRule
from tapgraph.llm_backend.training.grpo import GrpoSettings, GrpoStep, GrpoTrainer
from tapgraph.llm_backend.training.policy import Policy
from tapgraph.llm_backend.training.questions import Answers, Countdown
from tapgraph.llm_backend.training.rhythm import RhythmSettings

__all__ = ["RULES", "measure_policies", "policy_table"]

RULES: Final = get_args(CreditRule)
COUNTDOWN: Final = Countdown(numbers=3, largest=9, highest=99)
RHYTHM: Final = RhythmSettings(window=4, gap=3, horizon=None)
"""A reply has twelve tokens, too few for the paper's distances."""
END: Final = 1
TESTS: Final = 500
MISSES: Final = 0.5
"""The share of lessons whose equations lead to another number than is asked for."""
TEST_SEED: Final = 10**12
_WORDS: Final = ("<pad>", "<end>", ":", ";", ",", "=", "+", "-", "*", *map(str, range(100)))


@dataclass(frozen=True)
class Size:
    """How much is trained."""

    hidden: int = 96
    layers: int = 4
    lessons: int = 800
    lesson_rows: int = 128
    steps: int = 60
    problems: int = 8
    group: int = 8
    learning_rate: float = 2e-4
    every: int = 10


class TrainingPart:
    """Countdown without the questions of the test, for any order of the given numbers."""

    def __init__(self, tests: frozenset[str]) -> None:
        self._tests = tests

    def question(self, seed: int) -> str:
        return COUNTDOWN.question(self._shifted(seed))

    def solution(self, seed: int) -> str:
        return COUNTDOWN.solution(self._shifted(seed))

    def score(self, seed: int, reply: str) -> float:
        return COUNTDOWN.score(self._shifted(seed), reply)

    def _shifted(self, seed: int) -> int:
        while sorted_question(COUNTDOWN.question(seed)) in self._tests:
            seed += 2**40
        return seed


def sorted_question(question: str) -> str:
    """The same for any order of the given numbers."""
    given, target = question.split(":")
    return f"{' '.join(sorted(given.split()))} :{target}"


def test_seeds() -> list[int]:
    """Questions that differ in more than the order of their numbers."""
    seen: dict[str, int] = {}
    seed = TEST_SEED
    while len(seen) < TESTS:
        seen.setdefault(sorted_question(COUNTDOWN.question(seed)), seed)
        seed += 1
    return list(seen.values())


def tokenizer() -> PreTrainedTokenizerFast:
    """One token for each number and sign."""
    words = Tokenizer(
        models.WordLevel({word: place for place, word in enumerate(_WORDS)}, unk_token="<pad>")
    )
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=words,
        pad_token="<pad>",
        eos_token="<end>",
    )


def empty_model(size: Size) -> LlamaForCausalLM:
    """Random weights, always the same."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(_WORDS),
        hidden_size=size.hidden,
        intermediate_size=3 * size.hidden,
        num_hidden_layers=size.layers,
        num_attention_heads=8,
        num_key_value_heads=8,
        max_position_embeddings=64,
        tie_word_embeddings=True,
        initializer_range=0.05,
        bos_token_id=None,
        eos_token_id=END,
        pad_token_id=0,
    )
    model = LlamaForCausalLM(config)
    model.eval()
    return model


def taught_model(size: Size, part: TrainingPart, place: Path) -> LlamaForCausalLM:
    """The policy that all arms begin with: some hundred steps over lessons."""
    model, words = empty_model(size), tokenizer()
    if place.exists():
        model.load_state_dict(torch.load(place, weights_only=True))
        return model
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.01)
    for lesson in range(size.lessons):
        rising, falling = (lesson + 1) / 50, 1 - lesson / size.lessons
        optimizer.param_groups[0]["lr"] = 3e-3 * min(1, rising) * max(0.05, falling)
        first = 10**10 + lesson * size.lesson_rows
        texts, labels = [], []
        for seed in range(first, first + size.lesson_rows):
            asked, said = map(words.encode, lesson_of(part, seed))
            texts.append([*asked, *said, END])
            labels.append([*[-100] * len(asked), *said, END])
        loss = model(input_ids=torch.tensor(texts), labels=torch.tensor(labels)).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    place.parent.mkdir(parents=True, exist_ok=True)
    torch.save(model.state_dict(), place)
    return model


def lesson_of(part: TrainingPart, seed: int) -> tuple[str, str]:
    """A question and true equations over its numbers, which in half of the lessons miss the target.

    So the policy knows how to reckon, and has yet to learn what for.
    """
    asked, said = part.question(seed), part.solution(seed)
    if random.Random(seed).random() < MISSES:
        other = part.question(seed + 2**50).partition(":")[2]
        asked = asked.partition(":")[0] + ":" + other
    return asked, said


def solved(model: LlamaForCausalLM, seeds: list[int]) -> float:
    """The share of test questions whose one sampled reply is right."""
    policy = Policy(model, {END}, 16, 1.0, torch.Generator().manual_seed(1))
    episodes = Answers(COUNTDOWN, tokenizer()).play(policy, seeds)
    return sum(episode.reward for episode in episodes) / len(episodes)


def measure_policies(
    size: Size, seeds: int, work: Path, found: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    """Train every arm with every seed; what `found` has already is left as it is.

    Yields:
        All that is known, after each arm.
    """
    tests = test_seeds()
    part = TrainingPart(frozenset(sorted_question(COUNTDOWN.question(seed)) for seed in tests))
    name = f"{size.hidden}x{size.layers}_{size.lessons}x{size.lesson_rows}"
    began = time.process_time()
    start = taught_model(size, part, work / f"taught_{name}.pt")
    beginning = solved(start, tests)
    found.setdefault("start", beginning)
    found.setdefault("size_of_test", TESTS)
    found.setdefault("cpu_s", time.process_time() - began)
    found.setdefault("runs", [])
    yield found
    for seed in range(seeds):
        for rule in RULES:
            if any((run["rule"], run["seed"]) == (rule, seed) for run in found["runs"]):
                continue
            began = time.process_time()
            model = empty_model(size)
            model.load_state_dict(start.state_dict())
            run = {"rule": rule, "seed": seed, "curve": [[0, beginning]]}
            run.update(_trained(model, size, rule, seed, part, tests, run["curve"]))
            seconds = time.process_time() - began
            found["runs"].append({**run, "cpu_s": round(seconds, 1)})
            found["cpu_s"] = round(found["cpu_s"] + seconds, 1)
            yield found


def _trained(
    model: LlamaForCausalLM,
    size: Size,
    rule: CreditRule,
    seed: int,
    part: TrainingPart,
    tests: list[int],
    curve: list[list[float]],
) -> dict[str, Any]:
    trainer = GrpoTrainer(
        model,
        Answers(part, tokenizer()),
        GrpoSettings(
            steps=size.steps,
            problems=size.problems,
            group=size.group,
            learning_rate=size.learning_rate,
            max_tokens=16,
            rows_at_once=128,
            seed=seed,
        ),
        end_tokens={END},
        credit=Credit(rule),
        rhythm=RHYTHM,
    )
    steps: list[GrpoStep] = []
    for number in range(1, size.steps + 1):
        steps.append(trainer.step())
        if number % size.every == 0:
            curve.append([number, solved(model, tests)])
    return {
        "rewards": [round(step.reward, 4) for step in steps],
        "entropy": [round(step.entropy, 4) for step in steps],
        "mixed": [round(step.mixed, 3) for step in steps],
        "weight": round(sum(step.weight for step in steps) / len(steps), 4),
    }


def policy_table(found: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """For each rule the last value of each seed, their mean, and that over the whole curve."""
    rows: list[tuple[str, ...]] = [("credit", "seeds", "mean at the end", "mean of the curve")]
    for rule in RULES:
        curves = [run["curve"] for run in found["runs"] if run["rule"] == rule]
        if not curves:
            continue
        ends = [100 * curve[-1][1] for curve in curves]
        whole = [100 * sum(value for _, value in curve) / len(curve) for curve in curves]
        rows.append((
            rule,
            " ".join(f"{end:.1f}" for end in ends),
            f"{sum(ends) / len(ends):.1f}",
            f"{sum(whole) / len(whole):.1f}",
        ))
    return rows
