from random import Random

import pytest
import torch
from torch.nn.functional import cross_entropy, softmax

from tapgraph.evals.outcomes.attention_training import (
    OutcomeTraining,
    perturbation,
    train_outcomes,
)
from tapgraph.tools.mobile.outcome import StepWords
from tapgraph.tools.mobile.perception.outcome_net import OutcomeNet, StepBatch, batch_of
from tapgraph.tools.mobile.perception.outcome_text import EncodedStep, encode_step

LONG = StepWords(
    'Tap "Save" (button)', "the page with Notes opens", '+ text "Notes"\n- text "Edit"'
)
SHORT = StepWords("Back", "", '+ text "Ads"')


def net_and_batch() -> tuple[OutcomeNet, StepBatch]:
    torch.manual_seed(0)
    return OutcomeNet().eval(), batch_of([encode_step(LONG), encode_step(SHORT)])


@pytest.mark.parametrize("manner", ["at", "iat"])
def test_the_perturbation_raises_the_loss_and_its_mirror_lowers_it(manner: str) -> None:
    net, batch = net_and_batch()
    labels = torch.tensor([0, 1])
    hidden, question = net.encode(batch)
    logits = net.attention_logits(hidden, question)

    def loss(moved: torch.Tensor) -> torch.Tensor:
        return cross_entropy(net.classify(hidden, question, moved, batch.is_word), labels)

    (gradient,) = torch.autograd.grad(loss(logits), logits, retain_graph=True)
    r = 0.05 * perturbation(manner, gradient, logits.detach(), batch.is_word)  # type: ignore[arg-type]
    assert loss(logits + r) > loss(logits) > loss(logits - r)
    assert all(parameter.grad is None for parameter in net.parameters())


@pytest.mark.parametrize("manner", ["at", "iat"])
def test_the_perturbation_has_unit_norm_and_leaves_padding_alone(manner: str) -> None:
    _, batch = net_and_batch()
    torch.manual_seed(1)
    gradient, logits = (
        torch.randn(2, batch.changes.shape[1]),
        torch.randn(2, batch.changes.shape[1]),
    )
    r = perturbation(manner, gradient, logits, batch.is_word)  # type: ignore[arg-type]
    assert r.norm(dim=-1) == pytest.approx(torch.ones(2), abs=1e-6)
    assert not r[~batch.is_word].any()


def test_iat_weighs_the_gradient_by_how_far_a_words_attention_stands_apart() -> None:
    """Against the sum over directions that the paper writes, word by word."""
    torch.manual_seed(2)
    gradient, logits = torch.randn(1, 5), torch.randn(1, 5)
    is_word = torch.tensor([[True, True, True, True, False]])
    expected = torch.zeros(5)
    for t in range(4):
        directions = [logits[0, t] - logits[0, k] for k in range(4)]
        # dL/d alpha_tk is g_t d_tk, and r_t is the sum of alpha_tk d_tk.
        expected[t] = sum(gradient[0, t] * d * d for d in directions)
    r = perturbation("iat", gradient, logits, is_word)
    assert r[0] == pytest.approx(expected / expected.norm(), abs=1e-6)
    at = perturbation("at", gradient, logits, is_word)
    assert float((r * at).sum()) < 0.999


def test_attention_is_a_softmax_over_words_and_padding_changes_nothing() -> None:
    net, batch = net_and_batch()
    alone = batch_of([encode_step(SHORT)])
    with torch.no_grad():
        together = net(batch)[1]
        assert together == pytest.approx(net(alone)[0], abs=1e-5)
        hidden, question = net.encode(alone)
        weights = softmax(net.attention_logits(hidden, question), -1)
        by_hand = torch.zeros(hidden.shape[-1])
        for place in range(hidden.shape[1]):
            by_hand += weights[0, place] * hidden[0, place]
        joined = torch.tanh(net.joined_changes(by_hand) + net.joined_question(question[0]))
        assert net.verdict(joined) == pytest.approx(together, abs=1e-5)


def made_steps(count: int) -> tuple[list[EncodedStep], list[int]]:
    """A pop-up among the changes is B, all else is A."""
    dice = Random(0)
    steps, labels = [], []
    for _ in range(count):
        is_right = dice.random() < 0.5
        came = dice.choice(["Notes", "Maps", "Mail"]) if is_right else "Update available"
        changes = f'+ button "Up"\n+ text "{came}"\n- text "Old"'
        steps.append(encode_step(StepWords("Tap", "", changes)))
        labels.append(0 if is_right else 1)
    return steps, labels


def test_a_net_learns_through_the_perturbation() -> None:
    steps, labels = made_steps(96)
    training = OutcomeTraining(epochs=6, warm_up=3, batch=32, learning_rate=2e-2, unknown_share=0.1)
    net = train_outcomes(steps, labels, training, seed=0)
    with torch.no_grad():
        guesses = net(batch_of(steps)).argmax(-1)
    assert guesses.tolist() == labels


def test_equal_seeds_give_equal_nets() -> None:
    steps, labels = made_steps(32)
    training = OutcomeTraining(manner="at", epochs=2, warm_up=1, batch=32)
    one, other, third = (train_outcomes(steps, labels, training, seed=n) for n in (0, 0, 1))
    batch = batch_of(steps[:4])
    with torch.no_grad():
        assert torch.equal(one(batch), other(batch))
        assert not torch.equal(one(batch), third(batch))
