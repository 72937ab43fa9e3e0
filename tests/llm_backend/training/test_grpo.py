from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM

from tapgraph.errors import UsageError
from tapgraph.llm_backend.training.credit import CREDIT_RULES, Credit
from tapgraph.llm_backend.training.episodes import Episode, Turn
from tapgraph.llm_backend.training.grpo import GrpoSettings, GrpoTrainer
from tapgraph.llm_backend.training.policy import Policy
from tapgraph.llm_backend.training.policy_loss import (
    group_advantages,
    policy_loss,
    token_scores,
)
from tapgraph.llm_backend.training.rhythm import RhythmSettings

VOCABULARY, END = 12, 1
RHYTHM = RhythmSettings(window=3, gap=1, horizon=4)
SETTINGS = GrpoSettings(
    steps=4, problems=3, group=4, learning_rate=3e-3, max_tokens=6, rows_at_once=5, seed=7
)


def small_model() -> LlamaForCausalLM:
    torch.manual_seed(0)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=VOCABULARY, hidden_size=16, intermediate_size=24, num_hidden_layers=2,
            num_attention_heads=4, num_key_value_heads=2, bos_token_id=None, eos_token_id=END,
            pad_token_id=0, initializer_range=0.5,
        )
    )  # fmt: skip
    model.eval()
    return model


class Sevens:
    """Prompts of several lengths; what counts is the share of sevens in the reply."""

    def play(self, policy: Policy, problems: Sequence[int]) -> list[Episode]:
        prompts = [tuple(2 + (problem + place) % 9 for place in range(1 + problem % 4))
                   for problem in problems]  # fmt: skip
        return [
            Episode((Turn(prompt, reply),), reply.count(7) / len(reply))
            for prompt, reply in zip(prompts, policy.replies(prompts), strict=True)
        ]


def trainer(settings: GrpoSettings = SETTINGS, credit: Credit | None = None) -> GrpoTrainer:
    return GrpoTrainer(
        small_model(), Sevens(), settings, end_tokens={END}, credit=credit, rhythm=RHYTHM
    )


def weights_of(trained: GrpoTrainer) -> Tensor:
    return torch.cat([weight.detach().flatten() for weight in trained.model.parameters()])


def test_advantages_are_those_of_each_group() -> None:
    advantages = group_advantages([1, 0, 0, 1, 0.5, 0.5, 0.5, 0.5], 4)
    assert advantages.tolist() == pytest.approx([1, -1, -1, 1, 0, 0, 0, 0], abs=1e-4)
    with pytest.raises(UsageError, match="3 attempts are no whole groups of 2"):
        group_advantages([0, 1, 0], 2)


@pytest.mark.parametrize("worth", [0.1, 0.3, 0.7, 1 / 3])
def test_attempts_of_the_same_worth_teach_nothing(worth: float) -> None:
    assert group_advantages([worth] * 12, 6).tolist() == [0] * 12


def test_scores_are_those_of_the_next_token() -> None:
    logits = torch.zeros(1, 3, 4)
    logits[0, 1] = torch.tensor([0.0, 0.0, 0.0, 60.0])
    said, entropy = token_scores(logits, torch.tensor([[0, 1, 3]]), 1.0)
    assert said[0].tolist() == pytest.approx([0, -torch.tensor(4.0).log().item(), 0], abs=1e-5)
    assert entropy[0].tolist() == pytest.approx([0, torch.tensor(4.0).log().item(), 0], abs=1e-5)


def test_loss_by_hand() -> None:
    # Ratios 2 and 1/2 of a good reply, clipped to 1.2 and taken as it is; a bad reply of one token.
    now = torch.tensor([[0.0, 2.0, 0.5], [0.0, 1.0, 9.0]]).log()
    now[:, 0] = 0
    before = torch.zeros(2, 3)
    reply = torch.tensor([[False, True, True], [False, True, False]])
    loss = policy_loss(now, before, torch.tensor([1.0, -3.0]), reply, clip=0.2)
    assert loss.item() == pytest.approx(-((1.2 + 0.5) / 2) + 3.0)
    weights = torch.tensor([[1.0, 1.5, 1.0], [1.0, 2.0, 1.0]])
    loss = policy_loss(now, before, torch.tensor([1.0, -3.0]), reply, clip=0.2, weights=weights)
    assert loss.item() == pytest.approx(-((1.5 * 1.2 + 0.5) / 2) + 6.0)


def test_weights_of_one_give_the_loss_of_grpo_to_the_bit() -> None:
    dice = torch.Generator().manual_seed(1)
    now, before = (-torch.rand(6, 9, generator=dice) for _ in range(2))
    advantages = torch.randn(6, generator=dice)
    reply = torch.rand(6, 9, generator=dice) > 0.3
    reply[:, 4] = True
    plain = policy_loss(now, before, advantages, reply, clip=0.2)
    ones = policy_loss(now, before, advantages, reply, clip=0.2, weights=torch.ones(6, 9))
    assert torch.equal(plain, ones)


@pytest.mark.parametrize("rule", [rule for rule in CREDIT_RULES if rule != "plain"])
def test_without_amplification_every_rule_trains_as_grpo_to_the_bit(rule: Any) -> None:
    plain, other = trainer(), trainer(credit=Credit(rule, amplify=1))
    amplified = trainer(credit=Credit(rule))
    for each in (plain, other, amplified):
        each.step()
    assert torch.equal(weights_of(plain), weights_of(other))
    assert not torch.equal(weights_of(plain), weights_of(amplified))


def test_other_seeds_draw_other_problems_and_replies() -> None:
    steps = []
    for seed in (0, 1, 2):
        trained = trainer(GrpoSettings(problems=4, group=4, max_tokens=6, seed=seed))
        steps.append([trained.step().reward, trained.step().reward])
    assert len({reward for rewards in steps for reward in rewards}) == 6


def test_an_interrupted_training_ends_at_the_same_bits(tmp_path: Path) -> None:
    credit = Credit("coupled")
    whole, cut = trainer(credit=credit), trainer(credit=credit)
    whole.train(tmp_path / "whole")
    for _ in range(2):
        cut.step()
    cut.save(tmp_path / "cut")
    again = trainer(credit=credit)
    steps: list[int] = []
    again.train(tmp_path / "cut", on_step=lambda step: steps.append(step.step))
    assert steps == [2, 3]
    assert again.history == whole.history
    assert torch.equal(weights_of(again), weights_of(whole))


def test_a_training_with_other_settings_is_not_gone_on_with(tmp_path: Path) -> None:
    trainer().save(tmp_path)
    with pytest.raises(UsageError, match="holds a training with other settings"):
        trainer(credit=Credit("local")).load(tmp_path)


def test_a_file_that_is_no_training_is_told(tmp_path: Path) -> None:
    (tmp_path / "trainer.pt").write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(UsageError, match="cannot be read as a training"):
        trainer().load(tmp_path)
    torch.save({"format": "other"}, tmp_path / "trainer.pt")
    with pytest.raises(UsageError, match="no training of this version"):
        trainer().load(tmp_path)


def test_what_is_rewarded_becomes_likelier() -> None:
    learning = trainer(
        GrpoSettings(steps=1, problems=4, group=8, learning_rate=1e-2, max_tokens=6, seed=1),
        Credit("global"),
    )
    for _ in range(25):
        learning.step()
    rewards = [step.reward for step in learning.history]
    assert sum(rewards[-5:]) / 5 > 0.5 + sum(rewards[:3]) / 3


def test_several_updates_on_the_same_attempts_are_clipped_against_the_first_policy() -> None:
    twice = trainer(GrpoSettings(steps=1, problems=3, group=4, updates=3, max_tokens=6))
    once = trainer(GrpoSettings(steps=1, problems=3, group=4, max_tokens=6))
    assert twice.step().reward == once.step().reward
    assert not torch.equal(weights_of(twice), weights_of(once))


def test_how_many_rows_are_at_work_changes_no_more_than_rounding() -> None:
    few = trainer(GrpoSettings(problems=3, group=4, max_tokens=6, rows_at_once=2))
    many = trainer(GrpoSettings(problems=3, group=4, max_tokens=6, rows_at_once=64))
    for each in (few, many):
        each.step()
    # One step of AdamW moves a weight by the learning rate, 1e-6, at most.
    assert (weights_of(few) - weights_of(many)).abs().max() < 2.1e-6


def test_replies_do_not_depend_on_the_prompts_beside_them() -> None:
    model = small_model()

    def greedy(prompts: list[tuple[int, ...]]) -> list[tuple[int, ...]]:
        return Policy(model, {END}, 8, 0.0, torch.Generator()).replies(prompts)

    prompts = [(3, 4, 5, 6, 7), (8,), (9, 2)]
    assert greedy(prompts) == [greedy([prompt])[0] for prompt in prompts]


def test_replies_end_with_their_end_token() -> None:
    policy = Policy(small_model(), {END, 5}, 40, 1.0, torch.Generator().manual_seed(0))
    replies = policy.replies([(3,)] * 16)
    assert len({len(reply) for reply in replies}) > 1
    for reply in replies:
        assert not {END, 5} & set(reply[:-1])
        assert reply[-1] in {END, 5} or len(reply) == 40


def test_an_empty_prompt_is_refused() -> None:
    with pytest.raises(UsageError, match="at least one token"):
        Policy(small_model(), {END}, 4, 1.0, torch.Generator()).replies([()])


def test_problems_that_teach_nothing_change_nothing() -> None:
    class Same:
        def play(self, policy: Policy, problems: Sequence[int]) -> list[Episode]:
            return [
                Episode((Turn((3,), reply),), 1.0)
                for reply in policy.replies([(3,)] * len(problems))
            ]

    same = GrpoTrainer(small_model(), Same(), SETTINGS, end_tokens={END}, rhythm=RHYTHM)
    before = weights_of(same)
    step = same.step()
    assert (step.mixed, step.reward) == (0, 1)
    assert torch.equal(before, weights_of(same))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_a_gpu_begins_with_the_same_replies_and_learns() -> None:
    here, there = trainer(credit=Credit("coupled")), small_model()
    there.to("cuda")  # type: ignore[arg-type]
    settings, credit = SETTINGS, Credit("coupled")
    other = GrpoTrainer(there, Sevens(), settings, end_tokens={END}, credit=credit, rhythm=RHYTHM)
    assert here.step().reward == other.step().reward
    assert (weights_of(here) - weights_of(other).cpu()).abs().max() < 1e-4
    other.step()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"group": 1}, "group must be at least 2, got 1"),
        ({"steps": 0}, "steps must be at least 1, got 0"),
        ({"learning_rate": 0}, "learning_rate must be positive, got 0"),
    ],
)
def test_settings_that_cannot_be_are_refused(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        GrpoSettings(**changes)
