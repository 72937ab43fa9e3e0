"""Trains the outcome net and measures how many calls of the Reflector it spares.

    python benchmarks/outcome_steps.py --part train && python benchmarks/outcome_steps.py --part held_out
    python benchmarks/outcomes.py             (about 2 minutes of one core; resumes)
    python benchmarks/outcomes.py --ship      (writes the shipped weights too)

Apps of `test-apps` are in no training step. Threshold and temperature come from training steps
alone, each judged by a net that has not seen its app. Steps after which nothing changed are left
out: the agent knows them without a judge.
"""  # noqa: E501

import argparse
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, get_args

import torch
from torch import Tensor

from tapgraph.evals.outcomes.attention_training import Manner, OutcomeTraining, train_outcomes
from tapgraph.evals.outcomes.disturbed import noised, reworded
from tapgraph.evals.outcomes.selective import (
    best_threshold,
    curve_of,
    fitted_temperature,
    spared_at,
)
from tapgraph.tools.mobile.outcome import StepWords
from tapgraph.tools.mobile.perception.outcome_net import VERDICTS, OutcomeNet, batch_of
from tapgraph.tools.mobile.perception.outcome_text import encode_step
from tapgraph.tools.mobile.perception.outcomes import NET_NAME, save_judge
from tapgraph.tools.mobile.perception.weights import open_weights

STEPS = Path("build/outcomes")
RESULTS = Path(__file__).parent / "results" / "outcomes.json"
HELD_OUT = frozenset({
    *("Files", "McDonald's", "Harbor Bank", "Authenticator", "Fandango", "Booking.com"),
    "Tripadvisor",
})
SHIPPED: Manner = "iat"
MOST_WRONG = 0.015
FOLDS = 3
SEEDS = (0,)


@dataclass(frozen=True)
class Steps:
    """Steps of some apps, with the verdicts that are known."""

    apps: Sequence[str]
    words: Sequence[StepWords]
    labels: Tensor

    def part(self, rows: Sequence[int]) -> "Steps":
        """Some of them."""
        return Steps(
            [self.apps[row] for row in rows],
            [self.words[row] for row in rows],
            self.labels[torch.tensor(rows)],
        )


def main() -> None:
    """Train what is missing, measure, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ship", action="store_true")
    ships = parser.parse_args().ship
    torch.set_num_threads(1)
    train, test = read_steps("train", seen=True), read_steps("held_out", seen=False)
    print(f"{len(train.words)} steps of {len(set(train.apps))} apps to learn from, "
          f"{len(test.words)} of {len(set(test.apps))} other apps")  # fmt: skip
    crossed = crossed_logits(train)
    temperature = fitted_temperature(crossed, train.labels)
    shares = guarded(torch.softmax(crossed / temperature, dim=-1), train)
    threshold = best_threshold(shares, train.labels, most_wrong=MOST_WRONG)
    if ships:
        save_judge(trained(SHIPPED, train, seed=0), temperature=temperature, threshold=threshold)
    found: dict[str, Any] = {
        "command": "python benchmarks/outcomes.py",
        "steps": {"train": len(train.words), "held out": len(test.words)},
        "apps": {"train": sorted(set(train.apps)), "held out": sorted(set(test.apps))},
        "temperature": temperature,
        "threshold": threshold,
        "on training apps, crossed": asdict(spared_at(threshold, shares, train.labels)),
        "judges": {},
    }
    manners: tuple[Manner, ...] = get_args(Manner)
    for manner in manners:
        found["judges"][manner] = [
            measured(trained(manner, train, seed=seed), test, temperature, threshold)
            for seed in SEEDS
        ]
    found["judges"]["shipped"] = [shipped(test)]
    found["judges"] |= controls(test)
    RESULTS.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    print("\n".join(table(found)))


def shipped(test: Steps) -> dict[str, Any]:
    """What the shipped weights do, with their own temperature and threshold."""
    weights = open_weights(NET_NAME, purpose="measuring the shipped judge")
    net = OutcomeNet()
    net.load_state_dict(dict(weights.tensors))
    temperature, threshold = weights.settings["temperature"], weights.settings["threshold"]
    found = measured(net.eval(), test, temperature, threshold)
    return {**found, "temperature": temperature, "threshold": threshold}


def read_steps(name: str, *, seen: bool) -> Steps:
    """The changed steps of a file that are of apps for training, or that are not."""
    lines = (STEPS / f"{name}.jsonl").read_text("utf-8").splitlines()
    rows = [row for line in lines for row in json.loads(line)["steps"]]
    rows = [row for row in rows if row["changes"] != "nothing changed"]
    rows = [row for row in rows if (row["app"] not in HELD_OUT) == seen]
    return Steps(
        [row["app"] for row in rows],
        [StepWords(row["action"], row["expected"], row["changes"]) for row in rows],
        torch.tensor([VERDICTS.index(row["verdict"]) for row in rows]),
    )


def trained(manner: Manner, steps: Steps, *, seed: int, name: str = "") -> OutcomeNet:
    """A net, trained now or before."""
    place = STEPS / f"net-{name or manner}-{seed}-{len(steps.words)}.pt"
    if place.exists():
        net = OutcomeNet()
        net.load_state_dict(torch.load(place, weights_only=True))
        return net.eval()
    encoded = [encode_step(one) for one in steps.words]
    training = OutcomeTraining(manner=manner)
    net = train_outcomes(encoded, steps.labels.tolist(), training, seed=seed)
    torch.save(net.state_dict(), place)
    print(f"trained {place.name}", flush=True)
    return net


def crossed_logits(steps: Steps) -> Tensor:
    """Logits of each step by a net that was trained without its app."""
    apps = sorted(set(steps.apps))
    Random(0).shuffle(apps)
    logits = torch.zeros(len(steps.words), len(VERDICTS))
    for fold in range(FOLDS):
        out = set(apps[fold::FOLDS])
        inside = [row for row, app in enumerate(steps.apps) if app not in out]
        outside = [row for row, app in enumerate(steps.apps) if app in out]
        net = trained(SHIPPED, steps.part(inside), seed=0, name=f"fold{fold}")
        logits[torch.tensor(outside)] = logits_of(net, steps.part(outside).words)
    return logits


def logits_of(net: OutcomeNet, words: Sequence[StepWords]) -> Tensor:
    """`[steps, verdicts]`."""
    encoded = [encode_step(one) for one in words]
    with torch.inference_mode():
        return torch.cat([
            net(batch_of(encoded[at : at + 128])) for at in range(0, len(words), 128)
        ])


def guarded(shares: Tensor, steps: Steps) -> Tensor:
    """The shares, even where nothing was expected: the judge does not speak there."""
    speaks = torch.tensor([bool(one.expected) for one in steps.words])
    return torch.where(speaks[:, None], shares, torch.full_like(shares, 1 / len(VERDICTS)))


def measured(net: OutcomeNet, test: Steps, temperature: float, threshold: float) -> dict[str, Any]:
    """What a net does on apps that it does not know."""
    logits = logits_of(net, test.words)
    shares = guarded(torch.softmax(logits / temperature, dim=-1), test)
    dice = Random(0)
    disturbed = {
        "reworded": [reworded(one) for one in test.words],
        "noised": [noised(one, dice) for one in test.words],
        "expectation of another step": [
            replace(one, expected=other.expected)
            for one, other in zip(test.words, [*test.words[7:], *test.words[:7]], strict=True)
        ],
    }
    return {
        "accuracy": float((logits.argmax(-1) == test.labels).double().mean()),
        "spared": asdict(spared_at(threshold, shares, test.labels)),
        "curve": asdict(curve_of(shares, test.labels)),
        "disturbed": {
            name: float((logits_of(net, words).argmax(-1) == test.labels).double().mean())
            for name, words in disturbed.items()
        },
        "attention and gradients": agreement(net, test.words[:150]),
    }


def agreement(net: OutcomeNet, words: Sequence[StepWords]) -> float:
    """Pearson's r of the words' attention and the gradients by their embeddings, mean of steps."""
    correlations = []
    for one in words:
        batch = batch_of([encode_step(one)])
        if batch.changes.shape[1] < 3:
            continue
        embedded: list[Tensor] = []
        hook = net.words.register_forward_hook(partial(_kept, embedded))
        try:
            hidden, question = net.encode(batch)
        finally:
            hook.remove()
        attention = net.attention_logits(hidden, question)
        logits = net.classify(hidden, question, attention, batch.is_word)
        (gradient,) = torch.autograd.grad(logits.max(), embedded[1])
        pair = torch.stack([torch.softmax(attention[0], -1).detach(), gradient[0].norm(dim=-1)])
        r = torch.corrcoef(pair)[0, 1]
        if bool(r.isfinite()):
            correlations.append(float(r))
    return sum(correlations) / len(correlations)


def _kept(held: list[Tensor], _module: object, _given: object, output: Tensor) -> Tensor:
    held.append(output.detach().requires_grad_())
    return held[-1]


def controls(test: Steps) -> dict[str, list[dict[str, Any]]]:
    """Rules that need no training."""
    rules = {
        "always A": torch.tensor([[1.0, 0.0, 0.0]]).repeat(len(test.words), 1),
        "expected words": torch.stack([_by_words(one) for one in test.words]),
    }
    return {
        name: [{
            "accuracy": float((shares.argmax(-1) == test.labels).double().mean()),
            "curve": asdict(curve_of(shares, test.labels)),
        }]
        for name, shares in rules.items()
    }  # fmt: skip


def _by_words(step: StepWords) -> Tensor:
    """A where the changes have the expected words: the more of them, the surer."""
    question = encode_step(replace(step, action="")).question
    words = [row for row in question if row[1]]
    share = sum(row[2] for row in words) / len(words) if words else 0.5
    return torch.tensor([share, 1 - share, 0.0])


def table(found: Mapping[str, Any]) -> list[str]:
    """Markdown."""
    head = (
        "| judge | accuracy | wrong among the surest 30 % | 50 % | reworded | noised "
        "| expectation of another step | r |"
    )
    lines = [head, "|---" * 8 + "|"]
    for name, runs in found["judges"].items():
        parts = runs[0]["curve"]["parts"]
        cells = [f"{100 * _mean(run['accuracy'] for run in runs):.1f}"]
        for part in (0.3, 0.5):
            at = parts.index(part)
            cells.append(f"{100 * _mean(run['curve']['wrong'][at] for run in runs):.1f}")
        for kind in ("reworded", "noised", "expectation of another step"):
            known = [run["disturbed"][kind] for run in runs if "disturbed" in run]
            cells.append(f"{100 * _mean(known):.1f}" if known else "-")
        known = [run["attention and gradients"] for run in runs if "disturbed" in run]
        cells.append(f"{_mean(known):.2f}" if known else "-")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    lines.append("")
    for name in ("shipped", SHIPPED):
        run = found["judges"][name][0]
        told = ", ".join(
            f"{part.replace('_', ' ')} {100 * run['spared'][part]['value']:.1f} % "
            f"[{100 * run['spared'][part]['low']:.1f}, {100 * run['spared'][part]['high']:.1f}]"
            for part in ("spared", "wrong", "false_successes")
        )
        lines.append(f"{name}, threshold {run.get('threshold', found['threshold']):.3f}: {told}")
    return lines


def _mean(values: Iterable[float]) -> float:
    listed = list(values)
    return sum(listed) / len(listed)


if __name__ == "__main__":
    main()
